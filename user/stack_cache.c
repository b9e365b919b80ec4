/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack_cache.c: see stack_cache.h. Entries are found by stack key in a tree (tsearch) and kept in the order of last use,
 * of which the least used are dropped; asks that are under way are in a list, since they are few.
 */
#include "stack_cache.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "cleanup.h"
#include "compare.h"
#include "event.h"
#include "slices.h"
#include "stack_compare.h"
#include "symbolizer_client.h"

#define PLACES_MAX	 1024
#define PLACES_BYTES_MAX (16 << 20)
/* Twice what the ring holds, all of which may be ahead of the failures. */
#define SLICES_BYTES_MAX (4 << 20)

struct place {
	TAILQ_ENTRY(place) by_use;
	uint64_t key;
	struct shared_stack *stack; /* the last that was asked for; NULL: ask again */
	bool by_slice; /* it was unwound from memory, and not by frame pointers alone */
	uint64_t chain; /* a hash of the addresses that the frame pointers led to */
	uint64_t generation; /* of the modules that its stack was last held against */
};

struct ask {
	LIST_ENTRY(ask) all;
	uint64_t id;
	uint64_t key;
	struct shared_stack *stack; /* to be filled */
	struct shared_stack *before; /* what an earlier slice of the key unwound to, or NULL */
};

struct stack_cache {
	struct stack_cache_options options;
	struct stack_cache_counts counts;
	void *tree;
	TAILQ_HEAD(place_list, place) places; /* the last used at the end */
	size_t place_count;
	size_t place_bytes; /* of the stacks of places; the account has those of all */
	struct shared_stack_account account;
	LIST_HEAD(ask_list, ask) asks;
	uint64_t last_id;
	struct slices *slices; /* whose failure has not come yet */
};

static int compare_keys(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	return compare_u64(a->key, b->key);
}

/* --- places --- */

static void place_set(struct stack_cache *cache, struct place *place, struct shared_stack *shared, bool by_slice)
{
	if (place->stack)
		cache->place_bytes -= place->stack->bytes;
	if (shared)
		cache->place_bytes += shared->bytes;
	shared_stack_free(place->stack);
	place->stack = shared ? shared_stack_ref(shared) : NULL;
	place->by_slice = by_slice;
}

static void place_drop(struct stack_cache *cache, struct place *place)
{
	tdelete(place, &cache->tree, compare_keys);
	TAILQ_REMOVE(&cache->places, place, by_use);
	cache->place_count--;
	place_set(cache, place, NULL, false);
	free(place);
}

static void drop_least_used(struct stack_cache *cache)
{
	while (cache->place_count > PLACES_MAX || cache->place_bytes > cache->options.bytes_max) {
		place_drop(cache, TAILQ_FIRST(&cache->places));
		cache->counts.dropped++;
	}
}

static struct place *place_find(const struct stack_cache *cache, uint64_t key)
{
	struct place wanted = {.key = key}, **found = tfind(&wanted, &cache->tree, compare_keys);

	return found ? *found : NULL;
}

static struct place *place_of(struct stack_cache *cache, uint64_t key)
{
	struct place *place = place_find(cache, key);

	if (place) {
		TAILQ_REMOVE(&cache->places, place, by_use);
		TAILQ_INSERT_TAIL(&cache->places, place, by_use);
		return place;
	}
	place = calloc(1, sizeof(*place));
	if (!place)
		return NULL;
	place->key = key;
	if (!tsearch(place, &cache->tree, compare_keys)) {
		free(place);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&cache->places, place, by_use);
	cache->place_count++;
	return place;
}

static uint64_t hash_chain(const struct event_failure *failure)
{
	size_t count;
	const uint64_t *addrs = event_addrs(failure, &failure->user_stack, &count);
	uint64_t hash = count;

	for (size_t i = 0; i < count; i++)
		hash = (hash ^ addrs[i]) * 0x9e3779b97f4a7c15ULL;
	return hash;
}

/*
 * Whether the failure may be said to come from the place. Where no slice ever contradicts the key (32-bit programs, none
 * asked for, a replay) the frame pointers must have led to the same addresses.
 */
static bool place_is_of(const struct place *place, const struct event_failure *failure)
{
	return place->stack && (place->by_slice || place->chain == hash_chain(failure));
}

/* --- asking --- */

static void raw_add_slice(const struct event_slice *slice, struct raw_stack *raw)
{
	raw->registers = &slice->registers;
	for (int i = 0; i < EVENT_SLICE_PIECES && slice->pieces[i].bytes.length; i++) {
		raw->pieces[i] = (struct memory_piece){
			.start = slice->pieces[i].start,
			.vma_end = slice->pieces[i].vma_end,
			.bytes = (const char *)slice + slice->pieces[i].bytes.offset,
			.size = slice->pieces[i].bytes.length,
		};
		raw->piece_count++;
	}
}

