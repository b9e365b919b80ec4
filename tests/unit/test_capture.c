// SPDX-License-Identifier: GPL-2.0-or-later
/* Raw records in a file: what goes in comes out, nobody else reads it, and damage is told from the end. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture.h"
#include "event.h"
#include "records.h"

static const struct capture_head head = {
	.magic = CAPTURE_MAGIC,
	.version = CAPTURE_VERSION,
	.max_map_count = RECORDS_LIMIT,
	.realtime_offset_ns = RECORDS_REALTIME_OFFSET_NS,
	.boottime_offset_ns = -1,
};

static char directory[] = "/tmp/vmasnoop-test-XXXXXX";
static char path[sizeof(directory) + 16];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/capture", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int remove_file(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static void write_file(const void *bytes, size_t size)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static size_t read_file(char *ret, size_t size)
{
	FILE *file = fopen(path, "re");
	size_t got;

	assert_non_null(file);
	got = fread(ret, 1, size, file);
	fclose(file);
	return got;
}

static void put(struct capture_writer *writer, const void *record)
{
	struct event event;

	assert_int_equal(event_decode(record, ((const struct event_header *)record)->size, &event), 0);
	assert_int_equal(capture_write(writer, &event), 0);
}

/* A hot process, a limit, two failures with stacks of odd and even depth. */
static void write_sample(void)
{
	struct capture_writer *writer;
	struct event_failure_full full;
	struct event_limit limit;
	struct event_hot hot;

	assert_int_equal(capture_create(path, &head, &writer), 0);
	records_hot(&hot);
	put(writer, &hot);
	records_limit(100, 200, &limit);
	put(writer, &limit);
	records_failure(&full);
	put(writer, &full);
	records_user_stack(&full, 0x1000, EVENT_USER_FRAMES_MAX);
	records_kernel_stack(&full, 0x2000, EVENT_KERNEL_FRAMES_MAX);
	full.failure.proof.offset = offsetof(struct event_failure_full, proof);
	full.failure.proof.length = sizeof(full.proof);
	put(writer, &full);
	assert_int_equal(capture_close(writer), 0);
}

static void test_round_trip(void **state)
{
	static const enum event_kind kinds[] = {EVENT_HOT, EVENT_LIMIT, EVENT_FAILURE, EVENT_FAILURE};
	struct capture_reader *reader;
	struct event event;
	const void *data;
	size_t size, count;

	(void)state;
	write_sample();
	assert_int_equal(capture_open(path, &reader), 0);
	assert_memory_equal(capture_head(reader), &head, sizeof(head));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_int_equal(capture_next(reader, &data, &size), 1);
		assert_int_equal((uintptr_t)data % 8, 0);
		assert_int_equal(event_decode(data, size, &event), 0);
		assert_int_equal(event.kind, kinds[i]);
	}
	assert_int_equal(event_addrs(event.failure, &event.failure->user_stack, &count)[0], 0x1000);
	assert_int_equal(count, EVENT_USER_FRAMES_MAX);
	assert_int_equal(event_addrs(event.failure, &event.failure->kernel_stack, &count)[0], 0x2000);
	assert_int_equal(event.failure->addr, 0x7f184b2e8000);
	assert_int_equal(capture_next(reader, &data, &size), 0);
	assert_int_equal(capture_next(reader, &data, &size), 0);
	capture_reader_free(reader);
}

static void test_without_records(void **state)
{
	struct capture_writer *writer;
	struct capture_reader *reader;
	const void *data;
	size_t size;

	(void)state;
	assert_int_equal(capture_create(path, &head, &writer), 0);
	assert_int_equal(capture_close(writer), 0);
	assert_int_equal(capture_open(path, &reader), 0);
	assert_int_equal(capture_next(reader, &data, &size), 0);
	capture_reader_free(reader);
	assert_int_equal(capture_close(NULL), 0);
	capture_reader_free(NULL);
}

