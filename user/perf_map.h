/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf_map.h: the names that a just-in-time compiler gives to the code that it makes, in /tmp/perf-PID.map. Opens nothing.
 */
#ifndef VMASNOOP_PERF_MAP_H
#define VMASNOOP_PERF_MAP_H

#include <stdint.h>

struct perf_map;

/* `fd` is borrowed. It is read at the first search, and on from there when it has grown. 0 or -ENOMEM. */
int perf_map_new(int fd, struct perf_map **ret);
void perf_map_free(struct perf_map *map);

/* *ret is the name of the code that covers addr, of several the last in the file; NULL: none does. 0 or -ENOMEM. */
int perf_map_find(struct perf_map *map, uint64_t addr, char **ret, uint64_t *offset);

#endif
