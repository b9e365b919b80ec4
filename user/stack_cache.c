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

#include "event.h"
#include "symbolizer_client.h"

#define PLACES_MAX 1024
#define SLICES_MAX 256 /* whose failure has not come yet: never more than there are CPUs and tasks on their way */

struct place {
	TAILQ_ENTRY(place) by_use;
	uint64_t key;
	struct shared_stack *stack; /* the last that was asked for; NULL: ask again */
	bool by_slice; /* it was unwound from memory, and not by frame pointers alone */
};

struct ask {
	LIST_ENTRY(ask) all;
	uint64_t id;
	uint64_t key;
	struct shared_stack *stack; /* to be filled */
	struct shared_stack *before; /* what an earlier slice of the key unwound to, or NULL */
};

struct slice {
	TAILQ_ENTRY(slice) all;
	struct event_slice *record;
};

struct stack_cache {
	struct stack_cache_options options;
	struct stack_cache_counts counts;
	void *tree;
	TAILQ_HEAD(place_list, place) places; /* the last used at the end */
	size_t place_count;
	LIST_HEAD(ask_list, ask) asks;
	uint64_t last_id;
	TAILQ_HEAD(slice_list, slice) slices; /* the oldest first */
	size_t slice_count;
};

static int compare_keys(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	return a->key < b->key ? -1 : a->key > b->key;
}

static struct shared_stack *shared_ref(struct shared_stack *shared)
{
	shared->references++;
	return shared;
}

void shared_stack_free(struct shared_stack *shared)
{
	if (!shared || --shared->references)
		return;
	stack_free(shared->stack);
	free(shared);
}

static struct shared_stack *shared_new(uint64_t number)
{
	struct shared_stack *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return NULL;
	shared->references = 1;
	shared->number = number;
	return shared;
}

/* --- places --- */

static void place_drop(struct stack_cache *cache, struct place *place)
{
	tdelete(place, &cache->tree, compare_keys);
	TAILQ_REMOVE(&cache->places, place, by_use);
	cache->place_count--;
	shared_stack_free(place->stack);
	free(place);
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
	if (++cache->place_count > PLACES_MAX)
		place_drop(cache, TAILQ_FIRST(&cache->places));
	return place;
}

static void place_set(struct place *place, struct shared_stack *shared, bool by_slice)
{
	shared_stack_free(place->stack);
	place->stack = shared ? shared_ref(shared) : NULL;
	place->by_slice = by_slice;
}

/* --- slices that wait for their failure --- */

static void slice_free(struct slice *slice)
{
	free(slice->record);
	free(slice);
}

static void slice_remove(struct stack_cache *cache, struct slice *slice)
{
	TAILQ_REMOVE(&cache->slices, slice, all);
	cache->slice_count--;
}

int stack_cache_slice(struct stack_cache *cache, const struct event_slice *record)
{
	struct slice *slice = calloc(1, sizeof(*slice)), *oldest;

	if (!slice)
		return -ENOMEM;
	slice->record = malloc(record->header.size);
	if (!slice->record) {
		free(slice);
		return -ENOMEM;
	}
	memcpy(slice->record, record, record->header.size);
	TAILQ_INSERT_TAIL(&cache->slices, slice, all);
	cache->counts.slices++;
	cache->counts.slice_bytes += record->header.size;
	if (++cache->slice_count > SLICES_MAX) {
		oldest = TAILQ_FIRST(&cache->slices);
		slice_remove(cache, oldest);
		slice_free(oldest);
	}
	return 0;
}

static struct slice *slice_take(struct stack_cache *cache, const struct event_failure *failure)
{
	struct slice *slice;

	if (!failure->has_slice)
		return NULL;
	TAILQ_FOREACH(slice, &cache->slices, all)
	{
		if (slice->record->stack_key == failure->stack_key &&
		    slice->record->stack_seen == failure->stack_seen) {
			slice_remove(cache, slice);
			return slice;
		}
	}
	return NULL;
}

/* --- asking --- */

static void raw_from_failure(const struct event_failure *failure, struct raw_stack *ret)
{
	*ret = (struct raw_stack){
		.capacity = EVENT_USER_FRAMES_MAX,
		.sp_word = failure->user_sp_word,
		.error = failure->user_stack_error,
		.compat = failure->compat,
	};
	ret->addrs = event_addrs(failure, &failure->user_stack, &ret->count);
}

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

