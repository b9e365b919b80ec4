/* SPDX-License-Identifier: GPL-2.0-or-later */
/* container.h: whether a cgroup is a container's, by its path. Which container it is, is not told here. */
#ifndef VMASNOOP_CONTAINER_H
#define VMASNOOP_CONTAINER_H

#include <stdbool.h>

/* `cgroup`: of cgroup v2, "/system.slice/docker-ID.scope"; NULL: not known, so no. */
bool container_has_cgroup(const char *cgroup);

#endif
