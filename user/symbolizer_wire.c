// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * symbolizer_wire.c: see symbolizer_wire.h. A message is a row of 64-bit words, which strings and bytes are padded to, so
 * that all in it is aligned. Nothing is trusted for having come from a program of ours: one end parses hostile files.
 */
#include "symbolizer_wire.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define WORD_BYTES sizeof(uint64_t)
#define NO_STRING  UINT64_MAX

_Static_assert(sizeof(struct event_registers) % WORD_BYTES == 0, "registers are whole words");

struct reader {
	const uint8_t *at;
	size_t left;
	bool failed;
};

static size_t padded(size_t bytes)
{
	return (bytes + WORD_BYTES - 1) & ~(WORD_BYTES - 1);
}

/* ---- writing ---- */

void wire_buffer_fini(struct wire_buffer *buffer)
{
	free(buffer->bytes);
	*buffer = (struct wire_buffer){};
}

/* Room for so many bytes more, zeroed, or NULL. */
static uint8_t *grow(struct wire_buffer *buffer, size_t bytes)
{
	size_t needed = buffer->size + padded(bytes);
	uint8_t *at;

	if (buffer->failed || needed > WIRE_MESSAGE_MAX) {
		buffer->failed = true;
		return NULL;
	}
	if (needed > buffer->capacity) {
		size_t capacity = needed > 2 * buffer->capacity ? padded(needed + 512) : 2 * buffer->capacity;
		uint8_t *grown = realloc(buffer->bytes, capacity);

		if (!grown) {
			buffer->failed = true;
			return NULL;
		}
		buffer->bytes = grown;
		buffer->capacity = capacity;
	}
	at = buffer->bytes + buffer->size;
	memset(at + padded(bytes) - (padded(bytes) ? WORD_BYTES : 0), 0, padded(bytes) ? WORD_BYTES : 0);
	buffer->size = needed;
	return at;
}

static void put_number(struct wire_buffer *buffer, uint64_t number)
{
	uint8_t *at = grow(buffer, WORD_BYTES);

	if (at)
		memcpy(at, &number, WORD_BYTES);
}

static void put_bytes(struct wire_buffer *buffer, const void *bytes, size_t size)
{
	uint8_t *at = grow(buffer, size);

	if (at && size)
		memcpy(at, bytes, size);
}

static void put_string(struct wire_buffer *buffer, const char *string)
{
	size_t length = string ? strnlen(string, WIRE_STRING_MAX) : 0;

	put_number(buffer, string ? length : NO_STRING);
	put_bytes(buffer, string, length);
}

static int written(const struct wire_buffer *buffer)
{
	return buffer->failed ? -ENOMEM : 0;
}

/* ---- reading ---- */

static struct reader reader_of(const void *bytes, size_t size)
{
	return (struct reader){.at = bytes, .left = size, .failed = size % WORD_BYTES != 0};
}

static const void *get_bytes(struct reader *reader, size_t size)
{
	const void *at = reader->at;

	if (reader->failed || size > reader->left || padded(size) > reader->left) {
		reader->failed = true;
		return NULL;
	}
	reader->at += padded(size);
	reader->left -= padded(size);
	return at;
}

/* A number that is at most `max`; else the message is none, and 0 stands for it. */
static uint64_t get_number(struct reader *reader, uint64_t max)
{
	const void *at = get_bytes(reader, WORD_BYTES);
	uint64_t number = 0;

	if (at)
		memcpy(&number, at, WORD_BYTES);
	if (number <= max)
		return number;
	reader->failed = true;
	return 0;
}

/* A count of things that take at least so many bytes each, so that what is left bounds what is allocated for them. */
static size_t get_count(struct reader *reader, size_t max, size_t bytes_each)
{
	size_t count = get_number(reader, max);

	if (count <= reader->left / bytes_each)
		return count;
	reader->failed = true;
	return 0;
}

/* A copy, or NULL for no string, and when reading failed. */
static char *get_string(struct reader *reader)
{
	uint64_t length = get_number(reader, NO_STRING);
	const char *at;
	char *copy;

	if (length == NO_STRING || reader->failed)
		return NULL;
	at = length <= WIRE_STRING_MAX ? get_bytes(reader, length) : NULL;
	if (!at || memchr(at, '\0', length)) {
		reader->failed = true;
		return NULL;
	}
	copy = strndup(at, length);
	reader->failed = !copy;
	return copy;
}

