// SPDX-License-Identifier: GPL-2.0-or-later
/* repeats.c: see repeats.h. */
#include "repeats.h"

#include <errno.h>
#include <search.h>

#include "../bpf/filter.h"
#include "compare.h"

/* Each holds a record and a kernel stack, some kilobytes. Beyond it the oldest go out before their second is over. */
#define REPEATS_MAX 256

static int repeat_compare(const void *left, const void *right)
{
	const struct event_failure *a = ((const struct repeat *)left)->first,
				   *b = ((const struct repeat *)right)->first;

	return compare_u64(a->stack_key, b->stack_key) ?: compare_u64(a->process.tgid, b->process.tgid)
		?: compare_u64(a->process.start_time_ns, b->process.start_time_ns)
		?: compare_u64(a->process.exec_id, b->process.exec_id) ?: compare_u64(a->syscall, b->syscall)
		?: compare_u64(a->errno_code, b->errno_code) ?: compare_u64(a->verdict, b->verdict)
		?: compare_u64(a->compat, b->compat);
}

void repeats_init(struct repeats *repeats)
{
	*repeats = (struct repeats){};
	TAILQ_INIT(&repeats->list);
}

struct repeat *repeats_find(struct repeats *repeats, const struct event_failure *failure)
{
	const struct repeat like = {.first = failure};
	struct repeat **found = tfind(&like, &repeats->tree, repeat_compare);

	return found ? *found : NULL;
}

int repeats_add(struct repeats *repeats, struct repeat *repeat)
{
	if (!tsearch(repeat, &repeats->tree, repeat_compare))
		return -ENOMEM;
	TAILQ_INSERT_TAIL(&repeats->list, repeat, by_age);
	repeats->count++;
	return 0;
}

struct repeat *repeats_take_due(struct repeats *repeats, uint64_t now_ns)
{
	struct repeat *oldest = TAILQ_FIRST(&repeats->list);

	if (!oldest)
		return NULL;
	/* Signed: a record of another CPU may be a little older than the one before it. */
	if (repeats->count <= REPEATS_MAX && now_ns != UINT64_MAX &&
	    (int64_t)(now_ns - oldest->first->header.time_ns) < (int64_t)NSEC_PER_SEC)
		return NULL;
	tdelete(oldest, &repeats->tree, repeat_compare);
	TAILQ_REMOVE(&repeats->list, oldest, by_age);
	repeats->count--;
	return oldest;
}
