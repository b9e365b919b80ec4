/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_file_bans.c: how long a file is banned, by a clock that the test turns; and what makes a file another one.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "file_bans.h"

static struct file_id file_number(uint64_t number)
{
	return (struct file_id){.device = 1, .inode = number, .size_bytes = 3, .modified_ns = 4};
}

static void first_a_while_then_for_good(void **state)
{
	struct file_bans bans = {.first_ns = 60};
	const struct file_id file = file_number(1), other = file_number(2);

	(void)state;
	assert_null(file_bans_find(&bans, &file, 1000));
	file_bans_strike(&bans, &file, "deadline", false, 1000);
	assert_string_equal(file_bans_find(&bans, &file, 1000)->reason, "deadline");
	assert_int_equal(file_bans_find(&bans, &file, 1059)->until_ns, 1060);
	assert_null(file_bans_find(&bans, &other, 1000));
	assert_null(file_bans_find(&bans, &file, 1060));
	file_bans_strike(&bans, &file, "symbolizer_lost", false, 500000);
	assert_string_equal(file_bans_find(&bans, &file, UINT64_MAX - 1)->reason, "symbolizer_lost");
	assert_int_equal(file_bans_find(&bans, &file, 500000)->until_ns, UINT64_MAX);
	assert_null(file_bans_find(&bans, &other, 500000));
}

/* What was said last counts: a file of which the lines only were banned may turn out worse. */
static void of_lines_only(void **state)
{
	struct file_bans bans = {.first_ns = 60};
	const struct file_id file = file_number(1);

	(void)state;
	file_bans_strike(&bans, &file, "deadline", true, 1000);
	assert_true(file_bans_find(&bans, &file, 1000)->lines_only);
	assert_int_equal(file_bans_find(&bans, &file, 1000)->until_ns, 1060);
	file_bans_strike(&bans, &file, "deadline", false, 1010);
	assert_false(file_bans_find(&bans, &file, 1010)->lines_only);
	assert_int_equal(file_bans_find(&bans, &file, 1010)->until_ns, UINT64_MAX);
}

static void the_oldest_gives_way(void **state)
{
	struct file_bans bans = {.first_ns = 60};

	(void)state;
	for (uint64_t i = 0; i < FILE_BANS_MAX + 2; i++) {
		const struct file_id file = file_number(i);

		file_bans_strike(&bans, &file, "deadline", false, 0);
	}
	for (uint64_t i = 0; i < FILE_BANS_MAX + 2; i++) {
		const struct file_id file = file_number(i);

		assert_int_equal(file_bans_find(&bans, &file, 0) != NULL, i >= 2);
	}
}

static void identity(void **state)
{
	int fd = memfd_create("identity", MFD_CLOEXEC), another = memfd_create("identity", MFD_CLOEXEC);
	struct file_id before, copy, after, other;
	int duplicate = dup(fd);

	(void)state;
	assert_false(file_id_read(-1, &before));
	assert_true(file_id_read(fd, &before) && file_id_read(duplicate, &copy) && file_id_read(another, &other));
	assert_true(file_id_is(&before, &copy));
	assert_false(file_id_is(&before, &other));
	assert_int_equal(write(fd, "x", 1), 1);
	assert_true(file_id_read(fd, &after));
	assert_false(file_id_is(&before, &after));
	close(fd);
	close(another);
	close(duplicate);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_a_while_then_for_good),
		cmocka_unit_test(of_lines_only),
		cmocka_unit_test(the_oldest_gives_way),
		cmocka_unit_test(identity),
	};

	return cmocka_run_group_tests_name("file_bans", tests, NULL, NULL);
}
