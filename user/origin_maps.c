// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * origin_maps.c: see origin_maps.h. While the process goes on each count is of its own moment; once it has ended they agree.
 * Not read in batches, which would take the CPU for too long: see undisturbed.h.
 */
#include "origin_maps.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../bpf/watched.h"
#include "cleanup.h"
#include "clock.h"
#include "undisturbed.h"

/* The places of one process. */
struct found {
	struct event_origin_sum *sums;
	size_t count;
	size_t room;
};

typedef int (*visit_origin)(void *context, uint64_t key, const struct origin *origin);

static void fill_key(const struct event_process *process, struct hot_key *ret)
{
	*ret = (struct hot_key){
		.mm = process->mm,
		.start_time_ns = process->start_time_ns,
		.exec_id = process->exec_id,
		.tgid = process->tgid,
	};
}

static int visit_origins(int map, visit_origin visit, void *context)
{
	uint64_t key, *previous = NULL;
	struct origin origin;
	int err = 0;

	while (!err && !bpf_map_get_next_key(map, previous, &key)) {
		previous = &key;
		if (!undisturbed_lookup(map, &key, &origin))
			err = visit(context, key, &origin);
	}
	return err;
}

static int found_add(struct found *found, uint64_t key, const struct origin *origin)
{
	struct event_origin_sum *grown;

	if (found->count == found->room) {
		grown = reallocarray(found->sums, 2 * found->room + 64, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		found->sums = grown;
		found->room = 2 * found->room + 64;
	}
	found->sums[found->count++] = (struct event_origin_sum){
		.stack_key = key,
		.plus = origin->plus,
		.minus = origin->minus,
		.calls = origin->calls,
		.syscall = origin->syscall,
	};
	return 0;
}

struct search {
	struct hot_key process;
	struct found found;
};

static int take_own(void *context, uint64_t key, const struct origin *origin)
{
	struct search *search = context;

	if (memcmp(&origin->process, &search->process, sizeof(search->process)) != 0)
		return 0;
	return found_add(&search->found, key, origin);
}

static uint64_t weight(const struct event_origin_sum *sum)
{
	return sum->plus > sum->minus ? sum->plus - sum->minus : sum->minus - sum->plus;
}

/* The greatest change first; where there is none, who was busiest. */
static int compare_weights(const void *left, const void *right)
{
	const struct event_origin_sum *a = left, *b = right;

	if (weight(a) != weight(b))
		return weight(a) < weight(b) ? 1 : -1;
	if (a->calls != b->calls)
		return a->calls < b->calls ? 1 : -1;
	return a->stack_key < b->stack_key ? -1 : a->stack_key > b->stack_key;
}

static void fill_sums(const struct found *found, struct event_origins_full *ret)
{
	struct event_origins *origins = &ret->origins;
	size_t shown = found->count < EVENT_ORIGINS_MAX ? found->count : EVENT_ORIGINS_MAX;

	if (found->count)
		qsort(found->sums, found->count, sizeof(*found->sums), compare_weights);
	for (size_t i = 0; i < shown; i++)
		ret->sums[i] = found->sums[i];
	for (size_t i = shown; i < found->count; i++) {
		origins->others.plus += found->sums[i].plus;
		origins->others.minus += found->sums[i].minus;
		origins->others.calls += found->sums[i].calls;
	}
	origins->others_count = (uint32_t)(found->count - shown);
	origins->sums.offset = offsetof(struct event_origins_full, sums);
	origins->sums.length = (uint32_t)(shown * sizeof(*ret->sums));
	origins->header.size = origins->sums.offset + origins->sums.length;
}

int origin_maps_read(const struct origin_maps *maps, const struct event_process *process, bool final,
		     struct event_origins_full *ret)
{
	struct search search = {};
	struct watched watched;
	int err;

	fill_key(process, &search.process);
	err = undisturbed_lookup(maps->watched, &search.process, &watched);
	if (err)
		return err;
	err = visit_origins(maps->origins, take_own, &search);
	if (!err) {
		memset(ret, 0, sizeof(*ret));
		fill_sums(&search.found, ret);
		ret->origins.header.kind = EVENT_ORIGINS;
		ret->origins.header.time_ns = clock_now_ns(CLOCK_MONOTONIC);
		ret->origins.process = *process;
		ret->origins.since_ns = watched.since_ns;
		ret->origins.unplaced = watched.unplaced;
		ret->origins.older = watched.base;
		ret->origins.approximate = !maps->exact || watched.gaps;
		ret->origins.final = final;
		ret->origins.without_stacks = maps->without_stacks;
	}
	free(search.found.sums);
	return err;
}

int origin_maps_list(const struct origin_maps *maps, struct event_process **ret, size_t *count)
{
	struct event_process *processes = NULL, *grown;
	struct hot_key key, *previous = NULL;
	struct watched watched;
	size_t found = 0;

	while (!bpf_map_get_next_key(maps->watched, previous, &key)) {
		previous = &key;
		if (undisturbed_lookup(maps->watched, &key, &watched))
			continue;
		grown = reallocarray(processes, found + 1, sizeof(*grown));
		if (!grown) {
			free(processes);
			return -ENOMEM;
		}
		processes = grown;
		processes[found++] = watched.process;
	}
	*ret = processes;
	*count = found;
	return 0;
}

void origin_maps_forget(const struct origin_maps *maps, const struct event_process *process)
{
	struct search search = {};
	struct watched watched = {};

	fill_key(process, &search.process);
	undisturbed_lookup(maps->watched, &search.process, &watched);
	undisturbed_delete(maps->watched, &search.process);
	/* Without memory they stay, and the room with them. */
	visit_origins(maps->origins, take_own, &search);
	for (size_t i = 0; i < search.found.count; i++)
		undisturbed_delete(maps->origins, &search.found.sums[i].stack_key);
	free(search.found.sums);
	for (size_t i = 0; i < MARK_BUCKETS * MARK_BUCKET_MMS; i++)
		if (watched.mm && maps->marks->mms[i] == watched.mm)
			maps->marks->mms[i] = 0;
}
