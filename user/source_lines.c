/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * source_lines.c: an index of the compilation units by address, then the line table and the tree of one unit. The index
 * is made from the units themselves: .debug_aranges, in which libdw looks, is not written by clang. Every loop over what
 * a file says is bounded. Opens nothing: a unit whose rest is in a .dwo file has lines and no inlined calls.
 */
#include "source_lines.h"

#include <dwarf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "demangle.h"

#define UNIT_RANGES_MAX (1 << 20)
#define UNITS_TRIED_MAX 8 /* that cover one address: identical functions are folded into one */
#define CALLS_MAX	64 /* inlined into each other */
#define DEPTH_MAX	128 /* of scopes */
#define STEPS_MAX	(2 << 20) /* DIEs looked at for one address */

/* From a unit to the innermost scope at pc. */
struct search {
	Dwarf_Addr pc;
	Dwarf_Die scopes[CALLS_MAX]; /* a function, and what was inlined into it, outermost first */
	size_t count;
	size_t depth;
	size_t steps;
};

void source_calls_free(struct source_call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(calls[i].function);
		free(calls[i].file);
	}
	free(calls);
}

/* --- the index --- */

static int add_unit(struct source_lines *lines, Dwarf_Die *unit)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	while ((at = dwarf_ranges(unit, at, &base, &start, &end)) > 0) {
		if (start >= end)
			continue;
		if (lines->units.count == UNIT_RANGES_MAX)
			return 0;
		if (ranges_add(&lines->units, start, end, dwarf_dieoffset(unit)))
			return -ENOMEM;
	}
	return 0;
}

int source_lines_init(struct source_lines *lines, Dwarf *dwarf)
{
	Dwarf_CU *unit = NULL;
	Dwarf_Die die;
	uint8_t type;

	*lines = (struct source_lines){.dwarf = dwarf};
	while (!dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, NULL)) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;
		if (add_unit(lines, &die)) {
			source_lines_fini(lines);
			return -ENOMEM;
		}
	}
	ranges_sort(&lines->units);
	return 0;
}

void source_lines_fini(struct source_lines *lines)
{
	ranges_fini(&lines->units);
	*lines = (struct source_lines){};
}

/* --- the scopes --- */

static bool is_function(int tag)
{
	return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

static bool is_block(int tag)
{
	return tag == DW_TAG_lexical_block || tag == DW_TAG_try_block || tag == DW_TAG_catch_block ||
	       tag == DW_TAG_with_stmt;
}

/* They have no addresses, and functions in them: Rust's, and those of C++ that are defined within a class. */
static bool is_container(int tag)
{
	return tag == DW_TAG_namespace || tag == DW_TAG_module || tag == DW_TAG_class_type ||
	       tag == DW_TAG_structure_type;
}

static bool descend(struct search *search, Dwarf_Die *parent);

/* True when pc is in it: then no sibling is to be looked at. */
static bool look_at(struct search *search, Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	if (is_container(tag))
		return descend(search, die);
	if ((!is_function(tag) && !is_block(tag)) || dwarf_haspc(die, search->pc) <= 0)
		return false;
	if (tag == DW_TAG_subprogram)
		search->count = 0;
	if (is_function(tag) && search->count < CALLS_MAX)
		search->scopes[search->count++] = *die;
	descend(search, die);
	return true;
}

static bool descend(struct search *search, Dwarf_Die *parent)
{
	Dwarf_Die die;
	bool found = false;

	if (search->depth == DEPTH_MAX || dwarf_child(parent, &die))
		return false;
	search->depth++;
	do {
		found = look_at(search, &die);
	} while (!found && ++search->steps < STEPS_MAX && !dwarf_siblingof(&die, &die));
	search->depth--;
	return found;
}

/* --- what is shown of them --- */

static int copy(const char *string, char **ret)
{
	*ret = string ? strdup(string) : NULL;
	return string && !*ret ? -ENOMEM : 0;
}

static uint64_t offset_in(Dwarf_Die *function, Dwarf_Addr pc)
{
	Dwarf_Addr entry;

	return !dwarf_entrypc(function, &entry) && entry <= pc ? pc - entry : 0;
}

/* The linkage name tells which of the namespaces' functions it is. */
static int copy_function(Dwarf_Die *die, char **ret)
{
	Dwarf_Attribute attribute;
	const char *name = NULL;

	if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute) ||
	    dwarf_attr_integrate(die, DW_AT_MIPS_linkage_name, &attribute))
		name = dwarf_formstring(&attribute);
	if (!name)
		return copy(dwarf_diename(die), ret);
	*ret = demangle(name);
	return *ret ? 0 : -ENOMEM;
}

