// SPDX-License-Identifier: GPL-2.0-or-later
/* What became of failures, from all orders in which their records can come; and the sums, held against a bitmap. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../bpf/filter.h"
#include "debts.h"
#include "records.h"

#define PAGE  RECORDS_PAGE_BYTES
#define BYTES (33 * PAGE)
#define MSEC  1000000ULL

static struct debts *debts;
static struct event_failure_full full;
static struct event_failure *const failure = &full.failure;
static struct event_paid paid;
static struct event_ended memory_end, process_end;

static int set_up(void **state)
{
	(void)state;
	records_failure(&full);
	records_paid(&paid);
	records_ended(END_MEMORY, &memory_end);
	records_ended(END_EXIT, &process_end);
	return debts_new(&debts);
}

static int tear_down(void **state)
{
	(void)state;
	debts_free(debts);
	return 0;
}

static struct debt_now refuse(void)
{
	struct debt_now now;

	assert_int_equal(debts_failure(debts, failure, &now), 0);
	return now;
}

static void pay(void)
{
	assert_int_equal(debts_paid(debts, &paid), 0);
}

static void end(const struct event_ended *ended)
{
	assert_int_equal(debts_ended(debts, ended), 0);
}

static struct outcome take(enum outcome_kind kind, enum outcome_behaviour behaviour)
{
	struct outcome outcome;

	assert_true(debts_take_outcome(debts, &outcome));
	assert_int_equal(outcome.kind, kind);
	assert_int_equal(outcome.behaviour, behaviour);
	assert_int_equal(outcome.bytes_failed, outcome.bytes_freed + outcome.bytes_not_released);
	return outcome;
}

static void take_nothing(void)
{
	struct outcome outcome;

	assert_false(debts_take_outcome(debts, &outcome));
}

static struct debt_sums sums(void)
{
	struct debt_sums now;

	debts_read_sums(debts, &now);
	return now;
}

static void test_retried_and_freed(void **state)
{
	struct outcome outcome;

	(void)state;
	refuse();
	assert_int_equal(refuse().bytes, BYTES);
	pay();
	outcome = take(OUTCOME_RETRIED_AND_FREED, BEHAVIOUR_RETRIED);
	assert_int_equal(outcome.failures, 2);
	assert_int_equal(outcome.retries, 2);
	assert_int_equal(outcome.bytes_failed, BYTES);
	assert_int_equal(outcome.peak_bytes, BYTES);
	assert_int_equal(outcome.debts, 1);
	assert_int_equal(sums().bytes, 0);
	assert_int_equal(sums().peak_bytes, BYTES);
	/* Nothing is owed any more, and so nothing is told of what comes. */
	pay();
	end(&memory_end);
	end(&process_end);
	take_nothing();
}

/* By more than what was asked for, by another call, or by a part that was and one that was not. */
static void test_freed_later(void **state)
{
	(void)state;
	refuse();
	paid.length_bytes += PAGE;
	pay();
	assert_int_equal(take(OUTCOME_FREED_LATER, BEHAVIOUR_WENT_ON).retries, 0);
	failure->header.time_ns = paid.header.time_ns += 2 * NSEC_PER_SEC;
	refuse();
	paid.length_bytes -= PAGE;
	paid.syscall = SYSCALL_NONE;
	pay();
	take(OUTCOME_FREED_LATER, BEHAVIOUR_WENT_ON);
	failure->header.time_ns = paid.header.time_ns += 2 * NSEC_PER_SEC;
	refuse();
	paid.syscall = SYSCALL_MUNMAP;
	paid.length_bytes = PAGE;
	pay();
	take_nothing();
	assert_int_equal(sums().bytes, BYTES - PAGE);
	paid.length_bytes = BYTES;
	pay();
	take(OUTCOME_FREED_LATER, BEHAVIOUR_RETRIED);
}

