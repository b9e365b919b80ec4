// SPDX-License-Identifier: GPL-2.0-or-later
/* symbolizer_asks.c: see symbolizer_asks.h. */
#include "symbolizer_asks.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "symbolizer_client.h"

void asks_init(struct asks *asks)
{
	*asks = (struct asks){};
	STAILQ_INIT(&asks->list);
}

void asks_fini(struct asks *asks)
{
	while (asks->count)
		asks_free(asks_take(asks));
}

void asks_free(struct ask *ask)
{
	if (!ask)
		return;
	if (ask->space)
		ask->space->asks--;
	wire_buffer_fini(&ask->message);
	free(ask->names);
	stack_free(ask->last_resort);
	free(ask);
}

/* Where it failed, and nothing more: most asks have no use for it. */
static struct stack *make_last_resort(const struct raw_stack *raw)
{
	struct raw_stack innermost = {
		.addrs = raw->addrs,
		.count = raw->count > 0,
		.capacity = 1,
		.error = raw->error,
		.registers = raw->registers,
	};

	return symbolizer_client_bare_stack(NULL, &innermost, "symbolizer_lost");
}

int asks_add(struct asks *asks, struct space *space, const struct raw_stack *raw, uint64_t id)
{
	struct ask *ask;

	if (asks->count >= ASKS_MAX || asks->bytes >= ASKS_BYTES_MAX)
		return -EAGAIN;
	ask = calloc(1, sizeof(*ask));
	if (!ask)
		return -ENOMEM;
	ask->last_resort = make_last_resort(raw);
	if (!ask->last_resort || wire_encode_ask(&ask->message, id, space ? space->id : 0, raw)) {
		asks_free(ask);
		return -ENOMEM;
	}
	if (ask->message.capacity > ASKS_BYTES_MAX - asks->bytes) {
		asks_free(ask);
		return -EAGAIN;
	}
	ask->id = id;
	ask->space = space;
	if (space)
		space->asks++;
	asks->count++;
	asks->bytes += ask->message.capacity;
	STAILQ_INSERT_TAIL(&asks->list, ask, entry);
	return 0;
}

struct ask *asks_first(const struct asks *asks)
{
	return STAILQ_FIRST(&asks->list);
}

struct ask *asks_take(struct asks *asks)
{
	struct ask *ask = STAILQ_FIRST(&asks->list);

	STAILQ_REMOVE_HEAD(&asks->list, entry);
	asks->count--;
	asks->bytes -= ask->message.capacity;
	return ask;
}

void asks_read(const struct ask *ask, struct wire_ask *ret)
{
	int err = wire_decode_ask(ask->message.bytes, ask->message.size, ret);

	assert(!err); /* we made it */
	(void)err;
}
