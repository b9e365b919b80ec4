/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pending.h: events between the record and the sink, in the order in which they came. A failure waits here for its user
 * stack, and what comes after it waits behind it; the records are taken from the ring meanwhile. The failures of a flood
 * are put together here and come when their second is over, see repeats.h. Renders nothing.
 */
#ifndef VMASNOOP_PENDING_H
#define VMASNOOP_PENDING_H

#include <stddef.h>

#include "event.h"
#include "model.h"

struct pending_event {
	struct event event; /* of a copy of the record */
	struct model_failure failure; /* when it is one */
	struct model_near near; /* likewise */
	struct model_outcome outcome; /* when it is an EVENT_ENDED, of whichever records it came */
	struct model_origins origins; /* likewise */
	struct model_split split; /* likewise */
};

struct pending;

/*
 * Beyond `bytes_max`, of records with all that was made of them, the first ones go out without the stack that they wait for.
 */
int pending_new(struct model *model, size_t bytes_max, struct pending **ret);
void pending_free(struct pending *pending);

/* Takes an event into the model, and keeps it when there is something to show of it. 0 or -ENOMEM. */
int pending_add(struct pending *pending, const struct event *event);

/* How many splits were dropped: they take half of the room at most, so that failures have time for their stacks. */
uint64_t pending_splits_dropped(const struct pending *pending);

/* The first event if it is complete, else NULL; and the end of it. */
const struct pending_event *pending_first(struct pending *pending);
void pending_drop_first(struct pending *pending);

/* What was put together until now_ns (CLOCK_MONOTONIC; UINT64_MAX: all of it) becomes an event. 0 or -ENOMEM. */
int pending_flush(struct pending *pending, uint64_t now_ns);

/* No more records come: all that was put together becomes an event, and what failures came to so far. 0 or -ENOMEM. */
int pending_end(struct pending *pending);

/* Waits for no stack any longer: what has none has `reason` from now on. 0 or -ENOMEM. */
int pending_give_up(struct pending *pending, const char *reason);

#endif
