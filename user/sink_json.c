// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sink_json.c: events as NDJSON, one object a line, one write a record (docs/events.schema.json). jansson builds the
 * text: it is maintained, in every distribution, keeps the order of fields and refuses what is not valid. Takes fields,
 * drops lines.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cleanup.h"
#include "sink.h"
#include "text.h"

#define DEPTH_MAX   8
#define REAL_DIGITS JSON_REAL_PRECISION(6)

struct sink_json {
	struct sink sink;
	FILE *file;
	json_t *open[DEPTH_MAX]; /* the record and what is open in it; each is owned by the one before */
	size_t depth;
	bool torn; /* the last record was written in part: there is half a line */
	int err; /* the first failure within this record */
};

static struct sink_json *json_of(struct sink *sink)
{
	return (struct sink_json *)sink;
}

/* Takes over `value`; NULL is an allocation that failed. Returns whether the record has it. */
static bool add(struct sink_json *json, const char *name, json_t *value)
{
	json_t *parent = json->depth && json->depth <= DEPTH_MAX ? json->open[json->depth - 1] : NULL;
	bool added = false;

	if (!parent)
		json_decref(value);
	else if (name)
		added = !json_object_set_new_nocheck(parent, name, value);
	else
		added = !json_array_append_new(parent, value);
	if (!added)
		json->err = json->err ?: -ENOMEM;
	return added;
}

/* One that could not be added is open all the same, as NULL, so that what goes into it goes nowhere. */
static void open_container(struct sink_json *json, const char *name, json_t *container)
{
	if (json->depth && !add(json, name, container))
		container = NULL;
	if (json->depth < DEPTH_MAX)
		json->open[json->depth] = container;
	else
		json->err = -E2BIG;
	json->depth++;
}

static void record_begin(struct sink *sink)
{
	struct sink_json *json = json_of(sink);

	json->err = 0;
	open_container(json, NULL, json_object());
}

static int write_failed(struct sink_json *json)
{
	int err = errno ? -errno : -EIO;

	clearerr(json->file);
	return err;
}

static int write_record(struct sink_json *json)
{
	_cleanup_free_ char *text = json_dumps(json->open[0], JSON_COMPACT | JSON_ENSURE_ASCII | REAL_DIGITS);
	size_t length, written;

	if (!text)
		return -ENOMEM;
	length = strlen(text) + 1;
	text[length - 1] = '\n'; /* in place of the final NUL: the line goes out whole, in one write */
	if (json->torn && fputc('\n', json->file) == EOF)
		return write_failed(json);
	json->torn = false;
	written = fwrite(text, 1, length, json->file);
	if (written == length)
		return 0;
	json->torn = written > 0;
	return write_failed(json);
}

static int record_end(struct sink *sink)
{
	struct sink_json *json = json_of(sink);
	int err = json->err ?: write_record(json);

	json_decref(json->open[0]);
	json->depth = 0;
	return err;
}

static void object_begin(struct sink *sink, const char *name)
{
	open_container(json_of(sink), name, json_object());
}

static void array_begin(struct sink *sink, const char *name)
{
	open_container(json_of(sink), name, json_array());
}

static void end(struct sink *sink)
{
	json_of(sink)->depth--;
}

static void null(struct sink *sink, const char *name)
{
	add(json_of(sink), name, json_null());
}

static void boolean(struct sink *sink, const char *name, bool value)
{
	add(json_of(sink), name, json_boolean(value));
}

static void number(struct sink *sink, const char *name, uint64_t value)
{
	/* JSON numbers end at 2^53 for many readers; no count or size of ours comes near, and a broken one is cut. */
	add(json_of(sink), name, json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
}

static void integer(struct sink *sink, const char *name, int64_t value)
{
	add(json_of(sink), name, json_integer(value));
}

static void real(struct sink *sink, const char *name, double value)
{
	add(json_of(sink), name, json_real(value));
}

static void base64(const unsigned char *bytes, size_t size, char *ret)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < size; i += 3) {
		unsigned int group =
			bytes[i] << 16 | (i + 1 < size ? bytes[i + 1] << 8 : 0) | (i + 2 < size ? bytes[i + 2] : 0);

		*ret++ = digits[group >> 18];
		*ret++ = digits[group >> 12 & 63];
		*ret++ = i + 1 < size ? digits[group >> 6 & 63] : '=';
		*ret++ = i + 2 < size ? digits[group & 63] : '=';
	}
	*ret = 0;
}

static void add_base64(struct sink_json *json, const char *name, const char *bytes, size_t size)
{
	_cleanup_free_ char *text = malloc(4 * ((size + 2) / 3) + 1);
	char full_name[64];

	snprintf(full_name, sizeof(full_name), "%s_b64", name);
	if (text)
		base64((const unsigned char *)bytes, size, text);
	add(json, full_name, text ? json_string(text) : NULL);
}

static void string(struct sink *sink, const char *name, const char *bytes, size_t size)
{
	_cleanup_free_ char *fixed = malloc(TEXT_UTF8_FIXED_BYTES(size));
	struct sink_json *json = json_of(sink);
	bool differs;

	if (!fixed) {
		add(json, name, NULL);
		return;
	}
	differs = text_utf8_fix(bytes, size, fixed, TEXT_UTF8_FIXED_BYTES(size));
	add(json, name, json_string(fixed));
	if (differs && name)
		add_base64(json, name, bytes, size);
}

static void line(struct sink *sink, const char *label, const char *format, va_list args)
{
	(void)sink, (void)label, (void)format, (void)args;
}

static void destroy(struct sink *sink)
{
	free(sink);
}

static const struct sink_ops json_ops = {
	.record_begin = record_begin,
	.record_end = record_end,
	.object_begin = object_begin,
	.array_begin = array_begin,
	.end = end,
	.null = null,
	.boolean = boolean,
	.number = number,
	.integer = integer,
	.real = real,
	.string = string,
	.line = line,
	.destroy = destroy,
};

int sink_json_new(FILE *file, struct sink **ret)
{
	struct sink_json *json = calloc(1, sizeof(*json));

	if (!json)
		return -ENOMEM;
	json->sink.ops = &json_ops;
	json->file = file;
	/* So that a record leaves as one write; a buffer would be written whenever it is full. */
	setvbuf(file, NULL, _IONBF, 0);
	*ret = &json->sink;
	return 0;
}