static void ask_free(struct ask *ask)
{
	shared_stack_free(ask->stack);
	shared_stack_free(ask->before);
	free(ask);
}

static int ask(struct stack_cache *cache, const struct place *place, struct modules *modules,
	       const struct raw_stack *raw, struct shared_stack *shared)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	int err;

	if (!ask)
		return -ENOMEM;
	ask->id = ++cache->last_id;
	ask->key = place->key;
	err = cache->options.ask(cache->options.context, modules, raw, ask->id);
	if (err) {
		free(ask);
		return err;
	}
	ask->stack = shared_stack_ref(shared);
	if (raw->registers && place->by_slice && place->stack)
		ask->before = shared_stack_ref(place->stack);
	LIST_INSERT_HEAD(&cache->asks, ask, all);
	cache->counts.asked++;
	return 0;
}

static void want_slice(const struct stack_cache *cache, uint64_t key)
{
	if (cache->options.want_slice)
		cache->options.want_slice(cache->options.context, key);
}

/*
 * Whether the stack of the place must be asked for anew, since the process has other modules now; once for each such
 * change. What is merely missing waits for a slice, if one can come: frame pointers alone may lead less far.
 */
static bool is_outdated(struct stack_cache *cache, struct place *place, const struct modules *modules,
			const struct event_failure *failure)
{
	const struct stack *stack = place->stack->stack;

	if (!modules || !stack || place->generation == modules_generation(modules))
		return false;
	place->generation = modules_generation(modules);
	if (stack_is_contradicted(stack, modules)) {
		place_set(cache, place, NULL, false);
		return true;
	}
	if (!stack_may_be_completed(stack, modules))
		return false;
	if (!failure->compat)
		want_slice(cache, failure->stack_key);
	return failure->compat;
}

/*
 * Fills `shared` now where nobody can be asked, or later. A stack that was merely refused is not kept: -EAGAIN or the like
 * where the one of the place is as good as it was, which then is better than none.
 */
static int request(struct stack_cache *cache, struct place *place, struct modules *modules,
		   const struct event_failure *failure, const struct raw_stack *raw, struct shared_stack *shared)
{
	const char *reason = "process_gone";
	struct stack *bare;
	int err = 0;

	if (cache->options.ask) {
		err = ask(cache, place, modules, raw, shared);
		reason = err ? "symbolizer_busy" : NULL;
	}
	if (err == -ENOMEM || (err && place_is_of(place, failure) && !is_outdated(cache, place, modules, failure)))
		return err;
	if (reason) {
		bare = symbolizer_client_bare_stack(modules, raw, reason);
		if (!bare)
			return -ENOMEM;
		shared_stack_fill(shared, bare);
	}
	if (err)
		return 0;
	place_set(cache, place, shared, raw->registers != NULL);
	place->chain = hash_chain(failure);
	place->generation = modules ? modules_generation(modules) : 0;
	return 0;
}

/* When the failure that it was asked for went out without it, this one is the first to have it. */
static struct shared_stack *share(struct stack_cache *cache, const struct place *place, uint64_t number)
{
	if (!place->stack->number)
		place->stack->number = number;
	cache->counts.shared++;
	return shared_stack_ref(place->stack);
}

static int find_new(struct stack_cache *cache, struct place *place, struct modules *modules,
		    const struct event_failure *failure, const struct event_slice *slice, uint64_t number,
		    struct shared_stack **ret)
{
	struct shared_stack *shared = shared_stack_new(&cache->account, number);
	struct raw_stack raw;
	int err;

	if (!shared)
		return -ENOMEM;
	shared_stack_raw(failure, &raw);
	if (slice)
		raw_add_slice(slice, &raw);
	/* The kernel side thinks that there is a stack of this key, and there is none: it was dropped here, or its slice lost. */
	if (!slice && !failure->compat)
		want_slice(cache, failure->stack_key);
	err = request(cache, place, modules, failure, &raw, shared);
	if (err) {
		shared_stack_free(shared);
		if (err == -ENOMEM)
			return err;
		shared = share(cache, place, number);
	}
	*ret = shared;
	return 0;
}

bool stack_cache_has(const struct stack_cache *cache, const struct event_failure *failure)
{
	struct place *place = place_find(cache, failure->stack_key);

	return place && place_is_of(place, failure) && !failure->has_slice;
}

void stack_cache_count_repeat(struct stack_cache *cache, const struct event_failure *failure)
{
	cache->counts.failures += failure->stack_key != 0;
	cache->counts.shared += failure->stack_key != 0;
}

