/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_symbolizer_wire.c: every message comes out as it went in; cut off anywhere it is refused; with any byte of it
 * changed it is refused or is another good one, and nothing is read or written beyond it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "symbolizer_wire.h"

static char slice[] = "some bytes of a stack";

static struct raw_stack some_raw(void)
{
	static const uint64_t addrs[] = {1, 2, UINT64_MAX};
	static const struct event_registers registers = {.ip = 3, .sp = 4, .r8_to_r15 = {[7] = 5}};

	return (struct raw_stack){
		.addrs = addrs,
		.count = 3,
		.capacity = 127,
		.sp_word = 77,
		.error = -EFAULT,
		.registers = &registers,
		.pieces = {{0x7000, 0x9000, slice, sizeof(slice)}, {0x1000, 0x2000, slice, 0}},
		.piece_count = 2,
		.compat = true,
	};
}

static struct modules *some_modules(void)
{
	struct module *list = calloc(2, sizeof(*list));
	struct modules *modules;

	list[0] = (struct module){0x1000, 0x2000, 0x3000, 4, 5, strdup("/usr/bin/a b"), -1, false};
	list[1] = (struct module){0x5000, 0x6000, 0, 0, 0, strdup("[vdso]"), -1, false};
	assert_int_equal(modules_from_list(list, 2, &modules), 0);
	return modules;
}

static const struct stack *some_stack(void)
{
	static struct frame frames[] = {
		{.addr = 0x1234,
		 .method = METHOD_CFI,
		 .module = (char *)"/lib/libc.so.6",
		 .build_id = (char *)"0123abcd",
		 .offset = 0x34,
		 .symbol = (char *)"free",
		 .symbol_offset = 9,
		 .file = (char *)"malloc.c",
		 .line = 3375,
		 .inlined = true,
		 .activation = true},
		{.addr = 1, .method = METHOD_FRAME_POINTER, .symbol = (char *)""},
		{.reason = "no_module"},
	};
	static struct stack stack = {frames, 3, METHOD_MIXED, true, "truncated"};

	return &stack;
}

/* ---- there and back ---- */

static void asks(void **state)
{
	struct raw_stack raw = some_raw();
	struct wire_buffer buffer = {};
	struct wire_ask ask;

	(void)state;
	assert_int_equal(wire_encode_ask(&buffer, 42, 7, &raw), 0);
	assert_int_equal(wire_decode_ask(buffer.bytes, buffer.size, &ask), 0);
	assert_int_equal(ask.id, 42);
	assert_int_equal(ask.space, 7);
	assert_int_equal(ask.raw.count, 3);
	assert_memory_equal(ask.raw.addrs, raw.addrs, 3 * sizeof(*raw.addrs));
	assert_int_equal(ask.raw.capacity, 127);
	assert_int_equal(ask.raw.sp_word, 77);
	assert_int_equal(ask.raw.error, -EFAULT);
	assert_true(ask.raw.compat);
	assert_ptr_equal(ask.raw.registers, &ask.registers);
	assert_memory_equal(&ask.registers, raw.registers, sizeof(ask.registers));
	assert_int_equal(ask.raw.piece_count, 2);
	assert_int_equal(ask.raw.pieces[0].start, 0x7000);
	assert_int_equal(ask.raw.pieces[0].vma_end, 0x9000);
	assert_int_equal(ask.raw.pieces[0].size, sizeof(slice));
	assert_string_equal(ask.raw.pieces[0].bytes, slice);
	assert_int_equal(ask.raw.pieces[1].size, 0);
	wire_buffer_fini(&buffer);
	raw = (struct raw_stack){};
	assert_int_equal(wire_encode_ask(&buffer, 0, 0, &raw), 0);
	assert_int_equal(wire_decode_ask(buffer.bytes, buffer.size, &ask), 0);
	assert_null(ask.raw.registers);
	assert_int_equal(ask.raw.count + ask.raw.piece_count, 0);
	wire_buffer_fini(&buffer);
}