static int finished(const struct reader *reader)
{
	return reader->failed || reader->left ? -EPROTO : 0;
}

bool wire_is_build_id(const char *text)
{
	size_t length = strspn(text, "0123456789abcdef");

	return !text[length] && length % 2 == 0 && length >= 4 && length <= 128;
}

static bool is_build_id_or_none(const char *text)
{
	return !text || wire_is_build_id(text);
}

/* ---- one number ---- */

int wire_encode_number(struct wire_buffer *buffer, uint64_t number)
{
	put_number(buffer, number);
	return written(buffer);
}

int wire_decode_number(const void *bytes, size_t size, uint64_t *ret)
{
	struct reader reader = reader_of(bytes, size);
	uint64_t number = get_number(&reader, UINT64_MAX);

	if (finished(&reader))
		return -EPROTO;
	*ret = number;
	return 0;
}

/* ---- asks ---- */

/* The other end takes no piece that goes beyond the end of the address space: of such a one nothing is left. */
static void put_piece(struct wire_buffer *buffer, const struct memory_piece *piece)
{
	size_t size = piece->size < WIRE_PIECE_MAX ? piece->size : WIRE_PIECE_MAX;

	if (piece->start + size < piece->start)
		size = 0;
	put_number(buffer, piece->start);
	put_number(buffer, piece->vma_end);
	put_number(buffer, size);
	put_bytes(buffer, piece->bytes, size);
}

int wire_encode_ask(struct wire_buffer *buffer, uint64_t id, uint64_t space, const struct raw_stack *raw)
{
	size_t count = raw->count < WIRE_ADDRS_MAX ? raw->count : WIRE_ADDRS_MAX;
	size_t pieces = raw->piece_count < EVENT_SLICE_PIECES ? raw->piece_count : EVENT_SLICE_PIECES;

	put_number(buffer, id);
	put_number(buffer, space);
	put_number(buffer, raw->capacity);
	put_number(buffer, raw->sp_word);
	put_number(buffer, raw->error < 0 && raw->error != INT_MIN ? -raw->error : 0);
	put_number(buffer, raw->compat);
	put_number(buffer, raw->registers != NULL);
	if (raw->registers)
		put_bytes(buffer, raw->registers, sizeof(*raw->registers));
	put_number(buffer, count);
	put_bytes(buffer, raw->addrs, count * sizeof(*raw->addrs));
	put_number(buffer, pieces);
	for (size_t i = 0; i < pieces; i++)
		put_piece(buffer, &raw->pieces[i]);
	return written(buffer);
}

static void get_piece(struct reader *reader, struct memory_piece *piece)
{
	piece->start = get_number(reader, UINT64_MAX);
	piece->vma_end = get_number(reader, UINT64_MAX);
	piece->size = get_number(reader, WIRE_PIECE_MAX);
	piece->bytes = get_bytes(reader, piece->size);
	if (piece->start + piece->size < piece->start)
		reader->failed = true;
}

static void get_registers(struct reader *reader, struct wire_ask *ask)
{
	const void *at = get_bytes(reader, sizeof(ask->registers));

	if (at)
		memcpy(&ask->registers, at, sizeof(ask->registers));
	ask->raw.registers = &ask->registers;
}

int wire_decode_ask(const void *bytes, size_t size, struct wire_ask *ret)
{
	struct reader reader = reader_of(bytes, size);
	struct raw_stack *raw = &ret->raw;

	*ret = (struct wire_ask){};
	ret->id = get_number(&reader, UINT64_MAX);
	ret->space = get_number(&reader, UINT64_MAX);
	raw->capacity = get_number(&reader, SIZE_MAX);
	raw->sp_word = get_number(&reader, UINT64_MAX);
	raw->error = -(int)get_number(&reader, INT_MAX);
	raw->compat = get_number(&reader, 1);
	if (get_number(&reader, 1))
		get_registers(&reader, ret);
	raw->count = get_count(&reader, WIRE_ADDRS_MAX, sizeof(*raw->addrs));
	raw->addrs = get_bytes(&reader, raw->count * sizeof(*raw->addrs));
	raw->piece_count = get_number(&reader, EVENT_SLICE_PIECES);
	for (size_t i = 0; i < raw->piece_count; i++)
		get_piece(&reader, &raw->pieces[i]);
	return finished(&reader);
}

