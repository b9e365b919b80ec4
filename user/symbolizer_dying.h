/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_dying.h: processes of the symbolizer that were killed and that the kernel has not let go yet: one that waits
 * for a disk, or that somebody traces, can take as long as it likes. Waits for none of them but at the end.
 */
#ifndef VMASNOOP_SYMBOLIZER_DYING_H
#define VMASNOOP_SYMBOLIZER_DYING_H

#include <stdbool.h>

#include "symbolizer_process.h"

#define DYING_MAX 8 /* as many are there: no other one is to be started */

struct dying;

int dying_new(struct dying **ret);

/* Waits for them, for a bounded time in all; what does not end then is left to whoever adopts it. */
void dying_free(struct dying *dying);

/* Readable (poll, epoll) when dying_reap() has something to do. */
int dying_fd(const struct dying *dying);
void dying_reap(struct dying *dying);

bool dying_is_full(const struct dying *dying);

/* Kills it. Not when it is full. */
void dying_add(struct dying *dying, struct symbolizer_process *process);

#endif
