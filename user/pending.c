/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pending.c: see pending.h. */
#include "pending.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "repeats.h"

struct item {
	TAILQ_ENTRY(item) next;
	struct repeat repeat; /* while it is still put together */
	struct pending_event shown;
	size_t bytes;
	bool is_late; /* the stacks of its origins are waited for no longer */
	uint64_t record[]; /* aligned as the ring has it */
};

TAILQ_HEAD(item_list, item);

struct pending {
	struct model *model;
	size_t bytes_max;
	size_t bytes;
	uint64_t splits_dropped;
	struct item_list items;
	struct repeats repeats;
};

int pending_new(struct model *model, size_t bytes_max, struct pending **ret)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending)
		return -ENOMEM;
	pending->model = model;
	pending->bytes_max = bytes_max;
	TAILQ_INIT(&pending->items);
	repeats_init(&pending->repeats);
	*ret = pending;
	return 0;
}

static void item_free(struct item *item)
{
	if (item->shown.event.kind == EVENT_FAILURE)
		model_failure_fini(&item->shown.failure);
	if (item->shown.event.kind == EVENT_NEAR)
		model_near_fini(&item->shown.near);
	if (item->shown.event.kind == EVENT_ENDED)
		model_outcome_fini(&item->shown.outcome);
	if (item->shown.event.kind == EVENT_ORIGINS)
		model_origins_fini(&item->shown.origins);
	if (item->shown.event.kind == EVENT_SPLIT)
		model_split_fini(&item->shown.split);
	free(item);
}

void pending_drop_first(struct pending *pending)
{
	struct item *first = TAILQ_FIRST(&pending->items);

	TAILQ_REMOVE(&pending->items, first, next);
	pending->bytes -= first->bytes;
	item_free(first);
}

static struct item *item_of(struct repeat *repeat)
{
	return (struct item *)((char *)repeat - offsetof(struct item, repeat));
}

static struct item *take_due(struct pending *pending, uint64_t now_ns)
{
	struct repeat *due = repeats_take_due(&pending->repeats, now_ns);

	return due ? item_of(due) : NULL;
}

void pending_free(struct pending *pending)
{
	struct item *item;

	if (!pending)
		return;
	while ((item = take_due(pending, UINT64_MAX)) != NULL)
		item_free(item);
	while (!TAILQ_EMPTY(&pending->items))
		pending_drop_first(pending);
	free(pending);
}

static struct origins_table *table_of(const struct item *item)
{
	switch (item->shown.event.kind) {
	case EVENT_FAILURE:
		return item->shown.failure.origins;
	case EVENT_NEAR:
		return item->shown.near.origins;
	case EVENT_ORIGINS:
		return item->shown.origins.table;
	default:
		return NULL;
	}
}

static bool is_complete(const struct item *item)
{
	const struct origins_table *table = table_of(item);

	if (item->shown.event.kind == EVENT_FAILURE && !model_failure_is_complete(&item->shown.failure))
		return false;
	return !table || item->is_late || origins_table_is_complete(table);
}

static int give_up(struct item *item, const char *reason)
{
	item->is_late = true;
	return item->shown.event.kind == EVENT_FAILURE ? model_failure_give_up(&item->shown.failure, reason) : 0;
}

/* The first ones wait for longest. */
static int make_room(struct pending *pending)
{
	const size_t bytes = pending->bytes + model_loose_bytes(pending->model);
	struct item *item;
	size_t ready_bytes = 0;
	int err;

	TAILQ_FOREACH(item, &pending->items, next)
	{
		if (ready_bytes >= bytes || bytes - ready_bytes <= pending->bytes_max)
			break;
		if (!is_complete(item)) {
			err = give_up(item, "symbolizer_busy");
			if (err)
				return err;
		}
		ready_bytes += item->bytes;
		if (item->shown.event.kind == EVENT_FAILURE)
			ready_bytes += model_failure_stack_bytes(&item->shown.failure);
	}
	return 0;
}

static int keep(const struct event *event, struct item **ret)
{
	struct item *item = calloc(1, sizeof(*item) + EVENT_RECORD_MAX);
	struct item *smaller;
	size_t bytes;

	if (!item)
		return -ENOMEM;
	bytes = sizeof(*item) + event_pack(event, item->record);
	smaller = realloc(item, bytes);
	if (smaller)
		item = smaller;
	item->bytes = bytes;
	item->shown.event = (struct event){.kind = event->kind, .header = (const void *)item->record};
	*ret = item;
	return 0;
}

static int queue(struct pending *pending, struct item *item)
{
	TAILQ_INSERT_TAIL(&pending->items, item, next);
	pending->bytes += item->bytes;
	return make_room(pending);
}

/* An item for a failure that is counted with its process. */
static int keep_failure(struct pending *pending, const struct event *event, struct item **ret)
{
	int err = keep(event, ret);

	if (err)
		return err;
	err = model_failure(pending->model, (*ret)->shown.event.failure, &(*ret)->shown.failure);
	if (err)
		free(*ret);
	else
		(*ret)->bytes += model_failure_bytes(&(*ret)->shown.failure);
	return err;
}