/* ---- spaces ---- */

#define MODULE_BYTES_MIN (7 * WORD_BYTES)

static void put_module(struct wire_buffer *buffer, const struct module *module, uint32_t file)
{
	put_number(buffer, module->start);
	put_number(buffer, module->end);
	put_number(buffer, module->file_offset);
	put_number(buffer, module->inode);
	put_number(buffer, module->device);
	put_number(buffer, file);
	put_string(buffer, module->path);
}

/* Modules that there is no room for are left out: with the longest of paths, hundreds still fit. */
int wire_encode_space(struct wire_buffer *buffer, uint64_t id, const struct modules *modules, const uint32_t *files)
{
	size_t count, count_at;
	const struct module *list = modules_list(modules, &count);
	uint64_t fits = 0;

	if (count > WIRE_MODULES_MAX)
		count = WIRE_MODULES_MAX;
	put_number(buffer, id);
	put_number(buffer, modules_are_partial(modules));
	put_number(buffer, modules_perf_map_fd(modules) >= 0);
	count_at = buffer->size;
	put_number(buffer, 0);
	while (fits < count && buffer->size + MODULE_BYTES_MIN + WIRE_STRING_MAX < WIRE_MESSAGE_MAX) {
		put_module(buffer, &list[fits], files[fits]);
		fits++;
	}
	if (!buffer->failed)
		memcpy(buffer->bytes + count_at, &fits, sizeof(fits));
	return written(buffer);
}

static void get_module(struct reader *reader, struct module *module, uint32_t *file)
{
	module->start = get_number(reader, UINT64_MAX);
	module->end = get_number(reader, UINT64_MAX);
	module->file_offset = get_number(reader, UINT64_MAX);
	module->inode = get_number(reader, UINT64_MAX);
	module->device = get_number(reader, UINT64_MAX);
	*file = get_number(reader, WIRE_NO_FILE);
	if (*file != WIRE_NO_FILE && *file & WIRE_NAMES_ONLY) {
		module->names_only = true;
		*file &= ~WIRE_NAMES_ONLY;
	}
	module->path = get_string(reader);
	module->fd = -1;
	if (!module->path || module->start >= module->end || (*file >= WIRE_FILES_MAX && *file != WIRE_NO_FILE))
		reader->failed = true;
}

void wire_space_fini(struct wire_space *space)
{
	for (size_t i = 0; space->list && i < space->count; i++)
		free(space->list[i].path);
	free(space->list);
	free(space->files);
	*space = (struct wire_space){};
}

int wire_decode_space(const void *bytes, size_t size, struct wire_space *ret)
{
	struct reader reader = reader_of(bytes, size);
	_cleanup_(wire_space_fini) struct wire_space space = {};

	space.id = get_number(&reader, UINT64_MAX);
	space.partial = get_number(&reader, 1);
	space.has_perf_map = get_number(&reader, 1);
	space.count = get_count(&reader, WIRE_MODULES_MAX, MODULE_BYTES_MIN);
	space.list = calloc(space.count + 1, sizeof(*space.list));
	space.files = calloc(space.count + 1, sizeof(*space.files));
	if (!space.list || !space.files)
		return -ENOMEM;
	for (size_t i = 0; i < space.count && !reader.failed; i++)
		get_module(&reader, &space.list[i], &space.files[i]);
	if (finished(&reader))
		return -EPROTO;
	*ret = space;
	space = (struct wire_space){};
	return 0;
}

/* ---- stacks ---- */

#define FRAME_BYTES_MIN (12 * WORD_BYTES)
#define FRAME_BYTES_MAX (FRAME_BYTES_MIN + 5 * WIRE_STRING_MAX)

static void put_frame(struct wire_buffer *buffer, const struct frame *frame)
{
	put_number(buffer, frame->addr);
	put_number(buffer, frame->method);
	put_string(buffer, frame->module);
	put_string(buffer, frame->build_id);
	put_number(buffer, frame->offset);
	put_string(buffer, frame->symbol);
	put_number(buffer, frame->symbol_offset);
	put_string(buffer, frame->file);
	put_number(buffer, frame->line > 0 ? frame->line : 0);
	put_number(buffer, frame->inlined);
	put_number(buffer, frame->activation);
	put_string(buffer, frame->reason);
}