int shared_stack_give_up(struct shared_stack **shared, const struct event_failure *failure,
			 const struct modules *modules, const char *reason)
{
	struct shared_stack *own = shared_new((*shared)->number);
	struct raw_stack raw;

	if (!own)
		return -ENOMEM;
	raw_from_failure(failure, &raw);
	own->stack = symbolizer_client_bare_stack(modules, &raw, reason);
	if (!own->stack) {
		shared_stack_free(own);
		return -ENOMEM;
	}
	shared_stack_free(*shared);
	*shared = own;
	return 0;
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
	ask->stack = shared_ref(shared);
	if (raw->registers && place->by_slice && place->stack)
		ask->before = shared_ref(place->stack);
	LIST_INSERT_HEAD(&cache->asks, ask, all);
	cache->counts.asked++;
	return 0;
}

/* Fills `shared` now where nobody can be asked, or later. A stack that was merely refused is not kept. */
static int request(struct stack_cache *cache, struct place *place, struct modules *modules, const struct raw_stack *raw,
		   struct shared_stack *shared)
{
	const char *reason = "process_gone";
	int err = 0;

	if (cache->options.ask) {
		err = ask(cache, place, modules, raw, shared);
		reason = err ? "symbolizer_busy" : NULL;
	}
	if (err == -ENOMEM)
		return err;
	if (reason) {
		shared->stack = symbolizer_client_bare_stack(modules, raw, reason);
		if (!shared->stack)
			return -ENOMEM;
	}
	if (!err)
		place_set(place, shared, raw->registers != NULL);
	return 0;
}

static int find_new(struct stack_cache *cache, struct place *place, struct modules *modules,
		    const struct event_failure *failure, const struct slice *slice, uint64_t number,
		    struct shared_stack **ret)
{
	struct shared_stack *shared = shared_new(number);
	struct raw_stack raw;
	int err;

	if (!shared)
		return -ENOMEM;
	raw_from_failure(failure, &raw);
	if (slice)
		raw_add_slice(slice->record, &raw);
	err = request(cache, place, modules, &raw, shared);
	if (err) {
		shared_stack_free(shared);
		return err;
	}
	*ret = shared;
	return 0;
}

bool stack_cache_has(const struct stack_cache *cache, const struct event_failure *failure)
{
	struct place *place = place_find(cache, failure->stack_key);

	return place && place->stack && !failure->has_slice;
}

int stack_cache_find(struct stack_cache *cache, struct modules *modules, const struct event_failure *failure,
		     uint64_t number, struct shared_stack **ret)
{
	struct slice *slice = slice_take(cache, failure);
	struct place *place;
	int err = 0;

	*ret = NULL;
	if (!failure->stack_key)
		return 0;
	place = place_of(cache, failure->stack_key);
	if (!place) {
		err = -ENOMEM;
	} else if (place->stack && (!slice || !cache->options.ask)) {
		*ret = shared_ref(place->stack);
		cache->counts.shared++;
	} else {
		err = find_new(cache, place, modules, failure, slice, number, ret);
	}
	if (slice)
		slice_free(slice);
	cache->counts.failures += !err;
	return err;
}

/* --- answers --- */

static bool stacks_are_equal(const struct stack *a, const struct stack *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (a->frames[i].addr != b->frames[i].addr)
			return false;
	return true;
}

/*
 * A later slice of the same key. Mostly it says the same; where it does not, with nothing missing on either side, the key
 * stands for more than one place.
 */
static void compare_slices(struct stack_cache *cache, const struct ask *ask)
{
	const struct stack *before = ask->before ? ask->before->stack : NULL, *now = ask->stack->stack;

	if (!before)
		return;
	if (stacks_are_equal(before, now)) {
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

void stack_cache_answered(struct stack_cache *cache, uint64_t id, struct stack *stack)
{
	struct ask *ask = ask_find(cache, id);

	if (!ask) {
		stack_free(stack);
		return;
	}
	LIST_REMOVE(ask, all);
	ask->stack->stack = stack;
	compare_slices(cache, ask);
	ask_free(ask);
}

void stack_cache_read_counts(const struct stack_cache *cache, struct stack_cache_counts *ret)
{
	*ret = cache->counts;
}

int stack_cache_new(const struct stack_cache_options *options, struct stack_cache **ret)
{
	struct stack_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return -ENOMEM;
	cache->options = *options;
	TAILQ_INIT(&cache->places);
	TAILQ_INIT(&cache->slices);
	LIST_INIT(&cache->asks);
	*ret = cache;
	return 0;
}

void stack_cache_free(struct stack_cache *cache)
{
	struct slice *slice;
	struct ask *ask;

	if (!cache)
		return;
	while (!TAILQ_EMPTY(&cache->places))
		place_drop(cache, TAILQ_FIRST(&cache->places));
	while ((ask = LIST_FIRST(&cache->asks)) != NULL) {
		LIST_REMOVE(ask, all);
		ask_free(ask);
	}
	while ((slice = TAILQ_FIRST(&cache->slices)) != NULL) {
		slice_remove(cache, slice);
		slice_free(slice);
	}
	free(cache);
}
