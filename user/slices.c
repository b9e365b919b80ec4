// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * slices.c: see slices.h. A list, searched from the oldest on: failures come in nearly the order of their slices, so that
 * the one that is looked for is among the first.
 */
#include "slices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

struct slice {
	TAILQ_ENTRY(slice) all;
	struct event_slice *record;
};

struct slices {
	TAILQ_HEAD(slice_list, slice) list; /* the oldest first */
	size_t bytes;
	size_t bytes_max;
	struct slices_counts counts;
};

static size_t bytes_of(const struct slice *slice)
{
	return sizeof(*slice) + slice->record->header.size;
}

static struct event_slice *take(struct slices *slices, struct slice *slice)
{
	struct event_slice *record = slice->record;

	TAILQ_REMOVE(&slices->list, slice, all);
	slices->bytes -= bytes_of(slice);
	free(slice);
	return record;
}

int slices_add(struct slices *slices, const struct event_slice *record)
{
	struct slice *slice = calloc(1, sizeof(*slice));

	if (!slice)
		return -ENOMEM;
	slice->record = malloc(record->header.size);
	if (!slice->record) {
		free(slice);
		return -ENOMEM;
	}
	memcpy(slice->record, record, record->header.size);
	TAILQ_INSERT_TAIL(&slices->list, slice, all);
	slices->counts.slices++;
	slices->counts.bytes += record->header.size;
	slices->bytes += bytes_of(slice);
	while (slices->bytes > slices->bytes_max) {
		free(take(slices, TAILQ_FIRST(&slices->list)));
		slices->counts.dropped++;
	}
	return 0;
}

static struct slice *find(const struct slices *slices, const struct event_failure *failure)
{
	struct slice *slice;

	TAILQ_FOREACH(slice, &slices->list, all)
	{
		if (slice->record->stack_key == failure->stack_key && slice->record->stack_seen == failure->stack_seen)
			break;
	}
	return slice;
}

const struct event_slice *slices_find(const struct slices *slices, const struct event_failure *failure)
{
	struct slice *slice = find(slices, failure);

	return slice ? slice->record : NULL;
}

struct event_slice *slices_take(struct slices *slices, const struct event_failure *failure)
{
	struct slice *slice = failure->has_slice ? find(slices, failure) : NULL;

	return slice ? take(slices, slice) : NULL;
}

void slices_read_counts(const struct slices *slices, struct slices_counts *ret)
{
	*ret = slices->counts;
}

int slices_new(size_t bytes_max, struct slices **ret)
{
	struct slices *slices = calloc(1, sizeof(*slices));

	if (!slices)
		return -ENOMEM;
	slices->bytes_max = bytes_max;
	TAILQ_INIT(&slices->list);
	*ret = slices;
	return 0;
}

void slices_free(struct slices *slices)
{
	if (!slices)
		return;
	while (!TAILQ_EMPTY(&slices->list))
		free(take(slices, TAILQ_FIRST(&slices->list)));
	free(slices);
}
