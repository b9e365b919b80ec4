// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * symbolizer_child.c: see symbolizer_child.h. Shuts itself in, then answers one ask after the other until the socket is
 * closed. Keeps the modules of the processes that it is told of, and their files. Names nothing itself: see symbolizer.c.
 */
#include "symbolizer_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "sandbox.h"
#include "sanitizer.h"
#include "symbolizer.h"
#include "symbolizer_wire.h"

/* A sanitizer's shadow takes terabytes of address space, and what it keeps of freed memory stays resident. */
#define ADDRESS_SPACE_BYTES (IS_SANITIZED ? 0 : 2ULL << 30)
#define RESIDENT_BYTES	    (IS_SANITIZED ? 0 : 32UL << 20)

#define STATM_FD (SYMBOLIZER_CHILD_PAGE + 1)

struct space {
	uint64_t id;
	struct modules *modules;
	struct module *list; /* of `modules`; it holds the descriptors that belong to `files` */
	size_t count;
	LIST_ENTRY(space) entry;
};

struct child {
	struct wire_receiver receiver;
	struct symbolizer *symbolizer;
	struct symbolizer_child_page *page;
	int *files; /* by index; -1: none */
	size_t file_count;
	LIST_HEAD(, space) spaces;
	const struct space *asked; /* NULL between asks */
	uint64_t wants; /* so many debug files were asked for */
};

CLEANUP_DEFINE(cleanup_stack, struct stack *, stack_free)

static int send_message(enum wire_type type, const struct wire_buffer *buffer)
{
	size_t sent = 0;

	return wire_send(SYMBOLIZER_CHILD_SOCKET, type, buffer, -1, &sent);
}

/* ---- what the engine calls ---- */

static void working_on(void *context, const struct module *module)
{
	struct child *child = context;
	uint32_t index = 0;

	if (module && child->asked && module >= child->asked->list && module < child->asked->list + child->asked->count)
		index = module - child->asked->list + 1;
	__atomic_store_n(&child->page->module, index, __ATOMIC_RELAXED);
}

/* Within an ask nothing but the reply may come. */
static int receive_debug_file(struct child *child, uint64_t sequence)
{
	struct wire_message message;
	uint64_t replied;

	if (wire_receive(&child->receiver, SYMBOLIZER_CHILD_SOCKET, &message) || message.type != WIRE_DEBUG_FILE)
		_exit(EXIT_STATUS_FAILED);
	if (wire_decode_number(message.bytes, message.size, &replied) || replied != sequence)
		_exit(EXIT_STATUS_FAILED);
	return wire_receiver_take_fd(&child->receiver);
}

static int open_debug_file(void *context, const struct debug_file_request *request)
{
	_cleanup_(wire_buffer_fini) struct wire_buffer buffer = {};
	struct child *child = context;
	const struct space *space = child->asked;
	struct wire_want want = {
		.kind = request->kind,
		.sequence = ++child->wants,
		.name = (char *)(uintptr_t)request->name,
		.build_id = (char *)(uintptr_t)request->build_id,
	};

	if (!space || request->module < space->list || request->module >= space->list + space->count)
		return -1;
	if (!request->name || !*request->name || (request->build_id && !wire_is_build_id(request->build_id)))
		return -1;
	want.space = space->id;
	want.module = request->module - space->list;
	if (wire_encode_want(&buffer, &want))
		return -1;
	if (send_message(WIRE_WANT_DEBUG_FILE, &buffer))
		_exit(EXIT_STATUS_FAILED);
	return receive_debug_file(child, want.sequence);
}

/* ---- files and spaces ---- */

static int take_file(struct child *child, const struct wire_message *message)
{
	uint64_t index;

	if (wire_decode_number(message->bytes, message->size, &index) || index >= WIRE_FILES_MAX)
		return -EPROTO;
	if (index >= child->file_count) {
		size_t count = index < 64 ? 64 : 2 * index;
		int *files = reallocarray(child->files, count, sizeof(*files));

		if (!files)
			return -ENOMEM;
		for (size_t i = child->file_count; i < count; i++)
			files[i] = -1;
		child->files = files;
		child->file_count = count;
	}
	if (child->files[index] >= 0)
		return -EPROTO;
	child->files[index] = wire_receiver_take_fd(&child->receiver);
	return 0;
}

static int drop_file(struct child *child, const struct wire_message *message)
{
	uint64_t index;

	if (wire_decode_number(message->bytes, message->size, &index) || index >= child->file_count)
		return -EPROTO;
	if (child->files[index] >= 0)
		close(child->files[index]);
	child->files[index] = -1;
	return 0;
}

static struct space *find_space(const struct child *child, uint64_t id)
{
	struct space *space;

	LIST_FOREACH (space, &child->spaces, entry)
		if (space->id == id)
			return space;
	return NULL;
}

static int add_space(struct child *child, struct wire_space *wire, int perf_map)
{
	_cleanup_free_ struct space *space = calloc(1, sizeof(*space));
	int err;

	if (!space)
		return -ENOMEM;
	for (size_t i = 0; i < wire->count; i++)
		if (wire->files[i] < child->file_count)
			wire->list[i].fd = child->files[wire->files[i]];
	err = modules_from_list(wire->list, wire->count, &space->modules);
	if (err)
		return err;
	space->id = wire->id;
	space->list = cleanup_take(wire->list);
	space->count = wire->count;
	if (wire->partial)
		modules_mark_partial(space->modules);
	if (perf_map >= 0)
		modules_set_perf_map_fd(space->modules, perf_map);
	LIST_INSERT_HEAD(&child->spaces, space, entry);
	space = NULL;
	return 0;
}

