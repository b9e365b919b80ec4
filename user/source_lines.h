/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source_lines.h: from an address of a file to its source line, and to the calls that were inlined there.
 */
#ifndef VMASNOOP_SOURCE_LINES_H
#define VMASNOOP_SOURCE_LINES_H

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

#include "ranges.h"

/* One of the calls at an address, innermost first; the last one is that of the function that was not inlined. */
struct source_call {
	char *function; /* demangled, or NULL */
	char *file; /* or NULL */
	uint64_t offset; /* of the address in the function, or in what was inlined of it */
	int line; /* 0: not known */
};

void source_calls_free(struct source_call *calls, size_t count);

struct source_lines {
	Dwarf *dwarf; /* borrowed */
	struct ranges units; /* by address; the value is the offset of the unit's DIE */
};

/* 0 or -ENOMEM. */
int source_lines_init(struct source_lines *lines, Dwarf *dwarf);
void source_lines_fini(struct source_lines *lines);

/* *ret is NULL and *count 0 where nothing is known. 0 or -ENOMEM. */
int source_lines_find(const struct source_lines *lines, Dwarf_Addr pc, struct source_call **ret, size_t *count);

#endif
