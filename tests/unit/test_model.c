// SPDX-License-Identifier: GPL-2.0-or-later
/* What a failure is in the light of those before it, as a replay sees it: nothing here looks at a living process. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <seccomp.h>

#include "../../bpf/verdict.h"
#include "model.h"
#include "records.h"

#define BYTES (33 * RECORDS_PAGE_BYTES)

static struct model *make(void)
{
	const struct model_options options = {
		.realtime_offset_ns = RECORDS_REALTIME_OFFSET_NS,
		.boottime_offset_ns = RECORDS_BOOTTIME_OFFSET_NS,
	};
	struct model *model = NULL;

	assert_int_equal(model_new(&options, &model), 0);
	return model;
}

/* The numbers alone, for tests that are about them. */
struct numbers {
	uint64_t number, owed_bytes, owed_ranges, repeat_of;
};

static struct numbers add(struct model *model, const struct event_failure_full *full)
{
	struct model_failure failure;
	struct numbers numbers;

	assert_int_equal(model_failure(model, &full->failure, &failure), 0);
	numbers = (struct numbers){failure.number, failure.owed.bytes, failure.owed.ranges,
				   model_failure_repeat_of(&failure)};
	model_failure_fini(&failure);
	return numbers;
}

static void test_what_the_record_says(void **state)
{
	struct model *model = make();
	struct event_failure_full full;
	struct model_failure failure;

	(void)state;
	records_failure(&full);
	full.failure.vma.kind = VMA_FILE;
	assert_int_equal(model_failure(model, &full.failure, &failure), 0);
	assert_ptr_equal(failure.raw, &full.failure);
	assert_int_equal(failure.time_ns, 1795269802114000000ULL);
	assert_int_equal(failure.start_time_ns, RECORDS_BOOTTIME_OFFSET_NS + 3999000000000LL);
	assert_int_equal(failure.bytes, BYTES);
	assert_int_equal(failure.number, 1);
	assert_int_equal(model_failure_repeat_of(&failure), 0);
	/* What only the living process could tell. */
	assert_null(failure.exe);
	assert_null(failure.cgroup);
	assert_null(failure.vma_path);
	model_failure_fini(&failure);
	model_free(model);
	model_free(NULL);
}

static void test_clock(void **state)
{
	struct model *model = make();
	struct event_failure_full full;
	struct model_failure failure;

	(void)state;
	assert_int_equal(model_realtime_ns(model, 7), RECORDS_REALTIME_OFFSET_NS + 7);
	model_set_clock(model, -5);
	assert_int_equal(model_realtime_ns(model, 7), 2);
	records_failure(&full);
	assert_int_equal(model_failure(model, &full.failure, &failure), 0);
	assert_int_equal(failure.time_ns, full.failure.header.time_ns - 5);
	model_failure_fini(&failure);
	model_free(model);
}

static void test_numbers_are_of_the_process(void **state)
{
	struct model *model = make();
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	for (uint64_t i = 1; i <= 5; i++) {
		assert_int_equal(add(model, &full).number, i);
		full.failure.process.tid++; /* another thread counts on */
	}
	full.failure.process.tgid++;
	assert_int_equal(add(model, &full).number, 1);
	full.failure.process.tgid--;
	assert_int_equal(add(model, &full).number, 6);
	full.failure.process.exec_id++;
	assert_int_equal(add(model, &full).number, 1);
	full.failure.process.start_time_ns++; /* the PID was used again */
	assert_int_equal(add(model, &full).number, 1);
	full.failure.process.mm++; /* what the key of its memory is does not matter */
	assert_int_equal(add(model, &full).number, 2);
	model_free(model);
}

/* Each page once, whoever of those who share the memory failed. */
static void test_bytes_are_a_union(void **state)
{
	struct model *model = make();
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	assert_int_equal(add(model, &full).owed_bytes, BYTES);
	assert_int_equal(add(model, &full).owed_bytes, BYTES);
	full.failure.length_bytes = 1;
	assert_int_equal(add(model, &full).owed_bytes, BYTES);
	full.failure.addr += BYTES + RECORDS_PAGE_BYTES;
	full.failure.process.tgid++;
	assert_int_equal(add(model, &full).owed_bytes, BYTES + RECORDS_PAGE_BYTES);
	records_make_bad_request(&full.failure); /* which left nothing behind */
	assert_int_equal(add(model, &full).owed_bytes, BYTES + RECORDS_PAGE_BYTES);
	assert_int_equal(add(model, &full).owed_ranges, 2);
	records_failure(&full);
	full.failure.process.exec_id++;
	full.failure.process.mm++;
	assert_int_equal(add(model, &full).owed_bytes, BYTES);
	model_free(model);
}

