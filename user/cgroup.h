/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cgroup.h: where the cgroup v2 hierarchy is mounted. */
#ifndef VMASNOOP_CGROUP_H
#define VMASNOOP_CGROUP_H

/*
 * Opens the root of the cgroup v2 hierarchy. Returns a descriptor, or -ENOENT where it is not mounted or where all that
 * is mounted is a part of it (a cgroup namespace).
 */
int cgroup_open_root(void);

#endif
