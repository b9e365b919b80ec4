/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols.h: names and source lines of addresses, kept per file and not per process: programs share what they share on
 * disk. Walks no stack.
 */
#ifndef VMASNOOP_SYMBOLS_H
#define VMASNOOP_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "modules.h"
#include "source_lines.h"
#include "symbolizer.h"

struct symbols;

/* What is known of one address of a file. */
struct place {
	uint64_t offset; /* in the file, of the address as it stands in the stack */
	uint64_t symbol_offset;
	char *symbol; /* demangled, or NULL, and then reason says why */
	const char *reason;
	struct source_call *
		calls; /* innermost first, the last is of the function that `symbol` names; once lines were asked for */
	size_t call_count;
	const char *build_id; /* of the file, or NULL */
	bool used;
	bool is_return; /* a return address: the call is one byte before it */
	bool has_lines; /* they were asked for */
};

/* `options` are borrowed. 0 or -ENOMEM. */
int symbols_new(const struct symbolizer_options *options, struct symbols **ret);
void symbols_free(struct symbols *symbols);

/* *ret is NULL when the file cannot be read, and good until the next call otherwise. 0 or -ENOMEM. */
int symbols_find(struct symbols *symbols, const struct modules *modules, const struct module *module, uint64_t offset,
		 bool is_return, bool lines, const struct place **ret);

/*
 * Drops what was parsed of the file that was not needed for longest, but not of the one that was needed last; what is known
 * of its addresses stays. False: there is no other.
 */
bool symbols_drop_oldest(struct symbols *symbols);

#endif
