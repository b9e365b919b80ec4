// SPDX-License-Identifier: GPL-2.0-or-later
/* maps.c, vm_flag_codes.c and maps_reader.c: lines as kernels write them, and lines as they do not; files of any size. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "maps_reader.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define PAD		"                     "

/* Of exactly its length, so that the sanitizer sees a step beyond it. */
static int parse(const char *text, struct maps_line *ret)
{
	static char *copy;
	size_t length = strlen(text);

	free(copy);
	copy = malloc(length + !length);
	assert_non_null(copy);
	memcpy(copy, text, length);
	return maps_parse_line(copy, length, ret);
}

static void assert_name(const struct maps_line *line, const char *name)
{
	assert_int_equal(line->name_length, strlen(name));
	assert_memory_equal(line->name, name, strlen(name));
}

static void test_lines(void **state)
{
	struct maps_line line;

	(void)state;
	assert_int_equal(parse("55a5-55a6 rw-p 00001000 fe:1f 247498 " PAD "/usr/bin/a b", &line), 0);
	assert_int_equal(line.start, 0x55a5);
	assert_int_equal(line.end, 0x55a6);
	assert_int_equal(line.perms, MAPS_READ | MAPS_WRITE);
	assert_int_equal(line.offset, 0x1000);
	assert_int_equal(line.dev_major, 0xfe);
	assert_int_equal(line.dev_minor, 0x1f);
	assert_int_equal(line.inode, 247498);
	assert_name(&line, "/usr/bin/a b");
	assert_int_equal(parse("0-1 --xs 0 0:0 0", &line), 0);
	assert_int_equal(line.perms, MAPS_EXEC | MAPS_SHARED);
	assert_name(&line, "");
	assert_int_equal(parse("0-1 ---p 0 0:0 0 ", &line), 0);
	assert_name(&line, "");
	assert_int_equal(parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]", &line), 0);
	assert_true(line.start == 0xffffffffff600000);
	assert_name(&line, "[vsyscall]");
	assert_int_equal(parse("0-1 ---p ffffffffffffffff ffffffff:ffffffff 18446744073709551615 x", &line), 0);
	assert_true(line.inode == UINT64_MAX && line.offset == UINT64_MAX && line.dev_minor == UINT32_MAX);
}

static void test_garbled_lines(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"x",
		"1",
		"1-",
		"1-2",
		"1-2 ",
		"1-2 rw-",
		"1-2 rw-p",
		"1-2 rw-p 0",
		"1-2 rw-p 0 0",
		"1-2 rw-p 0 0:",
		"1-2 rw-p 0 0:0",
		"1-2 rw-p 0 0:0 ",
		"1-2 rw-p 0 0:0 0x",
		"1-2 rw-p 0 0:0 a",
		"2-1 rw-p 0 0:0 0",
		"1-1 rw-p 0 0:0 0",
		"-1-2 rw-p 0 0:0 0",
		" 1-2 rw-p 0 0:0 0",
		"1 2 rw-p 0 0:0 0",
		"1-2  rw-p 0 0:0 0",
		"1-2 wr-p 0 0:0 0",
		"1-2 rw-x 0 0:0 0",
		"1-2 rwxps 0 0:0 0",
		"A-B rw-p 0 0:0 0",
		"1-2 rw-p 0 100000000:0 0",
		"11111111111111111-2 rw-p 0 0:0 0",
		"1-2 rw-p 0 0:0 18446744073709551616",
		"1-2 rw-p 0 0:0 000000000000000000000",
	};
	struct maps_line line;
	char with_nul[] = "1-2 rw-p 0 0:0 0 a\0b";

	(void)state;
	for (size_t i = 0; i < COUNT_OF(lines); i++)
		if (parse(lines[i], &line) != -EBADMSG)
			fail_msg("'%s' was taken for a line", lines[i]);
	assert_int_equal(maps_parse_line(with_nul, sizeof(with_nul) - 1, &line), -EBADMSG);
}