int stack_cache_find(struct stack_cache *cache, struct modules *modules, const struct event_failure *failure,
		     uint64_t number, struct shared_stack **ret)
{
	_cleanup_free_ struct event_slice *slice = slices_take(cache->slices, failure);
	struct place *place;
	int err = 0;

	*ret = NULL;
	if (!failure->stack_key)
		return 0;
	place = place_of(cache, failure->stack_key);
	if (!place) {
		err = -ENOMEM;
	} else if (place_is_of(place, failure) && (!slice || !cache->options.ask) &&
		   !is_outdated(cache, place, modules, failure)) {
		*ret = share(cache, place, number);
	} else {
		err = find_new(cache, place, modules, failure, slice, number, ret);
	}
	cache->counts.failures += !err;
	drop_least_used(cache);
	return err;
}

/* --- answers --- */

/*
 * A later slice of the same key. Mostly it says the same; where it does not, with nothing missing on either side, the key
 * stands for more than one place.
 */
static void compare_slices(struct stack_cache *cache, const struct ask *ask)
{
	const struct stack *before = ask->before ? ask->before->stack : NULL, *now = ask->stack->stack;

	if (!before)
		return;
	if (stacks_have_same_addrs(before, now)) {
		if (stacks_have_same_modules(before, now))
			ask->stack->number = ask->before->number;
	} else if (!before->reason && !now->reason) {
		cache->counts.ambiguous++;
		if (cache->options.ambiguous)
			cache->options.ambiguous(cache->options.context, ask->key);
	}
}

static struct ask *ask_find(struct stack_cache *cache, uint64_t id)
{
	struct ask *ask;

	LIST_FOREACH (ask, &cache->asks, all) {
		if (ask->id == id)
			break;
	}
	return ask;
}

/* Not for want of anything in the program: the next slice may do better. */
static bool is_makeshift(const struct stack *stack)
{
	return stack->reason && (!strcmp(stack->reason, "deadline") || !strcmp(stack->reason, "symbolizer_lost"));
}

/* Those who wait for it get it, and no others: what was known before counts again. */
static void forget_makeshift(struct stack_cache *cache, struct place *place, const struct ask *ask)
{
	if (!place)
		return;
	place_set(cache, place, ask->before, ask->before != NULL);
	place->generation = 0; /* nobody has held it against the modules that the ask was with */
	if (!ask->before)
		want_slice(cache, ask->key);
}

void stack_cache_answered(struct stack_cache *cache, uint64_t id, struct stack *stack)
{
	struct ask *ask = ask_find(cache, id);
	struct place *place;

	if (!ask) {
		stack_free(stack);
		return;
	}
	LIST_REMOVE(ask, all);
	shared_stack_fill(ask->stack, stack);
	place = place_find(cache, ask->key);
	if (place && place->stack != ask->stack)
		place = NULL;
	if (place)
		cache->place_bytes += ask->stack->bytes;
	if (is_makeshift(stack))
		forget_makeshift(cache, place, ask);
	else
		compare_slices(cache, ask);
	ask_free(ask);
	drop_least_used(cache);
}

void stack_cache_read_counts(const struct stack_cache *cache, struct stack_cache_counts *ret)
{
	struct slices_counts slices;

	slices_read_counts(cache->slices, &slices);
	*ret = cache->counts;
	ret->given_up = cache->account.given_up;
	ret->slices = slices.slices;
	ret->slice_bytes = slices.bytes;
	ret->slices_dropped = slices.dropped;
}

size_t stack_cache_loose_bytes(const struct stack_cache *cache)
{
	/* A stack may be both of a place and kept: the less is loose. */
	size_t bound = cache->place_bytes + cache->account.kept_bytes;

	return cache->account.bytes > bound ? cache->account.bytes - bound : 0;
}

int stack_cache_slice(struct stack_cache *cache, const struct event_slice *slice)
{
	return slices_add(cache->slices, slice);
}

bool stack_cache_has_slice(const struct stack_cache *cache, const struct event_failure *failure)
{
	return slices_find(cache->slices, failure) != NULL;
}

int stack_cache_new(const struct stack_cache_options *options, struct stack_cache **ret)
{
	struct stack_cache *cache = calloc(1, sizeof(*cache));

	if (!cache || slices_new(SLICES_BYTES_MAX, &cache->slices)) {
		free(cache);
		return -ENOMEM;
	}
	cache->options = *options;
	cache->options.bytes_max = options->bytes_max ?: PLACES_BYTES_MAX;
	TAILQ_INIT(&cache->places);
	LIST_INIT(&cache->asks);
	*ret = cache;
	return 0;
}

void stack_cache_free(struct stack_cache *cache)
{
	struct ask *ask;

	if (!cache)
		return;
	while (!TAILQ_EMPTY(&cache->places))
		place_drop(cache, TAILQ_FIRST(&cache->places));
	while ((ask = LIST_FIRST(&cache->asks)) != NULL) {
		LIST_REMOVE(ask, all);
		ask_free(ask);
	}
	slices_free(cache->slices);
	free(cache);
}
