// SPDX-License-Identifier: GPL-2.0-or-later
/* The flight recorder's records: each goes to its failure, and tells its calls from the oldest on, however often it went round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "mapping_calls.h"
#include "recent.h"
#include "records.h"

static void test_each_goes_to_its_failure(void **state)
{
	struct recent *recent = recent_new();
	struct event_failure_full full;
	struct event_ops ops, *taken;

	(void)state;
	records_failure(&full);
	full.failure.stack_seen = 2;
	full.failure.has_ops = 1;
	records_ops(&full.failure, &ops);
	assert_int_equal(recent_add(recent, &ops), 0);
	full.failure.stack_seen = 1;
	assert_false(recent_has(recent, &full.failure));
	assert_null(recent_take(recent, &full.failure));
	full.failure.stack_seen = 2;
	full.failure.has_ops = 0;
	assert_null(recent_take(recent, &full.failure));
	full.failure.has_ops = 1;
	assert_true(recent_has(recent, &full.failure));
	taken = recent_take(recent, &full.failure);
	assert_non_null(taken);
	assert_int_equal(taken->total, ops.total);
	free(taken);
	assert_null(recent_take(recent, &full.failure));
	assert_int_equal(recent_add(recent, &ops), 0);
	recent_free(recent);
	recent_free(NULL);
}

/* What waits for nothing does not wait for ever. */
static void test_bound(void **state)
{
	struct recent *recent = recent_new();
	struct event_failure_full full;
	struct event_ops ops;

	(void)state;
	records_failure(&full);
	full.failure.has_ops = 1;
	records_ops(&full.failure, &ops);
	for (uint32_t seen = 1; seen <= 3000; seen++) {
		ops.stack_seen = seen;
		assert_int_equal(recent_add(recent, &ops), 0);
	}
	full.failure.stack_seen = 1;
	assert_false(recent_has(recent, &full.failure));
	full.failure.stack_seen = 3000;
	assert_true(recent_has(recent, &full.failure));
	recent_free(recent);
}

static void test_order(void **state)
{
	struct event_failure_full full;
	struct event_ops ops;

	(void)state;
	records_failure(&full);
	records_ops(&full.failure, &ops);
	for (uint32_t room = 1; room <= EVENT_OPS_MAX; room++) {
		for (uint64_t total = 0; total < 200; total++) {
			uint64_t kept = total < room ? total : room;

			ops.room = room;
			ops.total = total;
			for (uint64_t n = 0; n < total; n++)
				ops.ops[n % room].vma_count = (uint32_t)n;
			for (uint64_t n = 0; n < kept; n++)
				assert_int_equal(recent_op(&ops, n)->vma_count, total - kept + n);
			assert_null(recent_op(&ops, kept));
		}
	}
}

static void test_names(void **state)
{
	char name[32];

	(void)state;
	assert_string_equal(mapping_call_name(11, name), "munmap");
	assert_string_equal(mapping_call_name(91 | EVENT_SYSCALL_COMPAT, name), "munmap");
	assert_string_equal(mapping_call_name(11 | EVENT_SYSCALL_COMPAT, name), "execve");
	assert_string_equal(mapping_call_name(9999, name), "syscall 9999");
	assert_string_equal(mapping_call_name(UINT32_MAX, name), "syscall 2147483647");
	assert_string_equal(mapping_call_name(EVENT_SYSCALL_NONE, name), "none");
	assert_null(mapping_call_find(9999));
	assert_int_equal(mapping_call_find(30)->addr, 1);
	assert_int_equal(mapping_call_find(151)->addr, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_goes_to_its_failure),
		cmocka_unit_test(test_bound),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("recent", tests, NULL, NULL);
}
