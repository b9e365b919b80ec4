// SPDX-License-Identifier: GPL-2.0-or-later
/* The two sinks: valid whatever strangers are called, one write a record, and a write that fails loses one record. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "sink.h"

/* A file that keeps what is written to it, counts the writes, and can refuse. */
struct tape {
	FILE *file;
	char *bytes;
	size_t size;
	size_t writes;
	size_t room; /* bytes that still fit; then `err` */
	int err;
};

static ssize_t tape_write(void *cookie, const char *bytes, size_t size)
{
	struct tape *tape = cookie;
	size_t taken = size < tape->room ? size : tape->room;
	char *grown = realloc(tape->bytes, tape->size + taken + 1);

	assert_non_null(grown);
	tape->bytes = grown;
	memcpy(grown + tape->size, bytes, taken);
	tape->size += taken;
	grown[tape->size] = '\0';
	tape->room -= taken;
	tape->writes++;
	if (taken < size)
		errno = tape->err;
	/* As write(2): what fits, and the error only when nothing does. */
	return taken ? (ssize_t)taken : 0;
}

static void tape_init(struct tape *tape)
{
	*tape = (struct tape){.room = SIZE_MAX, .err = ENOSPC};
	tape->file = fopencookie(tape, "w", (cookie_io_functions_t){.write = tape_write});
	assert_non_null(tape->file);
}

static void tape_fini(struct tape *tape)
{
	fclose(tape->file);
	free(tape->bytes);
}

static struct sink *json_on(FILE *file)
{
	struct sink *sink = NULL;

	assert_int_equal(sink_json_new(file, &sink), 0);
	return sink;
}

static struct sink *text_on(FILE *file, bool colour)
{
	struct sink *sink = NULL;

	assert_int_equal(sink_text_new(file, colour, &sink), 0);
	return sink;
}

/* The one line on the tape, parsed. */
static json_t *parse(const struct tape *tape)
{
	json_error_t error;
	json_t *record;

	assert_true(tape->size > 0);
	assert_int_equal(tape->bytes[tape->size - 1], '\n');
	assert_ptr_equal(memchr(tape->bytes, '\n', tape->size), tape->bytes + tape->size - 1);
	record = json_loadb(tape->bytes, tape->size - 1, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(record);
	return record;
}

static void test_json_of_every_primitive(void **state)
{
	static const char expected[] =
		"{\"string\":\"a \\\"b\\\" \\\\ \\u001B\\n\",\"none\":null,\"null\":null,\"yes\":true,\"no\":false,"
		"\"number\":65530,\"hex\":\"0x7f184b2e8000\",\"zero\":\"0x0\",\"most\":\"0xffffffffffffffff\","
		"\"object\":{\"inner\":{}},\"array\":[1,\"two\",{\"three\":3},[]],\"after\":1}\n";
	struct tape tape;
	struct sink *sink;

	(void)state;
	tape_init(&tape);
	sink = json_on(tape.file);
	sink_record_begin(sink);
	sink_string(sink, "string", "a \"b\" \\ \033\n");
	sink_string(sink, "none", NULL);
	sink_null(sink, "null");
	sink_bool(sink, "yes", true);
	sink_bool(sink, "no", false);
	sink_number(sink, "number", 65530);
	sink_hex(sink, "hex", 0x7f184b2e8000);
	sink_hex(sink, "zero", 0);
	sink_hex(sink, "most", UINT64_MAX);
	sink_object_begin(sink, "object");
	sink_object_begin(sink, "inner");
	sink_end(sink);
	sink_end(sink);
	sink_array_begin(sink, "array");
	sink_number(sink, NULL, 1);
	sink_string(sink, NULL, "two");
	sink_object_begin(sink, NULL);
	sink_number(sink, "three", 3);
	sink_end(sink);
	sink_array_begin(sink, NULL);
	sink_end(sink);
	sink_end(sink);
	sink_number(sink, "after", 1);
	sink_line(sink, "why", "for people %d", 1);
	assert_int_equal(sink_record_end(sink), 0);
	assert_string_equal(tape.bytes, expected);
	sink_free(sink);
	tape_fini(&tape);
}

static void test_json_of_strangers_bytes(void **state)
{
	static const struct {
		const char *bytes, *text, *base64;
	} cases[] = {
		{"plain", "plain", NULL},
		{"Zürich 日本 😀", "Zürich 日本 😀", NULL},
		{"\033[31m\"\\\n\t\x7f", "\033[31m\"\\\n\t\x7f", NULL},
		{"\xff", "\ufffd", "/w=="},
		{"\xff\xfe", "\ufffd\ufffd", "//4="},
		{"a\xff\xfe", "a\ufffd\ufffd", "Yf/+"},
		{"ab\xe2\x82", "ab\ufffd", "YWLigg=="},
		{"\xed\xa0\x80", "\ufffd\ufffd\ufffd", "7aCA"},
		{"\xc0\xafx\x80yz!", "\ufffd\ufffdx\ufffdyz!", "wK94gHl6IQ=="},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tape tape;
		struct sink *sink;
		json_t *record;

		tape_init(&tape);
		sink = json_on(tape.file);
		sink_record_begin(sink);
		sink_string(sink, "comm", cases[i].bytes);
		assert_int_equal(sink_record_end(sink), 0);
		record = parse(&tape);
		assert_string_equal(json_string_value(json_object_get(record, "comm")), cases[i].text);
		assert_int_equal(json_object_size(record), cases[i].base64 ? 2 : 1);
		if (cases[i].base64)
			assert_string_equal(json_string_value(json_object_get(record, "comm_b64")), cases[i].base64);
		json_decref(record);
		sink_free(sink);
		tape_fini(&tape);
	}
}

static unsigned int digit_of(char digit)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = strchr(digits, digit);

	assert_non_null(at);
	return (unsigned int)(at - digits);
}