static void test_unescape(void **state)
{
	char name[] = "a\\012b\\012\\01\\0123\\", plain[] = "a\\b";

	(void)state;
	assert_int_equal(maps_unescape(name, strlen(name)), 10);
	assert_string_equal(name, "a\nb\n\\01\n3\\");
	assert_int_equal(maps_unescape(plain, 3), 3);
	assert_string_equal(plain, "a\\b");
	/* Not beyond its length. */
	memcpy(name, "\\012", 4);
	assert_int_equal(maps_unescape(name, 3), 3);
}

static void test_flag_codes(void **state)
{
	static struct vm_flag_codes codes;
	char text[4 * VM_FLAG_CODES_MAX + 1] = "";
	uint64_t flags, other;

	(void)state;
	vm_flag_codes_init(&codes);
	assert_int_equal(vm_flag_codes_parse(&codes, " rd gu ", 7, &flags), 0);
	assert_true(flags == (VM_FLAG_READ | VM_FLAG_MAYBE_GUARD));
	assert_int_equal(vm_flag_codes_parse(&codes, "wr zz", 5, &flags), 0);
	assert_int_equal(vm_flag_codes_parse(&codes, "zz", 2, &other), 0);
	assert_true(flags == (VM_FLAG_WRITE | other));
	assert_int_equal(vm_flag_codes_parse(&codes, "", 0, &flags), 0);
	assert_true(flags == 0);
	assert_int_equal(vm_flag_codes_parse(&codes, "r", 1, &flags), -EBADMSG);
	assert_int_equal(vm_flag_codes_parse(&codes, "rdd", 3, &flags), -EBADMSG);
	for (int i = 0; i < VM_FLAG_CODES_MAX; i++)
		snprintf(text + strlen(text), 4, "%c%c ", 'A' + i / 26, 'A' + i % 26);
	assert_int_equal(vm_flag_codes_parse(&codes, text, strlen(text), &flags), -EBADMSG);
}

