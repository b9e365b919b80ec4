/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols.c: one Dwfl a file, at the file's own addresses. DWARF is read when lines are asked for and not before: most
 * of the time and of the memory goes there. Each address is resolved once.
 */
#include "symbols.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "demangle.h"
#include "file_id.h"
#include "separate_debug.h"
#include "symbol_table.h"

#define FILES_MAX  64
#define PLACES_MAX 512 /* of one file; a power of two */

/* What takes memory, and can be had again. */
struct parsed {
	struct separate_debug who; /* asks for the debug file; of the call that goes on */
	Dwfl *dwfl; /* NULL: it was not, or it was dropped */
	Dwfl_Module *module;
	struct symbol_table table;
	struct source_lines lines;
	Dwarf_Addr lines_bias;
	struct alternate_debug *alternate;
	bool debug_tried; /* the debug file was asked for */
	bool lines_tried;
};

struct file {
	struct file_id id;
	uint64_t last_used; /* in ticks of symbols.clock; 0: a free entry */
	uint64_t last_parsed; /* likewise */
	char *build_id;
	struct place *places; /* by hash, each overwritten by the next one there; NULL: libdw cannot read the file */
	struct parsed parsed;
};

struct symbols {
	const struct symbolizer_options *options;
	uint64_t clock;
	uint64_t parse_clock;
	bool working; /* whoever watches was told so */
	struct file files[FILES_MAX];
};

/* --- what libdw calls back --- */

/*
 * libdw asks here for the debug file, as often as it misses it, and for the alternate one, of which alternate_debug_attach()
 * takes care: then `link` is not the file's own.
 */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file_name, const char *link, GElf_Word crc, char **debug_file_name)
{
	struct parsed *parsed = *userdata;
	GElf_Word own_crc;
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(module, &bias);

	(void)name, (void)base, (void)file_name, (void)crc, (void)debug_file_name;
	if (!parsed || parsed->debug_tried || !elf || (link && link != dwelf_elf_gnu_debuglink(elf, &own_crc)))
		return -1;
	parsed->debug_tried = true;
	return separate_debug_open(&parsed->who, elf);
}

