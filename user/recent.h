/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recent.h: what the flight recorder has handed out, until the failure comes for which it did. Shows nothing. */
#ifndef VMASNOOP_RECENT_H
#define VMASNOOP_RECENT_H

#include <stdbool.h>
#include <stddef.h>

#include "../bpf/event.h"

struct recent;

/* NULL: no memory. */
struct recent *recent_new(void);
void recent_free(struct recent *recent);

/* Keeps a copy; of very many that wait the oldest are dropped. 0 or -ENOMEM. */
int recent_add(struct recent *recent, const struct event_ops *record);

bool recent_has(const struct recent *recent, const struct event_failure *failure);

/* What is there for the failure, taken out, when the caller frees it; or NULL. */
struct event_ops *recent_take(struct recent *recent, const struct event_failure *failure);

/* The Nth of the calls of a record, the oldest first; NULL: there are no more. */
const struct event_op *recent_op(const struct event_ops *record, size_t n);

#endif