static int take_space(struct child *child, const struct wire_message *message)
{
	_cleanup_(wire_space_fini) struct wire_space wire = {};
	int err = wire_decode_space(message->bytes, message->size, &wire);

	if (err)
		return err;
	if (!wire.id || find_space(child, wire.id))
		return -EPROTO;
	return add_space(child, &wire, wire.has_perf_map ? wire_receiver_take_fd(&child->receiver) : -1);
}

static int drop_space(struct child *child, const struct wire_message *message)
{
	struct space *space;
	uint64_t id;

	if (wire_decode_number(message->bytes, message->size, &id))
		return -EPROTO;
	space = find_space(child, id);
	if (!space)
		return -EPROTO;
	symbolizer_forget(child->symbolizer, space->modules);
	LIST_REMOVE(space, entry);
	for (size_t i = 0; i < space->count; i++)
		space->list[i].fd = -1;
	modules_free(space->modules);
	free(space);
	return 0;
}

/* ---- asks ---- */

static int send_stack(uint64_t id, const struct stack *stack)
{
	_cleanup_(wire_buffer_fini) struct wire_buffer buffer = {};
	int err = wire_encode_stack(&buffer, id, stack);

	return err ? err : send_message(WIRE_STACK, &buffer);
}

static void show_names(struct child *child, uint64_t id, const struct stack *stack)
{
	_cleanup_(wire_buffer_fini) struct wire_buffer buffer = {};

	if (wire_encode_stack(&buffer, id, stack) || buffer.size > sizeof(child->page->names))
		return;
	memcpy(child->page->names, buffer.bytes, buffer.size);
	__atomic_store_n(&child->page->names_size, buffer.size, __ATOMIC_RELEASE);
}

/* Names at once: lines may take longer than there is time. */
static int answer(struct child *child, const struct wire_ask *ask)
{
	_cleanup_(cleanup_stack) struct stack *stack = NULL;
	const struct modules *modules = child->asked ? child->asked->modules : NULL;
	int err;

	__atomic_store_n(&child->page->names_size, 0, __ATOMIC_RELAXED);
	err = symbolizer_unwind(child->symbolizer, modules, &ask->raw, &stack);
	if (err)
		return err;
	show_names(child, ask->id, stack);
	symbolizer_add_lines(child->symbolizer, modules, stack);
	return send_stack(ask->id, stack);
}

static int take_ask(struct child *child, const struct wire_message *message)
{
	struct wire_ask ask;
	_cleanup_free_ void *copy = malloc(message->size);
	int err;

	/* A debug file that is received meanwhile takes the place of the message. */
	if (!copy)
		return -ENOMEM;
	memcpy(copy, message->bytes, message->size);
	err = wire_decode_ask(copy, message->size, &ask);
	if (err)
		return err;
	child->asked = ask.space ? find_space(child, ask.space) : NULL;
	if (ask.space && !child->asked)
		return -EPROTO;
	err = answer(child, &ask);
	working_on(child, NULL);
	child->asked = NULL;
	return err;
}

static int act_on(struct child *child, const struct wire_message *message)
{
	switch (message->type) {
	case WIRE_FILE:
		return take_file(child, message);
	case WIRE_DROP_FILE:
		return drop_file(child, message);
	case WIRE_SPACE:
		return take_space(child, message);
	case WIRE_DROP_SPACE:
		return drop_space(child, message);
	case WIRE_ASK:
		return take_ask(child, message);
	default:
		return -EPROTO;
	}
}

/* ---- start ---- */

/* The files of many processes are held open. */
static void raise_open_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/* The last time that it opens something: where its own size can be read. */
static int open_statm(void)
{
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && fd != STATM_FD) {
		dup3(fd, STATM_FD, O_CLOEXEC);
		close(fd);
	}
	return fd < 0 ? -1 : STATM_FD;
}

static int start(struct child *child)
{
	struct symbolizer_options options = {
		.open_debug_file = open_debug_file,
		.working_on = working_on,
		.context = child,
		.memory_bytes = RESIDENT_BYTES,
	};
	int err = wire_receiver_init(&child->receiver);

	if (err)
		return err;
	child->page = mmap(NULL, sizeof(*child->page), PROT_READ | PROT_WRITE, MAP_SHARED, SYMBOLIZER_CHILD_PAGE, 0);
	if (child->page == MAP_FAILED)
		return -errno;
	options.statm_fd = open_statm();
	return symbolizer_new(&options, &child->symbolizer);
}

static int shut_in(void)
{
	const struct sandbox_options options = {.keep_fd = STATM_FD, .memory_bytes = ADDRESS_SPACE_BYTES};
	_cleanup_(wire_buffer_fini) struct wire_buffer ready = {};
	uint32_t gaps;
	int err = sandbox_enter(&options, &gaps);

	if (!err)
		err = wire_encode_number(&ready, gaps);
	return err ? err : send_message(WIRE_READY, &ready);
}

/* Called by hand it has no socket, and says so with its status alone: it has nothing to say to people. */
int cmd_symbolizer_child(int argc, char **argv)
{
	struct child child = {.spaces = LIST_HEAD_INITIALIZER(child.spaces)};
	struct wire_message message;
	int err, type;
	socklen_t size = sizeof(type);

	(void)argc, (void)argv;
	if (getsockopt(SYMBOLIZER_CHILD_SOCKET, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET)
		return EXIT_STATUS_USAGE;
	raise_open_files();
	err = start(&child);
	if (!err)
		err = shut_in();
	while (!err) {
		err = wire_receive(&child.receiver, SYMBOLIZER_CHILD_SOCKET, &message);
		if (!err)
			err = act_on(&child, &message);
	}
	/* Nothing is released or flushed: exit handlers have no business here. */
	_exit(err == -EPIPE ? EXIT_STATUS_COMPLETE : EXIT_STATUS_FAILED);
}