static void spaces(void **state)
{
	const uint32_t files[] = {3, WIRE_NO_FILE}, names_only[] = {3 | WIRE_NAMES_ONLY, WIRE_NO_FILE};
	struct modules *modules = some_modules();
	struct wire_buffer buffer = {};
	struct wire_space space;

	(void)state;
	modules_mark_partial(modules);
	assert_int_equal(wire_encode_space(&buffer, 9, modules, files), 0);
	assert_int_equal(wire_decode_space(buffer.bytes, buffer.size, &space), 0);
	assert_int_equal(space.id, 9);
	assert_true(space.partial);
	assert_false(space.has_perf_map);
	assert_int_equal(space.count, 2);
	assert_int_equal(space.list[0].start, 0x1000);
	assert_int_equal(space.list[0].end, 0x2000);
	assert_int_equal(space.list[0].file_offset, 0x3000);
	assert_int_equal(space.list[0].inode, 4);
	assert_int_equal(space.list[0].device, 5);
	assert_int_equal(space.list[0].fd, -1);
	assert_string_equal(space.list[0].path, "/usr/bin/a b");
	assert_string_equal(space.list[1].path, "[vdso]");
	assert_int_equal(space.files[0], 3);
	assert_int_equal(space.files[1], WIRE_NO_FILE);
	assert_false(space.list[0].names_only || space.list[1].names_only);
	wire_space_fini(&space);
	wire_buffer_fini(&buffer);
	assert_int_equal(wire_encode_space(&buffer, 9, modules, names_only), 0);
	assert_int_equal(wire_decode_space(buffer.bytes, buffer.size, &space), 0);
	assert_int_equal(space.files[0], 3);
	assert_true(space.list[0].names_only && !space.list[1].names_only);
	wire_space_fini(&space);
	wire_buffer_fini(&buffer);
	modules_free(modules);
}

static void stacks(void **state)
{
	const struct stack *expected = some_stack();
	struct wire_buffer buffer = {};
	struct stack *stack;
	uint64_t id;

	(void)state;
	assert_int_equal(wire_encode_stack(&buffer, 99, expected), 0);
	assert_int_equal(wire_decode_stack_id(buffer.bytes, buffer.size, &id), 0);
	assert_int_equal(id, 99);
	assert_int_equal(wire_decode_stack(buffer.bytes, buffer.size, &stack), 0);
	assert_int_equal(stack->count, 3);
	assert_int_equal(stack->method, METHOD_MIXED);
	assert_true(stack->truncated);
	assert_string_equal(stack->reason, "truncated");
	assert_int_equal(stack->frames[0].addr, 0x1234);
	assert_int_equal(stack->frames[0].method, METHOD_CFI);
	assert_string_equal(stack->frames[0].module, "/lib/libc.so.6");
	assert_string_equal(stack->frames[0].build_id, "0123abcd");
	assert_int_equal(stack->frames[0].offset, 0x34);
	assert_string_equal(stack->frames[0].symbol, "free");
	assert_int_equal(stack->frames[0].symbol_offset, 9);
	assert_string_equal(stack->frames[0].file, "malloc.c");
	assert_int_equal(stack->frames[0].line, 3375);
	assert_true(stack->frames[0].inlined);
	assert_true(stack->frames[0].activation);
	assert_false(stack->frames[1].activation);
	assert_null(stack->frames[0].reason);
	assert_string_equal(stack->frames[1].symbol, "");
	assert_null(stack->frames[1].module);
	assert_ptr_equal(stack->frames[2].reason, stack_reason_find("no_module"));
	stack_free(stack);
	wire_buffer_fini(&buffer);
}

