/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A memory cgroup (v2) for a process that is to get no more kernel memory: alone in it and never chosen by the OOM
 * killer, it fails where others would be killed.
 */
#ifndef WORKLOADS_MEMORY_CGROUP_H
#define WORKLOADS_MEMORY_CGROUP_H

#include <stddef.h>

/* Makes one and says where. 0 or -errno; -ENODEV: there is no cgroup2 file system, or it has no memory controller. */
int memory_cgroup_make(char *directory, size_t size);

/* The calling process enters it for good. 0 or -errno; the descriptor is that of memory.max, to be written. */
int memory_cgroup_enter(const char *directory, int *ret_memory_max);

#endif