static void test_nobody_else_reads_it(void **state)
{
	struct stat status;
	mode_t mask = umask(0);

	(void)state;
	write_sample();
	umask(mask);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void assert_not_overwritten(const char *text, size_t size)
{
	struct capture_writer *writer = NULL;
	char after[64];

	write_file(text, size);
	assert_int_equal(capture_create(path, &head, &writer), -EEXIST);
	assert_null(writer);
	assert_int_equal(read_file(after, sizeof(after)), size);
	assert_memory_equal(after, text, size);
}

static void test_overwrites_no_other_file(void **state)
{
	(void)state;
	assert_not_overwritten("#!/bin/sh\necho somebody's work\n", 31);
	assert_not_overwritten("x", 1);
	assert_not_overwritten("vmasnoop captur", 15);
	assert_not_overwritten("vmasnoop capturE and more", 25);
}

static void test_overwrites_a_capture_or_an_empty_file(void **state)
{
	struct capture_writer *writer;
	char after[4096];

	(void)state;
	write_sample();
	assert_int_equal(capture_create(path, &head, &writer), 0);
	assert_int_equal(capture_close(writer), 0);
	/* Nothing of the longer one before is left. */
	assert_int_equal(read_file(after, sizeof(after)), sizeof(head));
	assert_memory_equal(after, &head, sizeof(head));
	write_file("", 0);
	assert_int_equal(capture_create(path, &head, &writer), 0);
	assert_int_equal(capture_close(writer), 0);
}

static void test_errors_of_the_file_system(void **state)
{
	struct capture_writer *writer = NULL;
	struct capture_reader *reader = NULL;

	(void)state;
	assert_int_equal(capture_create("/nonexistent/capture", &head, &writer), -ENOENT);
	assert_int_equal(capture_create(directory, &head, &writer), -EISDIR);
	assert_int_equal(capture_open("/nonexistent/capture", &reader), -ENOENT);
	assert_int_equal(capture_open(directory, &reader), -EISDIR);
	assert_null(writer);
	assert_null(reader);
}

static void test_a_full_disk_is_told_at_the_latest_by_close(void **state)
{
	struct capture_writer *writer;
	struct event_limit limit;
	struct event event;

	(void)state;
	assert_int_equal(capture_create("/dev/full", &head, &writer), 0);
	assert_int_equal(capture_close(writer), -ENOSPC);
	/* And it stays told, whatever is written after it. */
	records_limit(1, 2, &limit);
	assert_int_equal(event_decode(&limit, sizeof(limit), &event), 0);
	assert_int_equal(capture_create("/dev/full", &head, &writer), 0);
	for (int i = 0; i < 1000; i++)
		capture_write(writer, &event);
	assert_int_equal(capture_write(writer, &event), -ENOSPC);
	assert_int_equal(capture_close(writer), -ENOSPC);
}

/* The number of whole records, and how the reading ends. */
static int read_all(int *ret_end)
{
	struct capture_reader *reader;
	const void *data;
	int records = 0, more;
	size_t size;

	if (capture_open(path, &reader)) {
		*ret_end = -EBADMSG;
		return 0;
	}
	while ((more = capture_next(reader, &data, &size)) > 0)
		records++;
	capture_reader_free(reader);
	*ret_end = more;
	return records;
}

static void test_torn_at_every_byte(void **state)
{
	/* Where the whole records of the sample end. */
	const size_t ends[] = {
		sizeof(head),
		sizeof(head) + sizeof(struct event_hot),
		sizeof(head) + sizeof(struct event_hot) + sizeof(struct event_limit),
		sizeof(head) + sizeof(struct event_hot) + sizeof(struct event_limit) + sizeof(struct event_failure) +
			8 * 8,
		sizeof(head) + sizeof(struct event_hot) + sizeof(struct event_limit) + sizeof(struct event_failure) +
			8 * 8 + sizeof(struct event_failure_full),
	};
	char bytes[4096];
	size_t size;
	int end, whole = 0;

	(void)state;
	write_sample();
	size = read_file(bytes, sizeof(bytes));
	assert_int_equal(size, ends[4]);
	for (size_t cut = 0; cut <= size; cut++) {
		write_file(bytes, cut);
		if (whole < 4 && cut == ends[whole + 1])
			whole++;
		assert_int_equal(read_all(&end), whole);
		assert_int_equal(end, cut == ends[whole] ? 0 : -EBADMSG);
	}
}

static void assert_no_capture(const struct capture_head *bad)
{
	struct capture_reader *reader = NULL;

	write_file(bad, sizeof(*bad));
	assert_int_equal(capture_open(path, &reader), -EBADMSG);
	assert_null(reader);
}

static void test_other_magic_or_version(void **state)
{
	struct capture_head bad = head;

	(void)state;
	bad.version = CAPTURE_VERSION + 1;
	assert_no_capture(&bad);
	bad.version = 0;
	assert_no_capture(&bad);
	bad = head;
	bad.magic[15] ^= 1;
	assert_no_capture(&bad);
}

static void test_sizes_that_cannot_be(void **state)
{
	const uint32_t sizes[] = {0, 15, sizeof(struct event_failure_full) + 1, UINT32_MAX - 7, UINT32_MAX};
	struct {
		struct capture_head head;
		struct event_failure_full full;
	} file = {.head = head};
	int end;

	(void)state;
	records_failure(&file.full);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		file.full.failure.header.size = sizes[i];
		write_file(&file, sizeof(file));
		assert_int_equal(read_all(&end), 0);
		assert_int_equal(end, -EBADMSG);
	}
	/* The smallest: a header alone, of which event_decode() then says what it thinks. */
	file.full.failure.header.size = sizeof(struct event_header);
	write_file(&file, sizeof(head) + sizeof(struct event_header));
	assert_int_equal(read_all(&end), 1);
	assert_int_equal(end, 0);
}

