/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_symbolizer_client.c: the tracer's end of the symbolizer's process against the real process, and against ones that
 * misbehave: this program, started again, is either. Which one it is stands in a file that bears the parent's PID.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"
#include "sandbox.h"
#include "symbolizer_child.h"
#include "symbolizer_client.h"
#include "symbolizer_wire.h"

#define MSEC	    1000000ULL
#define DEADLINE_NS (300 * MSEC)
#define ANSWERS_MAX 2048

struct answers {
	struct symbolizer_client *client;
	size_t count;
	uint64_t ids[ANSWERS_MAX];
	struct stack *last;
	struct modules *again; /* ask once more from within an answer */
};

static void answered(void *context, uint64_t id, struct stack *stack)
{
	struct answers *answers = context;

	assert_non_null(stack);
	assert_true(answers->count < ANSWERS_MAX);
	answers->ids[answers->count++] = id;
	stack_free(answers->last);
	answers->last = stack;
}

/* ---- the processes that this program is when it is started again ---- */

static void fake_path(char path[64], pid_t parent)
{
	snprintf(path, 64, "/tmp/test_symbolizer_client.%d", parent);
}

/* The next process is to be `kind`; NULL: the real one. */
static void start_as(const char *kind)
{
	char path[64];
	FILE *file;

	fake_path(path, getpid());
	if (!kind) {
		unlink(path);
		return;
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(kind, file);
	fclose(file);
}

static void say_number(enum wire_type type, uint64_t number)
{
	struct wire_buffer buffer = {};
	size_t sent = 0;

	if (wire_encode_number(&buffer, number) || wire_send(SYMBOLIZER_CHILD_SOCKET, type, &buffer, -1, &sent))
		_exit(1);
	wire_buffer_fini(&buffer);
}

static void say_names(enum wire_type type, uint64_t id)
{
	struct frame frame = {.addr = 0x1234, .method = METHOD_CFI, .symbol = (char *)"named"};
	struct stack stack = {.frames = &frame, .count = 1, .method = METHOD_CFI};
	struct wire_buffer buffer = {};
	size_t sent = 0;

	if (wire_encode_stack(&buffer, id, &stack) || wire_send(SYMBOLIZER_CHILD_SOCKET, type, &buffer, -1, &sent))
		_exit(1);
	wire_buffer_fini(&buffer);
}

static void spin(void)
{
	for (;;)
		pause();
}

/* What each kind does when it is asked. */
static void misbehave(const char *kind, uint64_t id)
{
	if (!strcmp(kind, "spins"))
		spin();
	if (!strcmp(kind, "spins in a file")) {
		struct symbolizer_child_page *page =
			mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, SYMBOLIZER_CHILD_PAGE, 0);

		page->module = 1;
		spin();
	}
	if (!strcmp(kind, "names and spins")) {
		say_names(WIRE_NAMES, id);
		spin();
	}
	if (!strcmp(kind, "crashes")) {
		raise(SIGSEGV);
		_exit(3);
	}
	if (!strcmp(kind, "answers another")) {
		say_names(WIRE_STACK, id + 1);
		spin();
	}
	if (!strcmp(kind, "talks garbage")) {
		say_number(WIRE_STACK, id);
		spin();
	}
	if (!strcmp(kind, "names twice")) {
		say_names(WIRE_NAMES, id);
		say_names(WIRE_NAMES, id);
		spin();
	}
	if (!strcmp(kind, "wants garbage")) {
		say_number(WIRE_WANT_DEBUG_FILE, id);
		spin();
	}
	if (!strcmp(kind, "closes its socket")) {
		close(SYMBOLIZER_CHILD_SOCKET);
		spin();
	}
}