/* Either may be told of first. */
static void test_aborted(void **state)
{
	struct outcome outcome;

	(void)state;
	process_end.exit_code = SIGABRT | 0x80;
	for (int order = 0; order < 2; order++) {
		refuse();
		end(order ? &memory_end : &process_end);
		take_nothing();
		end(order ? &process_end : &memory_end);
		outcome = take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_ABORTED);
		assert_int_equal(outcome.end, OUTCOME_END_SIGNAL);
		assert_int_equal(outcome.end_code, SIGABRT);
		assert_int_equal(outcome.bytes_not_released, BYTES);
		assert_int_equal(sums().bytes, 0);
	}
	refuse();
	process_end.exit_code = 3 << 8;
	end(&process_end);
	end(&memory_end);
	assert_int_equal(take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_ABORTED).end_code, 3);
}

/* What looks like it and is not: it had called for something else, it was long ago, somebody else killed it. */
static void test_not_aborted(void **state)
{
	(void)state;
	process_end.exit_code = SIGKILL;
	refuse();
	end(&memory_end);
	end(&process_end);
	take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_UNKNOWN);
	process_end.exit_code = SIGABRT;
	refuse();
	paid.addr -= PAGE;
	paid.length_bytes = PAGE;
	pay();
	end(&memory_end);
	end(&process_end);
	take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_WENT_ON);
	refuse();
	process_end.header.time_ns = failure->header.time_ns + NSEC_PER_SEC + 1;
	end(&process_end);
	end(&memory_end);
	take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_WENT_ON);
	records_ended(END_EXIT, &process_end);
	refuse();
	end(&process_end);
	end(&memory_end);
	take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_WENT_ON);
	refuse();
	process_end.end = END_EXEC;
	end(&process_end);
	end(&memory_end);
	assert_int_equal(take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_WENT_ON).end, OUTCOME_END_EXEC);
}

/* A thread that fails does not go on because another one does. */
static void test_other_threads(void **state)
{
	(void)state;
	refuse();
	failure->process.tid++;
	failure->addr += BYTES;
	refuse();
	paid.addr -= PAGE;
	paid.length_bytes = PAGE;
	pay();
	process_end.exit_code = SIGABRT;
	end(&process_end);
	end(&memory_end);
	take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_ABORTED);
}

/* Memory that outlives the process that failed in it. */
static void test_shared_memory(void **state)
{
	struct outcome outcome;

	(void)state;
	failure->process.tgid = failure->process.tid = process_end.process.tgid = 77;
	refuse();
	end(&process_end);
	take_nothing();
	assert_int_equal(sums().bytes, BYTES);
	pay();
	assert_int_equal(take(OUTCOME_RETRIED_AND_FREED, BEHAVIOUR_RETRIED).process.tgid, 77);
	refuse();
	end(&process_end);
	/* How somebody else ended who used the memory says nothing of this one. */
	records_ended(END_EXIT, &process_end);
	process_end.exit_code = SIGABRT;
	end(&process_end);
	end(&memory_end);
	outcome = take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_WENT_ON);
	assert_int_equal(outcome.process.tgid, 77);
	assert_int_equal(outcome.end, OUTCOME_END_EXIT);
}

static void test_alive(void **state)
{
	struct event_ended tracing;

	(void)state;
	refuse();
	records_ended(END_TRACING, &tracing);
	end(&tracing);
	take_nothing();
	assert_int_equal(debts_finish(debts), 0);
	assert_int_equal(take(OUTCOME_NOT_FREED, BEHAVIOUR_UNKNOWN).bytes_not_released, BYTES);
	take_nothing();
	assert_int_equal(sums().bytes, BYTES);
	assert_int_equal(sums().by_kind[OUTCOME_NOT_FREED].debts, 1);
}

/* How the process ended is not waited for for ever. */
static void test_wait_for_the_process(void **state)
{
	(void)state;
	refuse();
	end(&memory_end);
	assert_int_equal(debts_sweep(debts, memory_end.header.time_ns + NSEC_PER_SEC - 1), 0);
	take_nothing();
	assert_int_equal(debts_sweep(debts, memory_end.header.time_ns + NSEC_PER_SEC), 0);
	assert_int_equal(take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_UNKNOWN).end, OUTCOME_END_UNKNOWN);
	refuse();
	end(&memory_end);
	assert_int_equal(debts_finish(debts), 0);
	take(OUTCOME_PROCESS_ENDED, BEHAVIOUR_UNKNOWN);
	take_nothing();
}

