/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_symbolizer_client.c: the tracer's end of the symbolizer's process against the real process, and against ones that
 * misbehave: this program, started again, is either. Which one it is stands in a file that bears the parent's PID.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
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
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cleanup.h"
#include "clock.h"
#include "debuginfod.h"
#include "sandbox.h"
#include "symbolizer_child.h"
#include "symbolizer_client.h"
#include "symbolizer_wire.h"

#define MSEC	    1000000ULL
#define DEADLINE_NS (300 * MSEC)
#define LONG_NS	    (60000 * MSEC) /* for a process that is to answer, however busy the machine is */
#define ANSWERS_MAX 2048

static bool no_memory;

/* In the place of the C library's: there is none when a test says so. */
void *calloc(size_t count, size_t size)
{
	size_t bytes;
	void *memory = NULL;

	if (!no_memory && !__builtin_mul_overflow(count, size, &bytes))
		memory = malloc(bytes);
	return memory ? memset(memory, 0, bytes) : NULL;
}

struct answers {
	struct symbolizer_client *client;
	size_t count;
	uint64_t ids[ANSWERS_MAX];
	struct stack *last;
	size_t more; /* so many asks are made from within answers */
};

static void answered(void *context, uint64_t id, struct stack *stack)
{
	const struct raw_stack raw = {.error = -EFAULT};
	struct answers *answers = context;
	size_t before = answers->count;

	assert_non_null(stack);
	assert_true(answers->count < ANSWERS_MAX);
	answers->ids[answers->count++] = id;
	stack_free(answers->last);
	answers->last = stack;
	if (!answers->more)
		return;
	answers->more--;
	assert_int_equal(symbolizer_client_ask(answers->client, NULL, &raw, id + 1), 0);
	assert_int_equal(answers->count, before + 1);
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

static void encode_named(struct wire_buffer *buffer, uint64_t id)
{
	struct frame frame = {.addr = 0x1234, .method = METHOD_CFI, .symbol = (char *)"named"};
	const struct stack stack = {.frames = &frame, .count = 1, .method = METHOD_CFI};

	if (wire_encode_stack(buffer, id, &stack))
		_exit(1);
}

static void say_stack(uint64_t id)
{
	struct wire_buffer buffer = {};
	size_t sent = 0;

	encode_named(&buffer, id);
	if (wire_send(SYMBOLIZER_CHILD_SOCKET, WIRE_STACK, &buffer, -1, &sent))
		_exit(1);
	wire_buffer_fini(&buffer);
}

static struct symbolizer_child_page *map_page(void)
{
	void *page = mmap(NULL, sizeof(struct symbolizer_child_page), PROT_READ | PROT_WRITE, MAP_SHARED,
			  SYMBOLIZER_CHILD_PAGE, 0);

	if (page == MAP_FAILED)
		_exit(1);
	return page;
}

static void show_names(uint64_t id, size_t size_claimed)
{
	struct symbolizer_child_page *page = map_page();
	struct wire_buffer buffer = {};

	encode_named(&buffer, id);
	memcpy(page->names, buffer.bytes, buffer.size);
	page->names_size = size_claimed ?: buffer.size;
	wire_buffer_fini(&buffer);
}

static void want_file(uint64_t space, uint32_t module)
{
	const struct wire_want want = {.kind = DEBUG_FILE_BY_BUILD_ID,
				       .sequence = 1,
				       .space = space,
				       .module = module,
				       .name = (char *)"abcd"};
	struct wire_buffer buffer = {};
	size_t sent = 0;

	if (wire_encode_want(&buffer, &want) ||
	    wire_send(SYMBOLIZER_CHILD_SOCKET, WIRE_WANT_DEBUG_FILE, &buffer, -1, &sent))
		_exit(1);
	wire_buffer_fini(&buffer);
}

/* What each kind does when it is asked. */
static void misbehave(const char *kind, const struct wire_ask *ask)
{
	if (!strcmp(kind, "spins in a file"))
		map_page()->module = 1;
	if (!strcmp(kind, "is stopped in a file")) {
		map_page()->module = 1;
		raise(SIGSTOP);
	}
	if (!strcmp(kind, "wants a CPU in a file")) {
		map_page()->module = 1;
		for (;;)
			__asm__ volatile("");
	}
	if (!strcmp(kind, "lies about the file it spins in"))
		map_page()->module = UINT32_MAX;
	if (!strcmp(kind, "names and spins"))
		show_names(ask->id, 0);
	if (!strcmp(kind, "names another and spins"))
		show_names(ask->id + 1, 0);
	if (!strcmp(kind, "lies about names and spins"))
		show_names(ask->id, UINT32_MAX);
	if (!strcmp(kind, "cuts names and spins"))
		show_names(ask->id, 16);
	if (!strcmp(kind, "crashes"))
		raise(SIGSEGV);
	if (!strcmp(kind, "answers another"))
		say_stack(ask->id + 1);
	if (!strcmp(kind, "answers garbage"))
		say_number(WIRE_STACK, ask->id);
	if (!strcmp(kind, "is ready twice"))
		say_number(WIRE_READY, 0);
	if (!strcmp(kind, "sends what we send"))
		say_number(WIRE_DROP_FILE, 0);
	if (!strcmp(kind, "wants garbage"))
		say_number(WIRE_WANT_DEBUG_FILE, ask->id);
	if (!strcmp(kind, "wants of no module"))
		want_file(ask->space, 4095);
	if (!strcmp(kind, "wants of another space"))
		want_file(ask->space + 1, 0);
	if (!strcmp(kind, "sends no message"))
		send(SYMBOLIZER_CHILD_SOCKET, "x", 1, 0);
	if (!strcmp(kind, "waits for a debug file")) {
		show_names(ask->id, 0);
		want_file(ask->space, 0);
		return;
	}
	if (!strcmp(kind, "closes its socket"))
		close(SYMBOLIZER_CHILD_SOCKET);
	for (;;)
		pause();
}

static int fake_process(const char *kind)
{
	struct wire_receiver receiver;
	struct wire_message message;
	struct wire_ask ask = {};

	if (!strcmp(kind, "dies at once"))
		return 1;
	if (!strcmp(kind, "answers unasked"))
		say_stack(1);
	if (wire_receiver_init(&receiver))
		return 1;
	say_number(WIRE_READY, 0);
	while (!wire_receive(&receiver, SYMBOLIZER_CHILD_SOCKET, &message)) {
		if (message.type == WIRE_ASK && !wire_decode_ask(message.bytes, message.size, &ask))
			misbehave(kind, &ask);
		if (message.type == WIRE_DEBUG_FILE)
			say_stack(ask.id);
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

/* What failed is left alone for `pause_ns`; 0: for longer than a test takes. */
static struct symbolizer_client *make_pausing(struct answers *answers, const char *kind, uint64_t deadline_ns,
					      uint64_t pause_ns)
{
	const struct symbolizer_client_options options = {
		.deadline_ns = deadline_ns, .pause_ns = pause_ns, .answered = answered, .context = answers};

	*answers = (struct answers){};
	start_as(kind);
	assert_int_equal(symbolizer_client_new(&options, &answers->client), 0);
	return answers->client;
}

static struct symbolizer_client *make_with(struct answers *answers, const char *kind, uint64_t deadline_ns)
{
	return make_pausing(answers, kind, deadline_ns, 0);
}

static struct symbolizer_client_counts counts_of(const struct answers *answers)
{
	struct symbolizer_client_counts counts;

	symbolizer_client_read_counts(answers->client, &counts);
	return counts;
}

static struct symbolizer_client *make(struct answers *answers, const char *kind)
{
	return make_with(answers, kind, kind ? DEADLINE_NS : LONG_NS);
}

static void fini(struct answers *answers)
{
	if (answers->client) {
		assert_int_equal(symbolizer_client_outstanding(answers->client), 0);
		assert_int_equal(counts_of(answers).asked, answers->count);
	}
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

/* At least so many: one dispatch may have several. */
static void wait_for_answers(struct answers *answers, size_t count)
{
	while (answers->count < count)
		dispatch_once(answers);
}

static struct modules *own_modules(void)
{
	struct modules *modules;

	assert_int_equal(modules_read(getpid(), &modules), 0);
	return modules;
}

/* The last answer is the one that the real process gives to ask(). */
static void assert_named(const struct answers *answers)
{
	assert_non_null(answers->last->frames[0].symbol);
	assert_string_equal(answers->last->frames[0].symbol, "ask");
}

static void ask(struct answers *answers, struct modules *modules, uint64_t id)
{
	const uint64_t addrs[] = {(uintptr_t)ask + 4, (uintptr_t)wait_for_answers + 4};
	const struct raw_stack raw = {.addrs = addrs, .count = 2, .capacity = 127};

	assert_int_equal(symbolizer_client_ask(answers->client, modules, &raw, id), 0);
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
	assert_named(&answers);
	assert_int_equal(answers.last->frames[0].symbol_offset, 4);
	assert_string_equal(answers.last->frames[1].symbol, "wait_for_answers");
	assert_int_equal(symbolizer_client_outstanding(answers.client), 0);
	ask(&answers, NULL, 8);
	wait_for_answers(&answers, 2);
	assert_string_equal(answers.last->frames[0].reason, "process_gone");
	modules_free(modules);
	fini(&answers);
}

static void answers_in_order(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();

	(void)state;
	make(&answers, NULL);
	for (int i = 0; i < 100; i++)
		ask(&answers, modules, i);
	wait_for_answers(&answers, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(answers.ids[i], i);
	/* One from within each answer, up to the last. */
	answers.more = 10;
	ask(&answers, modules, 1000);
	wait_for_answers(&answers, 111);
	assert_int_equal(answers.ids[110], 1010);
	assert_string_equal(answers.last->reason, "no_user_stack");
	assert_int_equal(counts_of(&answers).asked, 111);
	assert_int_equal(counts_of(&answers).lost, 0);
	modules_free(modules);
	fini(&answers);
}

/* Each file goes over once, however many processes it is in. */
static void hands_files_over_once(void **state)
{
	struct answers answers;
	struct modules *first = own_modules(), *second = own_modules();
	uint64_t files;

	(void)state;
	make(&answers, NULL);
	ask(&answers, first, 1);
	wait_for_answers(&answers, 1);
	files = counts_of(&answers).files;
	assert_true(files >= 3);
	ask(&answers, second, 2);
	wait_for_answers(&answers, 2);
	assert_int_equal(counts_of(&answers).files, files);
	symbolizer_client_forget(answers.client, first);
	ask(&answers, second, 3);
	wait_for_answers(&answers, 3);
	assert_named(&answers);
	symbolizer_client_forget(answers.client, second);
	ask(&answers, first, 4);
	wait_for_answers(&answers, 4);
	assert_named(&answers);
	assert_int_equal(counts_of(&answers).files, 2 * files);
	modules_free(first);
	modules_free(second);
	fini(&answers);
}

static void leaks_no_descriptor(void **state)
{
	struct answers answers;
	int before = open_fds(), running;

	(void)state;
	make(&answers, NULL);
	running = open_fds();
	for (int i = 0; i < 1000; i++) {
		struct modules *modules = own_modules();

		ask(&answers, modules, i);
		wait_for_answers(&answers, i + 1);
		assert_named(&answers);
		symbolizer_client_forget(answers.client, modules);
		modules_free(modules);
	}
	assert_int_equal(open_fds(), running);
	fini(&answers);
	assert_int_equal(open_fds(), before);
}

/* A slice as large as they get, and pieces larger than that. */
static void takes_whole_slices(void **state)
{
	static char bytes[300 << 10];
	static const struct event_registers registers = {.ip = 1};
	const uint64_t addr = (uintptr_t)ask + 4;
	struct raw_stack raw = {
		.addrs = &addr,
		.count = 1,
		.capacity = 127,
		.registers = &registers,
		.pieces = {{0x1000, 0x100000, bytes, sizeof(bytes)}, {0x200000, 0x300000, bytes, 64 << 10}},
		.piece_count = 2,
	};
	struct modules *modules = own_modules();
	struct answers answers;

	(void)state;
	make(&answers, NULL);
	for (int i = 0; i < 20; i++)
		assert_int_equal(symbolizer_client_ask(answers.client, modules, &raw, i), 0);
	wait_for_answers(&answers, 20);
	assert_true(answers.last->count >= 1);
	modules_free(modules);
	fini(&answers);
}

static void refuses_too_many(void **state)
{
	static char bytes[200 << 10];
	struct raw_stack raw = {.pieces = {{0x1000, 0x100000, bytes, sizeof(bytes)}}, .capacity = 127};
	struct answers answers;
	int accepted = 0, bare = 0;

	(void)state;
	make(&answers, NULL);
	kill(symbolizer_client_pid(answers.client), SIGSTOP);
	while (!symbolizer_client_ask(answers.client, NULL, &raw, bare))
		bare++;
	assert_int_equal(bare, 512);
	assert_int_equal(symbolizer_client_ask(answers.client, NULL, &raw, 0), -EAGAIN);
	assert_int_equal(counts_of(&answers).refused, 2);
	assert_int_equal(symbolizer_client_outstanding(answers.client), 512);
	kill(symbolizer_client_pid(answers.client), SIGCONT);
	wait_for_answers(&answers, 512);
	kill(symbolizer_client_pid(answers.client), SIGSTOP);
	raw.piece_count = 1;
	while (!symbolizer_client_ask(answers.client, NULL, &raw, accepted))
		accepted++;
	assert_in_range(accepted, 80, 163); /* 32 MiB */
	kill(symbolizer_client_pid(answers.client), SIGCONT);
	wait_for_answers(&answers, 512 + accepted);
	assert_int_equal(counts_of(&answers).refused, 3);
	fini(&answers);
}

/* Killed while it worked on one ask and more were waiting: none is lost, none comes twice. */
static void survives_sigkill(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();
	pid_t pid;

	(void)state;
	make(&answers, NULL);
	for (int round = 0; round < 20; round++) {
		pid = symbolizer_client_pid(answers.client);
		for (int i = 0; i < 5; i++)
			ask(&answers, modules, 5 * round + i);
		wait_for_answers(&answers, 5 * round + round % 4);
		kill(pid, SIGKILL);
		wait_for_answers(&answers, 5 * round + 5);
		assert_named(&answers);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(answers.ids[i], i);
	modules_free(modules);
	fini(&answers);
}

/* It is idle when it dies: the next ask finds another one. */
static void replaces_an_idle_process(void **state)
{
	struct answers answers;
	pid_t pid;

	(void)state;
	make(&answers, NULL);
	ask(&answers, NULL, 1);
	wait_for_answers(&answers, 1);
	pid = symbolizer_client_pid(answers.client);
	kill(pid, SIGKILL);
	while (symbolizer_client_pid(answers.client) == pid)
		dispatch_once(&answers);
	ask(&answers, NULL, 2);
	wait_for_answers(&answers, 2);
	assert_int_equal(counts_of(&answers).lost, 0);
	fini(&answers);
}

static void stopped_is_a_deadline(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();
	uint64_t before_ns;

	(void)state;
	make_with(&answers, NULL, 3000 * MSEC);
	ask(&answers, modules, 1);
	wait_for_answers(&answers, 1);
	kill(symbolizer_client_pid(answers.client), SIGSTOP);
	before_ns = clock_now_ns(CLOCK_MONOTONIC);
	for (int i = 2; i < 6; i++)
		ask(&answers, modules, i);
	wait_for_answers(&answers, 2);
	assert_true(clock_now_ns(CLOCK_MONOTONIC) - before_ns >= 3000 * MSEC);
	assert_int_equal(answers.last->count, 2);
	assert_string_equal(answers.last->frames[0].reason, "deadline");
	assert_int_equal(answers.last->frames[0].addr, (uintptr_t)ask + 4);
	assert_non_null(answers.last->frames[0].module);
	wait_for_answers(&answers, 5);
	assert_named(&answers);
	assert_int_equal(counts_of(&answers).deadlines, 1);
	modules_free(modules);
	fini(&answers);
}

/* ---- processes that misbehave ---- */

/* The answer to an ask that a process of this kind was given. */
static struct stack *ask_misbehaving(const char *kind, const char *reason)
{
	struct answers answers;
	struct modules *modules = own_modules();
	struct stack *stack;

	make(&answers, kind);
	ask(&answers, modules, 1);
	wait_for_answers(&answers, 1);
	assert_int_equal(answers.ids[0], 1);
	stack = cleanup_take(answers.last);
	if (reason)
		assert_string_equal(stack->frames[0].reason, reason);
	/* One that never was ready was never asked. */
	if (strcmp(kind, "answers unasked") != 0)
		assert_true(counts_of(&answers).lost + counts_of(&answers).deadlines >= 1);
	modules_free(modules);
	fini(&answers);
	return stack;
}

static void survives_what_is_no_message(void **state)
{
	static const char *const kinds[] = {
		"crashes",
		"answers another",
		"answers garbage",
		"is ready twice",
		"sends what we send",
		"wants garbage",
		"wants of no module",
		"wants of another space",
		"sends no message",
		"answers unasked",
		"closes its socket",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct stack *stack = ask_misbehaving(kinds[i], "symbolizer_lost");

		assert_int_equal(stack->count, 2);
		stack_free(stack);
	}
}

static void names_go_out_at_the_deadline(void **state)
{
	static const struct {
		const char *kind;
		bool named;
	} kinds[] = {
		{"spins", false},
		{"names and spins", true},
		{"names another and spins", false},
		{"lies about names and spins", false},
		{"cuts names and spins", false},
		{"lies about the file it spins in", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct stack *stack = ask_misbehaving(kinds[i].kind, kinds[i].named ? NULL : "deadline");

		if (kinds[i].named)
			assert_string_equal(stack->frames[0].symbol, "named");
		stack_free(stack);
	}
}

/* Asked again about the process, it gets all files but the one that it hung in, and never that one. */
static void bans_the_file_it_hung_in(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();
	size_t count;
	uint64_t addrs[2];
	const struct raw_stack raw = {.addrs = addrs, .count = 2, .capacity = 127};

	(void)state;
	addrs[0] = modules_list(modules, &count)[0].start + 4;
	addrs[1] = addrs[0] + 1;
	make_with(&answers, "spins in a file", 3000 * MSEC);
	assert_int_equal(symbolizer_client_ask(answers.client, modules, &raw, 1), 0);
	wait_for_answers(&answers, 1);
	kill(symbolizer_client_pid(answers.client), SIGKILL);
	start_as(NULL);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(symbolizer_client_ask(answers.client, modules, &raw, 2 + i), 0);
		wait_for_answers(&answers, 2 + i);
		assert_string_equal(answers.last->frames[0].reason, "deadline");
		assert_string_equal(answers.last->frames[1].reason, "deadline");
		assert_null(answers.last->frames[0].symbol);
	}
	assert_true(counts_of(&answers).files >= 2);
	modules_free(modules);
	fini(&answers);
}

/* The next process is to be `kind`. */
static void replace_with(struct answers *answers, const char *kind)
{
	pid_t pid = symbolizer_client_pid(answers->client);

	start_as(kind);
	kill(pid, SIGKILL);
	while (symbolizer_client_pid(answers->client) == pid)
		dispatch_once(answers);
}

/* About the first file of `modules`, the one that a process says that it hangs in. */
static void start_to_ask_about_first(struct answers *answers, struct modules *modules)
{
	size_t count;
	const uint64_t addr = modules_list(modules, &count)[0].start + 4;
	const struct raw_stack raw = {.addrs = &addr, .count = 1, .capacity = 127};

	assert_int_equal(symbolizer_client_ask(answers->client, modules, &raw, answers->count), 0);
}

static const struct stack *ask_about_first(struct answers *answers, struct modules *modules)
{
	start_to_ask_about_first(answers, modules);
	wait_for_answers(answers, answers->count + 1);
	return answers->last;
}

/* It is ready, and at work. */
static void wait_until_asked(struct answers *answers)
{
	while (!counts_of(answers).files)
		dispatch_once(answers);
}

static bool is_banned(const struct stack *stack)
{
	return stack->frames[0].reason && !strcmp(stack->frames[0].reason, "deadline");
}

/* The first time for a while, which here is over at once; the second time for good. */
static void bans_for_good_the_second_time(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();

	(void)state;
	make_pausing(&answers, "spins in a file", LONG_NS / 30, 1);
	assert_true(is_banned(ask_about_first(&answers, modules)));
	replace_with(&answers, NULL);
	assert_false(is_banned(ask_about_first(&answers, modules)));
	replace_with(&answers, "spins in a file");
	assert_true(is_banned(ask_about_first(&answers, modules)));
	assert_int_equal(counts_of(&answers).deadlines, 2);
	replace_with(&answers, NULL);
	for (int i = 0; i < 3; i++)
		assert_true(is_banned(ask_about_first(&answers, modules)));
	assert_int_equal(counts_of(&answers).deadlines, 2);
	modules_free(modules);
	fini(&answers);
}

/* The process that runs when the ban ends gets the file. */
static void hands_over_what_was_banned(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();
	uint64_t files;
	pid_t pid;

	(void)state;
	make_pausing(&answers, "spins in a file", 2000 * MSEC, 3000 * MSEC);
	assert_true(is_banned(ask_about_first(&answers, modules)));
	replace_with(&answers, NULL);
	assert_true(is_banned(ask_about_first(&answers, modules)));
	pid = symbolizer_client_pid(answers.client);
	files = counts_of(&answers).files;
	while (is_banned(ask_about_first(&answers, modules)))
		poll(NULL, 0, 10);
	assert_int_equal(symbolizer_client_pid(answers.client), pid);
	assert_true(counts_of(&answers).files > files);
	modules_free(modules);
	fini(&answers);
}

static void bans_nothing_when_stopped(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();

	(void)state;
	make_with(&answers, "is stopped in a file", 2000 * MSEC);
	assert_true(is_banned(ask_about_first(&answers, modules)));
	replace_with(&answers, NULL);
	assert_false(is_banned(ask_about_first(&answers, modules)));
	assert_int_equal(counts_of(&answers).deadlines, 1);
	modules_free(modules);
	fini(&answers);
}

/* Takes what it can get of a CPU. In a session of its own, since some kernels share a CPU among sessions. */
static pid_t start_hog(const cpu_set_t *cpu)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		sched_setaffinity(0, sizeof(*cpu), cpu);
		for (;;)
			__asm__ volatile("");
	}
	return pid;
}

/* Others have the CPU: the process waits for it nearly all of its time. */
static void bans_nothing_on_a_busy_machine(void **state)
{
	pid_t hogs[6];
	struct answers answers;
	struct modules *modules = own_modules();
	cpu_set_t cpu;

	(void)state;
	if (access("/proc/self/schedstat", R_OK))
		skip();
	make_with(&answers, "wants a CPU in a file", 3000 * MSEC);
	start_to_ask_about_first(&answers, modules);
	wait_until_asked(&answers);
	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	for (size_t i = 0; i < sizeof(hogs) / sizeof(*hogs); i++)
		hogs[i] = start_hog(&cpu);
	assert_int_equal(sched_setaffinity(symbolizer_client_pid(answers.client), sizeof(cpu), &cpu), 0);
	wait_for_answers(&answers, 1);
	assert_true(is_banned(answers.last));
	for (size_t i = 0; i < sizeof(hogs) / sizeof(*hogs); i++) {
		kill(hogs[i], SIGKILL);
		waitpid(hogs[i], NULL, 0);
	}
	replace_with(&answers, NULL);
	assert_false(is_banned(ask_about_first(&answers, modules)));
	assert_int_equal(counts_of(&answers).deadlines, 1);
	modules_free(modules);
	fini(&answers);
}

/* It had its time twice over, and both times it was us who were late. */
static void bans_nothing_when_late(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();

	(void)state;
	make_with(&answers, "spins in a file", 1500 * MSEC);
	ask(&answers, modules, 1);
	wait_until_asked(&answers);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(answers.count, 0);
		poll(NULL, 0, 1700);
		assert_int_equal(symbolizer_client_dispatch(answers.client), 0);
	}
	assert_int_equal(answers.count, 1);
	assert_int_equal(counts_of(&answers).deadlines, 1);
	replace_with(&answers, NULL);
	assert_false(is_banned(ask_about_first(&answers, modules)));
	modules_free(modules);
	fini(&answers);
}

/* Without a file to blame it is the process's modules that are not tried for ever. */
static void gives_up_on_what_hangs_again(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();

	(void)state;
	make(&answers, "spins");
	for (int i = 0; i < 20; i++)
		ask(&answers, modules, i);
	wait_for_answers(&answers, 20);
	assert_int_equal(counts_of(&answers).deadlines, 3);
	assert_string_equal(answers.last->frames[0].reason, "deadline");
	modules_free(modules);
	fini(&answers);
}

/* No storm of forks, and an answer to each ask all the same. */
static void gives_up_on_what_dies_at_once(void **state)
{
	struct answers answers;

	(void)state;
	make(&answers, "dies at once");
	for (int i = 0; i < 300; i++) {
		ask(&answers, NULL, i);
		wait_for_answers(&answers, i + 1);
		assert_string_equal(answers.last->frames[0].reason, "symbolizer_lost");
	}
	assert_int_equal(symbolizer_client_pid(answers.client), -1);
	fini(&answers);
}

/* ---- what the machine has not enough of ---- */

/* Holds processes at their end, until it ends itself. It is told which ones, and says when it has them. */
struct warden {
	pid_t pid;
	int socket;
};

static void hold(int socket)
{
	pid_t pid;

	while (recv(socket, &pid, sizeof(pid), 0) == sizeof(pid)) {
		int err = ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT) ? errno : 0;

		if (send(socket, &err, sizeof(err), 0) != sizeof(err))
			break;
	}
	_exit(0);
}

static struct warden start_warden(void)
{
	struct warden warden;
	int sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	warden.pid = fork();
	if (!warden.pid) {
		close(sockets[0]);
		hold(sockets[1]);
	}
	close(sockets[1]);
	warden.socket = sockets[0];
	return warden;
}

static bool warden_holds(const struct warden *warden, pid_t pid)
{
	int err = -1;

	assert_int_equal(send(warden->socket, &pid, sizeof(pid), 0), sizeof(pid));
	assert_int_equal(recv(warden->socket, &err, sizeof(err), 0), sizeof(err));
	return !err;
}

static void end_warden(struct warden *warden)
{
	close(warden->socket);
	waitpid(warden->pid, NULL, 0);
}

/* The kernel does not let go what was killed: nobody waits for it, and no more processes are started than can be kept. */
static void waits_for_no_end(void **state)
{
	struct warden warden = start_warden();
	struct answers answers;
	uint64_t before_ns = 0;
	pid_t pid;

	(void)state;
	make_with(&answers, "spins", DEADLINE_NS);
	for (int i = 0; (pid = symbolizer_client_pid(answers.client)) > 0; i++) {
		if (!warden_holds(&warden, pid)) {
			end_warden(&warden);
			fini(&answers);
			skip();
		}
		assert_true(i < 16);
		ask(&answers, NULL, i);
		before_ns = clock_now_ns(CLOCK_MONOTONIC);
		wait_for_answers(&answers, i + 1);
		assert_string_equal(answers.last->frames[0].reason, "deadline");
	}
	assert_int_equal(answers.count, 8);
	/* The deadline, and no wait after it. */
	assert_true(clock_now_ns(CLOCK_MONOTONIC) - before_ns < 2500 * MSEC);
	ask(&answers, NULL, 8);
	wait_for_answers(&answers, 9);
	assert_string_equal(answers.last->frames[0].reason, "symbolizer_lost");
	assert_int_equal(symbolizer_client_pid(answers.client), -1);
	start_as(NULL);
	end_warden(&warden);
	while (symbolizer_client_pid(answers.client) < 0)
		dispatch_once(&answers);
	assert_int_equal(counts_of(&answers).deadlines, 8);
	fini(&answers);
}

/* The answer comes all the same: where it failed, and why nothing more is known. */
static void answers_without_memory(void **state)
{
	struct answers answers;
	struct modules *modules = own_modules();

	(void)state;
	make(&answers, "spins");
	ask(&answers, modules, 1);
	wait_until_asked(&answers);
	no_memory = true;
	wait_for_answers(&answers, 1);
	no_memory = false;
	assert_int_equal(answers.last->count, 1);
	assert_int_equal(answers.last->frames[0].addr, (uintptr_t)ask + 4);
	assert_string_equal(answers.last->frames[0].reason, "deadline");
	assert_string_equal(answers.last->reason, "deadline");
	assert_true(answers.last->truncated);
	assert_null(answers.last->frames[0].module);
	modules_free(modules);
	fini(&answers);
}

/* Of so many files, each another one and none of them ELF. */
static struct modules *many_modules(size_t count)
{
	struct module *list = calloc(count, sizeof(*list));
	struct modules *modules;

	for (size_t i = 0; i < count; i++) {
		list[i] = (struct module){.start = i << 12, .end = (i + 1) << 12, .inode = i, .path = strdup("/many")};
		list[i].fd = memfd_create("many", MFD_CLOEXEC);
		assert_true(list[i].fd >= 0);
		assert_int_equal(write(list[i].fd, "many", 4), 4);
	}
	assert_int_equal(modules_from_list(list, count, &modules), 0);
	return modules;
}

/* Half of the limit is for files: the last ones are not given, and say so; all else goes on. */
static void gives_what_there_is_room_for(void **state)
{
	const size_t limit = 256, count = 150;
	const struct rlimit low = {limit, limit};
	const uint64_t addrs[] = {4, (count << 12) - 4};
	const struct raw_stack raw = {.addrs = addrs, .count = 2, .capacity = 127};
	struct modules *modules, *own = own_modules();
	struct answers answers;

	(void)state;
	modules = many_modules(count);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	make(&answers, NULL);
	assert_int_equal(symbolizer_client_ask(answers.client, modules, &raw, 1), 0);
	wait_for_answers(&answers, 1);
	assert_int_equal(counts_of(&answers).files, limit / 2);
	assert_int_equal(answers.last->count, 2);
	assert_string_equal(answers.last->frames[0].reason, "unreadable");
	assert_string_equal(answers.last->frames[1].reason, "too_many_files");
	/* What others have no use for any more is theirs. */
	symbolizer_client_forget(answers.client, modules);
	ask(&answers, own, 2);
	wait_for_answers(&answers, 2);
	assert_named(&answers);
	assert_int_equal(counts_of(&answers).lost + counts_of(&answers).deadlines, 0);
	modules_free(modules);
	modules_free(own);
	fini(&answers);
}

/* No room in the tracer for the copies that wait for the socket: the process does without these files. */
static void sends_without_copies(void **state)
{
	const size_t count = 400;
	const uint64_t addrs[] = {4, (count << 12) - 4};
	const struct raw_stack raw = {.addrs = addrs, .count = 2, .capacity = 127};
	struct rlimit before, low;
	struct modules *modules;
	struct answers answers;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	modules = many_modules(count);
	make(&answers, NULL);
	/* Ready, and then not reading. */
	ask(&answers, NULL, 1);
	wait_for_answers(&answers, 1);
	kill(symbolizer_client_pid(answers.client), SIGSTOP);
	low = (struct rlimit){dup(0), before.rlim_max};
	close((int)low.rlim_cur);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	assert_int_equal(symbolizer_client_ask(answers.client, modules, &raw, 2), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	kill(symbolizer_client_pid(answers.client), SIGCONT);
	wait_for_answers(&answers, 2);
	assert_int_equal(counts_of(&answers).lost + counts_of(&answers).deadlines, 0);
	assert_int_equal(counts_of(&answers).files, count);
	assert_string_equal(answers.last->frames[1].reason, "unreadable");
	modules_free(modules);
	fini(&answers);
}

/* ---- servers ---- */

/* Accepts nothing: the connection is made by the kernel, and nobody ever answers. */
static int start_silent_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];

	assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(address.sin_port));
	setenv("DEBUGINFOD_URLS", url, 1);
	return fd;
}

