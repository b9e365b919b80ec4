/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modules_between.h: what two readings of a process's modules say together: whether anything changed, and what can be told
 * of a moment that lies between them. Reads no process.
 */
#ifndef VMASNOOP_MODULES_BETWEEN_H
#define VMASNOOP_MODULES_BETWEEN_H

#include <stdbool.h>

#include "modules.h"

/*
 * The path of a module where one reading had one file and the other has another. No mapping of a file is called so: those
 * begin with a slash.
 */
#define MODULES_REPLACED "[replaced]"

/* The same files at the same places, and the same root and perf map. A file that we hold open keeps its inode's number. */
bool modules_are_same(const struct modules *a, const struct modules *b);

/*
 * A reference to `after` where it has all that was there before; else a list of its own: what either reading has and the
 * other does not contradict. Where they do there is a module without a file, MODULES_REPLACED. Such a list has no
 * generation yet. 0 or -ENOMEM.
 */
int modules_between(const struct modules *before, struct modules *after, struct modules **ret);

#endif
