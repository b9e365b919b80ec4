// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables of origins: sums that hold whatever is in them, rows that turn out to be one place, and stacks that are bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "origins.h"
#include "records.h"

static struct shared_stack_account stacks;

/* Of one frame, of a file. */
static struct stack *stack_at(uint64_t addr, const char *module)
{
	struct stack *stack = calloc(1, sizeof(*stack));

	assert_non_null(stack);
	stack->frames = calloc(2, sizeof(*stack->frames));
	assert_non_null(stack->frames);
	stack->count = 2;
	stack->frames[0].addr = 0x7f0000001000;
	stack->frames[0].module = strdup("/usr/lib/libc.so.6");
	stack->frames[1].addr = addr;
	stack->frames[1].module = strdup(module);
	return stack;
}

static struct shared_stack *filled(uint64_t addr)
{
	struct shared_stack *shared = shared_stack_new(&stacks, 0);

	assert_non_null(shared);
	shared_stack_fill(shared, stack_at(addr, "/usr/bin/b"));
	return shared;
}

static void test_sums(void **state)
{
	struct event_origins_full raw;
	struct origins_table *table;

	(void)state;
	records_origins(&raw);
	table = origins_table_new(NULL, &raw.origins);
	assert_non_null(table);
	/* 32765 + 5000 - 300, the others' 40 - 2, and 7 that have no place. */
	assert_int_equal(table->made, 32765 + 5000 - 300 + 38 + 7);
	assert_int_equal(table->others_net, 45);
	assert_int_equal(table->others, 2);
	assert_int_equal(table->older, 4130);
	assert_int_equal(table->count, 3);
	assert_int_equal(table->rows[2].net, -300);
	assert_true(origins_table_is_complete(table));
	assert_null(origins_row_frame(&table->rows[0]));
	origins_table_free(table);
	origins_table_free(NULL);
}

/* Numbers that no process has: nothing overflows, and the sum is still that of its parts. */
static void test_hostile_sums(void **state)
{
	struct event_origins_full raw;
	struct origins_table *table;
	uint64_t sum;

	(void)state;
	records_origins(&raw);
	raw.sums[0].plus = UINT64_MAX;
	raw.sums[1].minus = UINT64_MAX;
	raw.sums[2].plus = 1ULL << 63;
	raw.origins.unplaced = INT64_MIN;
	raw.origins.others.plus = UINT64_MAX;
	table = origins_table_new(NULL, &raw.origins);
	assert_non_null(table);
	origins_table_merge(table);
	sum = (uint64_t)table->others_net;
	for (size_t i = 0; i < table->count; i++)
		sum += (uint64_t)table->rows[i].net;
	assert_true((uint64_t)table->made == sum);
	origins_table_free(table);
}

/* Two keys with the same stack are one place, but not of two syscalls; what has no stack is no other's. */
static void test_merge(void **state)
{
	struct origins_account account = {};
	struct origins *origins = origins_new(&account);
	struct event_origins_full raw;
	struct origins_table *table;

	(void)state;
	records_origins(&raw);
	raw.sums[2].syscall = raw.sums[1].syscall;
	assert_int_equal(origins_add(origins, raw.sums[0].stack_key, filled(0x1000)), 0);
	assert_int_equal(origins_add(origins, raw.sums[1].stack_key, filled(0x2000)), 0);
	assert_int_equal(origins_add(origins, raw.sums[2].stack_key, filled(0x2000)), 0);
	table = origins_table_new(origins, &raw.origins);
	origins_table_merge(table);
	assert_int_equal(table->count, 2);
	assert_int_equal(table->rows[1].net, 4700);
	assert_int_equal(table->rows[1].plus, 5000 + 100);
	assert_int_equal(table->rows[1].minus, 400);
	assert_int_equal(origins_row_frame(&table->rows[1])->addr, 0x2000);
	origins_table_free(table);

	raw.sums[2].syscall = 11;
	table = origins_table_new(origins, &raw.origins);
	origins_table_merge(table);
	origins_table_merge(table);
	assert_int_equal(table->count, 3);
	origins_table_free(table);
	origins_free(origins);
	assert_int_equal(account.places, 0);
	assert_int_equal(stacks.bytes, 0);
	assert_int_equal(stacks.kept_bytes, 0);
}

static void test_waits_for_stacks(void **state)
{
	struct origins_account account = {};
	struct origins *origins = origins_new(&account);
	struct shared_stack *late = shared_stack_new(&stacks, 0);
	struct event_origins_full raw;
	struct origins_table *table;

	(void)state;
	records_origins(&raw);
	assert_int_equal(origins_add(origins, raw.sums[1].stack_key, shared_stack_ref(late)), 0);
	table = origins_table_new(origins, &raw.origins);
	assert_false(origins_table_is_complete(table));
	/* What the process knows may go before. */
	origins_free(origins);
	shared_stack_fill(late, stack_at(0x3000, "/usr/bin/b"));
	assert_true(origins_table_is_complete(table));
	assert_true(stacks.kept_bytes == stacks.bytes && stacks.bytes > 0);
	shared_stack_free(late);
	origins_table_free(origins_table_ref(table));
	assert_true(origins_table_is_complete(table));
	origins_table_free(table);
	assert_int_equal(stacks.bytes, 0);
	assert_int_equal(stacks.kept_bytes, 0);
}

/* Another stack for the same key takes the place of the first; beyond the bound there is no place for more. */
static void test_bound(void **state)
{
	struct origins_account account = {};
	struct origins *origins = origins_new(&account), *other = origins_new(&account);
	struct event_origins_full raw;
	struct origins_table *table;

	(void)state;
	for (uint64_t key = 1; key <= ORIGINS_PLACES_MAX + 10; key++)
		assert_int_equal(origins_add(origins, key, filled(key)), 0);
	assert_int_equal(account.places, ORIGINS_PLACES_MAX);
	assert_int_equal(origins_add(other, 1, filled(1)), 0);
	assert_int_equal(account.places, ORIGINS_PLACES_MAX);
	assert_int_equal(origins_add(origins, 1, filled(0x4000)), 0);
	records_origins(&raw);
	raw.sums[0].stack_key = 1;
	raw.sums[1].stack_key = ORIGINS_PLACES_MAX + 1;
	table = origins_table_new(origins, &raw.origins);
	assert_int_equal(origins_row_frame(&table->rows[0])->addr, 0x4000);
	assert_null(table->rows[1].stack);
	origins_table_free(table);
	origins_free(origins);
	origins_free(other);
	assert_int_equal(account.places, 0);
	assert_int_equal(stacks.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),  cmocka_unit_test(test_hostile_sums),
		cmocka_unit_test(test_merge), cmocka_unit_test(test_waits_for_stacks),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests_name("origins", tests, NULL, NULL);
}