/* The names go out at the deadline, and the process is not ended for what a server is late with. */
static void waits_for_servers_without_waiting(void **state)
{
	struct answers answers = {};
	struct symbolizer_client_options options = {
		.deadline_ns = DEADLINE_NS, .debuginfod = true, .answered = answered, .context = &answers};
	void *library = dlopen("libdebuginfod.so.1", RTLD_NOW);
	struct modules *modules = own_modules();
	int server;
	pid_t pid;

	(void)state;
	if (!library)
		skip();
	dlclose(library);
	server = start_silent_server();
	start_as("waits for a debug file");
	assert_int_equal(symbolizer_client_new(&options, &answers.client), 0);
	pid = symbolizer_client_pid(answers.client);
	ask(&answers, modules, 1);
	ask(&answers, modules, 2);
	wait_for_answers(&answers, 1);
	assert_string_equal(answers.last->frames[0].symbol, "named");
	assert_int_equal(symbolizer_client_outstanding(answers.client), 1);
	assert_int_equal(counts_of(&answers).deadlines, 0);
	wait_for_answers(&answers, 2);
	assert_int_equal(answers.ids[1], 2);
	assert_string_equal(answers.last->frames[0].symbol, "named");
	assert_int_equal(symbolizer_client_pid(answers.client), pid);
	modules_free(modules);
	fini(&answers);
	close(server);
}

