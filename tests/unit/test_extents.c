// SPDX-License-Identifier: GPL-2.0-or-later
/* Sets of ranges, held against a bitmap of the same operations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "extents.h"

#define ADDRS 6000 /* single ones with gaps between fill some dozens of chunks */

static bool bitmap[ADDRS];
static uint64_t random_state = 88172645463325252ULL;

/* xorshift64, of George Marsaglia: the same on every machine. */
static uint64_t next_random(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

/* Sets them and counts those that were different. */
static uint64_t paint(uint64_t start, uint64_t end, bool value)
{
	uint64_t changed = 0;

	for (uint64_t i = start; i < end; i++) {
		changed += bitmap[i] != value;
		bitmap[i] = value;
	}
	return changed;
}

static bool all_set(uint64_t start, uint64_t end)
{
	for (uint64_t i = start; i < end; i++)
		if (!bitmap[i])
			return false;
	return start < end;
}

/* Each run of the bitmap is a range, in order, and there is no other. */
static void compare(const struct extents *extents)
{
	uint64_t start, end, bytes = 0;
	size_t runs = 0;

	for (uint64_t i = 0; i < ADDRS; i++) {
		bytes += bitmap[i];
		if (!bitmap[i] || (i && bitmap[i - 1]))
			continue;
		assert_true(extents_get(extents, runs++, &start, &end));
		assert_int_equal(start, i);
		assert_true(all_set(start, end) && (end == ADDRS || !bitmap[end]));
	}
	assert_int_equal(extents->count, runs);
	assert_int_equal(extents->bytes, bytes);
	assert_false(extents_get(extents, runs, &start, &end));
}

static void change(struct extents *extents, uint64_t start, uint64_t end, bool add)
{
	uint64_t changed;

	assert_true(extents_cover(extents, start, end) == all_set(start, end));
	if (add)
		assert_int_equal(extents_add(extents, start, end, &changed), 0);
	else
		assert_int_equal(extents_remove(extents, start, end, &changed), 0);
	assert_int_equal(changed, paint(start, end, add));
}

static void change_at_random(struct extents *extents, uint64_t longest, unsigned int adds_of_ten)
{
	uint64_t start = next_random(ADDRS), end = start + next_random(longest + 1);

	change(extents, start, end < ADDRS ? end : ADDRS, next_random(10) < adds_of_ten);
}

static void test_at_random(void **state)
{
	struct extents extents = {};

	(void)state;
	memset(bitmap, 0, sizeof(bitmap));
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 500; i++)
			change_at_random(&extents, round % 3 ? 2 : 300, round % 4 < 2 ? 7 : 3);
		compare(&extents);
	}
	extents_fini(&extents);
}

/* As many ranges as there can be, made from either end and from the middle, and all gone at once. */
static void test_many(void **state)
{
	struct extents extents = {};

	(void)state;
	memset(bitmap, 0, sizeof(bitmap));
	for (uint64_t i = 0; i < ADDRS; i += 2)
		change(&extents, i, i + 1, true);
	compare(&extents);
	change(&extents, 0, ADDRS, false);
	compare(&extents);
	for (uint64_t i = ADDRS; i >= 2; i -= 2)
		change(&extents, i - 1, i, true);
	for (uint64_t i = 0; i < ADDRS / 2; i += 2)
		change(&extents, ADDRS / 2 - i, ADDRS / 2 - i + 1, true);
	compare(&extents);
	change(&extents, 0, ADDRS, true);
	compare(&extents);
	assert_int_equal(extents.count, 1);
	change(&extents, 1, ADDRS - 1, false);
	compare(&extents);
	assert_int_equal(extents.count, 2);
	extents_fini(&extents);
}

static void test_ends_of_the_world(void **state)
{
	struct extents extents = {};
	uint64_t changed;

	(void)state;
	assert_int_equal(extents_add(&extents, 5, 5, &changed), 0);
	assert_int_equal(extents_add(&extents, 6, 5, &changed), 0);
	assert_int_equal(extents_remove(&extents, 0, UINT64_MAX, &changed), 0);
	assert_int_equal(changed, 0);
	assert_int_equal(extents_add(&extents, UINT64_MAX - 1, UINT64_MAX, &changed), 0);
	assert_int_equal(extents_add(&extents, 0, 1, &changed), 0);
	assert_int_equal(extents.count, 2);
	assert_true(extents_cover(&extents, UINT64_MAX - 1, UINT64_MAX));
	assert_int_equal(extents_add(&extents, 0, UINT64_MAX, &changed), 0);
	assert_int_equal(changed, UINT64_MAX - 2);
	assert_int_equal(extents_remove(&extents, UINT64_MAX - 1, UINT64_MAX, &changed), 0);
	assert_int_equal(changed, 1);
	assert_int_equal(extents.count, 1);
	extents_fini(&extents);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_at_random),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_ends_of_the_world),
	};

	return cmocka_run_group_tests_name("extents", tests, NULL, NULL);
}