/* A descriptor of a file with these bytes. */
static int file_of(const char *bytes, size_t size)
{
	int fd = memfd_create("maps", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(size == 0 || write(fd, bytes, size) == (ssize_t)size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Reads all of it: how many mappings there were, and what ended it. */
static int read_all(const char *bytes, size_t size, bool smaps, uint64_t *count, uint64_t *line)
{
	struct maps_reader *reader;
	struct maps_entry entry;
	int more, fd = file_of(bytes, size);

	assert_int_equal(maps_reader_new(fd, smaps, &reader), 0);
	*count = 0;
	while ((more = maps_reader_next(reader, &entry)) > 0) {
		/* So that the sanitizer looks at all of it. */
		assert_true(memchr(entry.line.name, '\n', entry.line.name_length) == NULL);
		++*count;
	}
	*line = maps_reader_line(reader);
	maps_reader_free(reader);
	close(fd);
	return more;
}

#define LINE "1000-2000 rw-p 00000000 00:00 0 \n"

static void test_reader(void **state)
{
	uint64_t count, line;

	(void)state;
	assert_int_equal(read_all("", 0, false, &count, &line), 0);
	assert_int_equal(count, 0);
	assert_int_equal(read_all(LINE LINE, 2 * strlen(LINE), false, &count, &line), 0);
	assert_int_equal(count, 2);
	assert_int_equal(line, 2);
	assert_int_equal(read_all(LINE LINE "1000-20", 2 * strlen(LINE) + 7, false, &count, &line), -ENODATA);
	assert_int_equal(line, 3);
	assert_int_equal(read_all(LINE "\n" LINE, 2 * strlen(LINE) + 1, false, &count, &line), -EBADMSG);
	assert_int_equal(count, 1);
	assert_int_equal(line, 2);
}

/* More than the buffer holds, with the longest of lines between short ones; one byte more is none. */
static void test_long_lines(void **state)
{
	static const char head[] = "1000-2000 rw-p 00000000 fe:00 1 ";
	const size_t each = strlen(LINE) + MAPS_LINE_BYTES + 1, rounds = 40;
	char *text = malloc(rounds * each + 1);
	uint64_t count, line;

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < rounds; i++) {
		memcpy(text + i * each, LINE, strlen(LINE));
		memset(text + i * each + strlen(LINE), 'p', MAPS_LINE_BYTES);
		memcpy(text + i * each + strlen(LINE), head, strlen(head));
		text[(i + 1) * each - 1] = '\n';
	}
	assert_int_equal(read_all(text, rounds * each, false, &count, &line), 0);
	assert_int_equal(count, 2 * rounds);
	assert_int_equal(read_all(text, rounds * each, true, &count, &line), 0);
	assert_int_equal(count, 2 * rounds);
	text[rounds * each - 1] = 'p';
	text[rounds * each] = '\n';
	assert_int_equal(read_all(text, rounds * each + 1, false, &count, &line), -EBADMSG);
	assert_int_equal(line, 2 * rounds);
	/* Without an end at all: not the whole file is read. */
	memset(text, 'p', rounds * each);
	assert_int_equal(read_all(text, rounds * each, false, &count, &line), -EBADMSG);
	assert_int_equal(line, 1);
	free(text);
}

static void test_smaps(void **state)
{
	static const char text[] =
		"1000-2000 rw-p 00000000 fe:00 1  /a\nSize: 4 kB\nVmFlags: rd wr ac \nTHPeligible: 0\n"
		"2000-3000 rw-p 00000000 00:00 0 \nRss: 4 kB\n"
		"3000-4000 rw-p 00000000 00:00 0 \nVmFlags: rd wr\n";
	int fd = file_of(text, strlen(text));
	struct maps_reader *reader;
	struct maps_entry entry;
	uint64_t count, line;

	(void)state;
	assert_int_equal(maps_reader_new(fd, true, &reader), 0);
	assert_int_equal(maps_reader_next(reader, &entry), 1);
	assert_name(&entry.line, "/a");
	assert_true(entry.flags_known && entry.flags & VM_FLAG_READ && entry.flags & ~(VM_FLAG_READ | VM_FLAG_WRITE));
	assert_int_equal(maps_reader_next(reader, &entry), 1);
	assert_false(entry.flags_known);
	assert_int_equal(maps_reader_next(reader, &entry), 1);
	assert_true(entry.flags_known && entry.flags == (VM_FLAG_READ | VM_FLAG_WRITE));
	assert_int_equal(maps_reader_next(reader, &entry), 0);
	assert_int_equal(maps_reader_line(reader), 8);
	maps_reader_free(reader);
	close(fd);
	assert_int_equal(read_all(text, strlen(text), false, &count, &line), -EBADMSG);
	assert_int_equal(line, 2);
	assert_int_equal(read_all(LINE "Size 4\n", strlen(LINE) + 7, true, &count, &line), -EBADMSG);
	assert_int_equal(read_all(LINE "VmFlags: r\n", strlen(LINE) + 11, true, &count, &line), -EBADMSG);
	assert_int_equal(read_all(LINE "VmFlags: rd", strlen(LINE) + 11, true, &count, &line), -ENODATA);
}

static void test_errors_of_reading(void **state)
{
	struct maps_reader *reader;
	struct maps_entry entry;
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(maps_reader_new(fd, false, &reader), 0);
	assert_int_equal(maps_reader_next(reader, &entry), -EISDIR);
	assert_false(maps_reader_met_smaps(reader));
	maps_reader_free(reader);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),	 cmocka_unit_test(test_garbled_lines),
		cmocka_unit_test(test_unescape), cmocka_unit_test(test_flag_codes),
		cmocka_unit_test(test_reader),	 cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_smaps),	 cmocka_unit_test(test_errors_of_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
