/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_wants.h: the debug files that the symbolizer's process wants while it works on an ask: found on this machine
 * or fetched from servers, and sent to it. One at a time, since it waits for each. Knows no deadline.
 */
#ifndef VMASNOOP_SYMBOLIZER_WANTS_H
#define VMASNOOP_SYMBOLIZER_WANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "symbolizer_process.h"
#include "symbolizer_spaces.h"
#include "symbolizer_wire.h"

struct wants;

/* `program` is from self_open(), and borrowed; -1: no servers are asked. Without their helper there is this machine. */
int wants_new(int program, struct wants **ret);
void wants_free(struct wants *wants);

/* Readable (poll, epoll) when wants_dispatch() has something to do; -1: it never has. */
int wants_fd(const struct wants *wants);

/*
 * What the process says that it wants, while it works on an ask about `space` (NULL: one without). 0: it was replied to,
 * or it will be by wants_dispatch(). -EPROTO: no honest process says that; or another negative errno.
 */
int wants_take(struct wants *wants, const struct wire_message *message, const struct space *space,
	       struct symbolizer_process *process);

/* A server is waited for, and by the process, too. */
bool wants_are_open(const struct wants *wants);

/* The process ended: what comes from a server now is for nobody. */
void wants_restart(struct wants *wants);

/* True when the process was replied to, and *err says whether it could be; `process` may be NULL when none is open. */
bool wants_dispatch(struct wants *wants, struct symbolizer_process *process, int *err);

/* So many files were handed over. */
uint64_t wants_files(const struct wants *wants);

#endif
