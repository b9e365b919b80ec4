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
/* Slices whose failure has not come yet: twice what the ring holds, all of which may be ahead of the failures. */
#define SLICES_BYTES_MAX (4 << 20)

struct place {
	TAILQ_ENTRY(place) by_use;
	uint64_t key;
	struct shared_stack *stack; /* the last that was asked for; NULL: ask again */
	bool by_slice; /* it was unwound from memory, and not by frame pointers alone */
	uint64_t chain; /* a hash of the addresses that the frame pointers led to */
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
	size_t slice_bytes;
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

/* --- slices that wait for their failure --- */

static void slice_free(struct slice *slice)
{
	free(slice->record);
	free(slice);
}

static void slice_remove(struct stack_cache *cache, struct slice *slice)
{
	TAILQ_REMOVE(&cache->slices, slice, all);
	cache->slice_bytes -= slice->record->header.size;
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
	cache->slice_bytes += record->header.size;
	while (cache->slice_bytes > SLICES_BYTES_MAX) {
		oldest = TAILQ_FIRST(&cache->slices);
		slice_remove(cache, oldest);
		slice_free(oldest);
	}
	return 0;
}

static struct slice *slice_find(const struct stack_cache *cache, const struct event_failure *failure)
{
	struct slice *slice;

	TAILQ_FOREACH(slice, &cache->slices, all)
	{
		if (slice->record->stack_key == failure->stack_key && slice->record->stack_seen == failure->stack_seen)
			break;
	}
	return slice;
}

bool stack_cache_has_slice(const struct stack_cache *cache, const struct event_failure *failure)
{
	return slice_find(cache, failure) != NULL;
}

static struct slice *slice_take(struct stack_cache *cache, const struct event_failure *failure)
{
	struct slice *slice = failure->has_slice ? slice_find(cache, failure) : NULL;

	if (slice)
		slice_remove(cache, slice);
	return slice;
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

int shared_stack_give_up(struct shared_stack **shared, const struct event_failure *failure, uint64_t number,
			 const struct modules *modules, const char *reason)
{
	struct shared_stack *own = shared_new(number);
	struct raw_stack raw;

	if (!own)
		return -ENOMEM;
	raw_from_failure(failure, &raw);
	own->stack = symbolizer_client_bare_stack(modules, &raw, reason);
	if (!own->stack) {
		shared_stack_free(own);
		return -ENOMEM;
	}
	/* Nobody can be told "as failure N" of a stack that N did not show. */
	if ((*shared)->number == number)
		(*shared)->number = 0;
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
	/* Refused: an earlier stack of the place is better than none. */
	if (err == -ENOMEM || (err && place->stack))
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

static void want_slice(const struct stack_cache *cache, uint64_t key)
{
	if (cache->options.want_slice)
		cache->options.want_slice(cache->options.context, key);
}

/* When the failure that it was asked for went out without it, this one is the first to have it. */
static struct shared_stack *share(struct stack_cache *cache, const struct place *place, uint64_t number)
{
	if (!place->stack->number)
		place->stack->number = number;
	cache->counts.shared++;
	return shared_ref(place->stack);
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
	/* The kernel side thinks that there is a stack of this key, and there is none: it was dropped here, or its slice lost. */
	if (!slice && !failure->compat)
		want_slice(cache, failure->stack_key);
	place->chain = hash_chain(failure);
	err = request(cache, place, modules, &raw, shared);
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
	} else if (place_is_of(place, failure) && (!slice || !cache->options.ask)) {
		*ret = share(cache, place, number);
	} else {
		err = find_new(cache, place, modules, failure, slice, number, ret);
	}
	if (slice)
		slice_free(slice);
	cache->counts.failures += !err;
	return err;
}

/* --- answers --- */

/* The index of the first frame from `i` on that is a frame of its own: which others are known to be inlined may differ. */
static size_t skip_inlined(const struct stack *stack, size_t i)
{
	while (i < stack->count && stack->frames[i].inlined)
		i++;
	return i;
}

static bool stacks_are_equal(const struct stack *a, const struct stack *b)
{
	size_t i = skip_inlined(a, 0), j = skip_inlined(b, 0);

	while (i < a->count && j < b->count && a->frames[i].addr == b->frames[j].addr) {
		i = skip_inlined(a, i + 1);
		j = skip_inlined(b, j + 1);
	}
	return i == a->count && j == b->count;
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

/* Not for want of anything in the program: the next slice may do better. */
static bool is_makeshift(const struct stack *stack)
{
	return stack->reason && (!strcmp(stack->reason, "deadline") || !strcmp(stack->reason, "symbolizer_lost"));
}

/* Those who wait for it get it, and no others: what was known before counts again. */
static void forget_makeshift(struct stack_cache *cache, const struct ask *ask)
{
	struct place *place = place_find(cache, ask->key);

	if (!place || place->stack != ask->stack)
		return;
	place_set(place, ask->before, ask->before != NULL);
	if (!ask->before)
		want_slice(cache, ask->key);
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
	if (is_makeshift(stack))
		forget_makeshift(cache, ask);
	else
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
