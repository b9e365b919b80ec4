/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_client.h: the tracer's end of the symbolizer's process: starts it, asks it, and replaces it when it hangs or
 * dies. Nothing here ever waits for it, but for the last time. Parses no file and no stack.
 */
#ifndef VMASNOOP_SYMBOLIZER_CLIENT_H
#define VMASNOOP_SYMBOLIZER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "modules.h"
#include "stack.h"
#include "symbolizer.h"

/*
 * The answer to one ask: owns `stack`, which is never NULL. It comes exactly once for each ask, from within
 * symbolizer_client_dispatch(), never from within symbolizer_client_ask().
 */
typedef void (*symbolizer_answered)(void *context, uint64_t id, struct stack *stack);

struct symbolizer_client_options {
	uint64_t deadline_ns; /* of one ask, from when the process is free for it; 0: the default, 5 s */
	uint64_t pause_ns; /* what failed is not tried again for so long; 0: the default, 60 s */
	bool debuginfod; /* debug files that are not there are asked of the servers in DEBUGINFOD_URLS */
	symbolizer_answered answered;
	void *context;
};

struct symbolizer_client_counts {
	uint64_t asked;
	uint64_t deadlines; /* asks that were not answered in time: each a restart */
	uint64_t lost; /* asks that were under way when the process ended by itself: each a restart, too */
	uint64_t refused; /* asks that were refused because too many were under way */
	uint64_t files; /* that were handed over */
	uint64_t debug_files; /* likewise */
};

struct symbolizer_client;

/* Starts the process: before anything is attached, and before privileges are dropped. 0 or a negative errno. */
int symbolizer_client_new(const struct symbolizer_client_options *options, struct symbolizer_client **ret);
void symbolizer_client_free(struct symbolizer_client *client);

/* Readable (poll, epoll) when symbolizer_client_dispatch() has something to do: an answer, a request, a deadline, an end. */
int symbolizer_client_fd(const struct symbolizer_client *client);
int symbolizer_client_dispatch(struct symbolizer_client *client);

/*
 * Asks for a stack; `raw` and what it points to are copied, a reference to `modules` (may be NULL) is kept. -EAGAIN: too
 * many are under way, by count or by bytes; -ENOMEM. On both there will be no answer.
 */
int symbolizer_client_ask(struct symbolizer_client *client, struct modules *modules, const struct raw_stack *raw,
			  uint64_t id);

/* `modules` will not be asked about again: lets the process forget them. */
void symbolizer_client_forget(struct symbolizer_client *client, const struct modules *modules);

/* How many asks have not been answered yet. */
uint64_t symbolizer_client_outstanding(const struct symbolizer_client *client);
void symbolizer_client_read_counts(const struct symbolizer_client *client, struct symbolizer_client_counts *ret);

/* What the sandbox of the process lacks: a mask of enum sandbox_gap, for sandbox_gap_text(). 0 until it has told. */
uint32_t symbolizer_client_gaps(const struct symbolizer_client *client);

/* For tests: the process's PID, or -1 while there is none. */
pid_t symbolizer_client_pid(const struct symbolizer_client *client);

/*
 * What is known of a stack without the symbolizer: addresses by frame pointers, with the path and offset of each one's
 * module, and `reason` on every frame. NULL: no memory.
 */
struct stack *symbolizer_client_bare_stack(const struct modules *modules, const struct raw_stack *raw,
					   const char *reason);

#endif