static void decode_base64(const char *text, char *ret)
{
	for (; *text; text += 4) {
		unsigned int group = digit_of(text[0]) << 18 | digit_of(text[1]) << 12;

		group |= text[2] == '=' ? 0 : digit_of(text[2]) << 6;
		group |= text[3] == '=' ? 0 : digit_of(text[3]);
		*ret++ = (char)(group >> 16);
		*ret++ = (char)(group >> 8);
		*ret++ = (char)group;
	}
	*ret = '\0';
}

static void check_round_trip(struct sink *sink, struct tape *tape, const char *bytes)
{
	char decoded[16];
	const char *base64;
	json_t *record;

	tape->size = 0;
	sink_record_begin(sink);
	sink_string(sink, "comm", bytes);
	assert_int_equal(sink_record_end(sink), 0);
	record = parse(tape);
	base64 = json_string_value(json_object_get(record, "comm_b64"));
	if (base64) {
		decode_base64(base64, decoded);
		assert_string_equal(decoded, bytes);
	} else {
		assert_string_equal(json_string_value(json_object_get(record, "comm")), bytes);
	}
	json_decref(record);
}

/* Every string of three bytes of some that matter, back from _b64 or from the text. */
static void test_json_loses_no_byte(void **state)
{
	static const unsigned char some[] = {0x01, '"',	 '\\', 'a',  0x7f, 0x80, 0xa0, 0xbf, 0xc0,
					     0xc3, 0xe0, 0xe2, 0xed, 0xef, 0xf0, 0xf4, 0xff};
	struct tape tape;
	struct sink *sink;
	char bytes[4] = "";

	(void)state;
	tape_init(&tape);
	sink = json_on(tape.file);
	for (size_t i = 0; i < sizeof(some); i++) {
		for (size_t j = 0; j < sizeof(some); j++) {
			for (size_t k = 0; k < sizeof(some); k++) {
				bytes[0] = (char)some[i];
				bytes[1] = (char)some[j];
				bytes[2] = (char)some[k];
				check_round_trip(sink, &tape, bytes);
			}
		}
	}
	sink_free(sink);
	tape_fini(&tape);
}

static void test_json_of_huge_numbers(void **state)
{
	struct tape tape;
	struct sink *sink;

	(void)state;
	tape_init(&tape);
	sink = json_on(tape.file);
	sink_record_begin(sink);
	sink_number(sink, "zero", 0);
	sink_number(sink, "exact", (1ULL << 53) + 1);
	sink_number(sink, "most", INT64_MAX);
	sink_number(sink, "cut", 1ULL << 63);
	sink_number(sink, "cut_too", UINT64_MAX);
	assert_int_equal(sink_record_end(sink), 0);
	assert_string_equal(tape.bytes, "{\"zero\":0,\"exact\":9007199254740993,\"most\":9223372036854775807,"
					"\"cut\":9223372036854775807,\"cut_too\":9223372036854775807}\n");
	sink_free(sink);
	tape_fini(&tape);
}

/* `count` frames make a record of about 40 bytes each, in JSON and in text. */
static int put_record(struct sink *sink, size_t count)
{
	sink_record_begin(sink);
	sink_line(sink, NULL, "a record of %zu", count);
	sink_array_begin(sink, "frames");
	for (size_t i = 0; i < count; i++) {
		sink_string(sink, NULL, "0123456789abcdef0123456789abcdef");
		sink_line(sink, "stack", "0123456789abcdef0123456789abcdef");
	}
	sink_end(sink);
	return sink_record_end(sink);
}

