/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_walk.c: where the kernel's own walk leads on from an unwound one; and ranges.c, by which addresses are looked up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/ranges.h"
#include "../../user/walk.h"

static struct walk walk;

static void start(const uint64_t *addrs, size_t count)
{
	walk.count = 0;
	walk.truncated = false;
	walk.reason = NULL;
	for (size_t i = 0; i < count; i++)
		assert_true(walk_append(&walk, addrs[i], METHOD_CFI, !i));
}

static void leads_on_from_the_last_frame(void **state)
{
	const uint64_t unwound[] = {1, 2, 3, 4}, found[] = {1, 3, 4, 5, 6};

	(void)state;
	start(unwound, 4);
	walk_complete(&walk, found, 5);
	assert_int_equal(walk.count, 6);
	assert_int_equal(walk.frames[4].addr, 5);
	assert_int_equal(walk.frames[5].addr, 6);
	assert_int_equal(walk.frames[5].method, METHOD_FRAME_POINTER);
	assert_int_equal(walk.frames[3].method, METHOD_CFI);
}

static void does_not_guess(void **state)
{
	const uint64_t unwound[] = {1, 2, 3, 4}, found[] = {1, 2, 3, 5, 6};

	(void)state;
	start(unwound, 4);
	walk_complete(&walk, found, 5);
	assert_int_equal(walk.count, 4);
	walk_complete(&walk, NULL, 0);
	assert_int_equal(walk.count, 4);
}

/* Ten calls of 7 were unwound, the kernel found thirty. */
static void counts_recursion(void **state)
{
	uint64_t unwound[11] = {1}, found[33] = {1};

	(void)state;
	for (int i = 1; i <= 30; i++) {
		if (i <= 10)
			unwound[i] = 7;
		found[i] = 7;
	}
	found[31] = 8;
	found[32] = 9;
	start(unwound, 11);
	walk_complete(&walk, found, 33);
	assert_int_equal(walk.count, 33);
	for (size_t i = 0; i < 33; i++)
		assert_int_equal(walk.frames[i].addr, found[i]);
}

static void keeps_within_its_room(void **state)
{
	const uint64_t one = 1;

	(void)state;
	start(&one, 1);
	while (walk_append(&walk, 2, METHOD_CFI, false))
		;
	assert_int_equal(walk.count, WALK_FRAMES_MAX);
	assert_true(walk.truncated);
	assert_string_equal(walk.reason, "truncated");
}

/* Against looking at each in turn. */
static void finds_all_that_covers(void **state)
{
	struct ranges ranges = {};
	unsigned int seed = 3;

	(void)state;
	assert_null(ranges_below(&ranges, 5));
	assert_null(ranges_covering(&ranges, 5, NULL));
	for (uint64_t i = 0; i < 300; i++) {
		uint64_t at = (uint64_t)rand_r(&seed) % 1000;

		assert_int_equal(ranges_add(&ranges, at, at + (uint64_t)rand_r(&seed) % (i % 10 ? 20 : 400), i), 0);
	}
	ranges_sort(&ranges);
	for (uint64_t addr = 0; addr < 1500; addr++) {
		const struct range *range = NULL, *below = ranges_below(&ranges, addr);
		size_t found = 0, expected = 0;

		while ((range = ranges_covering(&ranges, addr, range)) != NULL) {
			assert_true(addr >= range->start && addr < range->end);
			found++;
		}
		for (size_t i = 0; i < ranges.count; i++)
			expected += addr >= ranges.list[i].start && addr < ranges.list[i].end;
		assert_int_equal(found, expected);
		assert_true(!below || below->start <= addr);
	}
	ranges_fini(&ranges);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leads_on_from_the_last_frame),
		cmocka_unit_test(does_not_guess),
		cmocka_unit_test(counts_recursion),
		cmocka_unit_test(keeps_within_its_room),
		cmocka_unit_test(finds_all_that_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