/* The count, which comes first, is known when there is no room for one more. */
int wire_encode_stack(struct wire_buffer *buffer, uint64_t id, const struct stack *stack)
{
	bool cut = stack->count > WIRE_FRAMES_MAX;
	uint64_t count = cut ? WIRE_FRAMES_MAX : stack->count, fits = 0;
	size_t count_at;

	put_number(buffer, id);
	put_number(buffer, stack->method);
	count_at = buffer->size;
	put_number(buffer, 0);
	while (fits < count && buffer->size + FRAME_BYTES_MAX < WIRE_MESSAGE_MAX)
		put_frame(buffer, &stack->frames[fits++]);
	cut = cut || fits < count;
	put_number(buffer, stack->truncated || cut);
	put_string(buffer, cut ? "truncated" : stack->reason);
	if (!buffer->failed)
		memcpy(buffer->bytes + count_at, &fits, sizeof(fits));
	return written(buffer);
}

int wire_decode_stack_id(const void *bytes, size_t size, uint64_t *ret)
{
	return wire_decode_number(bytes, size < WORD_BYTES ? size : WORD_BYTES, ret);
}

static const char *get_reason(struct reader *reader)
{
	_cleanup_free_ char *name = get_string(reader);
	const char *reason = name ? stack_reason_find(name) : NULL;

	if (name && !reason)
		reader->failed = true;
	return reason;
}

static void get_frame(struct reader *reader, struct frame *frame)
{
	frame->addr = get_number(reader, UINT64_MAX);
	frame->method = get_number(reader, METHOD_FRAME_POINTER);
	frame->module = get_string(reader);
	frame->build_id = get_string(reader);
	frame->offset = get_number(reader, UINT64_MAX);
	frame->symbol = get_string(reader);
	frame->symbol_offset = get_number(reader, UINT64_MAX);
	frame->file = get_string(reader);
	frame->line = (int)get_number(reader, INT_MAX);
	frame->inlined = get_number(reader, 1);
	frame->activation = get_number(reader, 1);
	frame->reason = get_reason(reader);
	if (!is_build_id_or_none(frame->build_id))
		reader->failed = true;
}

CLEANUP_DEFINE(cleanup_stack, struct stack *, stack_free)

int wire_decode_stack(const void *bytes, size_t size, struct stack **ret)
{
	struct reader reader = reader_of(bytes, size);
	_cleanup_(cleanup_stack) struct stack *stack = calloc(1, sizeof(*stack));
	size_t count;

	if (!stack)
		return -ENOMEM;
	get_number(&reader, UINT64_MAX); /* the id */
	stack->method = get_number(&reader, METHOD_MIXED);
	count = get_count(&reader, WIRE_FRAMES_MAX, FRAME_BYTES_MIN);
	stack->frames = calloc(count + 1, sizeof(*stack->frames));
	if (!stack->frames)
		return -ENOMEM;
	while (stack->count < count && !reader.failed)
		get_frame(&reader, &stack->frames[stack->count++]);
	stack->truncated = get_number(&reader, 1);
	stack->reason = get_reason(&reader);
	if (finished(&reader))
		return -EPROTO;
	*ret = cleanup_take(stack);
	return 0;
}

/* ---- debug files ---- */

int wire_encode_want(struct wire_buffer *buffer, const struct wire_want *want)
{
	put_number(buffer, want->kind);
	put_number(buffer, want->sequence);
	put_number(buffer, want->space);
	put_number(buffer, want->module);
	put_string(buffer, want->name);
	put_string(buffer, want->build_id);
	return written(buffer);
}

void wire_want_fini(struct wire_want *want)
{
	free(want->name);
	free(want->build_id);
	*want = (struct wire_want){};
}

int wire_decode_want(const void *bytes, size_t size, struct wire_want *ret)
{
	struct reader reader = reader_of(bytes, size);
	_cleanup_(wire_want_fini) struct wire_want want = {};

	want.kind = get_number(&reader, DEBUG_FILE_ALTERNATE);
	want.sequence = get_number(&reader, UINT64_MAX);
	want.space = get_number(&reader, UINT64_MAX);
	want.module = get_number(&reader, WIRE_MODULES_MAX - 1);
	want.name = get_string(&reader);
	want.build_id = get_string(&reader);
	if (finished(&reader) || !want.name || !*want.name || !is_build_id_or_none(want.build_id))
		return -EPROTO;
	*ret = want;
	want = (struct wire_want){};
	return 0;
}
