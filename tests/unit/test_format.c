// SPDX-License-Identifier: GPL-2.0-or-later
/* Numbers and times as people and the log's readers expect them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "format.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define KIB		1024ULL
#define MIB		(1024 * KIB)

static void test_bytes(void **state)
{
	const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{0, "0 bytes"},
		{1, "1 byte"},
		{2, "2 bytes"},
		{1023, "1023 bytes"},
		{KIB, "1 KiB"},
		{KIB + KIB / 2, "1.5 KiB"},
		{132 * KIB, "132 KiB"},
		{792 * KIB, "792 KiB"},
		{99 * KIB + 512, "99.5 KiB"},
		{MIB - 512, "1.0 MiB"},
		{MIB - 1, "1.0 MiB"},
		{MIB, "1 MiB"},
		{22 * 132 * KIB, "2.8 MiB"},
		{1024 * MIB, "1 GiB"},
		{1ULL << 40, "1 TiB"},
		{1ULL << 50, "1 PiB"},
		{(1ULL << 60) - 1, "1 EiB"},
		{1ULL << 63, "8 EiB"},
		{UINT64_MAX, "16 EiB"},
	};
	struct format_buffer buffer;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(format_bytes(cases[i].bytes, &buffer), cases[i].text);
}

/* Around every power of two: it fits, it is of the right unit, and never says 1024 of one. */
static void test_bytes_everywhere(void **state)
{
	struct format_buffer buffer;

	(void)state;
	for (unsigned int bit = 0; bit < 64; bit++) {
		for (int64_t off = -2; off <= 2; off++) {
			const char *text = format_bytes((1ULL << bit) + (uint64_t)off, &buffer);

			assert_true(strlen(text) <= sizeof("1023 bytes") - 1);
			assert_true(strtod(text, NULL) < 1024);
		}
	}
}

static void test_rfc3339(void **state)
{
	struct format_buffer buffer;

	(void)state;
	assert_string_equal(format_rfc3339(0, &buffer), "1970-01-01T00:00:00.000000000Z");
	assert_string_equal(format_rfc3339(1795269802114000000ULL, &buffer), "2026-11-21T14:03:22.114000000Z");
	assert_string_equal(format_rfc3339(1709164800000000001ULL, &buffer), "2024-02-29T00:00:00.000000001Z");
	assert_string_equal(format_rfc3339(1767225599999999999ULL, &buffer), "2025-12-31T23:59:59.999999999Z");
	assert_string_equal(format_rfc3339(UINT64_MAX, &buffer), "2554-07-21T23:34:33.709551615Z");
}

static void use_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void test_clock_is_local(void **state)
{
	struct format_buffer buffer;

	(void)state;
	use_zone("UTC");
	assert_string_equal(format_clock(1795269802114999999ULL, &buffer), "14:03:22.114");
	assert_string_equal(format_clock(0, &buffer), "00:00:00.000");
	assert_string_equal(format_clock(UINT64_MAX, &buffer), "23:34:33.709");
	use_zone("IST-5:30");
	assert_string_equal(format_clock(1795269802114999999ULL, &buffer), "19:33:22.114");
	/* The log's time is not. */
	assert_string_equal(format_rfc3339(0, &buffer), "1970-01-01T00:00:00.000000000Z");
	use_zone("UTC");
}

static void test_perms(void **state)
{
	struct format_buffer buffer;

	(void)state;
	assert_string_equal(format_perms(0, &buffer), "---p");
	assert_string_equal(format_perms(0x1, &buffer), "r--p");
	assert_string_equal(format_perms(0x100073, &buffer), "rw-p");
	assert_string_equal(format_perms(0x75, &buffer), "r-xp");
	assert_string_equal(format_perms(0xfb, &buffer), "rw-s");
	/* /proc/PID/maps goes by VM_MAYSHARE, not by VM_SHARED. */
	assert_string_equal(format_perms(0x8, &buffer), "---p");
	assert_string_equal(format_perms(0x81, &buffer), "r--s");
	assert_string_equal(format_perms(UINT64_MAX, &buffer), "rwxs");
}

static void test_errno(void **state)
{
	(void)state;
	assert_string_equal(format_errno(ENOMEM), "ENOMEM");
	assert_string_equal(format_errno(EINVAL), "EINVAL");
	assert_string_equal(format_errno(EPERM), "EPERM");
	assert_string_equal(format_errno(EHWPOISON), "EHWPOISON");
	assert_null(format_errno(0));
	assert_null(format_errno(134));
	assert_null(format_errno(4096));
	assert_null(format_errno(UINT32_MAX));
	assert_null(format_errno(1U << 31));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),	cmocka_unit_test(test_bytes_everywhere),
		cmocka_unit_test(test_rfc3339), cmocka_unit_test(test_clock_is_local),
		cmocka_unit_test(test_perms),	cmocka_unit_test(test_errno),
	};

	return cmocka_run_group_tests_name("format", tests, NULL, NULL);
}