/* Whatever was lost of a memory makes what becomes of it unknown; of no other. */
static void test_lost(void **state)
{
	static const uint8_t lost[] = {0, DEBT_OPEN | DEBT_DOUBTFUL, DEBT_OPEN | DEBT_FAILURE_LOST,
				       DEBT_OPEN | DEBT_PAYMENT_LOST};

	(void)state;
	for (size_t i = 0; i < sizeof(lost); i++) {
		failure->debt = lost[i];
		assert_true(refuse().doubtful);
		pay();
		take(OUTCOME_UNKNOWN, BEHAVIOUR_RETRIED);
		failure->debt = DEBT_OPEN;
		assert_true(refuse().doubtful);
		end(&memory_end);
		end(&process_end);
		take(OUTCOME_UNKNOWN, BEHAVIOUR_WENT_ON);
		assert_false(refuse().doubtful);
		paid.debt = memory_end.debt = lost[i];
		end(&memory_end);
		end(&process_end);
		take(OUTCOME_UNKNOWN, BEHAVIOUR_WENT_ON);
		refuse();
		pay();
		take(OUTCOME_UNKNOWN, BEHAVIOUR_RETRIED);
		end(&memory_end);
		paid.debt = memory_end.debt = DEBT_OPEN;
	}
}

/* A payment of which the order is not sure counts where all that failed was the same thread's. */
static void test_uncertain(void **state)
{
	(void)state;
	paid.uncertain = 1;
	refuse();
	pay();
	take(OUTCOME_RETRIED_AND_FREED, BEHAVIOUR_RETRIED);
	failure->process.tid++;
	refuse();
	pay();
	assert_int_equal(debts_finish(debts), 0);
	take(OUTCOME_UNKNOWN, BEHAVIOUR_RETRIED);
}

/* A program that fails and frees all the time is told of once a second. */
static void test_not_too_often(void **state)
{
	struct outcome outcome;

	(void)state;
	for (int i = 0; i < 2500; i++) {
		failure->header.time_ns += MSEC;
		paid.header.time_ns = failure->header.time_ns;
		refuse();
		pay();
	}
	end(&memory_end);
	assert_int_equal(take(OUTCOME_RETRIED_AND_FREED, BEHAVIOUR_RETRIED).debts, 1);
	assert_int_equal(take(OUTCOME_RETRIED_AND_FREED, BEHAVIOUR_RETRIED).debts, 1000);
	assert_int_equal(take(OUTCOME_RETRIED_AND_FREED, BEHAVIOUR_RETRIED).debts, 1000);
	outcome = take(OUTCOME_RETRIED_AND_FREED, BEHAVIOUR_RETRIED);
	assert_int_equal(outcome.debts, 499);
	assert_int_equal(outcome.failures, 499);
	assert_int_equal(outcome.bytes_freed, 499 * BYTES);
	assert_int_equal(outcome.peak_bytes, BYTES);
	take_nothing();
	assert_int_equal(sums().by_kind[OUTCOME_RETRIED_AND_FREED].debts, 2500);
}

/* More memories than there is room for: those that are dropped are not known, and none is lost. */
static void test_many_memories(void **state)
{
	const uint64_t count = 5000;
	struct debt_sums now;

	(void)state;
	for (uint64_t i = 0; i < count; i++) {
		failure->process.mm++;
		refuse();
	}
	assert_int_equal(debts_finish(debts), 0);
	now = sums();
	assert_int_equal(now.by_kind[OUTCOME_UNKNOWN].debts + now.by_kind[OUTCOME_NOT_FREED].debts, count);
	assert_int_equal(now.by_kind[OUTCOME_NOT_FREED].debts, 4096);
	assert_int_equal(now.bytes, count * BYTES);
}