static void wants(void **state)
{
	struct wire_want want = {DEBUG_FILE_ALTERNATE, 3, 4, 5, (char *)"../x", (char *)"00ff"}, got;
	struct wire_buffer buffer = {};

	(void)state;
	assert_int_equal(wire_encode_want(&buffer, &want), 0);
	assert_int_equal(wire_decode_want(buffer.bytes, buffer.size, &got), 0);
	assert_int_equal(got.kind, DEBUG_FILE_ALTERNATE);
	assert_int_equal(got.sequence, 3);
	assert_int_equal(got.space, 4);
	assert_int_equal(got.module, 5);
	assert_string_equal(got.name, "../x");
	assert_string_equal(got.build_id, "00ff");
	wire_want_fini(&got);
	wire_buffer_fini(&buffer);
}

static void build_ids(void **state)
{
	char id[140];

	(void)state;
	memset(id, 'a', sizeof(id));
	id[128] = '\0';
	assert_true(wire_is_build_id(id));
	id[128] = id[129] = 'a';
	id[130] = '\0';
	assert_false(wire_is_build_id(id));
	assert_true(wire_is_build_id("0123"));
	assert_false(wire_is_build_id("01"));
	assert_false(wire_is_build_id("012"));
	assert_false(wire_is_build_id(""));
	assert_false(wire_is_build_id("01ZZ"));
	assert_false(wire_is_build_id("01AB"));
	assert_false(wire_is_build_id("../../"));
}

/* What one end makes the other one takes, whatever it was made of. */
static void impossible_asks_are_none(void **state)
{
	struct raw_stack raw = {.error = 5, .pieces = {{UINT64_MAX - 3, 0, slice, sizeof(slice)}}, .piece_count = 1};
	struct wire_buffer buffer = {};
	struct wire_ask ask;

	(void)state;
	assert_int_equal(wire_encode_ask(&buffer, 1, 0, &raw), 0);
	assert_int_equal(wire_decode_ask(buffer.bytes, buffer.size, &ask), 0);
	assert_int_equal(ask.raw.error, 0);
	assert_int_equal(ask.raw.pieces[0].size, 0);
	wire_buffer_fini(&buffer);
}

/* ---- what is too large is cut, and says so ---- */

static void large_stacks_are_cut(void **state)
{
	struct stack large = {.count = 3 * WIRE_FRAMES_MAX, .method = METHOD_CFI};
	struct wire_buffer buffer = {};
	struct stack *stack;
	char *name = malloc(100001);

	(void)state;
	memset(name, 'x', 100000);
	name[100000] = '\0';
	large.frames = calloc(large.count, sizeof(*large.frames));
	assert_int_equal(wire_encode_stack(&buffer, 1, &large), 0);
	assert_int_equal(wire_decode_stack(buffer.bytes, buffer.size, &stack), 0);
	assert_int_equal(stack->count, WIRE_FRAMES_MAX);
	assert_true(stack->truncated);
	assert_string_equal(stack->reason, "truncated");
	stack_free(stack);
	wire_buffer_fini(&buffer);
	for (size_t i = 0; i < large.count; i++)
		large.frames[i].symbol = name;
	assert_int_equal(wire_encode_stack(&buffer, 1, &large), 0);
	assert_true(buffer.size <= WIRE_MESSAGE_MAX);
	assert_int_equal(wire_decode_stack(buffer.bytes, buffer.size, &stack), 0);
	assert_in_range(stack->count, 100, 130);
	assert_int_equal(strlen(stack->frames[0].symbol), WIRE_STRING_MAX);
	assert_true(stack->truncated);
	stack_free(stack);
	wire_buffer_fini(&buffer);
	free(large.frames);
	free(name);
}

