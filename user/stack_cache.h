/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack_cache.h: the user stacks of failures: one for all that came from one place, asked for once and shared, and once
 * more when the modules of the process say otherwise. Knows which are still being asked for; names none itself: see
 * symbolizer_client.h.
 */
#ifndef VMASNOOP_STACK_CACHE_H
#define VMASNOOP_STACK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"
#include "modules.h"
#include "shared_stack.h"
#include "stack.h"
#include "symbolizer.h"

struct stack_cache_options {
	/* As symbolizer_client_ask(); NULL: nobody is there to ask (a replay), stacks are bare addresses. */
	int (*ask)(void *context, struct modules *modules, const struct raw_stack *raw, uint64_t id);
	/* Two slices of this key unwound to different stacks. May be NULL. */
	void (*ambiguous)(void *context, uint64_t key);
	/* A slice of this key is wanted, whenever it comes: there is no good stack of it. May be NULL. */
	void (*want_slice)(void *context, uint64_t key);
	void *context;
	size_t bytes_max; /* of stacks that are kept for failures to come; 0: the default, 16 MiB */
};

struct stack_cache_counts {
	uint64_t failures; /* that had a user stack */
	uint64_t shared; /* of them: had the stack of an earlier one */
	uint64_t asked; /* stacks that were asked for */
	uint64_t ambiguous; /* keys that stood for more than one stack */
	uint64_t slices; /* stacks that came as memory */
	uint64_t slice_bytes;
	uint64_t given_up; /* failures whose stack was waited for no longer */
	uint64_t dropped; /* places that gave way to others */
	uint64_t slices_dropped; /* before their failure came: too many were waiting */
};

struct stack_cache;

int stack_cache_new(const struct stack_cache_options *options, struct stack_cache **ret);
void stack_cache_free(struct stack_cache *cache);

/* Keeps a copy until its failure comes: in the rings slices may be far ahead of it. 0 or -ENOMEM. */
int stack_cache_slice(struct stack_cache *cache, const struct event_slice *slice);
bool stack_cache_has_slice(const struct stack_cache *cache, const struct event_failure *failure);

/*
 * A reference to the stack of a failure, the `number`th of its process, or NULL where none was asked for. 0 or -ENOMEM.
 */
int stack_cache_find(struct stack_cache *cache, struct modules *modules, const struct event_failure *failure,
		     uint64_t number, struct shared_stack **ret);

/* One more failure shares a stack without being looked at: see repeats.h. */
void stack_cache_count_repeat(struct stack_cache *cache, const struct event_failure *failure);

/* Whether stack_cache_find() would share a stack that is known or on its way, with modules that did not change. */
bool stack_cache_has(const struct stack_cache *cache, const struct event_failure *failure);

/* The answer to an ask, as symbolizer_answered. */
void stack_cache_answered(struct stack_cache *cache, uint64_t id, struct stack *stack);

/* What stacks take that failures have and the cache itself keeps no more, or not yet. */
size_t stack_cache_loose_bytes(const struct stack_cache *cache);

void stack_cache_read_counts(const struct stack_cache *cache, struct stack_cache_counts *ret);

#endif
