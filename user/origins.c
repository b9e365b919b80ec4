// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * origins.c: see origins.h. Places are found by key in a tree (tsearch). Threads have the places of a program in common
 * mostly, and where they have not, the stacks say so: rows are put together when all of them are there.
 */
#include "origins.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "event.h"
#include "stack_compare.h"

struct place {
	uint64_t key;
	struct shared_stack *stack;
};

struct origins {
	void *tree;
	size_t count;
	struct origins_account *account;
};

static int compare_keys(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	return compare_u64(a->key, b->key);
}

struct origins *origins_new(struct origins_account *account)
{
	struct origins *origins = calloc(1, sizeof(*origins));

	if (origins)
		origins->account = account;
	return origins;
}

static void place_free(void *node)
{
	struct place *place = node;

	shared_stack_free(place->stack);
	free(place);
}

void origins_free(struct origins *origins)
{
	if (!origins)
		return;
	origins->account->places -= origins->count;
	tdestroy(origins->tree, place_free);
	free(origins);
}

static struct place *place_find(const struct origins *origins, uint64_t key)
{
	struct place wanted = {.key = key}, **found = tfind(&wanted, &origins->tree, compare_keys);

	return found ? *found : NULL;
}

static struct place *place_add(struct origins *origins, uint64_t key)
{
	struct place *place = calloc(1, sizeof(*place));

	if (!place)
		return NULL;
	place->key = key;
	if (!tsearch(place, &origins->tree, compare_keys)) {
		free(place);
		return NULL;
	}
	origins->count++;
	origins->account->places++;
	return place;
}

int origins_add(struct origins *origins, uint64_t stack_key, struct shared_stack *stack)
{
	struct place *place = place_find(origins, stack_key);

	if (!place && origins->account->places >= ORIGINS_PLACES_MAX) {
		shared_stack_free(stack);
		return 0;
	}
	if (!place)
		place = place_add(origins, stack_key);
	if (!place)
		return -ENOMEM;
	shared_stack_free(place->stack);
	place->stack = stack;
	shared_stack_keep(stack);
	return 0;
}

static int64_t net_of(const struct event_origin_sum *sum)
{
	/* Of a record that says anything: wraps, and does not overflow. */
	return (int64_t)(sum->plus - sum->minus);
}

static void fill_row(const struct origins *origins, const struct event_origin_sum *sum, struct origins_row *row)
{
	const struct place *place = origins ? place_find(origins, sum->stack_key) : NULL;

	*row = (struct origins_row){
		.net = net_of(sum),
		.plus = sum->plus,
		.minus = sum->minus,
		.calls = sum->calls,
		.stack_key = sum->stack_key,
		.syscall = sum->syscall,
	};
	if (place && place->stack)
		row->stack = shared_stack_ref(place->stack);
}

struct origins_table *origins_table_new(const struct origins *origins, const struct event_origins *raw)
{
	struct origins_table *table = calloc(1, sizeof(*table));
	const struct event_origin_sum *sums;
	uint64_t made, others;

	if (!table)
		return NULL;
	sums = event_origin_sums(raw, &table->count);
	table->rows = calloc(table->count + 1, sizeof(*table->rows));
	if (!table->rows) {
		free(table);
		return NULL;
	}
	table->references = 1;
	table->approximate = raw->approximate;
	table->final = raw->final;
	table->without_stacks = raw->without_stacks;
	table->older = raw->older;
	table->others = raw->others_count;
	others = (uint64_t)net_of(&raw->others) + (uint64_t)raw->unplaced;
	made = others;
	for (size_t i = 0; i < table->count; i++) {
		fill_row(origins, &sums[i], &table->rows[i]);
		made += (uint64_t)table->rows[i].net;
	}
	table->others_net = (int64_t)others;
	table->made = (int64_t)made;
	return table;
}

struct origins_table *origins_table_ref(struct origins_table *table)
{
	if (table)
		table->references++;
	return table;
}

void origins_table_free(struct origins_table *table)
{
	if (!table || --table->references)
		return;
	for (size_t i = 0; i < table->count; i++)
		shared_stack_free(table->rows[i].stack);
	free(table->rows);
	free(table);
}

bool origins_table_is_complete(const struct origins_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].stack && !table->rows[i].stack->stack)
			return false;
	return true;
}

static const struct stack *stack_of(const struct origins_row *row)
{
	return row->stack ? row->stack->stack : NULL;
}

static bool are_alike(const struct origins_row *a, const struct origins_row *b)
{
	const struct stack *one = stack_of(a), *other = stack_of(b);

	return a->syscall == b->syscall && one && other && one->count && stacks_have_same_addrs(one, other);
}

static void row_merge(struct origins_row *into, struct origins_row *row)
{
	into->plus += row->plus;
	into->minus += row->minus;
	into->calls += row->calls;
	into->net = (int64_t)(into->plus - into->minus);
	shared_stack_free(row->stack);
}

static uint64_t weight(const struct origins_row *row)
{
	return row->net < 0 ? -(uint64_t)row->net : (uint64_t)row->net;
}

static int compare_weights(const void *left, const void *right)
{
	const struct origins_row *a = left, *b = right;

	return compare_u64(weight(b), weight(a))
		       ?: compare_u64(b->calls, a->calls) ?: compare_u64(a->stack_key, b->stack_key);
}

void origins_table_merge(struct origins_table *table)
{
	size_t kept = 0, alike;

	if (table->merged)
		return;
	table->merged = true;
	for (size_t i = 0; i < table->count; i++) {
		for (alike = 0; alike < kept && !are_alike(&table->rows[alike], &table->rows[i]); alike++)
			;
		if (alike < kept)
			row_merge(&table->rows[alike], &table->rows[i]);
		else
			table->rows[kept++] = table->rows[i];
	}
	table->count = kept;
	qsort(table->rows, kept, sizeof(*table->rows), compare_weights);
}

size_t origins_table_bytes(const struct origins_table *table)
{
	return table ? sizeof(*table) + table->count * sizeof(*table->rows) : 0;
}

/* The C library's and the loader's own frames, which every stack has. */
static bool is_of_the_system(const struct frame *frame)
{
	static const char *const names[] = {"libc.so", "libc-", "ld-linux", "libpthread", "ld-musl", "[vdso]"};
	const char *base = frame->module ? strrchr(frame->module, '/') : NULL;

	base = base ? base + 1 : frame->module;
	for (size_t i = 0; base && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	return false;
}

const struct frame *origins_row_frame(const struct origins_row *row)
{
	const struct stack *stack = stack_of(row);

	if (!stack || !stack->count)
		return NULL;
	for (size_t i = 0; i < stack->count; i++)
		if (!is_of_the_system(&stack->frames[i]) && stack->frames[i].module)
			return &stack->frames[i];
	return &stack->frames[0];
}