static void test_repeats(void **state)
{
	struct model *model = make();
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	assert_int_equal(add(model, &full).repeat_of, 0);
	assert_int_equal(add(model, &full).repeat_of, 1);
	records_user_stack(&full, 0x1000, 4);
	assert_int_equal(add(model, &full).repeat_of, 0);
	assert_int_equal(add(model, &full).repeat_of, 3);
	/* A stack that begins alike is another one. */
	records_user_stack(&full, 0x1000, 3);
	assert_int_equal(add(model, &full).repeat_of, 0);
	/* The kernel's side of it makes no difference. */
	records_kernel_stack(&full, 0x2000, 1);
	assert_int_equal(add(model, &full).repeat_of, 5);
	/* No stack is no repetition of no stack. */
	records_user_stack(&full, 0, 0);
	assert_int_equal(add(model, &full).repeat_of, 0);
	assert_int_equal(add(model, &full).repeat_of, 0);
	/* Another exec knows nothing of it: its key is another. */
	records_failure(&full);
	full.failure.process.exec_id++;
	full.failure.stack_key++;
	assert_int_equal(add(model, &full).repeat_of, 0);
	model_free(model);
}

/* Beyond those that are remembered a stack is shown again each time: nothing is claimed that is not so. */
static void test_more_stacks_than_are_remembered(void **state)
{
	struct model *model = make();
	struct event_failure_full full;
	uint64_t known = 0;

	(void)state;
	records_failure(&full);
	for (uint64_t i = 0; i < 2000; i++) {
		records_user_stack(&full, 0x1000 + i * 0x1000, 4);
		assert_int_equal(add(model, &full).repeat_of, 0);
	}
	/* The last 1024 of them are. */
	for (uint64_t i = 2000 - 1024; i < 2000; i++) {
		struct numbers numbers;

		records_user_stack(&full, 0x1000 + i * 0x1000, 4);
		numbers = add(model, &full);
		assert_true(numbers.repeat_of == 0 || numbers.repeat_of == i + 1);
		known += numbers.repeat_of != 0;
	}
	assert_true(known == 1024);
	model_free(model);
}

static void test_user_stack(void **state)
{
	struct model *model = make();
	struct event_failure_full full;
	struct model_failure failure;

	(void)state;
	records_failure(&full);
	assert_int_equal(model_failure(model, &full.failure, &failure), 0);
	assert_int_equal(failure.user_stack->stack->count, 4);
	assert_int_equal(failure.user_stack->stack->frames[0].addr, full.user_stack[0]);
	assert_int_equal(failure.user_stack->stack->frames[3].addr, full.user_stack[3]);
	assert_null(failure.user_stack->stack->frames[0].symbol);
	assert_string_equal(failure.user_stack->stack->frames[0].reason, "process_gone");
	assert_false(failure.user_stack->stack->truncated);
	model_failure_fini(&failure);
	/* As deep as the kernel's room for it. */
	records_user_stack(&full, 0x1000, EVENT_USER_FRAMES_MAX);
	assert_int_equal(model_failure(model, &full.failure, &failure), 0);
	assert_int_equal(failure.user_stack->stack->count, EVENT_USER_FRAMES_MAX);
	assert_true(failure.user_stack->stack->truncated);
	model_failure_fini(&failure);
	model_free(model);
}

static void test_stacks_that_are_not_there(void **state)
{
	struct model *model = make();
	struct event_failure_full full;
	struct model_failure failure;

	(void)state;
	records_failure(&full);
	records_user_stack(&full, 0, 0);
	records_kernel_stack(&full, 0, 0);
	/* Not asked for. */
	assert_int_equal(model_failure(model, &full.failure, &failure), 0);
	assert_null(failure.user_stack);
	assert_null(failure.kernel_stack);
	model_failure_fini(&failure);
	/* Asked for, and not to be had. */
	full.failure.stack_key = 1;
	full.failure.user_stack_error = -EFAULT;
	full.failure.kernel_stack_error = -EEXIST;
	assert_int_equal(model_failure(model, &full.failure, &failure), 0);
	assert_int_equal(failure.user_stack->stack->count, 0);
	assert_string_equal(failure.user_stack->stack->reason, "no_user_stack");
	assert_int_equal(failure.kernel_stack->count, 0);
	assert_string_equal(failure.kernel_stack->reason, "capture_failed");
	model_failure_fini(&failure);
	model_free(model);
}