static void keeps_the_commands_status(void **state)
{
	struct answers answers;
	pid_t command = fork();
	int status;

	(void)state;
	if (!command)
		_exit(42);
	make(&answers, NULL);
	for (int i = 0; i < 3; i++) {
		kill(symbolizer_client_pid(answers.client), SIGKILL);
		ask(&answers, NULL, i);
		wait_for_answers(&answers, i + 1);
	}
	symbolizer_client_free(cleanup_take(answers.client));
	assert_int_equal(waitpid(command, &status, 0), command);
	assert_int_equal(WEXITSTATUS(status), 42);
	fini(&answers);
}

/* ---- without a process ---- */

static void bare_stacks(void **state)
{
	static const struct event_registers registers = {.ip = 0x77};
	const uint64_t addrs[] = {(uintptr_t)ask, 5};
	struct modules *modules = own_modules();
	struct raw_stack raw = {.addrs = addrs, .count = 2, .capacity = 2};
	struct stack *stack = symbolizer_client_bare_stack(modules, &raw, "symbolizer_busy");

	(void)state;
	assert_int_equal(stack->count, 2);
	assert_true(stack->truncated);
	assert_string_equal(stack->reason, "symbolizer_busy");
	assert_string_equal(stack->frames[1].reason, "symbolizer_busy");
	assert_non_null(stack->frames[0].module);
	assert_null(stack->frames[1].module);
	stack_free(stack);
	raw = (struct raw_stack){.registers = &registers, .error = -EFAULT};
	stack = symbolizer_client_bare_stack(NULL, &raw, "deadline");
	assert_int_equal(stack->count, 1);
	assert_int_equal(stack->frames[0].addr, 0x77);
	stack_free(stack);
	raw.registers = NULL;
	stack = symbolizer_client_bare_stack(NULL, &raw, "deadline");
	assert_int_equal(stack->count, 0);
	assert_string_equal(stack->reason, "no_user_stack");
	stack_free(stack);
	modules_free(modules);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_from_within_the_sandbox),
		cmocka_unit_test(answers_in_order),
		cmocka_unit_test(hands_files_over_once),
		cmocka_unit_test(leaks_no_descriptor),
		cmocka_unit_test(takes_whole_slices),
		cmocka_unit_test(refuses_too_many),
		cmocka_unit_test(survives_sigkill),
		cmocka_unit_test(replaces_an_idle_process),
		cmocka_unit_test(stopped_is_a_deadline),
		cmocka_unit_test(survives_what_is_no_message),
		cmocka_unit_test(names_go_out_at_the_deadline),
		cmocka_unit_test(bans_the_file_it_hung_in),
		cmocka_unit_test(bans_for_good_the_second_time),
		cmocka_unit_test(hands_over_what_was_banned),
		cmocka_unit_test(bans_nothing_when_stopped),
		cmocka_unit_test(bans_nothing_on_a_busy_machine),
		cmocka_unit_test(bans_nothing_when_late),
		cmocka_unit_test(gives_up_on_what_hangs_again),
		cmocka_unit_test(gives_up_on_what_dies_at_once),
		cmocka_unit_test(waits_for_no_end),
		cmocka_unit_test(answers_without_memory),
		cmocka_unit_test(sends_without_copies),
		cmocka_unit_test(waits_for_servers_without_waiting),
		cmocka_unit_test(keeps_the_commands_status),
		cmocka_unit_test(bare_stacks),
		/* The last: without privileges the limit stays low. */
		cmocka_unit_test(gives_what_there_is_room_for),
	};

	if (argc == 2 && !strcmp(argv[1], SYMBOLIZER_CHILD_WORD))
		return be_a_process(argc - 1, argv + 1);
	if (argc == 2 && !strcmp(argv[1], DEBUGINFOD_HELPER_WORD))
		return cmd_debuginfod_helper(argc - 1, argv + 1);
	return cmocka_run_group_tests_name("symbolizer_client", tests, NULL, NULL);
}
