/* SPDX-License-Identifier: GPL-2.0-or-later */
/* render_common.h: what the files render_*.c share, and nobody else needs. */
#ifndef VMASNOOP_RENDER_COMMON_H
#define VMASNOOP_RENDER_COMMON_H

#include <stdint.h>

#include "event.h"
#include "model.h"
#include "origins.h"
#include "sink.h"

/* Opens a record with the fields that every one has. */
void render_begin(struct sink *sink, const char *event, uint64_t time_ns);

/* "process": what is known of one; `exe` and `cgroup` may be NULL. */
void render_process(struct sink *sink, const struct event_process *process, uint64_t start_time_ns, const char *exe,
		    const char *cgroup);

/* What was called and with what, and what came of it: render_call.c. */
void render_call_line(struct sink *sink, const struct model_failure *failure);
void render_call(struct sink *sink, const struct event_failure *f);
void render_args(struct sink *sink, const struct event_failure *f);

/* Why it failed: render_why.c. */
void render_cause(struct sink *sink, const struct event_failure *f);

/* "origins": who made the mappings of a process; `table` may be NULL, and then it is null and nothing is said. */
void render_origins_of(struct sink *sink, const struct origins_table *table);

/* "recent_operations": the calls before a failure, likewise. */
void render_recent(struct sink *sink, const struct event_ops *ops, uint64_t realtime_offset_ns);

/* The names of the log; "unknown" for a value that is not in the list. */
const char *render_verdict_name(uint32_t verdict);
const char *render_syscall_name(uint32_t syscall);

#endif
