// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sink_text.c: events as lines for people. Takes lines, drops fields. Every line passes text_neutralise(), so that a
 * stranger's name cannot act on the terminal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "sink.h"
#include "text.h"

#define BOLD  "\033[1m"
#define DIM   "\033[2m"
#define RESET "\033[0m"

struct sink_text {
	struct sink sink;
	FILE *file;
	bool colour;
	FILE *record; /* its lines, in memory, until it is whole; NULL: no memory */
	char *bytes; /* of `record` */
	size_t size;
};

static void record_begin(struct sink *sink)
{
	struct sink_text *text = (struct sink_text *)sink;

	text->record = open_memstream(&text->bytes, &text->size);
}

static int write_record(struct sink_text *text)
{
	if (fclose(text->record))
		return -ENOMEM;
	if (fwrite(text->bytes, 1, text->size, text->file) == text->size)
		return 0;
	clearerr(text->file);
	return errno ? -errno : -EIO;
}

static int record_end(struct sink *sink)
{
	struct sink_text *text = (struct sink_text *)sink;
	int err = text->record ? write_record(text) : -ENOMEM;

	text->record = NULL;
	free(text->bytes);
	text->bytes = NULL;
	return err;
}

static void line(struct sink *sink, const char *label, const char *format, va_list args)
{
	struct sink_text *text = (struct sink_text *)sink;
	_cleanup_free_ char *sentence = NULL;
	_cleanup_free_ char *safe = NULL;
	int length = text->record ? vasprintf(&sentence, format, args) : -1;

	if (length < 0) {
		sentence = NULL;
		return;
	}
	safe = malloc(TEXT_NEUTRALISED_BYTES((size_t)length));
	if (!safe)
		return;
	text_neutralise(sentence, (size_t)length, safe, TEXT_NEUTRALISED_BYTES((size_t)length));
	if (!label)
		fprintf(text->record, "%s%s%s\n", text->colour ? BOLD : "", safe, text->colour ? RESET : "");
	else
		fprintf(text->record, "  %s%-7s%s %s\n", text->colour ? DIM : "", label, text->colour ? RESET : "",
			safe);
}

static void begin(struct sink *sink, const char *name)
{
	(void)sink, (void)name;
}

static void end(struct sink *sink)
{
	(void)sink;
}

static void boolean(struct sink *sink, const char *name, bool value)
{
	(void)sink, (void)name, (void)value;
}

static void number(struct sink *sink, const char *name, uint64_t value)
{
	(void)sink, (void)name, (void)value;
}

static void integer(struct sink *sink, const char *name, int64_t value)
{
	(void)sink, (void)name, (void)value;
}

static void real(struct sink *sink, const char *name, double value)
{
	(void)sink, (void)name, (void)value;
}

static void string(struct sink *sink, const char *name, const char *bytes, size_t size)
{
	(void)sink, (void)name, (void)bytes, (void)size;
}

static void destroy(struct sink *sink)
{
	free(sink);
}

static const struct sink_ops text_ops = {
	.record_begin = record_begin,
	.record_end = record_end,
	.object_begin = begin,
	.array_begin = begin,
	.end = end,
	.null = begin,
	.boolean = boolean,
	.number = number,
	.integer = integer,
	.real = real,
	.string = string,
	.line = line,
	.destroy = destroy,
};

int sink_text_new(FILE *file, bool colour, struct sink **ret)
{
	struct sink_text *text = calloc(1, sizeof(*text));

	if (!text)
		return -ENOMEM;
	text->sink.ops = &text_ops;
	text->file = file;
	text->colour = colour;
	/* So that a record leaves as one write; a buffer would be written whenever it is full. */
	setvbuf(file, NULL, _IONBF, 0);
	*ret = &text->sink;
	return 0;
}
