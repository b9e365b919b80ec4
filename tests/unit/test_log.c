// SPDX-License-Identifier: GPL-2.0-or-later
/* What reaches stderr at which level, and what is kept of libbpf's words. */
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

#include "log.h"

static char seen[8192];
static int file, real_stderr;

static void begin(enum log_level level)
{
	log_set_level(level);
	log_clear_libbpf();
	file = memfd_create("stderr", MFD_CLOEXEC);
	real_stderr = dup(STDERR_FILENO);
	assert_true(file >= 0 && real_stderr >= 0);
	assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
}

/* Everything that was written since begin(). */
static const char *end(void)
{
	ssize_t length = pread(file, seen, sizeof(seen) - 1, 0);

	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(file);
	assert_true(length >= 0);
	seen[length] = '\0';
	return seen;
}

static void __attribute__((format(printf, 2, 3))) say(enum libbpf_print_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_libbpf_print(level, format, args);
	va_end(args);
}

static void log_all(void)
{
	log_error("e %d", 1);
	log_warn("w %d", 2);
	log_info("i %d", 3);
	log_debug("d %d", 4);
}

static void test_levels(void **state)
{
	(void)state;
	begin(LOG_LEVEL_ERROR);
	log_all();
	assert_string_equal(end(), "vmasnoop: e 1\n");
	begin(LOG_LEVEL_INFO);
	log_all();
	assert_string_equal(end(), "vmasnoop: e 1\nvmasnoop: w 2\nvmasnoop: i 3\n");
	begin(LOG_LEVEL_DEBUG);
	log_all();
	assert_string_equal(end(), "vmasnoop: e 1\nvmasnoop: w 2\nvmasnoop: i 3\nvmasnoop: d 4\n");
}

static void test_level_from_options(void **state)
{
	(void)state;
	assert_int_equal(log_level_from(true, 0), LOG_LEVEL_ERROR);
	assert_int_equal(log_level_from(false, 0), LOG_LEVEL_INFO);
	assert_int_equal(log_level_from(false, 1), LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_from(false, 7), LOG_LEVEL_LIBBPF);
}

static void test_one_safe_line_and_errno_kept(void **state)
{
	char huge[5000];

	(void)state;
	begin(LOG_LEVEL_INFO);
	errno = ENOENT;
	log_error("process '%s'", "a\nvmasnoop: all is well\x1b[2J");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(end(), "vmasnoop: process 'a\\x0avmasnoop: all is well\\x1b[2J'\n");
	memset(huge, '\x1b', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	begin(LOG_LEVEL_INFO);
	log_error("%s", huge);
	assert_int_equal(strlen(end()), strlen("vmasnoop: ") + 4 * 1024 + 1);
}

static void test_libbpf_is_kept_not_shown(void **state)
{
	(void)state;
	begin(LOG_LEVEL_DEBUG);
	assert_null(log_last_libbpf(0));
	say(LIBBPF_WARN, "libbpf: prog '%s': BPF program load failed\n", "x");
	say(LIBBPF_WARN, "libbpf: BEGIN\ninvalid\x1b access\n\nEND\n");
	say(LIBBPF_DEBUG, "libbpf: no warning\n");
	assert_string_equal(end(), "");
	assert_string_equal(log_last_libbpf(0), "END");
	assert_string_equal(log_last_libbpf(1), "invalid\\x1b access");
	assert_string_equal(log_last_libbpf(3), "libbpf: prog 'x': BPF program load failed");
	assert_null(log_last_libbpf(4));
	log_clear_libbpf();
	assert_null(log_last_libbpf(0));
}

static void test_libbpf_ring_wraps(void **state)
{
	(void)state;
	begin(LOG_LEVEL_INFO);
	for (int i = 0; i < 100; i++)
		say(LIBBPF_WARN, "line %d\n", i);
	end();
	assert_string_equal(log_last_libbpf(0), "line 99");
	assert_string_equal(log_last_libbpf(15), "line 84");
	assert_null(log_last_libbpf(16));
}

static void test_libbpf_is_shown_when_asked(void **state)
{
	(void)state;
	begin(LOG_LEVEL_LIBBPF);
	say(LIBBPF_DEBUG, "libbpf: one\ntwo\n");
	assert_string_equal(end(), "vmasnoop: libbpf: one\nvmasnoop: two\n");
	assert_null(log_last_libbpf(0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_level_from_options),
		cmocka_unit_test(test_one_safe_line_and_errno_kept),
		cmocka_unit_test(test_libbpf_is_kept_not_shown),
		cmocka_unit_test(test_libbpf_ring_wraps),
		cmocka_unit_test(test_libbpf_is_shown_when_asked),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