static void large_spaces_are_cut(void **state)
{
	enum { COUNT = 5000 };
	struct module *list = calloc(COUNT, sizeof(*list));
	uint32_t *files = calloc(COUNT, sizeof(*files));
	struct wire_buffer buffer = {};
	struct wire_space space;
	struct modules *modules;

	(void)state;
	for (int i = 0; i < COUNT; i++) {
		char *path = malloc(PATH_MAX);

		memset(path, 'p', PATH_MAX - 1);
		path[PATH_MAX - 1] = '\0';
		list[i] = (struct module){.start = 2 * i, .end = 2 * i + 1, .path = path, .fd = -1};
	}
	assert_int_equal(modules_from_list(list, COUNT, &modules), 0);
	assert_int_equal(wire_encode_space(&buffer, 1, modules, files), 0);
	assert_true(buffer.size <= WIRE_MESSAGE_MAX);
	assert_int_equal(wire_decode_space(buffer.bytes, buffer.size, &space), 0);
	assert_in_range(space.count, 400, 600);
	wire_space_fini(&space);
	wire_buffer_fini(&buffer);
	modules_free(modules);
	free(files);
}

/* ---- hostile messages ---- */

/* Decodes a copy of just that size, so that a step beyond it is seen. True when it was taken for good. */
static bool decodes(enum wire_type type, const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ?: 1);
	struct wire_space space;
	struct wire_want want;
	struct wire_ask ask;
	struct stack *stack;
	bool good = false;

	memcpy(copy, bytes, size);
	switch (type) {
	case WIRE_ASK:
		good = !wire_decode_ask(copy, size, &ask);
		/* All that it points to is there. */
		for (size_t i = 0; good && i < ask.raw.count; i++)
			good = ask.raw.addrs[i] != 0x123456789;
		for (size_t i = 0; good && i < ask.raw.piece_count; i++)
			good = !memchr(ask.raw.pieces[i].bytes, 0xfe, ask.raw.pieces[i].size) || good;
		break;
	case WIRE_SPACE:
		good = !wire_decode_space(copy, size, &space);
		if (good)
			wire_space_fini(&space);
		break;
	case WIRE_STACK:
		good = !wire_decode_stack(copy, size, &stack);
		if (good)
			stack_free(stack);
		break;
	case WIRE_WANT_DEBUG_FILE:
		good = !wire_decode_want(copy, size, &want);
		if (good)
			wire_want_fini(&want);
		break;
	default:
		fail();
	}
	free(copy);
	return good;
}

static void mutate(enum wire_type type, struct wire_buffer *buffer)
{
	size_t refused = 0;

	assert_true(decodes(type, buffer->bytes, buffer->size));
	for (size_t size = 0; size < buffer->size; size++)
		assert_false(decodes(type, buffer->bytes, size));
	for (size_t i = 0; i < buffer->size; i++) {
		const uint8_t saved = buffer->bytes[i];

		for (int value = 0; value < 256; value++) {
			buffer->bytes[i] = value;
			refused += !decodes(type, buffer->bytes, buffer->size);
		}
		buffer->bytes[i] = saved;
	}
	assert_true(refused > 1000);
	/* And more behind it. */
	buffer->bytes = realloc(buffer->bytes, buffer->size + 8);
	memset(buffer->bytes + buffer->size, 0, 8);
	assert_false(decodes(type, buffer->bytes, buffer->size + 8));
	wire_buffer_fini(buffer);
}

static void survives_mutation(void **state)
{
	const struct wire_want want = {DEBUG_FILE_BY_LINK, 3, 4, 5, (char *)"a.debug", (char *)"00ff"};
	const uint32_t files[] = {3, WIRE_NO_FILE};
	struct modules *modules = some_modules();
	struct raw_stack raw = some_raw();
	struct wire_buffer buffer = {};

	(void)state;
	assert_int_equal(wire_encode_ask(&buffer, 42, 7, &raw), 0);
	mutate(WIRE_ASK, &buffer);
	assert_int_equal(wire_encode_space(&buffer, 9, modules, files), 0);
	mutate(WIRE_SPACE, &buffer);
	assert_int_equal(wire_encode_stack(&buffer, 99, some_stack()), 0);
	mutate(WIRE_STACK, &buffer);
	assert_int_equal(wire_encode_want(&buffer, &want), 0);
	mutate(WIRE_WANT_DEBUG_FILE, &buffer);
	modules_free(modules);
}