static int fake_process(const char *kind)
{
	struct wire_receiver receiver;
	struct wire_message message;
	struct wire_ask ask;

	if (!strcmp(kind, "dies at once"))
		return 1;
	if (!strcmp(kind, "answers unasked"))
		say_names(WIRE_STACK, 1);
	if (wire_receiver_init(&receiver))
		return 1;
	say_number(WIRE_READY, 0);
	while (!wire_receive(&receiver, SYMBOLIZER_CHILD_SOCKET, &message)) {
		if (message.type == WIRE_ASK && !wire_decode_ask(message.bytes, message.size, &ask))
			misbehave(kind, ask.id);
	}
	return 1;
}

/* A crash of these is no finding: no report of it. */
static int be_a_process(int argc, char **argv)
{
	char path[64], kind[64] = "";
	FILE *file;

	fake_path(path, getppid());
	file = fopen(path, "r");
	if (!file)
		return cmd_symbolizer_child(argc, argv);
	if (!fgets(kind, sizeof(kind), file))
		_exit(2);
	fclose(file);
	signal(SIGSEGV, SIG_DFL);
	_exit(fake_process(kind));
}

/* ---- what the tests share ---- */

static struct symbolizer_client *make(struct answers *answers, const char *kind)
{
	const struct symbolizer_client_options options = {
		.deadline_ns = DEADLINE_NS, .answered = answered, .context = answers};

	*answers = (struct answers){};
	start_as(kind);
	assert_int_equal(symbolizer_client_new(&options, &answers->client), 0);
	return answers->client;
}

static void fini(struct answers *answers)
{
	symbolizer_client_free(answers->client);
	stack_free(answers->last);
	start_as(NULL);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void dispatch_once(struct answers *answers)
{
	struct pollfd ready = {.fd = symbolizer_client_fd(answers->client), .events = POLLIN};

	assert_int_equal(poll(&ready, 1, 30000), 1);
	assert_int_equal(symbolizer_client_dispatch(answers->client), 0);
}

static void wait_for_answers(struct answers *answers, size_t count)
{
	while (answers->count < count)
		dispatch_once(answers);
	assert_int_equal(answers->count, count);
}

static struct modules *own_modules(void)
{
	struct modules *modules;

	assert_int_equal(modules_read(getpid(), &modules), 0);
	return modules;
}

static void ask(struct answers *answers, struct modules *modules, uint64_t id)
{
	const uint64_t addrs[] = {(uintptr_t)ask + 4, (uintptr_t)wait_for_answers + 4};
	const struct raw_stack raw = {.addrs = addrs, .count = 2, .capacity = 127};

	assert_int_equal(symbolizer_client_ask(answers->client, modules, &raw, id), 0);
}

static struct symbolizer_client_counts counts_of(const struct answers *answers)
{
	struct symbolizer_client_counts counts;

	symbolizer_client_read_counts(answers->client, &counts);
	return counts;
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* ---- the real process ---- */

static void names_from_within_the_sandbox(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();

	(void)state;
	make(&answers, NULL);
	ask(&answers, modules, 7);
	assert_int_equal(answers.count, 0);
	assert_int_equal(symbolizer_client_outstanding(answers.client), 1);
	wait_for_answers(&answers, 1);
	assert_int_equal(answers.ids[0], 7);
	assert_string_equal(answers.last->frames[0].symbol, "ask");
	assert_int_equal(answers.last->frames[0].symbol_offset, 4);
	assert_string_equal(answers.last->frames[1].symbol, "wait_for_answers");
	assert_int_equal(symbolizer_client_outstanding(answers.client), 0);
	ask(&answers, NULL, 8);
	wait_for_answers(&answers, 2);
	assert_string_equal(answers.last->frames[0].reason, "process_gone");
	modules_free(modules);
	fini(&answers);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_from_within_the_sandbox),
	};

	if (argc == 2 && !strcmp(argv[1], SYMBOLIZER_CHILD_WORD))
		return be_a_process(argc - 1, argv + 1);
	return cmocka_run_group_tests_name("symbolizer_client", tests, NULL, NULL);
}
