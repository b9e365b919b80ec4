// SPDX-License-Identifier: GPL-2.0-or-later
/* The figures of a run: one entry a process, exec, errno and verdict; what was lost is all in the sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bpf/verdict.h"
#include "records.h"
#include "summary.h"

static void test_empty(void **state)
{
	struct summary summary = {};

	(void)state;
	assert_int_equal(summary_failures(&summary), 0);
	assert_int_equal(summary_bytes(&summary), 0);
	assert_int_equal(summary_lost(&summary), 0);
	summary_fini(&summary);
}

static void test_sums(void **state)
{
	struct summary summary = {};
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	for (int i = 0; i < 5; i++)
		assert_int_equal(summary_add(&summary, &full.failure), 0);
	assert_int_equal(summary.count, 1);
	assert_int_equal(summary.totals[0].total.failures, 5);
	assert_int_equal(summary.totals[0].total.bytes, 5 * 33 * RECORDS_PAGE_BYTES);
	assert_int_equal(summary.totals[0].key.tgid, 5582);
	assert_int_equal(summary.totals[0].key.verdict, VERDICT_MAX_MAP_COUNT);
	assert_string_equal(summary.totals[0].total.comm, "b");
	/* A request that could not be meant leaks nothing. */
	records_make_bad_request(&full.failure);
	assert_int_equal(summary_add(&summary, &full.failure), 0);
	assert_int_equal(summary.count, 2);
	assert_int_equal(summary_failures(&summary), 6);
	assert_int_equal(summary_bytes(&summary), 5 * 33 * RECORDS_PAGE_BYTES);
	summary_fini(&summary);
}

/* Each change makes another entry. */
static void test_keys(void **state)
{
	struct summary summary = {};
	struct event_failure_full full;
	struct event_failure *f = &full.failure;

	(void)state;
	records_failure(&full);
	summary_add(&summary, f);
	f->process.tid = 6000; /* another thread is the same process */
	f->process.mm++;
	f->addr++;
	summary_add(&summary, f);
	assert_int_equal(summary.count, 1);
	f->process.exec_id++;
	summary_add(&summary, f);
	f->process.start_time_ns++; /* the PID was used again */
	summary_add(&summary, f);
	f->process.tgid++;
	summary_add(&summary, f);
	f->errno_code++;
	summary_add(&summary, f);
	f->verdict = VERDICT_UNKNOWN;
	summary_add(&summary, f);
	f->syscall = SYSCALL_NONE;
	summary_add(&summary, f);
	assert_int_equal(summary.count, 7);
	assert_int_equal(summary_failures(&summary), 8);
	summary_fini(&summary);
}

/* A process is shown by the last name that it gave itself. */
static void test_last_name_counts(void **state)
{
	struct summary summary = {};
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	summary_add(&summary, &full.failure);
	records_name(&full.failure.process, "worker", "worker/1");
	summary_add(&summary, &full.failure);
	assert_int_equal(summary.count, 1);
	assert_string_equal(summary.totals[0].total.comm, "worker");
	summary_fini(&summary);
}

/* The nearest is the one with the least head-room, which may be none at all, whatever the limit was. */
static void test_warnings(void **state)
{
	struct summary summary = {};
	struct event_near near;

	(void)state;
	records_near(&near);
	summary_add_warning(&summary, &near);
	near.vma_count = near.vma_limit + 1;
	near.process.tgid = 7;
	summary_add_warning(&summary, &near);
	near.vma_count = 99;
	near.vma_limit = 100;
	near.process.tgid = 8;
	summary_add_warning(&summary, &near);
	assert_int_equal(summary.warnings, 3);
	assert_int_equal(summary.nearest.process.tgid, 7);
	summary_fini(&summary);
}

static void test_losses(void **state)
{
	struct summary summary = {};

	(void)state;
	for (int cause = 0; cause < LOSS_CAUSE_COUNT; cause++)
		summary.losses.causes[cause] = 1U << cause;
	assert_int_equal(summary_lost(&summary), (1U << LOSS_CAUSE_COUNT) - 1);
	memset(&summary.losses, 0, sizeof(summary.losses));
	summary.output_errors = 3;
	summary.bad_records = 4;
	assert_int_equal(summary_lost(&summary), 7);
	summary.losses.missed = 10;
	assert_int_equal(summary_lost(&summary), 17);
	summary.losses.missed = -1; /* not counted by this kernel */
	assert_int_equal(summary_lost(&summary), 7);
}

static void test_names_of_losses(void **state)
{
	(void)state;
	assert_string_equal(summary_loss_name(LOSS_RING_FULL), "ring_full");
	for (int cause = 0; cause < LOSS_CAUSE_COUNT; cause++) {
		assert_true(strlen(summary_loss_name(cause)) > 0);
		assert_true(strlen(summary_loss_text(cause)) > 0);
		for (int other = 0; other < cause; other++)
			assert_string_not_equal(summary_loss_name(cause), summary_loss_name(other));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_last_name_counts),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_names_of_losses),
	};

	return cmocka_run_group_tests_name("summary", tests, NULL, NULL);
}
