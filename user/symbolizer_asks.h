/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_asks.h: the asks that were not answered yet, first come first served, bounded by count and by bytes. Each is
 * kept as the message that it is sent as, so that it can be sent again. Sends nothing.
 */
#ifndef VMASNOOP_SYMBOLIZER_ASKS_H
#define VMASNOOP_SYMBOLIZER_ASKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "symbolizer_spaces.h"
#include "symbolizer_wire.h"

#define ASKS_MAX       512
#define ASKS_BYTES_MAX (32 << 20)

struct ask {
	uint64_t id;
	struct space *space; /* NULL: without modules */
	struct wire_buffer message;
	struct stack *last_resort; /* the answer if there is no memory to make another one */
	uint8_t *names; /* the answer so far, as a process left it; not looked at yet */
	size_t names_size;
	bool retried; /* the process was killed while it worked on this, which need not be the ask's fault */
	bool granted; /* its time began anew, since the tracer itself was late */
	bool answered; /* with its names: the process goes on with it for the sake of those that come */
	STAILQ_ENTRY(ask) entry;
};

struct asks {
	STAILQ_HEAD(, ask) list;
	size_t count;
	size_t bytes;
};

void asks_init(struct asks *asks);
void asks_fini(struct asks *asks);

/* -EAGAIN: there are enough; -ENOMEM. */
int asks_add(struct asks *asks, struct space *space, const struct raw_stack *raw, uint64_t id);

/* The one whose turn it is, or NULL. */
struct ask *asks_first(const struct asks *asks);

/* Takes the first one off, for asks_free(). */
struct ask *asks_take(struct asks *asks);
void asks_free(struct ask *ask);

/* What the ask said, again: points into its message and to *ret. */
void asks_read(const struct ask *ask, struct wire_ask *ret);

#endif