/* More ranges than there is room for: bounded, and not known. */
static void test_many_ranges(void **state)
{
	struct debt_now now = {};

	(void)state;
	failure->length_bytes = PAGE;
	for (int i = 0; i < (512 << 10) + 2; i++) {
		failure->addr += 2 * PAGE;
		now = refuse();
	}
	assert_true(now.doubtful);
	assert_int_equal(now.ranges, 512 << 10);
	end(&memory_end);
	end(&process_end);
	take(OUTCOME_UNKNOWN, BEHAVIOUR_WENT_ON);
	/* There is room again. */
	failure->process.mm++;
	assert_false(refuse().doubtful);
}

/* Of what no debt can be made, and what overflows. */
static void test_odd_records(void **state)
{
	(void)state;
	pay();
	end(&memory_end);
	end(&process_end);
	records_make_bad_request(failure);
	assert_int_equal(refuse().bytes, 0);
	records_failure(&full);
	failure->syscall = SYSCALL_NONE;
	assert_int_equal(refuse().bytes, 0);
	records_failure(&full);
	failure->length_bytes = UINT64_MAX - PAGE;
	assert_true(refuse().doubtful);
	failure->addr = UINT64_MAX;
	refuse();
	paid.addr = UINT64_MAX - PAGE;
	paid.length_bytes = UINT64_MAX;
	pay();
	memory_end.end = 77;
	memory_end.with_memory = 77;
	end(&memory_end);
	assert_int_equal(debts_finish(debts), 0);
	assert_int_equal(sums().by_kind[OUTCOME_UNKNOWN].debts, 1);
}

#define MODEL_PAGES 400

static bool owed[MODEL_PAGES];
static uint64_t random_state = 88172645463325252ULL;

/* xorshift64, of George Marsaglia: the same on every machine. */
static uint64_t next_random(uint64_t below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % below;
}

static uint64_t paint(uint64_t first, uint64_t count, bool value)
{
	uint64_t changed = 0;

	for (uint64_t i = first; i < first + count; i++) {
		changed += owed[i] != value;
		owed[i] = value;
	}
	return changed;
}

static void step_at_random(uint64_t *failed, uint64_t *freed, uint64_t *left)
{
	uint64_t first = next_random(MODEL_PAGES), count = 1 + next_random(next_random(4) ? 5 : MODEL_PAGES - 1);
	uint64_t changed;

	if (first + count > MODEL_PAGES)
		count = MODEL_PAGES - first;
	if (next_random(3)) {
		failure->addr = 0x10000000 + first * PAGE;
		failure->length_bytes = count * PAGE - next_random(PAGE);
		*failed += changed = paint(first, count, true);
		*left += changed;
		assert_int_equal(refuse().bytes, *left * PAGE);
	} else {
		paid.addr = 0x10000000 + first * PAGE;
		paid.length_bytes = count * PAGE;
		*freed += changed = paint(first, count, false);
		*left -= changed;
		pay();
	}
	assert_int_equal(sums().bytes, *left * PAGE);
}

/* Whatever fails and is paid, the sums are those of the pages, each once. */
static void test_at_random(void **state)
{
	uint64_t failed = 0, freed = 0, left = 0;
	uint64_t told_failed = 0, told_freed = 0, told_left = 0;
	struct outcome outcome;

	(void)state;
	for (int i = 0; i < 20000; i++)
		step_at_random(&failed, &freed, &left);
	end(&memory_end);
	end(&process_end);
	while (debts_take_outcome(debts, &outcome)) {
		told_failed += outcome.bytes_failed;
		told_freed += outcome.bytes_freed;
		told_left += outcome.bytes_not_released;
	}
	assert_int_equal(told_failed, failed * PAGE);
	assert_int_equal(told_freed, freed * PAGE);
	assert_int_equal(told_left, left * PAGE);
	assert_int_equal(sums().bytes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_retried_and_freed),
		TEST(test_freed_later),
		TEST(test_aborted),
		TEST(test_not_aborted),
		TEST(test_other_threads),
		TEST(test_shared_memory),
		TEST(test_alive),
		TEST(test_wait_for_the_process),
		TEST(test_lost),
		TEST(test_uncertain),
		TEST(test_not_too_often),
		TEST(test_many_memories),
		TEST(test_many_ranges),
		TEST(test_odd_records),
		TEST(test_at_random),
	};

	return cmocka_run_group_tests_name("debts", tests, NULL, NULL);
}