static int put_together(struct pending *pending, const struct event *event)
{
	struct repeat *repeat = repeats_find(&pending->repeats, event->failure);
	struct item *item;
	int err;

	if (repeat) {
		return model_failure_repeat(pending->model, event->failure, &item_of(repeat)->shown.failure);
	}
	err = keep_failure(pending, event, &item);
	if (err)
		return err;
	item->repeat.first = item->shown.event.failure;
	err = repeats_add(&pending->repeats, &item->repeat);
	if (err)
		item_free(item);
	return err;
}

static int add_failure(struct pending *pending, const struct event *event)
{
	struct item *item;
	int err = pending_flush(pending, event->header->time_ns);

	if (err)
		return err;
	if (!model_admit(pending->model, event->failure))
		return put_together(pending, event);
	err = keep_failure(pending, event, &item);
	return err ? err : queue(pending, item);
}

static int add_limit(struct pending *pending, const struct event *event)
{
	struct item *item;
	int err = keep(event, &item);

	return err ? err : queue(pending, item);
}

static int add_near(struct pending *pending, const struct event *event)
{
	struct item *item;
	int err = keep(event, &item);

	if (err)
		return err;
	err = model_near(pending->model, item->shown.event.near, &item->shown.near);
	if (err) {
		free(item);
		return err;
	}
	item->bytes += model_near_bytes(&item->shown.near);
	return queue(pending, item);
}

/* What came of the records so far: events of their own, which no single record is behind. */
static int queue_outcomes(struct pending *pending)
{
	static const struct event_ended none = {.header = {.size = sizeof(none), .kind = EVENT_ENDED}};
	const struct event event = {.kind = EVENT_ENDED, .ended = &none};
	struct model_outcome outcome;
	struct item *item;
	int more, err = 0;

	while (!err && (more = model_take_outcome(pending->model, &outcome)) != 0) {
		err = more < 0 ? more : keep(&event, &item);
		if (err)
			break;
		item->shown.outcome = outcome;
		item->bytes += model_outcome_bytes(&outcome);
		err = queue(pending, item);
	}
	return err;
}

static int add_paid(struct pending *pending, const struct event *event)
{
	return model_paid(pending->model, event->paid);
}

static int add_ended(struct pending *pending, const struct event *event)
{
	return model_ended(pending->model, event->ended);
}

static int add_origin(struct pending *pending, const struct event *event)
{
	return model_origin(pending->model, event->origin);
}

static int add_ops(struct pending *pending, const struct event *event)
{
	return model_ops(pending->model, event->ops);
}

static int add_origins(struct pending *pending, const struct event *event)
{
	struct item *item;
	int err;

	if (!event->origins->final)
		return model_origins(pending->model, event->origins, NULL);
	err = keep(event, &item);
	if (err)
		return err;
	err = model_origins(pending->model, item->shown.event.origins, &item->shown.origins);
	if (err) {
		free(item);
		return err;
	}
	item->bytes += origins_table_bytes(item->shown.origins.table);
	return queue(pending, item);
}

static int add_split(struct pending *pending, const struct event *event)
{
	struct item *item;
	int err;

	if (pending->bytes > pending->bytes_max / 2) {
		pending->splits_dropped++;
		return 0;
	}
	err = keep(event, &item);
	if (err)
		return err;
	err = model_split(pending->model, item->shown.event.split, &item->shown.split);
	if (err) {
		free(item);
		return err;
	}
	item->bytes += model_split_bytes(&item->shown.split);
	return queue(pending, item);
}

uint64_t pending_splits_dropped(const struct pending *pending)
{
	return pending->splits_dropped;
}

static int add_hot(struct pending *pending, const struct event *event)
{
	return model_hot(pending->model, event->hot);
}

static int add_slice(struct pending *pending, const struct event *event)
{
	return model_slice(pending->model, event->slice);
}

static int add_mapped(struct pending *pending, const struct event *event)
{
	return model_mapped(pending->model, event->mapped);
}

static int add(struct pending *pending, const struct event *event)
{
	switch (event->kind) {
#define X(NAME, name)      \
	case EVENT_##NAME: \
		return add_##name(pending, event);
		EVENT_KINDS(X)
#undef X
	case EVENT_KIND_COUNT:
		break;
	}
	return 0;
}

int pending_add(struct pending *pending, const struct event *event)
{
	return add(pending, event) ?: queue_outcomes(pending);
}

const struct pending_event *pending_first(struct pending *pending)
{
	struct item *first = TAILQ_FIRST(&pending->items);

	if (!first || !is_complete(first))
		return NULL;
	if (table_of(first))
		origins_table_merge(table_of(first));
	return &first->shown;
}

int pending_flush(struct pending *pending, uint64_t now_ns)
{
	struct item *item;
	int err = 0;

	while (!err && (item = take_due(pending, now_ns)) != NULL)
		err = queue(pending, item);
	err = err ?: model_sweep_debts(pending->model, now_ns);
	return err ?: queue_outcomes(pending);
}

int pending_end(struct pending *pending)
{
	int err = pending_flush(pending, UINT64_MAX) ?: model_finish_debts(pending->model);

	return err ?: queue_outcomes(pending);
}

int pending_give_up(struct pending *pending, const char *reason)
{
	struct item *item;
	int err;

	TAILQ_FOREACH(item, &pending->items, next)
	{
		err = is_complete(item) ? 0 : give_up(item, reason);
		if (err)
			return err;
	}
	return 0;
}
