/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbol_table.h: the symbol that covers an address of one file, by an index over its symbol table: libdw's own search
 * looks at every symbol each time.
 */
#ifndef VMASNOOP_SYMBOL_TABLE_H
#define VMASNOOP_SYMBOL_TABLE_H

#include <elfutils/libdwfl.h>
#include <stdbool.h>

#include "ranges.h"

struct symbol_table {
	struct ranges functions;
	struct ranges labels; /* symbols without a size: assembler code */
	bool built;
	bool stripped; /* only what is exported is known */
};

void symbol_table_fini(struct symbol_table *table);

/* From the module's file, or its debug file where it is stripped. 0 or -ENOMEM. */
int symbol_table_build(struct symbol_table *table, Dwfl_Module *module);

/* The name as the file has it, good as long as the module, and how far vaddr is from its start; NULL: none covers it. */
const char *symbol_table_find(const struct symbol_table *table, Dwfl_Module *module, GElf_Addr vaddr, uint64_t *offset);

#endif