/* Every module is reported with its file: libdw never has to look for one. */
static int find_no_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **file_name,
		       Elf **elf)
{
	(void)module, (void)userdata, (void)name, (void)base, (void)file_name, (void)elf;
	return -1;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_no_elf,
	.find_debuginfo = find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* --- files --- */

static void place_clear(struct place *place)
{
	free(place->symbol);
	source_calls_free(place->calls, place->call_count);
	*place = (struct place){};
}

static void parsed_clear(struct parsed *parsed)
{
	symbol_table_fini(&parsed->table);
	source_lines_fini(&parsed->lines);
	if (parsed->dwfl)
		dwfl_end(parsed->dwfl);
	alternate_debug_free(parsed->alternate);
	*parsed = (struct parsed){};
}

static void file_clear(struct file *file)
{
	for (size_t i = 0; file->places && i < PLACES_MAX; i++)
		place_clear(&file->places[i]);
	free(file->places);
	free(file->build_id);
	parsed_clear(&file->parsed);
	*file = (struct file){};
}

int symbols_new(const struct symbolizer_options *options, struct symbols **ret)
{
	struct symbols *symbols = calloc(1, sizeof(*symbols));

	if (!symbols)
		return -ENOMEM;
	symbols->options = options;
	elf_version(EV_CURRENT);
	*ret = symbols;
	return 0;
}

void symbols_free(struct symbols *symbols)
{
	for (size_t i = 0; symbols && i < FILES_MAX; i++)
		file_clear(&symbols->files[i]);
	free(symbols);
}

/* What is known of its addresses stays: stacks that repeat cost nothing, however little memory there is. */
bool symbols_drop_oldest(struct symbols *symbols)
{
	struct file *oldest = NULL;

	for (size_t i = 0; i < FILES_MAX; i++) {
		struct file *file = &symbols->files[i];

		if (file->parsed.dwfl && file->last_parsed != symbols->parse_clock &&
		    (!oldest || file->last_parsed < oldest->last_parsed))
			oldest = file;
	}
	if (oldest)
		parsed_clear(&oldest->parsed);
	return oldest != NULL;
}

static void work_on(struct symbols *symbols, const struct module *module)
{
	if (symbols->options->working_on && (module || symbols->working))
		symbols->options->working_on(symbols->options->context, module);
	symbols->working = module != NULL;
}

/* Programs and shared libraries only. */
static bool is_executable_elf(int fd)
{
	Elf64_Ehdr header; /* e_type is at the same place in a 32-bit one */

	if (!is_plain_elf(fd) || pread(fd, &header, sizeof(header), 0) != sizeof(header))
		return false;
	return header.e_type == ET_EXEC || header.e_type == ET_DYN;
}

static Dwfl_Module *report(struct parsed *parsed, const struct module *module)
{
	_cleanup_close_ int fd = fcntl(module->fd, F_DUPFD_CLOEXEC, 0);
	Dwfl_Module *reported = NULL;
	void **userdata;

	if (fd < 0)
		return NULL;
	dwfl_report_begin(parsed->dwfl);
	/* At its own addresses, so that what libdw calls an address is the file's p_vaddr. */
	reported = dwfl_report_elf(parsed->dwfl, module->path, module->path, fd, 0, true);
	if (reported)
		cleanup_take_fd(&fd);
	dwfl_report_end(parsed->dwfl, NULL, NULL);
	if (reported && dwfl_module_info(reported, &userdata, NULL, NULL, NULL, NULL, NULL, NULL))
		*userdata = parsed;
	return reported;
}

/* Leaves parsed->dwfl NULL where there is nothing to be had from the file. */
static int parse(struct parsed *parsed, const struct module *module)
{
	if (parsed->dwfl || !is_executable_elf(module->fd))
		return 0;
	parsed->dwfl = dwfl_begin(&callbacks);
	if (!parsed->dwfl)
		return -ENOMEM;
	parsed->module = report(parsed, module);
	if (!parsed->module)
		parsed_clear(parsed);
	return 0;
}

/* Leaves file->places NULL where there is nothing to be had, so that it is not tried again. */
static int file_load(struct file *file, const struct module *module)
{
	GElf_Addr bias;
	int err = parse(&file->parsed, module);

	if (err || !file->parsed.dwfl)
		return err;
	file->places = calloc(PLACES_MAX, sizeof(*file->places));
	return file->places ? build_id_read(dwfl_module_getelf(file->parsed.module, &bias), &file->build_id) : -ENOMEM;
}

/* The entry with this identity, or else the one that was not used for longest. */
static struct file *find_entry(struct symbols *symbols, const struct file_id *id)
{
	struct file *oldest = symbols->files;

	for (size_t i = 0; i < FILES_MAX; i++) {
		struct file *file = &symbols->files[i];

		if (file->last_used && file_id_is(&file->id, id))
			return file;
		if (file->last_used < oldest->last_used)
			oldest = file;
	}
	return oldest;
}

/* *ret is NULL when the module's file cannot be read, and good until the next call otherwise. */
static int find_file(struct symbols *symbols, const struct module *module, struct file **ret)
{
	struct file_id id;
	struct file *file;

	*ret = NULL;
	if (!file_id_read(module->fd, &id))
		return 0;
	file = find_entry(symbols, &id);
	if (!file->last_used || !file_id_is(&file->id, &id)) {
		file_clear(file);
		work_on(symbols, module);
		if (file_load(file, module)) {
			file_clear(file);
			return -ENOMEM;
		}
		file->id = id;
	}
	file->last_used = ++symbols->clock;
	*ret = file->places ? file : NULL;
	return 0;
}

/* --- places --- */

/* Segments overlap in the file when their pages do; it was an executable one that was executed. */
static bool offset_to_vaddr(const struct parsed *parsed, uint64_t offset, GElf_Addr *ret)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(parsed->module, &bias);
	size_t count;

	if (!elf || elf_getphdrnum(elf, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr phdr;

		if (!gelf_getphdr(elf, i, &phdr) || phdr.p_type != PT_LOAD || !(phdr.p_flags & PF_X))
			continue;
		if (offset >= phdr.p_offset && offset - phdr.p_offset < phdr.p_filesz) {
			*ret = offset - phdr.p_offset + phdr.p_vaddr + bias;
			return true;
		}
	}
	return false;
}

/* Without the version behind it ("memcpy@@GLIBC_2.14"), which symbol tables of shared libraries have. */
static int set_symbol(struct place *place, const char *name)
{
	_cleanup_free_ char *bare = strndup(name, strcspn(name, "@"));

	place->symbol = bare ? demangle(bare) : NULL;
	return place->symbol ? 0 : -ENOMEM;
}

/* A return address may be the first byte after its function (a call that never returns): the call is one byte before. */
static int resolve_symbol(struct parsed *parsed, struct place *place)
{
	GElf_Addr vaddr;
	uint64_t offset;
	const char *name;

	place->reason = "no_symbol";
	if (!offset_to_vaddr(parsed, place->offset - place->is_return, &vaddr))
		return 0;
	if (!parsed->table.built)
		symbol_table_build(&parsed->table, parsed->module);
	name = symbol_table_find(&parsed->table, parsed->module, vaddr, &offset);
	if (!name) {
		place->reason = parsed->table.stripped ? "stripped" : "no_symbol";
		return 0;
	}
	place->reason = NULL;
	place->symbol_offset = offset + place->is_return;
	return set_symbol(place, name);
}

static int load_lines(struct parsed *parsed)
{
	Dwarf *dwarf;

	parsed->lines_tried = true;
	dwarf = dwfl_module_getdwarf(parsed->module, &parsed->lines_bias);
	if (!dwarf)
		return 0;
	if (alternate_debug_attach(&parsed->who, dwarf, &parsed->alternate))
		return -ENOMEM;
	return source_lines_init(&parsed->lines, dwarf);
}

/* The function's name is in its debug information even where a file has lost its symbol table. */
static int take_name(struct place *place)
{
	const struct source_call *call = place->call_count ? &place->calls[place->call_count - 1] : NULL;

	if (place->symbol || !call || !call->function)
		return 0;
	place->symbol = strdup(call->function);
	place->symbol_offset = call->offset + place->is_return;
	place->reason = NULL;
	return place->symbol ? 0 : -ENOMEM;
}

static int resolve_lines(struct parsed *parsed, struct place *place)
{
	GElf_Addr vaddr;
	int err = 0;

	if (!parsed->lines_tried)
		err = load_lines(parsed);
	if (err)
		return err;
	place->has_lines = true;
	if (!parsed->lines.dwarf || !offset_to_vaddr(parsed, place->offset - place->is_return, &vaddr))
		return 0;
	err = source_lines_find(&parsed->lines, vaddr - parsed->lines_bias, &place->calls, &place->call_count);
	return err ? err : take_name(place);
}

static int resolve(struct file *file, const struct separate_debug *who, struct place *place, bool lines)
{
	struct parsed *parsed = &file->parsed;
	int err = parse(parsed, who->module);

	parsed->who = *who;
	if (!place->used)
		place->reason = "unreadable";
	if (!err && parsed->dwfl && !place->used)
		err = resolve_symbol(parsed, place);
	if (!err && parsed->dwfl && lines && !place->has_lines)
		err = resolve_lines(parsed, place);
	place->used = true;
	if (err)
		place_clear(place);
	return err;
}

static struct place *find_place(struct file *file, uint64_t offset, bool is_return)
{
	struct place *place = &file->places[(offset * 0x9e3779b97f4a7c15ULL >> 32) & (PLACES_MAX - 1)];

	if (place->used && place->offset == offset && place->is_return == is_return)
		return place;
	place_clear(place);
	place->offset = offset;
	place->is_return = is_return;
	place->build_id = file->build_id;
	return place;
}

/* A storm of failures repeats a few addresses: nobody is told of work where there is none. */
static int find_resolved(struct symbols *symbols, const struct separate_debug *who, uint64_t offset, bool is_return,
			 bool lines, const struct place **ret)
{
	struct place *place;
	struct file *file;
	int err = find_file(symbols, who->module, &file);

	if (err || !file)
		return err;
	place = find_place(file, offset, is_return);
	if (!place->used || (lines && !place->has_lines)) {
		file->last_parsed = ++symbols->parse_clock;
		work_on(symbols, who->module);
		err = resolve(file, who, place, lines);
	}
	if (!err)
		*ret = place;
	return err;
}

int symbols_find(struct symbols *symbols, const struct modules *modules, const struct module *module, uint64_t offset,
		 bool is_return, bool lines, const struct place **ret)
{
	const struct separate_debug who = {symbols->options, modules, module};
	int err;

	*ret = NULL;
	err = find_resolved(symbols, &who, offset, is_return, lines, ret);
	work_on(symbols, NULL);
	return err;
}