static void test_kernel_stack(void **state)
{
	struct model *model = make();
	struct event_failure_full full;
	struct model_failure failure;

	(void)state;
	records_failure(&full);
	assert_int_equal(model_failure(model, &full.failure, &failure), 0);
	assert_int_equal(failure.kernel_stack->count, 4);
	assert_int_equal(failure.kernel_stack->frames[0].addr, full.kernel_stack[0]);
	/* This machine's kernel symbols say nothing of the one that was captured. */
	assert_null(failure.kernel_stack->frames[0].symbol);
	model_failure_fini(&failure);
	model_free(model);
}

static void test_hot(void **state)
{
	struct model *model = make();
	struct event_failure_full full;
	struct event_hot hot;

	(void)state;
	records_hot(&hot);
	assert_int_equal(model_hot(model, &hot), 0);
	assert_int_equal(model_hot(model, &hot), 0);
	/* It is no failure. */
	records_failure(&full);
	assert_int_equal(add(model, &full).number, 1);
	model_free(model);
}

/* Whatever has its id now is a stranger: who opens anything here is killed. */
static void replay_without_files(void)
{
	struct model *model = make();
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	struct event_failure_full full;
	struct event_mapped mapped;
	struct event_hot hot;

	records_failure(&full);
	records_hot(&hot);
	records_mapped(&mapped);
	records_kernel_stack(&full, 0, 0); /* its names are looked for in an empty file */
	full.failure.vma.kind = VMA_FILE;
	full.failure.process.tgid = full.failure.process.tid = (uint32_t)getpid();
	hot.process = mapped.process = full.failure.process;
	if (!filter || seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(open), 0) ||
	    seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(openat), 0) ||
	    seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(openat2), 0) ||
	    seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(readlink), 0) ||
	    seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, SCMP_SYS(readlinkat), 0) || seccomp_load(filter))
		_exit(1);
	model_hot(model, &hot);
	model_mapped(model, &mapped);
	add(model, &full);
	add(model, &full);
	_exit(0);
}

static void test_a_replay_opens_nothing(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (!child)
		replay_without_files();
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* More processes than are kept: the least recently used are forgotten, the others are not. */
static void test_very_many_processes(void **state)
{
	enum { PROCESSES = 20000 }; /* 16384 are kept */
	struct model *model = make();
	struct event_failure_full full;
	struct event_hot hot;

	(void)state;
	records_failure(&full);
	records_hot(&hot);
	for (uint32_t tgid = 1; tgid <= PROCESSES; tgid++) {
		hot.process.tgid = full.failure.process.tgid = tgid;
		assert_int_equal(model_hot(model, &hot), 0);
		if (tgid == 1 || tgid == 2)
			add(model, &full);
		/* The second stays in use. */
		hot.process.tgid = 2;
		model_hot(model, &hot);
	}
	full.failure.process.tgid = 2;
	assert_int_equal(add(model, &full).number, 2);
	full.failure.process.tgid = 1;
	assert_int_equal(add(model, &full).number, 1);
	model_free(model);
}

/* Read for the 1st, 2nd, 4th, 8th ... failure, and for each warning. */
static void test_when_origins_are_read(void **state)
{
	struct model *model = make();
	struct event_failure_full full;
	struct event_limit limit;
	struct event_near near;
	struct event event = {.kind = EVENT_FAILURE, .failure = &full.failure};

	(void)state;
	records_failure(&full);
	for (uint64_t number = 1; number <= 40; number++) {
		assert_int_equal(model_wants_origins(model, &event), !(number & (number - 1)));
		assert_int_equal(add(model, &full).number, number);
	}
	records_near(&near);
	event = (struct event){.kind = EVENT_NEAR, .near = &near};
	assert_true(model_wants_origins(model, &event));
	records_limit(1, 2, &limit);
	event = (struct event){.kind = EVENT_LIMIT, .limit = &limit};
	assert_false(model_wants_origins(model, &event));
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_the_record_says),
		cmocka_unit_test(test_when_origins_are_read),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_numbers_are_of_the_process),
		cmocka_unit_test(test_bytes_are_a_union),
		cmocka_unit_test(test_repeats),
		cmocka_unit_test(test_more_stacks_than_are_remembered),
		cmocka_unit_test(test_user_stack),
		cmocka_unit_test(test_stacks_that_are_not_there),
		cmocka_unit_test(test_kernel_stack),
		cmocka_unit_test(test_hot),
		cmocka_unit_test(test_a_replay_opens_nothing),
		cmocka_unit_test(test_very_many_processes),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