static bool read_number(Dwarf_Die *die, unsigned int name, Dwarf_Word *ret)
{
	Dwarf_Attribute attribute;

	return dwarf_attr(die, name, &attribute) && !dwarf_formudata(&attribute, ret);
}

/* Where `inlined` was called. */
static int fill_call_site(Dwarf_Die *unit, Dwarf_Die *inlined, struct source_call *call)
{
	Dwarf_Files *files;
	size_t count;
	Dwarf_Word file, line;

	if (read_number(inlined, DW_AT_call_line, &line) && line <= INT32_MAX)
		call->line = (int)line;
	if (!read_number(inlined, DW_AT_call_file, &file) || dwarf_getsrcfiles(unit, &files, &count) || file >= count)
		return 0;
	return copy(dwarf_filesrc(files, file, NULL, NULL), &call->file);
}

static int fill_line(Dwarf_Line *line, struct source_call *call)
{
	if (!line || !dwarf_linesrc(line, NULL, NULL))
		return 0;
	dwarf_lineno(line, &call->line);
	return copy(dwarf_linesrc(line, NULL, NULL), &call->file);
}

/* The line at pc is the innermost function's; each further one is at the line where the one within it was called. */
static int fill_calls(Dwarf_Die *unit, Dwarf_Line *line, struct search *search, struct source_call *calls, size_t count)
{
	int err = fill_line(line, &calls[0]);

	for (size_t i = 0; !err && i < search->count; i++) {
		Dwarf_Die *scope = &search->scopes[search->count - 1 - i];

		calls[i].offset = offset_in(scope, search->pc);
		err = copy_function(scope, &calls[i].function);
	}
	for (size_t i = 1; !err && i < count; i++)
		err = fill_call_site(unit, &search->scopes[search->count - i], &calls[i]);
	return err;
}

static int find_in_unit(Dwarf_Die *unit, Dwarf_Addr pc, struct source_call **ret, size_t *ret_count)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, pc);
	struct search search;
	struct source_call *calls;
	size_t count;

	search.pc = pc;
	search.count = search.depth = search.steps = 0;
	descend(&search, unit);
	if (!line && !search.count)
		return 0;
	count = search.count ?: 1;
	calls = calloc(count, sizeof(*calls));
	if (!calls)
		return -ENOMEM;
	if (fill_calls(unit, line, &search, calls, count)) {
		source_calls_free(calls, count);
		return -ENOMEM;
	}
	*ret = calls;
	*ret_count = count;
	return 0;
}

int source_lines_find(const struct source_lines *lines, Dwarf_Addr pc, struct source_call **ret, size_t *count)
{
	const struct range *range = NULL;
	Dwarf_Die unit;

	*ret = NULL;
	*count = 0;
	for (int tried = 0; tried < UNITS_TRIED_MAX; tried++) {
		range = ranges_covering(&lines->units, pc, range);
		if (!range)
			return 0;
		if (!dwarf_offdie(lines->dwarf, range->value, &unit))
			continue;
		if (find_in_unit(&unit, pc, ret, count))
			return -ENOMEM;
		if (*ret)
			return 0;
	}
	return 0;
}