static void check_writes(struct sink *sink, struct tape *tape)
{
	/* From less than any buffer of the C library to the largest record: 127 frames of 300 bytes, and far above. */
	static const size_t counts[] = {0, 1, 100, 101, 102, 103, 1000, 20000};
	size_t writes = 0;

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		assert_int_equal(put_record(sink, counts[i]), 0);
		assert_int_equal(tape->writes, ++writes);
		assert_int_equal(tape->bytes[tape->size - 1], '\n');
	}
	sink_free(sink);
	assert_int_equal(tape->writes, writes);
}

static void test_one_write_a_record(void **state)
{
	struct tape tape;

	(void)state;
	tape_init(&tape);
	check_writes(json_on(tape.file), &tape);
	tape_fini(&tape);
	tape_init(&tape);
	check_writes(text_on(tape.file, false), &tape);
	tape_fini(&tape);
}

/* The same, seen from the other end: a pipe in packet mode keeps writes apart. */
static void test_one_write_to_a_descriptor(void **state)
{
	char packet[4096];
	struct sink *sink;
	int ends[2];
	FILE *file;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_DIRECT), 0);
	file = fdopen(ends[1], "w");
	assert_non_null(file);
	sink = json_on(file);
	for (size_t count = 1; count < 80; count += 13) {
		assert_int_equal(put_record(sink, count), 0);
		assert_int_equal(put_record(sink, 0), 0);
		assert_true(read(ends[0], packet, sizeof(packet)) > (ssize_t)(count * 32));
		assert_int_equal(read(ends[0], packet, sizeof(packet)), sizeof("{\"frames\":[]}"));
	}
	sink_free(sink);
	fclose(file);
	close(ends[0]);
}

static void check_full_disk(struct sink *(*make)(FILE *file))
{
	FILE *file = fopen("/dev/full", "we");
	struct sink *sink;

	assert_non_null(file);
	sink = make(file);
	for (size_t count = 0; count < 400; count += 57)
		assert_int_equal(put_record(sink, count), -ENOSPC);
	sink_free(sink);
	/* Nothing was kept back to fail again. */
	assert_int_equal(fclose(file), 0);
}

static struct sink *plain_text_on(FILE *file)
{
	return text_on(file, false);
}

static void test_full_disk(void **state)
{
	(void)state;
	check_full_disk(json_on);
	check_full_disk(plain_text_on);
}

static void check_closed_pipe(struct sink *(*make)(FILE *file))
{
	struct sink *sink;
	int ends[2];
	FILE *file;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	file = fdopen(ends[1], "w");
	assert_non_null(file);
	sink = make(file);
	for (size_t count = 0; count < 400; count += 57)
		assert_int_equal(put_record(sink, count), -EPIPE);
	sink_free(sink);
	fclose(file);
}

static void test_reader_is_gone(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	check_closed_pipe(json_on);
	check_closed_pipe(plain_text_on);
	signal(SIGPIPE, SIG_DFL);
}

/* The disk was full for one record: the others are whole, and none comes late. */
static void test_json_after_a_full_disk(void **state)
{
	struct tape tape;
	struct sink *sink;

	(void)state;
	tape_init(&tape);
	sink = json_on(tape.file);
	assert_int_equal(put_record(sink, 0), 0);
	tape.room = 0;
	assert_int_equal(put_record(sink, 1), -ENOSPC);
	tape.room = SIZE_MAX;
	assert_int_equal(put_record(sink, 0), 0);
	assert_string_equal(tape.bytes, "{\"frames\":[]}\n{\"frames\":[]}\n");
	sink_free(sink);
	tape_fini(&tape);
}

/* A record that was cut by it is a line of its own, and not glued to the next one. */
static void test_json_after_a_torn_write(void **state)
{
	struct tape tape;
	struct sink *sink;

	(void)state;
	tape_init(&tape);
	sink = json_on(tape.file);
	tape.room = 5;
	assert_int_equal(put_record(sink, 0), -ENOSPC);
	assert_string_equal(tape.bytes, "{\"fra");
	assert_int_equal(put_record(sink, 0), -ENOSPC);
	tape.room = SIZE_MAX;
	assert_int_equal(put_record(sink, 0), 0);
	assert_int_equal(put_record(sink, 0), 0);
	assert_string_equal(tape.bytes, "{\"fra\n{\"frames\":[]}\n{\"frames\":[]}\n");
	sink_free(sink);
	tape_fini(&tape);
}

static void test_json_too_deep(void **state)
{
	struct tape tape;
	struct sink *sink;

	(void)state;
	tape_init(&tape);
	sink = json_on(tape.file);
	sink_record_begin(sink);
	for (int i = 0; i < 20; i++)
		sink_object_begin(sink, "deeper");
	sink_number(sink, "number", 1);
	for (int i = 0; i < 20; i++)
		sink_end(sink);
	sink_number(sink, "number", 1);
	assert_int_equal(sink_record_end(sink), -E2BIG);
	assert_int_equal(tape.writes, 0);
	assert_int_equal(put_record(sink, 0), 0);
	assert_string_equal(tape.bytes, "{\"frames\":[]}\n");
	sink_free(sink);
	tape_fini(&tape);
}