/* A made-up stack of one frame with one field at a time beyond its bounds. */
static void refuses_made_up_values(void **state)
{
	struct frame frame = {.reason = "made up"};
	struct stack stack = {.frames = &frame, .count = 1};
	struct wire_buffer buffer = {};
	struct stack *got;

	(void)state;
	assert_int_equal(wire_encode_stack(&buffer, 1, &stack), 0);
	assert_int_equal(wire_decode_stack(buffer.bytes, buffer.size, &got), -EPROTO);
	wire_buffer_fini(&buffer);
	frame = (struct frame){.build_id = (char *)"../../etc"};
	assert_int_equal(wire_encode_stack(&buffer, 1, &stack), 0);
	assert_int_equal(wire_decode_stack(buffer.bytes, buffer.size, &got), -EPROTO);
	wire_buffer_fini(&buffer);
	frame = (struct frame){.method = 17};
	assert_int_equal(wire_encode_stack(&buffer, 1, &stack), 0);
	assert_int_equal(wire_decode_stack(buffer.bytes, buffer.size, &got), -EPROTO);
	wire_buffer_fini(&buffer);
}

/* ---- the socket ---- */

struct pair {
	int ends[2];
	struct wire_receiver receiver;
};

static void pair_init(struct pair *pair)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair->ends), 0);
	assert_int_equal(wire_receiver_init(&pair->receiver), 0);
}

static void pair_fini(struct pair *pair)
{
	wire_receiver_fini(&pair->receiver);
	close(pair->ends[0]);
	close(pair->ends[1]);
}

/* A message of many packets, more than the socket holds at once, with a descriptor. */
static void sends_in_pieces(void **state)
{
	static char bytes[200 << 10];
	struct raw_stack raw = {.pieces = {{1, 2, bytes, sizeof(bytes)}, {3, 4, bytes, sizeof(bytes)}},
				.piece_count = 2};
	struct wire_buffer buffer = {};
	struct wire_message message;
	struct pair pair;
	size_t sent = 0;
	int err, turns = 0, fd;

	(void)state;
	pair_init(&pair);
	assert_int_equal(wire_encode_ask(&buffer, 5, 0, &raw), 0);
	do {
		err = wire_send(pair.ends[0], WIRE_ASK, &buffer, pair.ends[0], &sent);
		assert_true(!err || err == -EAGAIN);
		turns++;
		assert_int_equal(wire_receive(&pair.receiver, pair.ends[1], &message), err);
	} while (err);
	assert_true(turns > 1);
	assert_int_equal(message.type, WIRE_ASK);
	assert_int_equal(message.size, buffer.size);
	assert_memory_equal(message.bytes, buffer.bytes, buffer.size);
	fd = wire_receiver_take_fd(&pair.receiver);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	close(pair.ends[0]);
	assert_int_equal(wire_receive(&pair.receiver, pair.ends[1], &message), -EPIPE);
	pair.ends[0] = dup(pair.ends[1]);
	pair_fini(&pair);
	wire_buffer_fini(&buffer);
}

/* What a sender began is not what the next one goes on with; nor is its descriptor. */
static void forgets_half_a_message(void **state)
{
	static const uint32_t half[4] = {WIRE_READY, 40 << 10, 0, 0};
	static char bytes[32 << 10];
	struct iovec parts[] = {{(void *)(uintptr_t)half, sizeof(half)}, {bytes, sizeof(bytes)}};
	struct wire_buffer buffer = {};
	struct wire_message message;
	struct pair pair, next;
	size_t sent = 0;

	(void)state;
	pair_init(&pair);
	pair_init(&next);
	assert_int_equal(writev(pair.ends[0], parts, 2), sizeof(half) + sizeof(bytes));
	assert_int_equal(wire_receive(&pair.receiver, pair.ends[1], &message), -EAGAIN);
	wire_receiver_reset(&pair.receiver);
	assert_int_equal(wire_encode_number(&buffer, 7), 0);
	assert_int_equal(wire_send(next.ends[0], WIRE_FILE, &buffer, next.ends[0], &sent), 0);
	assert_int_equal(wire_receive(&pair.receiver, next.ends[1], &message), 0);
	assert_int_equal(message.type, WIRE_FILE);
	assert_true(message.fd >= 0);
	wire_receiver_reset(&pair.receiver);
	assert_int_equal(fcntl(message.fd, F_GETFD), -1);
	pair_fini(&pair);
	pair_fini(&next);
	wire_buffer_fini(&buffer);
}

