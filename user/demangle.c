/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * demangle.c: libiberty's demanglers, kept within bounds: a short name can stand for a very long one.
 */
#include "demangle.h"

/* Fedora's binutils-devel and Debian's libiberty-dev do not agree where it lies. */
#if __has_include(<libiberty/demangle.h>)
#include <libiberty/demangle.h>
#else
#include <demangle.h>
#endif
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#define MANGLED_MAX   4096 /* bytes; what is longer is shown as it is, up to this */
#define DEMANGLED_MAX 4096

struct text {
	char bytes[DEMANGLED_MAX];
	size_t length;
	jmp_buf too_long;
};

static void add(const char *bytes, size_t length, void *context)
{
	struct text *text = context;

	if (!length)
		return; /* then libiberty may hand NULL over */
	/*
	 * Out of the demangler at once: a name of 300 bytes can stand for one of 2^40, which it would go on to spell out. It has
	 * taken no memory by then: with a callback it works on its stack.
	 */
	if (length > sizeof(text->bytes) - text->length)
		longjmp(text->too_long, 1);
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

/* Rust's first: its older names are C++ names as well, with a hash at the end. */
static bool demangle_into(const char *symbol, struct text *text)
{
	if (symbol[0] != '_' || strnlen(symbol, MANGLED_MAX) == MANGLED_MAX)
		return false;
	if (setjmp(text->too_long))
		return false;
	text->length = 0;
	if (rust_demangle_callback(symbol, DMGL_NO_OPTS, add, text))
		return true;
	text->length = 0;
	return cplus_demangle_v3_callback(symbol, DMGL_NO_OPTS, add, text);
}

char *demangle(const char *symbol)
{
	struct text text;

	if (demangle_into(symbol, &text) && text.length)
		return strndup(text.bytes, text.length);
	return strndup(symbol, MANGLED_MAX);
}
