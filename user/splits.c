// SPDX-License-Identifier: GPL-2.0-or-later
/* splits.c: see splits.h. Rows are appended as they come, and put together when they are too many. */
#include "splits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"

#define ROOM_MIN 64

void splits_fini(struct splits *splits)
{
	free(splits->rows);
	*splits = (struct splits){};
}

static int compare_keys(const void *left, const void *right)
{
	const struct split_key *a = &((const struct splits_row *)left)->key;
	const struct split_key *b = &((const struct splits_row *)right)->key;

	return compare_u64(a->tgid, b->tgid)
		       ?: compare_u64(a->start_time_ns, b->start_time_ns)
			       ?: compare_u64(a->exec_id, b->exec_id)
				       ?: compare_u64(a->syscall, b->syscall)
					       ?: compare_u64(a->inferred, b->inferred);
}

static int compare_sums(const void *left, const void *right)
{
	const struct splits_row *a = left, *b = right;

	return compare_u64(b->sum.splits, a->sum.splits) ?: compare_keys(left, right);
}

static void add_sum(struct split_sum *sum, const struct split_sum *more)
{
	sum->splits += more->splits;
	/* Of those CPUs that did not make the entry there is none. */
	if (more->comm[0])
		memcpy(sum->comm, more->comm, sizeof(sum->comm));
}

/* Leaves one row for each key. */
static void put_together(struct splits *splits)
{
	size_t kept = 0;

	if (!splits->count)
		return;
	qsort(splits->rows, splits->count, sizeof(*splits->rows), compare_keys);
	for (size_t i = 1; i < splits->count; i++) {
		if (!compare_keys(&splits->rows[kept], &splits->rows[i]))
			add_sum(&splits->rows[kept].sum, &splits->rows[i].sum);
		else
			splits->rows[++kept] = splits->rows[i];
	}
	splits->count = kept + 1;
}

static int make_room(struct splits *splits)
{
	size_t room = splits->room ? splits->room * 2 : ROOM_MIN;
	struct splits_row *grown;

	if (splits->count < splits->room)
		return 0;
	put_together(splits);
	/* So that it is not done for each row that comes. */
	if (splits->count < splits->room / 2)
		return 0;
	grown = reallocarray(splits->rows, room, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	splits->rows = grown;
	splits->room = room;
	return 0;
}

int splits_add(struct splits *splits, const struct split_key *key, const struct split_sum *sum)
{
	struct splits_row row = {.key = *key, .sum = *sum};

	if (splits->count && !compare_keys(&splits->rows[splits->count - 1], &row)) {
		add_sum(&splits->rows[splits->count - 1].sum, sum);
		return 0;
	}
	if (make_room(splits))
		return -ENOMEM;
	splits->rows[splits->count++] = row;
	return 0;
}

int splits_add_event(struct splits *splits, const struct event_split *event)
{
	struct split_key key = {
		.start_time_ns = event->process.start_time_ns,
		.exec_id = event->process.exec_id,
		.tgid = event->process.tgid,
		.syscall = event->syscall,
		.inferred = event->inferred != 0,
	};
	struct split_sum sum = {.splits = event->splits};

	memcpy(sum.comm, event->process.comm, sizeof(sum.comm));
	return splits_add(splits, &key, &sum);
}

void splits_sort(struct splits *splits)
{
	put_together(splits);
	if (splits->count)
		qsort(splits->rows, splits->count, sizeof(*splits->rows), compare_sums);
}

uint64_t splits_sum(const struct splits *splits)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < splits->count; i++)
		sum += splits->rows[i].sum.splits;
	return sum;
}
