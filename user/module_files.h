/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module_files.h: opens, while a process lives, the files that naming its code needs when it may be gone: of its mappings,
 * the image of its vDSO, its root directory, its perf map. Reads no contents, and no memory of the process.
 */
#ifndef VMASNOOP_MODULE_FILES_H
#define VMASNOOP_MODULE_FILES_H

#include <stddef.h>
#include <sys/types.h>

#include "modules.h"

/* Each is -1 where there is none. `root` is what the first one gave. */
int module_files_open_root(pid_t tid);
int module_files_open_perf_map(int root, pid_t tid);

/* Sets the descriptors of these modules, which are -1 before; modules of one file share one. */
void module_files_open(struct module *list, size_t count, pid_t tid, int root);

#endif
