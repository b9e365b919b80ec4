/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_demangle.c: names of C++ and Rust, names that only look so, and names that stand for more than fits anywhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/demangle.h"

static void assert_demangled(const char *symbol, const char *expected)
{
	char *name = demangle(symbol);

	assert_string_equal(name, expected);
	free(name);
}

static void demangles_cxx(void **state)
{
	(void)state;
	assert_demangled("_ZN6shapes6walkerIlE7descendEi", "shapes::walker<long>::descend");
	assert_demangled("_Z3fooi", "foo");
	assert_demangled("_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector<int, std::allocator<int> >::push_back");
	assert_demangled("_ZN3fooC2Ev", "foo::foo");
}

static void demangles_rust(void **state)
{
	(void)state;
	assert_demangled("_ZN4core3fmt5write17h0123456789abcdefE", "core::fmt::write");
	assert_demangled("_RNvCs1234_7mycrate3foo", "mycrate::foo");
	assert_demangled("_RNvMNtCs1234_7mycrate3barNtB2_3Baz3run", "<mycrate::bar::Baz>::run");
}

static void leaves_other_names_alone(void **state)
{
	static const char *const names[] = {"main",	"",
					    "_",	"_Z",
					    "_R",	"_start",
					    "Z3fooi",	"_ZN",
					    "_ZNK",	"runtime.goexit",
					    "a::b",	"_ZN4core3fmt",
					    "\xff\xfe", "?foo@@YAXXZ"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_demangled(names[i], names[i]);
}

static void cuts_what_is_too_long(void **state)
{
	char *symbol = malloc(100001), *name;

	(void)state;
	memset(symbol, 'a', 100000);
	memcpy(symbol, "_Z", 2);
	symbol[100000] = '\0';
	name = demangle(symbol);
	assert_true(strlen(name) <= 4096);
	assert_memory_equal(name, symbol, strlen(name));
	free(name);
	free(symbol);
}

/* f<a, b<a, a>, b<b<a, a>, b<a, a>>, ...>: each argument is twice as long as the one before. */
static void leaves_what_would_explode(void **state)
{
	char symbol[512] = "_Z1fI1a1bIS0_S0_E";

	(void)state;
	for (char i = '2'; i <= '9'; i++) {
		const char next[] = {'S', '1', '_', 'I', 'S', i, '_', 'S', i, '_', 'E', '\0'};

		strcat(symbol, next);
	}
	strcat(symbol, "Evv");
	assert_demangled(symbol, symbol);
	assert_demangled("_Z1fI1a1bIS0_S0_ES1_IS2_S2_EEvv", "f<a, b<a, a>, b<b<a, a>, b<a, a> > >");
}

static void survives_chance(void **state)
{
	static const char letters[] = "_ZNKRSTIJEPFvlbci0123456789stdCXfhm";
	unsigned int seed = 7;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		char symbol[64] = "_Z";
		size_t length = 2 + (size_t)rand_r(&seed) % 60;

		symbol[1] = i & 1 ? 'Z' : 'R';
		for (size_t at = 2; at < length; at++)
			symbol[at] = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
		free(demangle(symbol));
	}
}

/* Each argument is a pair of the one before: 2^40 names of int, of which not one too many is spelled out. */
static void test_a_name_that_explodes(void **state)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	char name[512] = "_Z1fISt4pairIiiE";
	char *shown;

	(void)state;
	for (int i = 1; i < 36; i++)
		sprintf(name + strlen(name), "S0_IS%c_S%c_E", digits[i], digits[i]);
	strcat(name, "EvT_");
	shown = demangle(name);
	assert_string_equal(shown, name);
	free(shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_that_explodes),
		cmocka_unit_test(demangles_cxx),
		cmocka_unit_test(demangles_rust),
		cmocka_unit_test(leaves_other_names_alone),
		cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(leaves_what_would_explode),
		cmocka_unit_test(survives_chance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
