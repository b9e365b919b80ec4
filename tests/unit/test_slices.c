// SPDX-License-Identifier: GPL-2.0-or-later
/* Slices that wait: each for its own failure, within a bound that counts all that they take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "records.h"
#include "slices.h"

static void add(struct slices *slices, struct event_failure_full *full, uint32_t seen)
{
	struct records_slice slice;

	full->failure.stack_seen = seen;
	records_slice(&full->failure, &slice);
	assert_int_equal(slices_add(slices, &slice.slice), 0);
}

static void test_each_goes_to_its_failure(void **state)
{
	struct event_failure_full full;
	struct slices *slices;
	struct event_slice *taken;

	(void)state;
	records_failure(&full);
	assert_int_equal(slices_new(1 << 20, &slices), 0);
	add(slices, &full, 1);
	add(slices, &full, 2);
	assert_non_null(slices_find(slices, &full.failure));
	/* The record says that there is none, whatever there is. */
	assert_null(slices_take(slices, &full.failure));
	full.failure.has_slice = 1;
	taken = slices_take(slices, &full.failure);
	assert_non_null(taken);
	assert_int_equal(taken->stack_seen, 2);
	free(taken);
	assert_null(slices_find(slices, &full.failure));
	full.failure.stack_seen = 1;
	full.failure.stack_key++;
	assert_null(slices_take(slices, &full.failure));
	full.failure.stack_key--;
	assert_non_null(slices_find(slices, &full.failure));
	slices_free(slices);
}

/* Three do not fit where three records alone would: the oldest gives way. */
static void test_bound(void **state)
{
	struct event_failure_full full;
	struct slices_counts counts;
	struct slices *slices;

	(void)state;
	records_failure(&full);
	assert_int_equal(slices_new(3 * sizeof(struct records_slice), &slices), 0);
	for (uint32_t seen = 1; seen <= 3; seen++)
		add(slices, &full, seen);
	slices_read_counts(slices, &counts);
	assert_int_equal(counts.slices, 3);
	assert_int_equal(counts.bytes, 3 * sizeof(struct records_slice));
	assert_int_equal(counts.dropped, 1);
	for (uint32_t seen = 1; seen <= 3; seen++) {
		full.failure.stack_seen = seen;
		assert_int_equal(slices_find(slices, &full.failure) != NULL, seen > 1);
	}
	slices_free(slices);
	slices_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_goes_to_its_failure),
		cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests_name("slices", tests, NULL, NULL);
}
