// SPDX-License-Identifier: GPL-2.0-or-later
/* How fast a process nears the limit, from all that a record can say, sound or not. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "near.h"
#include "records.h"

static struct near_growth growth_of(const struct event_near *near)
{
	struct near_growth growth;

	near_read_growth(near, &growth);
	assert_true(isfinite(growth.per_second) && isfinite(growth.per_second_since_hot));
	assert_true(isfinite(growth.eta_seconds) && growth.eta_seconds >= 0);
	return growth;
}

static void test_growth(void **state)
{
	struct event_near near;
	struct near_growth growth;

	(void)state;
	records_near(&near);
	growth = growth_of(&near);
	assert_true(growth.known && growth.ends);
	assert_float_equal(growth.per_second, 120000, 1e-6);
	assert_float_equal(growth.per_second_since_hot, 100000, 1e-6);
	assert_float_equal(growth.eta_seconds, 13106.0 / 120000, 1e-9);
}

static void test_no_end(void **state)
{
	struct event_near near;
	struct near_growth growth;

	(void)state;
	records_near(&near);
	near.recent_count = near.vma_count + 10; /* it shrinks, though it had grown */
	near.peak = near.recent_count;
	growth = growth_of(&near);
	assert_true(growth.known && !growth.ends);
	assert_float_equal(growth.per_second, -100, 1e-6);
	near.recent_count = near.vma_count;
	assert_false(growth_of(&near).ends);
	/* At the limit and beyond: it is there. */
	records_near(&near);
	near.vma_count = near.peak = near.vma_limit + 1;
	growth = growth_of(&near);
	assert_true(growth.ends);
	assert_float_equal(growth.eta_seconds, 0, 0);
}

/* The very first look, and one that had no hook to look before it. */
static void test_nothing_to_compare_with(void **state)
{
	struct event_near near;

	(void)state;
	records_near(&near);
	near.first_ns = near.recent_ns = near.header.time_ns - 200;
	near.first_count = near.recent_count = near.peak = near.vma_count;
	assert_false(growth_of(&near).known);
	near.first_ns = near.recent_ns = near.header.time_ns;
	assert_false(growth_of(&near).known);
	records_near(&near);
	near.already = 1;
	assert_false(growth_of(&near).known);
}

static void test_hostile_numbers(void **state)
{
	const uint64_t times[] = {0, 1, UINT64_MAX - 1, UINT64_MAX};
	const uint32_t counts[] = {0, 1, UINT32_MAX};
	struct event_near near;

	(void)state;
	for (int n = 0; n < 4 * 4 * 4 * 3 * 3 * 3; n++) {
		records_near(&near);
		near.header.time_ns = times[n % 4];
		near.first_ns = times[n / 4 % 4];
		near.recent_ns = times[n / 16 % 4];
		near.vma_count = counts[n / 64 % 3];
		near.recent_count = counts[n / 192 % 3];
		near.vma_limit = counts[n / 576 % 3];
		growth_of(&near);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_no_end),
		cmocka_unit_test(test_nothing_to_compare_with),
		cmocka_unit_test(test_hostile_numbers),
	};

	return cmocka_run_group_tests_name("near", tests, NULL, NULL);
}
