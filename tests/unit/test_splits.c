// SPDX-License-Identifier: GPL-2.0-or-later
/* Splits by process and call: sums over CPUs and records in any order, however many keys there are. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "records.h"
#include "splits.h"

static void test_nothing(void **state)
{
	struct splits splits = {};

	(void)state;
	splits_sort(&splits);
	assert_int_equal(splits.count, 0);
	assert_int_equal(splits_sum(&splits), 0);
	splits_fini(&splits);
}

/* One row for each key, the name from wherever it is, those with the most first. */
static void test_sums_over_cpus(void **state)
{
	struct split_key key = {.start_time_ns = 1, .exec_id = 2, .tgid = 3, .syscall = 11};
	struct split_sum named = {.splits = 5, .comm = "b"}, unnamed = {.splits = 7};
	struct splits splits = {};

	(void)state;
	assert_int_equal(splits_add(&splits, &key, &named), 0);
	assert_int_equal(splits_add(&splits, &key, &unnamed), 0);
	key.inferred = 1;
	assert_int_equal(splits_add(&splits, &key, &unnamed), 0);
	key.inferred = 0;
	assert_int_equal(splits_add(&splits, &key, &unnamed), 0);
	key.syscall = 10;
	named.splits = 100;
	assert_int_equal(splits_add(&splits, &key, &named), 0);
	splits_sort(&splits);
	assert_int_equal(splits.count, 3);
	assert_int_equal(splits.rows[0].key.syscall, 10);
	assert_int_equal(splits.rows[0].sum.splits, 100);
	assert_int_equal(splits.rows[1].sum.splits, 19);
	assert_string_equal(splits.rows[1].sum.comm, "b");
	assert_int_equal(splits.rows[2].sum.splits, 7);
	assert_int_equal(splits.rows[2].key.inferred, 1);
	assert_int_equal(splits_sum(&splits), 126);
	splits_fini(&splits);
}

/* The records of many processes take turns: what is kept is a row for each, not one for each record. */
static void test_records_that_take_turns(void **state)
{
	struct splits splits = {};
	struct event_split split;

	(void)state;
	records_split(&split);
	split.splits = 3;
	for (int i = 0; i < 100000; i++) {
		split.process.tgid = 1 + i % 1000;
		split.process.exec_id = i % 2;
		assert_int_equal(splits_add_event(&splits, &split), 0);
	}
	assert_true(splits.room <= 4096);
	splits_sort(&splits);
	assert_int_equal(splits.count, 1000);
	for (size_t i = 0; i < splits.count; i++)
		assert_int_equal(splits.rows[i].sum.splits, 300);
	assert_int_equal(splits_sum(&splits), 300000);
	splits_fini(&splits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_sums_over_cpus),
		cmocka_unit_test(test_records_that_take_turns),
	};

	return cmocka_run_group_tests_name("splits", tests, NULL, NULL);
}