static void closes_descriptors_that_nobody_takes(void **state)
{
	struct wire_buffer buffer = {};
	struct wire_message message;
	int before = dup(0), after;
	struct pair pair;

	(void)state;
	close(before);
	pair_init(&pair);
	assert_int_equal(wire_encode_number(&buffer, 1), 0);
	for (int i = 0; i < 50; i++) {
		size_t sent = 0;

		assert_int_equal(wire_send(pair.ends[0], WIRE_FILE, &buffer, pair.ends[0], &sent), 0);
		assert_int_equal(wire_receive(&pair.receiver, pair.ends[1], &message), 0);
	}
	pair_fini(&pair);
	wire_buffer_fini(&buffer);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

static int receive_packet_of(const uint32_t head[4], size_t size)
{
	static char bytes[40 << 10];
	struct iovec parts[] = {{(void *)(uintptr_t)head, 16}, {bytes, size}};
	struct wire_message message;
	struct pair pair;
	int err;

	pair_init(&pair);
	assert_int_equal(writev(pair.ends[0], parts, 2), 16 + size);
	err = wire_receive(&pair.receiver, pair.ends[1], &message);
	pair_fini(&pair);
	return err;
}

static void refuses_what_is_no_packet(void **state)
{
	static const struct {
		uint32_t head[4]; /* type, bytes of the message, offset, 0 */
		size_t size;
		int err;
	} cases[] = {
		{{WIRE_READY, 8, 0, 0}, 8, 0},
		{{WIRE_READY, 40 << 10, 0, 0}, 32 << 10, -EAGAIN},
		/* All but the last are full: nobody is fed byte by byte. */
		{{WIRE_READY, 16, 0, 0}, 8, -EPROTO},
		{{WIRE_READY, 8, 0, 0}, 16, -EPROTO},
		{{WIRE_READY, 8, 0, 0}, 0, -EPROTO},
		{{WIRE_READY, 8, 8, 0}, 8, -EPROTO},
		{{WIRE_READY, 0, 0, 0}, 0, -EPROTO},
		{{0, 8, 0, 0}, 8, -EPROTO},
		{{WIRE_TYPE_END, 8, 0, 0}, 8, -EPROTO},
		{{WIRE_READY, WIRE_MESSAGE_MAX + 1, 0, 0}, 8, -EPROTO},
		{{WIRE_READY, UINT32_MAX, 0, 0}, 8, -EPROTO},
		{{WIRE_READY, 40 << 10, 0, 0}, 40 << 10, -EPROTO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(receive_packet_of(cases[i].head, cases[i].size), cases[i].err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks),
		cmocka_unit_test(spaces),
		cmocka_unit_test(stacks),
		cmocka_unit_test(wants),
		cmocka_unit_test(build_ids),
		cmocka_unit_test(impossible_asks_are_none),
		cmocka_unit_test(large_stacks_are_cut),
		cmocka_unit_test(large_spaces_are_cut),
		cmocka_unit_test(survives_mutation),
		cmocka_unit_test(refuses_made_up_values),
		cmocka_unit_test(sends_in_pieces),
		cmocka_unit_test(forgets_half_a_message),
		cmocka_unit_test(closes_descriptors_that_nobody_takes),
		cmocka_unit_test(refuses_what_is_no_packet),
	};

	return cmocka_run_group_tests_name("symbolizer_wire", tests, NULL, NULL);
}
