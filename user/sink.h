/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sink.h: where rendered events go. render.c describes each event once, through these primitives: fields for machines
 * beside the lines for people that say the same. A sink honours the one or the other: sink_json.c takes fields,
 * sink_text.c takes lines.
 */
#ifndef VMASNOOP_SINK_H
#define VMASNOOP_SINK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct sink;

/* A field's name is NULL inside an array. */
struct sink_ops {
	void (*record_begin)(struct sink *sink);
	int (*record_end)(struct sink *sink);
	void (*object_begin)(struct sink *sink, const char *name);
	void (*array_begin)(struct sink *sink, const char *name);
	void (*end)(struct sink *sink);
	void (*null)(struct sink *sink, const char *name);
	void (*boolean)(struct sink *sink, const char *name, bool value);
	void (*number)(struct sink *sink, const char *name, uint64_t value);
	void (*integer)(struct sink *sink, const char *name, int64_t value);
	void (*real)(struct sink *sink, const char *name, double value);
	void (*string)(struct sink *sink, const char *name, const char *bytes, size_t size);
	void (*line)(struct sink *sink, const char *label, const char *format, va_list args);
	void (*destroy)(struct sink *sink);
};

struct sink {
	const struct sink_ops *ops;
	bool verbose; /* lines that few want are wanted: see sink_detail() */
};

int sink_json_new(FILE *file, struct sink **ret);
int sink_text_new(FILE *file, bool colour, struct sink **ret);

/* The file is the caller's. */
void sink_free(struct sink *sink);

void sink_record_begin(struct sink *sink);

/* Hands the whole record over in one write. Returns 0 or the negative errno of that write; the record is then lost. */
int sink_record_end(struct sink *sink);

void sink_object_begin(struct sink *sink, const char *name);
void sink_array_begin(struct sink *sink, const char *name);
void sink_end(struct sink *sink);

void sink_null(struct sink *sink, const char *name);
void sink_bool(struct sink *sink, const char *name, bool value);
void sink_number(struct sink *sink, const char *name, uint64_t value);

/* A number that may be below 0. */
void sink_integer(struct sink *sink, const char *name, int64_t value);

/* What is measured and not counted, finite: 6 digits of it. */
void sink_real(struct sink *sink, const char *name, double value);

/* "0x..." */
void sink_hex(struct sink *sink, const char *name, uint64_t value);

/*
 * A string of ours or of strangers, NULL for null. Bytes that are not UTF-8 become U+FFFD, and all of them follow in
 * NAME_b64.
 */
void sink_string(struct sink *sink, const char *name, const char *value);

/* A line for people: a label ("why", "" to go on, NULL for a headline) and a sentence. Strangers' bytes are neutralised. */
void sink_line(struct sink *sink, const char *label, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The same, for the few who asked for more. */
void sink_detail(struct sink *sink, const char *label, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
