/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbol_table.c: indexes the code symbols of a file. A name is given only where a symbol covers the address, or where
 * assembler code carries a label without a size and nothing else lies between.
 */
#include "symbol_table.h"

#include <elf.h>
#include <errno.h>
#include <gelf.h>
#include <string.h>

#define SYMBOLS_MAX (4 << 20) /* 32 bytes each; a browser with all its local symbols has a tenth */

void symbol_table_fini(struct symbol_table *table)
{
	ranges_fini(&table->functions);
	ranges_fini(&table->labels);
	*table = (struct symbol_table){};
}

static bool is_code(const GElf_Sym *symbol, GElf_Word section)
{
	switch (GELF_ST_TYPE(symbol->st_info)) {
	case STT_FUNC:
	case STT_NOTYPE:
	case STT_GNU_IFUNC:
		return section != SHN_UNDEF && section != SHN_ABS && section != SHN_COMMON;
	}
	return false;
}

static int add_symbol(struct symbol_table *table, Dwfl_Module *module, int index)
{
	GElf_Sym symbol;
	GElf_Addr addr;
	GElf_Word section;
	const char *name = dwfl_module_getsym_info(module, index, &symbol, &addr, &section, NULL, NULL);

	if (!name || !*name || !is_code(&symbol, section))
		return 0;
	if (!symbol.st_size)
		return ranges_add(&table->labels, addr, addr, index);
	if (addr + symbol.st_size < addr)
		return 0;
	return ranges_add(&table->functions, addr, addr + symbol.st_size, index);
}

static bool has_symtab(Elf *elf)
{
	Elf_Scn *section = NULL;
	GElf_Shdr header;

	while ((section = elf_nextscn(elf, section)) != NULL) {
		if (gelf_getshdr(section, &header) && header.sh_type == SHT_SYMTAB)
			return true;
	}
	return false;
}

/* Neither the file nor a debug file of it knows its local functions. The last symbol is of the table that was found last. */
static bool is_stripped(Dwfl_Module *module, int count)
{
	GElf_Sym symbol;
	GElf_Addr addr;
	Elf *elf = NULL;

	if (count > 1)
		dwfl_module_getsym_info(module, count - 1, &symbol, &addr, NULL, &elf, NULL);
	return !elf || !has_symtab(elf);
}

int symbol_table_build(struct symbol_table *table, Dwfl_Module *module)
{
	int count = dwfl_module_getsymtab(module);

	table->built = true;
	table->stripped = is_stripped(module, count);
	for (int i = 1; i < count && i < SYMBOLS_MAX; i++)
		if (add_symbol(table, module, i))
			return -ENOMEM;
	ranges_sort(&table->functions);
	ranges_sort(&table->labels);
	return 0;
}

static int binding_rank(const GElf_Sym *symbol)
{
	switch (GELF_ST_BIND(symbol->st_info)) {
	case STB_GLOBAL:
		return 3;
	case STB_WEAK:
		return 2;
	case STB_LOCAL:
		return 1;
	}
	return 0;
}

/* Of the functions that cover it the innermost; of several names of one function the one that programs link against. */
static const char *find_function(const struct symbol_table *table, Dwfl_Module *module, GElf_Addr vaddr,
				 uint64_t *offset)
{
	const struct range *range = NULL;
	const char *best = NULL;
	uint64_t start = 0;
	int best_rank = -1;

	while ((range = ranges_covering(&table->functions, vaddr, range)) != NULL) {
		GElf_Sym symbol;
		GElf_Addr addr;
		const char *name;

		if (best && range->start != start)
			break;
		name = dwfl_module_getsym_info(module, (int)range->value, &symbol, &addr, NULL, NULL, NULL);
		if (!name || binding_rank(&symbol) < best_rank)
			continue;
		start = range->start;
		best = name;
		best_rank = binding_rank(&symbol);
		*offset = vaddr - start;
	}
	return best;
}

static bool same_section(Elf *elf, GElf_Word index, GElf_Addr addr)
{
	Elf_Scn *section = elf ? elf_getscn(elf, index) : NULL;
	GElf_Shdr header;

	return section && gelf_getshdr(section, &header) && addr >= header.sh_addr &&
	       addr - header.sh_addr < header.sh_size;
}

static const char *find_label(const struct symbol_table *table, Dwfl_Module *module, GElf_Addr vaddr, uint64_t *offset)
{
	const struct range *label = ranges_below(&table->labels, vaddr);
	const struct range *function = ranges_below(&table->functions, vaddr);
	GElf_Sym symbol;
	GElf_Addr addr, bias;
	GElf_Word section;
	Elf *elf = NULL;
	const char *name;

	if (!label || (function && function->reach > label->start))
		return NULL;
	name = dwfl_module_getsym_info(module, (int)label->value, &symbol, &addr, &section, &elf, &bias);
	if (!name || !same_section(elf, section, vaddr - bias))
		return NULL;
	*offset = vaddr - label->start;
	return name;
}

const char *symbol_table_find(const struct symbol_table *table, Dwfl_Module *module, GElf_Addr vaddr, uint64_t *offset)
{
	const char *name = find_function(table, module, vaddr, offset);

	/* In a stripped file the function that the address is in may be one that is not known. */
	return name || table->stripped ? name : find_label(table, module, vaddr, offset);
}