static long allocations_left;

static void *scarce_malloc(size_t size)
{
	return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Whichever allocation of jansson's fails: the record is lost, nothing else; ASan sees the rest. */
static void test_json_without_memory(void **state)
{
	struct tape tape;
	struct sink *sink;
	long needed = 0;
	int err;

	(void)state;
	tape_init(&tape);
	sink = json_on(tape.file);
	json_set_alloc_funcs(scarce_malloc, free);
	do {
		allocations_left = needed++;
		tape.size = 0;
		sink_record_begin(sink);
		sink_object_begin(sink, "process");
		sink_string(sink, "comm", "\xff");
		sink_end(sink);
		sink_array_begin(sink, "frames");
		sink_object_begin(sink, NULL);
		sink_number(sink, "line", 1);
		sink_end(sink);
		sink_end(sink);
		err = sink_record_end(sink);
		assert_true(err == 0 || err == -ENOMEM);
		assert_int_equal(tape.size > 0, err == 0);
	} while (err);
	json_set_alloc_funcs(malloc, free);
	assert_true(needed > 10);
	assert_string_equal(tape.bytes,
			    "{\"process\":{\"comm\":\"\\uFFFD\",\"comm_b64\":\"/w==\"},\"frames\":[{\"line\":1}]}\n");
	sink_free(sink);
	tape_fini(&tape);
}

static void test_text_has_lines_only(void **state)
{
	struct tape tape;
	struct sink *sink;

	(void)state;
	tape_init(&tape);
	sink = text_on(tape.file, false);
	sink_record_begin(sink);
	sink_string(sink, "field", "not for people");
	sink_object_begin(sink, "object");
	sink_number(sink, "number", 1);
	sink_hex(sink, "hex", 1);
	sink_bool(sink, "yes", true);
	sink_null(sink, "null");
	sink_end(sink);
	sink_line(sink, NULL, "%s[%d]", "b", 5582);
	sink_line(sink, "why", "%s", "because");
	sink_line(sink, "", "going on");
	assert_int_equal(sink_record_end(sink), 0);
	assert_string_equal(tape.bytes, "b[5582]\n  why     because\n          going on\n");
	/* A record without a line is none. */
	tape.size = 0;
	sink_record_begin(sink);
	sink_number(sink, "number", 1);
	assert_int_equal(sink_record_end(sink), 0);
	assert_int_equal(tape.size, 0);
	sink_free(sink);
	tape_fini(&tape);
}

static void test_text_is_neutralised(void **state)
{
	struct tape tape;
	struct sink *sink;

	(void)state;
	tape_init(&tape);
	sink = text_on(tape.file, false);
	sink_record_begin(sink);
	sink_line(sink, NULL, "%s", "\033]0;pwned\a\n\r\x9b\xff\u202e");
	sink_line(sink, "vma", "%s", "a\nb");
	assert_int_equal(sink_record_end(sink), 0);
	assert_string_equal(tape.bytes, "\\x1b]0;pwned\\x07\\x0a\\x0d\\x9b\\xff\\u{202e}\n  vma     a\\x0ab\n");
	sink_free(sink);
	tape_fini(&tape);
}

/* The colours are ours, and the only escapes. */
static void test_text_in_colour(void **state)
{
	struct tape tape;
	struct sink *sink;

	(void)state;
	tape_init(&tape);
	sink = text_on(tape.file, true);
	sink_record_begin(sink);
	sink_line(sink, NULL, "%s", "head\033[0m");
	sink_line(sink, "why", "%s", "because");
	assert_int_equal(sink_record_end(sink), 0);
	assert_string_equal(tape.bytes, "\033[1mhead\\x1b[0m\033[0m\n  \033[2mwhy    \033[0m because\n");
	sink_free(sink);
	tape_fini(&tape);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_of_every_primitive),
		cmocka_unit_test(test_json_of_strangers_bytes),
		cmocka_unit_test(test_json_loses_no_byte),
		cmocka_unit_test(test_json_of_huge_numbers),
		cmocka_unit_test(test_one_write_a_record),
		cmocka_unit_test(test_one_write_to_a_descriptor),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_reader_is_gone),
		cmocka_unit_test(test_json_after_a_full_disk),
		cmocka_unit_test(test_json_after_a_torn_write),
		cmocka_unit_test(test_json_too_deep),
		cmocka_unit_test(test_json_without_memory),
		cmocka_unit_test(test_text_has_lines_only),
		cmocka_unit_test(test_text_is_neutralised),
		cmocka_unit_test(test_text_in_colour),
	};

	sink_free(NULL);
	return cmocka_run_group_tests_name("sink", tests, NULL, NULL);
}
