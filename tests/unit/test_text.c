// SPDX-License-Identifier: GPL-2.0-or-later
/* Names from strangers: what a terminal would act upon is not let through, and JSON gets UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The length is taken from the literal, so that a NUL can be inside. */
#define CASE(in, neutral, fixed, changed)                   \
	{                                                   \
		in, sizeof(in) - 1, neutral, fixed, changed \
	}

static const struct {
	const char *in;
	size_t length;
	const char *neutral;
	const char *fixed;
	bool changed;
} cases[] = {
	CASE("", "", "", false),
	CASE("plain name", "plain name", "plain name", false),
	CASE("system\\x2dgetty", "system\\x2dgetty", "system\\x2dgetty", false),
	CASE("Zürich 日本 😀", "Zürich 日本 😀", "Zürich 日本 😀", false),
	CASE("\x1b]0;pwned\a", "\\x1b]0;pwned\\x07", "\x1b]0;pwned\a", false),
	CASE("a\r\n\tb\x7f", "a\\x0d\\x0a\\x09b\\x7f", "a\r\n\tb\x7f", false),
	CASE("a\0b", "a\\x00b", "a\ufffdb", true),
	CASE("\xc2\x9b"
	     "31m",
	     "\\u{9b}31m",
	     "\xc2\x9b"
	     "31m",
	     false),
	CASE("\x9b"
	     "31m",
	     "\\x9b31m", "\ufffd31m", true),
	CASE("a\u202egpj.exe", "a\\u{202e}gpj.exe", "a\u202egpj.exe", false),
	CASE("\u2066x\u2069\u200b\ufeff\u2028", "\\u{2066}x\\u{2069}\\u{200b}\\u{feff}\\u{2028}",
	     "\u2066x\u2069\u200b\ufeff\u2028", false),
	CASE("\U000e0041", "\\u{e0041}", "\U000e0041", false),
	/* Overlong, a surrogate, above U+10FFFF, lead bytes that never were. */
	CASE("\xc0\x9b", "\\xc0\\x9b", "\ufffd\ufffd", true),
	CASE("\xe0\x80\x9b", "\\xe0\\x80\\x9b", "\ufffd\ufffd\ufffd", true),
	CASE("\xed\xa0\x80", "\\xed\\xa0\\x80", "\ufffd\ufffd\ufffd", true),
	CASE("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\ufffd\ufffd\ufffd\ufffd", true),
	CASE("\xff\xfe", "\\xff\\xfe", "\ufffd\ufffd", true),
	/* Cut characters: at the end, and by another one. A maximal part becomes one U+FFFD. */
	CASE("ab\xe2\x82", "ab\\xe2\\x82", "ab\ufffd", true),
	CASE("\xf0\x9f\x98", "\\xf0\\x9f\\x98", "\ufffd", true),
	CASE("\xe2\x82x\xc3", "\\xe2\\x82x\\xc3", "\ufffdx\ufffd", true),
	CASE("\xe2\x1b[m", "\\xe2\\x1b[m", "\ufffd\x1b[m", true),
	/* The ends of the ranges of characters. */
	CASE("\x7e\xc2\x80\u07ff\u0800\ud7ff\ue000\U00010000\U0010ffff",
	     "\x7e\\u{80}\u07ff\u0800\ud7ff\ue000\U00010000\U0010ffff",
	     "\x7e\xc2\x80\u07ff\u0800\ud7ff\ue000\U00010000\U0010ffff", false),
};

static void test_neutralise(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t length = text_neutralise(cases[i].in, cases[i].length, out, sizeof(out));

		assert_string_equal(out, cases[i].neutral);
		assert_int_equal(length, strlen(out));
	}
}

static void test_utf8_fix(void **state)
{
	char out[256];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(text_utf8_fix(cases[i].in, cases[i].length, out, sizeof(out)), cases[i].changed);
		assert_string_equal(out, cases[i].fixed);
	}
}

static void test_cuts_between_pieces(void **state)
{
	char out[16];

	(void)state;
	assert_int_equal(text_neutralise("ab\x1b"
					 "c",
					 4, out, 6),
			 7);
	assert_string_equal(out, "ab");
	assert_int_equal(text_neutralise("ab\x1b"
					 "c",
					 4, out, 8),
			 7);
	assert_string_equal(out, "ab\\x1bc");
	assert_int_equal(text_neutralise("ab", 2, NULL, 0), 2);
	assert_true(text_utf8_fix("a\u20ac", 4, out, 4));
	assert_string_equal(out, "a");
	assert_true(text_utf8_fix("a", 1, out, 1));
	assert_string_equal(out, "");
}

/* Every pair of bytes before a third, each in blocks of its exact size so that ASan sees a byte too many. */
static void test_all_pairs_are_safe(void **state)
{
	char neutral[TEXT_NEUTRALISED_BYTES(3)], fixed[TEXT_UTF8_FIXED_BYTES(3)], again[TEXT_UTF8_FIXED_BYTES(9)];
	char *in = malloc(3);

	(void)state;
	assert_non_null(in);
	for (unsigned int pair = 0; pair < 0x10000; pair++) {
		in[0] = pair >> 8;
		in[1] = pair & 0xff;
		in[2] = '\x9b';
		assert_true(text_neutralise(in, 3, neutral, sizeof(neutral)) < sizeof(neutral));
		for (const char *byte = neutral; *byte; byte++)
			assert_true((uint8_t)*byte >= 0x20 && *byte != 0x7f);
		assert_false(text_utf8_fix(neutral, strlen(neutral), again, sizeof(again)));
		text_utf8_fix(in, 3, fixed, sizeof(fixed));
		assert_true(strlen(fixed) >= 1);
		assert_false(text_utf8_fix(fixed, strlen(fixed), again, sizeof(again)));
	}
	free(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_neutralise),
		cmocka_unit_test(test_utf8_fix),
		cmocka_unit_test(test_cuts_between_pieces),
		cmocka_unit_test(test_all_pairs_are_safe),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
