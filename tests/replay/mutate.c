// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mutate COUNT SEED DIR CAPTURE...: replays COUNT damaged copies of the captures, as `vmasnoop replay` does but all in
 * this process, under ASan and UBSan: whatever the damage, the status is one of the documented, JSON is valid and framed
 * by run_start and run_end, and text holds nothing that a terminal acts upon. Leaves the first logs in DIR, to be checked
 * against the schema. The same seed makes the same copies.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cmd.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define COPY_MAX	(1 << 16)
#define OUTPUT_MAX	(1 << 22)
#define LOGS_KEPT	100

struct copy {
	char bytes[COPY_MAX];
	size_t size;
};

static uint64_t random_state;

/* splitmix64, https://prng.di.unimi.it/splitmix64.c (public domain): the same everywhere, unlike rand(). */
static uint64_t random_next(void)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 to below - 1; 0 when there is nothing to choose. */
static size_t random_below(size_t below)
{
	return below ? random_next() % below : 0;
}

static void die(const char *what)
{
	fprintf(stderr, "mutate: %s: %s\n", what, strerror(errno));
	exit(2);
}

static size_t read_file(const char *path, char *ret, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t got;

	if (!file)
		die(path);
	got = fread(ret, 1, size, file);
	fclose(file);
	return got;
}

static void write_file(const char *path, const struct copy *copy)
{
	FILE *file = fopen(path, "we");

	if (!file || fwrite(copy->bytes, 1, copy->size, file) != copy->size || fclose(file))
		die(path);
}

static void flip_bit(struct copy *copy)
{
	copy->bytes[random_below(copy->size)] ^= (char)(1 << random_below(8));
}

static void set_byte(struct copy *copy)
{
	copy->bytes[random_below(copy->size)] = (char)random_next();
}

/* Numbers that sizes, offsets and counts stumble over, where such stand. */
static void set_word(struct copy *copy)
{
	static const uint32_t words[] = {
		0,   1,	   7,	 8,    15,   16,   24,	       104,	   248,	       249,
		256, 1016, 1024, 1648, 1649, 1656, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff,
	};
	size_t at = random_below(copy->size / sizeof(*words)) * sizeof(*words);

	if (at + sizeof(*words) <= copy->size)
		memcpy(copy->bytes + at, &words[random_below(COUNT_OF(words))], sizeof(*words));
}

static void cut(struct copy *copy)
{
	copy->size = random_below(copy->size + 1);
}

static void drop_piece(struct copy *copy)
{
	size_t from = random_below(copy->size), count = random_below(copy->size - from);

	memmove(copy->bytes + from, copy->bytes + from + count, copy->size - from - count);
	copy->size -= count;
}

static void repeat_piece(struct copy *copy)
{
	size_t from = random_below(copy->size), count = random_below(copy->size - from);

	if (copy->size + count > sizeof(copy->bytes))
		return;
	memmove(copy->bytes + from + count, copy->bytes + from, copy->size - from);
	copy->size += count;
}

static void mutate(struct copy *copy)
{
	/* The gentle ones often, so that the damage is not always found at once. */
	static void (*const ways[])(struct copy *) = {
		flip_bit, flip_bit, set_byte, set_byte,	  set_word,	set_word,
		set_word, set_word, cut,      drop_piece, repeat_piece,
	};

	for (size_t rounds = 1 + random_below(4); rounds && copy->size; rounds--)
		ways[random_below(COUNT_OF(ways))](copy);
}

/* What is wrong with the line, or NULL. */
static const char *check_record(const char *line, size_t size, bool first, bool last)
{
	json_error_t error;
	json_t *record = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
	const char *event = json_string_value(json_object_get(record, "event"));
	const char *problem = NULL;

	if (!event)
		problem = "a line is no JSON object with an event";
	else if (first != !strcmp(event, "run_start"))
		problem = "run_start is not the first line, or not the only one";
	else if (last != !strcmp(event, "run_end"))
		problem = "run_end is not the last line, or not the only one";
	json_decref(record);
	return problem;
}

static const char *check_json(const char *bytes, size_t size)
{
	const char *end = bytes + size, *problem = NULL;

	for (const char *line = bytes, *newline; !problem && line < end; line = newline + 1) {
		newline = memchr(line, '\n', (size_t)(end - line));
		if (!newline)
			return "the last line has no end";
		problem = check_record(line, (size_t)(newline - line), line == bytes, newline + 1 == end);
	}
	return problem;
}

static const char *check_text(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((unsigned char)bytes[i] < 0x20 && bytes[i] != '\n') || bytes[i] == 0x7f)
			return "a control character in the text";
	return size && bytes[size - 1] != '\n' ? "the last line has no end" : NULL;
}

static const char *check(int status, bool json, const char *bytes, size_t size)
{
	if (status != EXIT_STATUS_COMPLETE && status != EXIT_STATUS_FAILED && status != EXIT_STATUS_LOST)
		return "an exit status that is not documented";
	if (!size && status != EXIT_STATUS_FAILED)
		return "nothing was shown, and nothing said to be wrong";
	return json ? check_json(bytes, size) : check_text(bytes, size);
}

static const char *replay(const char *capture, const char *output, bool json)
{
	static char bytes[OUTPUT_MAX];
	char *arguments[] = {"replay", "-o", (char *)output, (char *)capture, json ? "-j" : "-q", NULL};
	int status;

	if (unlink(output) && errno != ENOENT)
		die(output);
	status = cmd_replay(COUNT_OF(arguments) - 1, arguments);
	/* No file at all: it was no capture. */
	return check(status, json, bytes, access(output, F_OK) ? 0 : read_file(output, bytes, sizeof(bytes)));
}

int main(int argc, char **argv)
{
	static struct copy copy;
	char capture[4096], output[4096];
	const char *problem = NULL;
	long count;

	if (argc < 5) {
		fprintf(stderr, "usage: mutate COUNT SEED DIR CAPTURE...\n");
		return 2;
	}
	count = strtol(argv[1], NULL, 10);
	snprintf(capture, sizeof(capture), "%s/mutated.capture", argv[3]);
	for (long i = 0; i < count && !problem; i++) {
		bool json = i % 4 != 3;

		random_state = strtoull(argv[2], NULL, 10) + (uint64_t)i;
		copy.size = read_file(argv[4 + random_below((size_t)argc - 4)], copy.bytes, sizeof(copy.bytes));
		mutate(&copy);
		write_file(capture, &copy);
		snprintf(output, sizeof(output), "%s/mutated-%ld.%s", argv[3], i < LOGS_KEPT ? i : LOGS_KEPT,
			 json ? "ndjson" : "txt");
		problem = replay(capture, output, json);
		if (problem)
			printf("copy %ld, %s: %s\n", i, json ? "JSON" : "text", problem);
	}
	return problem ? 1 : 0;
}