/* A record's size need not be a multiple of 8, the place of the next one is. */
static void test_records_are_padded(void **state)
{
	struct {
		struct capture_head head;
		struct event_limit limit;
		uint64_t odd;
		struct event_limit next;
	} file = {.head = head};
	int end;

	(void)state;
	records_limit(1, 2, &file.limit);
	file.limit.header.size += 3;
	records_limit(2, 3, &file.next);
	write_file(&file, sizeof(file));
	assert_int_equal(read_all(&end), 2);
	assert_int_equal(end, 0);
	write_file(&file, sizeof(file) - sizeof(file.next) - 1);
	assert_int_equal(read_all(&end), 0);
	assert_int_equal(end, -EBADMSG);
}

/* `vmasnoop replay /dev/stdin` reads what cannot be sought in. */
static void test_from_a_pipe(void **state)
{
	char bytes[4096], name[32];
	int ends[2], end = 1;
	size_t size;

	(void)state;
	write_sample();
	size = read_file(bytes, sizeof(bytes));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], bytes, size), size);
	close(ends[1]);
	snprintf(name, sizeof(name), "/dev/fd/%d", ends[0]);
	unlink(path);
	assert_int_equal(symlink(name, path), 0);
	assert_int_equal(read_all(&end), 4);
	assert_int_equal(end, 0);
	close(ends[0]);
}

#define TEST(function) cmocka_unit_test_teardown(function, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_without_records),
		TEST(test_nobody_else_reads_it),
		TEST(test_overwrites_no_other_file),
		TEST(test_overwrites_a_capture_or_an_empty_file),
		TEST(test_errors_of_the_file_system),
		TEST(test_a_full_disk_is_told_at_the_latest_by_close),
		TEST(test_torn_at_every_byte),
		TEST(test_other_magic_or_version),
		TEST(test_sizes_that_cannot_be),
		TEST(test_records_are_padded),
		TEST(test_from_a_pipe),
	};

	return cmocka_run_group_tests_name("capture", tests, make_directory, remove_directory);
}
