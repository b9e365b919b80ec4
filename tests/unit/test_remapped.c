// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names while what is mapped changes: a child that maps one file, and then another, to the same address. Nobody tells of
 * it but the test, by the records that a hot process has. The asks are noted here and answered by hand, as the symbolizer would.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "model.h"
#include "modules_between.h"
#include "proc.h"
#include "records.h"

#define BYTES 4096

enum command { MAP_FIRST, MAP_SECOND, MAP_NEITHER };

static struct {
	char *addr;
	pid_t child;
	int to;
	int from;
	struct model *model;
	uint64_t second; /* of the test's own time: failures are that far apart */
} stage;

static struct {
	uint64_t id;
	char path[64]; /* of the module at the address, "": there is none */
	size_t count;
	size_t forgotten;
} asked;

static int note_ask(void *context, struct modules *modules, const struct raw_stack *raw, uint64_t id)
{
	const struct module *module = modules_find(modules, raw->addrs[0]);

	(void)context;
	snprintf(asked.path, sizeof(asked.path), "%s", module ? module->path : "");
	asked.id = id;
	asked.count++;
	return 0;
}

static void note_forgotten(void *context, const struct modules *modules)
{
	(void)context;
	assert_non_null(modules);
	asked.forgotten++;
}

static bool map_anew(int command, int first, int second)
{
	int fd = command == MAP_FIRST ? first : second;
	void *mapped;

	if (command == MAP_NEITHER)
		mapped = mmap(stage.addr, BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	else
		mapped = mmap(stage.addr, BYTES, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd, 0);
	return mapped == stage.addr;
}

/* Maps what it is told to, and says when that is done. */
static void obey(int commands, int answers)
{
	int first = memfd_create("first", MFD_CLOEXEC), second = memfd_create("second", MFD_CLOEXEC);
	char command;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (ftruncate(first, BYTES) || ftruncate(second, BYTES))
		_exit(1);
	while (read(commands, &command, 1) == 1)
		if (!map_anew(command, first, second) || write(answers, &command, 1) != 1)
			_exit(1);
	_exit(0);
}

static void tell(enum command command)
{
	char byte = (char)command;

	assert_int_equal(write(stage.to, &byte, 1), 1);
	assert_int_equal(read(stage.from, &byte, 1), 1);
}

static int set_up(void **state)
{
	const struct model_options options = {.live = true, .stacks = {.ask = note_ask}, .forget = note_forgotten};
	int commands[2], answers[2];

	(void)state;
	memset(&asked, 0, sizeof(asked));
	stage.second = 0;
	stage.addr = mmap(NULL, BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stage.addr == MAP_FAILED || pipe2(commands, O_CLOEXEC) || pipe2(answers, O_CLOEXEC))
		return 1;
	stage.child = fork();
	if (!stage.child) {
		close(commands[1]);
		obey(commands[0], answers[1]);
	}
	close(commands[0]);
	close(answers[1]);
	stage.to = commands[1];
	stage.from = answers[0];
	return model_new(&options, &stage.model);
}

static int tear_down(void **state)
{
	(void)state;
	model_free(stage.model);
	close(stage.to);
	close(stage.from);
	waitpid(stage.child, NULL, 0);
	return munmap(stage.addr, BYTES);
}

static void fill_child(struct event_process *process)
{
	process->tgid = process->tid = (uint32_t)stage.child;
	assert_int_equal(proc_read_start_ns(stage.child, (uint64_t *)&process->start_time_ns), 0);
}

static void fail_with_count(uint64_t time_ns, uint64_t key, uint32_t vma_count, struct model_failure *ret)
{
	static struct event_failure_full full; /* the failure refers to it */

	records_failure(&full);
	records_user_stack(&full, (uintptr_t)stage.addr + 64, 1);
	full.failure.stack_key = key;
	full.failure.header.time_ns = time_ns;
	full.failure.vma_count = vma_count;
	fill_child(&full.failure.process);
	assert_int_equal(model_failure(stage.model, &full.failure, ret), 0);
}

/* Because of the limit, and so of a hot process. */
static void fail_at(uint64_t time_ns, uint64_t key, struct model_failure *ret)
{
	fail_with_count(time_ns, key, RECORDS_LIMIT, ret);
}

static void note_mapped(uint64_t time_ns)
{
	struct event_mapped mapped;

	records_mapped(&mapped);
	mapped.header.time_ns = time_ns;
	fill_child(&mapped.process);
	assert_int_equal(model_mapped(stage.model, &mapped), 0);
}

static void note_hot(uint64_t time_ns)
{
	struct event_hot hot;

	records_hot(&hot);
	hot.header.time_ns = time_ns;
	fill_child(&hot.process);
	assert_int_equal(model_hot(stage.model, &hot), 0);
}

/* A failure in the code at the address. What may be spent on doubts is of one second: each is in another. */
static void fail_with_key(uint64_t key, struct model_failure *ret)
{
	fail_at(clock_now_ns(CLOCK_MONOTONIC) + 1000000000ULL * ++stage.second, key, ret);
}

/* As the symbolizer, which knows the files by the list that it was given only. */
static void answer(void)
{
	struct stack *stack = calloc(1, sizeof(*stack));

	assert_non_null(stack);
	stack->frames = calloc(1, sizeof(*stack->frames));
	assert_non_null(stack->frames);
	stack->count = 1;
	stack->frames[0].addr = (uintptr_t)stage.addr + 64;
	stack->frames[0].activation = true;
	stack->frames[0].module = *asked.path ? strdup(asked.path) : NULL;
	stack->frames[0].offset = *asked.path ? 64 : 0;
	stack->frames[0].reason = *asked.path ? "unreadable" : "no_module";
	model_answered(stage.model, asked.id, stack);
}

static const struct frame *frame_of(const struct model_failure *failure)
{
	assert_non_null(failure->user_stack->stack);
	return &failure->user_stack->stack->frames[0];
}

static void assert_asked(size_t count, const char *path)
{
	assert_int_equal(asked.count, count);
	assert_string_equal(asked.path, path);
}

#define FIRST  "/memfd:first (deleted)"
#define SECOND "/memfd:second (deleted)"

/* Which of the two it was at the failure cannot be known: neither's name is shown, and the next one is of the second. */
static void test_another_file_at_the_same_address(void **state)
{
	struct model_failure first, between, after, again;

	(void)state;
	tell(MAP_FIRST);
	fail_with_key(1, &first);
	assert_asked(1, FIRST);
	answer();
	tell(MAP_SECOND);
	fail_with_key(2, &between);
	assert_asked(2, MODULES_REPLACED);
	answer();
	assert_null(frame_of(&between)->module);
	assert_string_equal(frame_of(&between)->reason, "module_replaced");
	fail_with_key(3, &after);
	assert_asked(3, SECOND);
	/* The first list, and the one for the moment between the two. */
	assert_int_equal(asked.forgotten, 2);
	answer();
	/* The place that failed in between is asked for once more. */
	fail_with_key(2, &again);
	assert_asked(4, SECOND);
	answer();
	assert_string_equal(frame_of(&again)->module, SECOND);
	assert_null(frame_of(&between)->module);
	assert_string_equal(frame_of(&first)->module, FIRST);
	model_failure_fini(&first);
	model_failure_fini(&between);
	model_failure_fini(&after);
	model_failure_fini(&again);
}

/* Two that fail, and only then is there time to look: the second is no more known than the first. */
static void test_failures_that_were_waiting(void **state)
{
	struct model_failure first, failures[4];
	uint64_t time_ns;

	(void)state;
	tell(MAP_FIRST);
	fail_with_key(1, &first);
	answer();
	time_ns = clock_now_ns(CLOCK_MONOTONIC) + 5000000000ULL;
	tell(MAP_SECOND);
	fail_at(time_ns, 2, &failures[0]);
	fail_at(time_ns, 3, &failures[1]);
	assert_asked(3, MODULES_REPLACED);
	/* A place that is known from before is in the same case. */
	fail_at(time_ns, 1, &failures[2]);
	assert_asked(4, MODULES_REPLACED);
	fail_at(time_ns + 1, 4, &failures[3]);
	assert_asked(5, SECOND);
	model_failure_fini(&first);
	for (size_t i = 0; i < 4; i++)
		model_failure_fini(&failures[i]);
}

/* Without an answer neither name is shown either. */
static void test_given_up(void **state)
{
	struct model_failure first, between;

	(void)state;
	tell(MAP_FIRST);
	fail_with_key(1, &first);
	tell(MAP_SECOND);
	fail_with_key(2, &between);
	assert_int_equal(model_failure_give_up(&between, "symbolizer_busy"), 0);
	assert_null(frame_of(&between)->module);
	assert_string_equal(frame_of(&between)->reason, "module_replaced");
	model_failure_fini(&first);
	model_failure_fini(&between);
}

/* The old stack of a place is not shown once its file is known to be another. */
static void test_a_known_place(void **state)
{
	struct model_failure first, other, again, once_more;

	(void)state;
	tell(MAP_FIRST);
	fail_with_key(1, &first);
	answer();
	tell(MAP_SECOND);
	fail_with_key(2, &other);
	answer();
	fail_with_key(1, &again);
	assert_asked(3, SECOND);
	answer();
	assert_string_equal(frame_of(&again)->module, SECOND);
	assert_int_equal(model_failure_repeat_of(&again), 0);
	fail_with_key(1, &once_more);
	assert_int_equal(asked.count, 3);
	assert_int_equal(model_failure_repeat_of(&once_more), 3);
	model_failure_fini(&first);
	model_failure_fini(&other);
	model_failure_fini(&again);
	model_failure_fini(&once_more);
}

/* Mapped before and gone after: nothing else can have been called there. */
static void test_unmapped_behind_the_failure(void **state)
{
	struct model_failure first, between, after;

	(void)state;
	tell(MAP_FIRST);
	fail_with_key(1, &first);
	tell(MAP_NEITHER);
	fail_with_key(2, &between);
	assert_asked(2, FIRST);
	fail_with_key(3, &after);
	assert_asked(3, "");
	model_failure_fini(&first);
	model_failure_fini(&between);
	model_failure_fini(&after);
}

/* What was read again and is the same is not handed to the symbolizer anew. */
static void test_nothing_changed(void **state)
{
	struct model_failure failures[2];

	(void)state;
	tell(MAP_FIRST);
	fail_with_key(1, &failures[0]);
	fail_with_key(2, &failures[1]);
	assert_asked(2, FIRST);
	assert_ptr_equal(failures[0].modules, failures[1].modules);
	assert_int_equal(asked.forgotten, 0);
	model_failure_fini(&failures[0]);
	model_failure_fini(&failures[1]);
}

/* Between two readings that say the same, nothing was replaced. */
static void test_nothing_changed_since(void **state)
{
	struct model_failure first, between, after;
	uint64_t time_ns, later_ns;

	(void)state;
	tell(MAP_FIRST);
	fail_at(clock_now_ns(CLOCK_MONOTONIC), 1, &first);
	tell(MAP_SECOND);
	time_ns = clock_now_ns(CLOCK_MONOTONIC);
	fail_at(time_ns, 2, &between);
	assert_asked(2, MODULES_REPLACED);
	later_ns = clock_now_ns(CLOCK_MONOTONIC);
	note_mapped(time_ns);
	fail_at(later_ns, 3, &after);
	assert_asked(3, SECOND);
	model_failure_fini(&first);
	model_failure_fini(&between);
	model_failure_fini(&after);
}

#define MSEC_NS 1000000ULL

/* As long as it is hot it tells what it maps: this here, which was not told, is not looked for. */
static void test_watched(void **state)
{
	const uint64_t time_ns = clock_now_ns(CLOCK_MONOTONIC) + 1000 * MSEC_NS;
	struct model_failure failures[4];

	(void)state;
	tell(MAP_FIRST);
	note_mapped(time_ns);
	tell(MAP_SECOND);
	for (size_t i = 0; i < 3; i++) {
		fail_at(time_ns + (i + 1) * 60 * MSEC_NS, i + 1, &failures[i]);
		assert_asked(i + 1, FIRST);
	}
	note_mapped(time_ns + 200 * MSEC_NS);
	fail_at(time_ns + 210 * MSEC_NS, 4, &failures[3]);
	assert_asked(4, SECOND);
	for (size_t i = 0; i < 4; i++)
		model_failure_fini(&failures[i]);
}

/* It went below, mapped something else, of which it told nothing, and came back: shown by a gap between its records. */
static void test_watched_and_away(void **state)
{
	const uint64_t time_ns = clock_now_ns(CLOCK_MONOTONIC) + 1000 * MSEC_NS;
	struct model_failure failures[4];

	(void)state;
	tell(MAP_FIRST);
	note_mapped(time_ns);
	fail_at(time_ns + MSEC_NS, 1, &failures[0]);
	assert_asked(1, FIRST);
	answer();
	tell(MAP_SECOND);
	/* Which a failure at a known place only passes on. */
	fail_at(time_ns + 5000 * MSEC_NS, 1, &failures[1]);
	assert_int_equal(asked.count, 1);
	fail_at(time_ns + 5001 * MSEC_NS, 2, &failures[2]);
	assert_asked(2, MODULES_REPLACED);
	/* From then on it is trusted again. */
	tell(MAP_FIRST);
	fail_at(time_ns + 5002 * MSEC_NS, 3, &failures[3]);
	assert_asked(3, SECOND);
	for (size_t i = 0; i < 4; i++)
		model_failure_fini(&failures[i]);
}

/* The same, where a failure says that it is below. */
static void test_watched_and_below(void **state)
{
	const uint64_t time_ns = clock_now_ns(CLOCK_MONOTONIC) + 1000 * MSEC_NS;
	struct model_failure first, second;

	(void)state;
	tell(MAP_FIRST);
	note_mapped(time_ns);
	fail_at(time_ns + MSEC_NS, 1, &first);
	tell(MAP_SECOND);
	fail_with_count(time_ns + 2 * MSEC_NS, 2, 812, &second);
	assert_asked(2, MODULES_REPLACED);
	model_failure_fini(&first);
	model_failure_fini(&second);
}

/* Once anybody was heard to map code, all who get hot will be. */
static void test_hot_is_watched(void **state)
{
	const uint64_t time_ns = clock_now_ns(CLOCK_MONOTONIC) + 1000 * MSEC_NS;
	struct event_mapped anybody;
	struct model_failure failures[3];

	(void)state;
	tell(MAP_FIRST);
	note_hot(time_ns);
	fail_at(time_ns + MSEC_NS, 1, &failures[0]);
	assert_asked(1, FIRST);
	tell(MAP_SECOND);
	fail_at(time_ns + 2 * MSEC_NS, 2, &failures[1]);
	assert_asked(2, MODULES_REPLACED);
	records_mapped(&anybody);
	assert_int_equal(model_mapped(stage.model, &anybody), 0);
	note_hot(time_ns + 3 * MSEC_NS);
	/* What it had mapped before that is looked for once. */
	tell(MAP_FIRST);
	fail_at(time_ns + 4 * MSEC_NS, 3, &failures[2]);
	assert_asked(3, MODULES_REPLACED);
	model_failure_fini(&failures[2]);
	tell(MAP_SECOND);
	fail_at(time_ns + 5 * MSEC_NS, 4, &failures[2]);
	assert_asked(4, FIRST);
	for (size_t i = 0; i < 3; i++)
		model_failure_fini(&failures[i]);
}

/* What was lost may have been what it told: once it is read anew. */
static void test_losses(void **state)
{
	const uint64_t time_ns = clock_now_ns(CLOCK_MONOTONIC) + 1000 * MSEC_NS;
	struct model_failure failures[3];

	(void)state;
	tell(MAP_FIRST);
	note_mapped(time_ns);
	fail_at(time_ns + MSEC_NS, 1, &failures[0]);
	tell(MAP_SECOND);
	model_note_losses(stage.model);
	fail_at(time_ns + 2 * MSEC_NS, 2, &failures[1]);
	assert_asked(2, MODULES_REPLACED);
	tell(MAP_FIRST);
	fail_at(time_ns + 3 * MSEC_NS, 3, &failures[2]);
	assert_asked(3, SECOND);
	for (size_t i = 0; i < 3; i++)
		model_failure_fini(&failures[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_another_file_at_the_same_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_failures_that_were_waiting, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_given_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_a_known_place, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unmapped_behind_the_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_changed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_changed_since, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watched_and_away, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watched_and_below, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hot_is_watched, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_losses, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("remapped", tests, NULL, NULL);
}
