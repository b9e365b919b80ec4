/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_perf_map.c: perf maps as compilers write them, while they grow, and as nobody should.
 */
#include <errno.h>
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

#include "../../user/perf_map.h"

static int map_of(const char *text)
{
	int fd = memfd_create("perf-1.map", MFD_CLOEXEC);

	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static void append(int fd, const char *text)
{
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* `expected` NULL: no code covers it. */
static void assert_found(struct perf_map *map, uint64_t addr, const char *expected, uint64_t expected_offset)
{
	uint64_t offset = 0;
	char *name;

	assert_int_equal(perf_map_find(map, addr, &name, &offset), 0);
	if (!expected) {
		assert_null(name);
		return;
	}
	assert_non_null(name);
	assert_string_equal(name, expected);
	assert_int_equal(offset, expected_offset);
	free(name);
}

static struct perf_map *map_new(int fd)
{
	struct perf_map *map;

	assert_int_equal(perf_map_new(fd, &map), 0);
	return map;
}

static void finds_what_covers(void **state)
{
	int fd = map_of("7f0000001000 20 Interpreter\n7F0000001020 10 LazyCompile:~run /a/b c.js:3\n1 1 x\n");
	struct perf_map *map = map_new(fd);

	(void)state;
	assert_found(map, 0x7f0000001000, "Interpreter", 0);
	assert_found(map, 0x7f000000101f, "Interpreter", 0x1f);
	assert_found(map, 0x7f0000001020, "LazyCompile:~run /a/b c.js:3", 0);
	assert_found(map, 0x7f0000001030, NULL, 0);
	assert_found(map, 0x7f0000000fff, NULL, 0);
	assert_found(map, 1, "x", 0);
	assert_found(map, 0, NULL, 0);
	assert_found(map, UINT64_MAX, NULL, 0);
	perf_map_free(map);
	close(fd);
}

/* Memory is used again: what was written last is there now. */
static void takes_the_last_of_several(void **state)
{
	int fd = map_of("1000 100 old\n1010 10 inner\n0f00 200 new\n");
	struct perf_map *map = map_new(fd);

	(void)state;
	assert_found(map, 0x1015, "new", 0x115);
	append(fd, "1010 8 newest\n");
	assert_found(map, 0x1015, "newest", 5);
	assert_found(map, 0x1018, "new", 0x118);
	perf_map_free(map);
	close(fd);
}

static void reads_on_when_it_grows(void **state)
{
	int fd = map_of("1000 10 first\n2000 10 hal");
	struct perf_map *map = map_new(fd);

	(void)state;
	assert_found(map, 0x1000, "first", 0);
	assert_found(map, 0x2000, NULL, 0);
	append(fd, "f\n");
	assert_found(map, 0x2000, "half", 0);
	for (int i = 0; i < 20000; i++) {
		char line[64];

		snprintf(line, sizeof(line), "%x 10 function_%d\n", 0x100000 + 16 * i, i);
		append(fd, line);
	}
	assert_found(map, 0x100000 + 16 * 19999 + 3, "function_19999", 3);
	assert_found(map, 0x1001, "first", 1);
	assert_int_equal(ftruncate(fd, 14), 0);
	assert_found(map, 0x1000, "first", 0);
	assert_found(map, 0x2000, NULL, 0);
	perf_map_free(map);
	close(fd);
}

static void passes_over_other_lines(void **state)
{
	int fd = map_of("\n\n \n1000\n1000 \n1000 10\n1000 10 \n0x1000 10 hex\ng 10 x\n11112222333344445 1 long\n"
			"ffffffffffffffff 10 wraps\n1000 0 empty\n1000 -1 minus\n1000 10 right\n");
	struct perf_map *map = map_new(fd);

	(void)state;
	assert_found(map, 0x1000, "right", 0);
	assert_found(map, UINT64_MAX - 1, NULL, 0);
	perf_map_free(map);
	close(fd);
}

static void survives_a_line_without_end(void **state)
{
	const size_t size = 300000;
	char *text = malloc(size + 1);
	struct perf_map *map;
	uint64_t offset;
	char *name;
	int fd;

	(void)state;
	memset(text, 'a', size);
	text[size] = '\0';
	memcpy(text, "1000 10 ", 8);
	fd = map_of(text);
	append(fd, "\n2000 10 next\n");
	map = map_new(fd);
	assert_found(map, 0x2000, "next", 0);
	assert_int_equal(perf_map_find(map, 0x1000, &name, &offset), 0);
	assert_true(!name || strlen(name) <= 1024);
	free(name);
	perf_map_free(map);
	close(fd);
	free(text);
	fd = memfd_create("zeros", MFD_CLOEXEC);
	assert_int_equal(ftruncate(fd, 1 << 22), 0);
	map = map_new(fd);
	assert_found(map, 0x1000, NULL, 0);
	perf_map_free(map);
	close(fd);
}

static void does_without_a_file(void **state)
{
	struct perf_map *map = map_new(-1);

	(void)state;
	assert_found(map, 0x1000, NULL, 0);
	perf_map_free(map);
	perf_map_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_covers),	       cmocka_unit_test(takes_the_last_of_several),
		cmocka_unit_test(reads_on_when_it_grows),      cmocka_unit_test(passes_over_other_lines),
		cmocka_unit_test(survives_a_line_without_end), cmocka_unit_test(does_without_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
