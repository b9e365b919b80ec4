// SPDX-License-Identifier: GPL-2.0-or-later
/* recent.c: see recent.h. A list, searched from the oldest on, as is that of the slices, which come the same way. */
#include "recent.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define RECENT_MAX 2048 /* more than the ring of slices holds */

struct kept {
	TAILQ_ENTRY(kept) all;
	struct event_ops *record;
};

struct recent {
	TAILQ_HEAD(kept_list, kept) list; /* the oldest first */
	size_t count;
};

struct recent *recent_new(void)
{
	struct recent *recent = calloc(1, sizeof(*recent));

	if (recent)
		TAILQ_INIT(&recent->list);
	return recent;
}

static struct event_ops *take(struct recent *recent, struct kept *kept)
{
	struct event_ops *record = kept->record;

	TAILQ_REMOVE(&recent->list, kept, all);
	recent->count--;
	free(kept);
	return record;
}

void recent_free(struct recent *recent)
{
	if (!recent)
		return;
	while (!TAILQ_EMPTY(&recent->list))
		free(take(recent, TAILQ_FIRST(&recent->list)));
	free(recent);
}

int recent_add(struct recent *recent, const struct event_ops *record)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return -ENOMEM;
	kept->record = malloc(sizeof(*record));
	if (!kept->record) {
		free(kept);
		return -ENOMEM;
	}
	memcpy(kept->record, record, sizeof(*record));
	TAILQ_INSERT_TAIL(&recent->list, kept, all);
	if (++recent->count > RECENT_MAX)
		free(take(recent, TAILQ_FIRST(&recent->list)));
	return 0;
}

static struct kept *find(const struct recent *recent, const struct event_failure *failure)
{
	struct kept *kept;

	TAILQ_FOREACH(kept, &recent->list, all)
	{
		if (kept->record->stack_key == failure->stack_key && kept->record->stack_seen == failure->stack_seen)
			break;
	}
	return kept;
}

bool recent_has(const struct recent *recent, const struct event_failure *failure)
{
	return find(recent, failure) != NULL;
}

struct event_ops *recent_take(struct recent *recent, const struct event_failure *failure)
{
	struct kept *kept = failure->has_ops ? find(recent, failure) : NULL;

	return kept ? take(recent, kept) : NULL;
}

const struct event_op *recent_op(const struct event_ops *record, size_t n)
{
	uint64_t kept = record->total < record->room ? record->total : record->room;

	return n < kept ? &record->ops[(record->total - kept + n) % record->room] : NULL;
}
