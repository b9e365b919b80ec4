/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer.c: names addresses with libdw, one Dwfl per file (not per process), so that programs share what they share
 * on disk. Walks no stack but for one step: the caller of a function without a frame. Unfolds no inlined calls.
 */
#include "symbolizer.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define FILES_MAX    64 /* libc with its debug file takes 19 MB, most others far less */
#define PLACES_MAX   256 /* of one file; a power of two */
#define BUILD_ID_MAX 64 /* bytes; linkers make 8 to 32 */

#define DWARF_X86_64_RSP 7

/* What is known of one address of a file. */
struct place {
	uint64_t offset; /* in the file, of the address as it stands in the stack */
	uint64_t symbol_offset;
	char *symbol;
	char *source;
	const char *reason;
	int line;
	bool used;
	bool is_return;
	bool returns_at_sp; /* CFI: the function has no frame here, its return address is at the stack pointer */
};

/* A file may be replaced or its inode used again: all four make its identity. */
struct file_id {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t modified_ns;
};

struct file {
	struct file_id id;
	uint64_t last_used; /* in ticks of symbolizer.clock; 0: a free entry */
	Dwfl *dwfl; /* NULL: not an ELF file that libdw can read */
	Dwfl_Module *module;
	char *build_id;
	struct place *places; /* by hash, each overwritten by the next one there */
};

struct symbolizer {
	uint64_t clock;
	struct file files[FILES_MAX];
};

/*
 * By build-id alone, below the system's own debug directories. libdw's standard search would also follow a debug link,
 * whose name the traced program chose, into a directory that it chose, and open what lies there: a FIFO would hold us
 * for ever. And it would ask debuginfod's servers.
 */
static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file_name, const char *debuglink, GElf_Word crc, char **debug_file_name)
{
	return dwfl_build_id_find_debuginfo(module, userdata, name, base, file_name, debuglink, crc, debug_file_name);
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

static void place_clear(struct place *place)
{
	free(place->symbol);
	free(place->source);
	*place = (struct place){};
}

static void file_clear(struct file *file)
{
	for (size_t i = 0; file->places && i < PLACES_MAX; i++)
		place_clear(&file->places[i]);
	free(file->places);
	free(file->build_id);
	if (file->dwfl)
		dwfl_end(file->dwfl);
	*file = (struct file){};
}

int symbolizer_new(const struct symbolizer_options *options, struct symbolizer **ret)
{
	struct symbolizer *symbolizer = calloc(1, sizeof(*symbolizer));

	if (!symbolizer)
		return -ENOMEM;
	(void)options;
	elf_version(EV_CURRENT);
	*ret = symbolizer;
	return 0;
}

void symbolizer_free(struct symbolizer *symbolizer)
{
	for (size_t i = 0; symbolizer && i < FILES_MAX; i++)
		file_clear(&symbolizer->files[i]);
	free(symbolizer);
}

/*
 * Programs and shared libraries only. libdw would also take a compressed file and unpack it whole, in memory, however
 * large it gets.
 */
static bool is_executable_elf(int fd)
{
	Elf64_Ehdr header; /* e_type is at the same place in a 32-bit one */

	if (pread(fd, &header, sizeof(header), 0) != sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG))
		return false;
	return header.e_type == ET_EXEC || header.e_type == ET_DYN;
}

static int read_build_id(struct file *file)
{
	const unsigned char *bits;
	GElf_Addr vaddr;
	int count = dwfl_module_build_id(file->module, &bits, &vaddr);

	if (count <= 0 || count > BUILD_ID_MAX)
		return 0;
	file->build_id = malloc(2 * count + 1);
	if (!file->build_id)
		return -ENOMEM;
	for (int i = 0; i < count; i++)
		sprintf(file->build_id + 2 * i, "%02x", bits[i]);
	return 0;
}

/* Leaves file->dwfl NULL where there is nothing to be had from the file, so that it is not tried again. */
static int file_load(struct file *file, const struct module *module)
{
	_cleanup_close_ int fd = -1;

	if (!is_executable_elf(module->fd))
		return 0;
	fd = fcntl(module->fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	file->dwfl = dwfl_begin(&callbacks);
	if (!file->dwfl)
		return -ENOMEM;
	dwfl_report_begin(file->dwfl);
	/* At its own addresses, so that what libdw calls an address is the file's p_vaddr. */
	file->module = dwfl_report_elf(file->dwfl, module->path, module->path, fd, 0, true);
	if (file->module)
		cleanup_take_fd(&fd);
	dwfl_report_end(file->dwfl, NULL, NULL);
	if (!file->module) {
		dwfl_end(file->dwfl);
		file->dwfl = NULL;
		return 0;
	}
	file->places = calloc(PLACES_MAX, sizeof(*file->places));
	return file->places ? read_build_id(file) : -ENOMEM;
}

/* The entry with this identity, or else the one that was not used for longest. */
static struct file *find_entry(struct symbolizer *symbolizer, const struct file_id *id)
{
	struct file *oldest = symbolizer->files;

	for (size_t i = 0; i < FILES_MAX; i++) {
		struct file *file = &symbolizer->files[i];

		if (file->last_used && !memcmp(&file->id, id, sizeof(*id)))
			return file;
		if (file->last_used < oldest->last_used)
			oldest = file;
	}
	return oldest;
}

/* *ret is NULL when the module's file cannot be read, and good until the next call otherwise. */
static int find_file(struct symbolizer *symbolizer, const struct module *module, struct file **ret)
{
	struct stat status;
	struct file_id id;
	struct file *file;

	if (module->fd < 0 || fstat(module->fd, &status)) {
		*ret = NULL;
		return 0;
	}
	id.device = status.st_dev;
	id.inode = status.st_ino;
	id.size_bytes = status.st_size;
	id.modified_ns = status.st_mtim.tv_sec * 1000000000ULL + status.st_mtim.tv_nsec;
	file = find_entry(symbolizer, &id);
	if (!file->last_used || memcmp(&file->id, &id, sizeof(id))) {
		file_clear(file);
		if (file_load(file, module)) {
			file_clear(file);
			return -ENOMEM;
		}
		file->id = id;
	}
	file->last_used = ++symbolizer->clock;
	*ret = file->dwfl ? file : NULL;
	return 0;
}

/* Segments overlap in the file when their pages do; it was an executable one that was executed. */
static bool offset_to_vaddr(const struct file *file, uint64_t offset, GElf_Addr *ret)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(file->module, &bias);
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

/* Neither the file nor a debug file of it knows its local functions. */
static bool is_stripped(const struct file *file)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(file->module, &bias);

	return !(elf && has_symtab(elf)) && !dwfl_module_getdwarf(file->module, &bias);
}

/*
 * Where no symbol covers the address, libdw answers with one that has no size, somewhere below. In a file that knows its
 * local functions that is a good answer (assembler code); in a stripped one it is a neighbour's name.
 */
static int resolve_symbol(const struct file *file, GElf_Addr vaddr, struct place *place)
{
	GElf_Off offset;
	GElf_Sym symbol;
	const char *name = dwfl_module_addrinfo(file->module, vaddr, &offset, &symbol, NULL, NULL, NULL);
	bool covered = name && offset < symbol.st_size;

	if (!covered && is_stripped(file)) {
		place->reason = "stripped";
		return 0;
	}
	if (!name || !*name || (!covered && symbol.st_size)) {
		place->reason = "no_symbol";
		return 0;
	}
	place->symbol = strdup(name);
	place->symbol_offset = offset + place->is_return;
	return place->symbol ? 0 : -ENOMEM;
}

/*
 * The compilation unit that vaddr was compiled in. libdw looks into .debug_aranges, which clang does not write (seen with
 * libdw 0.188): then each unit is asked in turn.
 */
static Dwarf_Die *find_unit(const struct file *file, GElf_Addr vaddr, Dwarf_Addr *ret_bias)
{
	Dwarf_Die *unit = dwfl_module_addrdie(file->module, vaddr, ret_bias);

	if (unit)
		return unit;
	while ((unit = dwfl_module_nextcu(file->module, unit, ret_bias)) != NULL) {
		if (dwarf_haspc(unit, vaddr - *ret_bias) > 0)
			break;
	}
	return unit;
}

static int resolve_line(const struct file *file, GElf_Addr vaddr, struct place *place)
{
	Dwarf_Addr bias;
	Dwarf_Die *unit = find_unit(file, vaddr, &bias);
	Dwarf_Line *line = unit ? dwarf_getsrc_die(unit, vaddr - bias) : NULL;
	const char *source = line ? dwarf_linesrc(line, NULL, NULL) : NULL;

	if (!source)
		return 0;
	dwarf_lineno(line, &place->line);
	place->source = strdup(source);
	return place->source ? 0 : -ENOMEM;
}

static bool cfa_is_rsp_plus_8(Dwarf_Frame *frame)
{
	Dwarf_Op *ops;
	size_t count;

	if (dwarf_frame_cfa(frame, &ops, &count) || count != 1)
		return false;
	if (ops->atom == DW_OP_bregx)
		return ops->number == DWARF_X86_64_RSP && ops->number2 == 8;
	return ops->atom == DW_OP_breg0 + DWARF_X86_64_RSP && ops->number == 8;
}

static bool return_address_is_below_cfa(Dwarf_Frame *frame)
{
	Dwarf_Op memory[3], *ops;
	size_t count;
	int regno = dwarf_frame_info(frame, NULL, NULL, NULL);

	if (regno < 0 || dwarf_frame_register(frame, regno, memory, &ops, &count) || count != 2)
		return false;
	return ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_plus_uconst &&
	       ops[1].number == (Dwarf_Word)-8;
}

/* x86-64 only: elsewhere a leaf's return address is in a register that we are not handed. */
static bool returns_at_sp(const struct file *file, GElf_Addr vaddr)
{
	GElf_Addr elf_bias, cfi_bias;
	Elf *elf = dwfl_module_getelf(file->module, &elf_bias);
	Dwarf_CFI *cfi = dwfl_module_eh_cfi(file->module, &cfi_bias);
	_cleanup_free_ Dwarf_Frame *frame = NULL;
	GElf_Ehdr header;

	if (!elf || !gelf_getehdr(elf, &header) || header.e_machine != EM_X86_64)
		return false;
	if (!cfi)
		cfi = dwfl_module_dwarf_cfi(file->module, &cfi_bias);
	if (!cfi || dwarf_cfi_addrframe(cfi, vaddr - cfi_bias, &frame))
		return false;
	return cfa_is_rsp_plus_8(frame) && return_address_is_below_cfa(frame);
}

/* A return address may be the first byte after its function (a call that never returns): the call is one byte before. */
static int place_resolve(const struct file *file, struct place *place)
{
	GElf_Addr vaddr;
	int err;

	if (!offset_to_vaddr(file, place->offset - place->is_return, &vaddr)) {
		place->reason = "no_symbol";
		return 0;
	}
	if (!place->is_return)
		place->returns_at_sp = returns_at_sp(file, vaddr);
	err = resolve_symbol(file, vaddr, place);
	return err ? err : resolve_line(file, vaddr, place);
}

/* A storm of failures repeats a few addresses: each is resolved once. */
static int find_place(const struct file *file, uint64_t offset, bool is_return, const struct place **ret)
{
	struct place *place = &file->places[(offset * 0x9e3779b97f4a7c15ULL >> 32) & (PLACES_MAX - 1)];
	int err;

	if (!place->used || place->offset != offset || place->is_return != is_return) {
		place_clear(place);
		place->offset = offset;
		place->is_return = is_return;
		err = place_resolve(file, place);
		if (err) {
			place_clear(place);
			return err;
		}
		place->used = true;
	}
	*ret = place;
	return 0;
}

static int copy_string(const char *string, char **ret)
{
	if (!string)
		return 0;
	*ret = strdup(string);
	return *ret ? 0 : -ENOMEM;
}

static int fill_from_place(const struct place *place, struct frame *frame)
{
	frame->symbol_offset = place->symbol_offset;
	frame->line = place->line;
	frame->reason = place->reason;
	if (copy_string(place->symbol, &frame->symbol) || copy_string(place->source, &frame->file))
		return -ENOMEM;
	return 0;
}

/* Names frame->addr; *ret_place is what is known of it, or left alone. */
static int name_frame(struct symbolizer *symbolizer, const struct modules *modules, struct frame *frame, bool is_return,
		      const struct place **ret_place)
{
	const struct module *module = modules ? modules_find(modules, frame->addr - is_return) : NULL;
	const struct place *place;
	struct file *file;
	int err;

	if (!module) {
		frame->reason = modules && !modules_are_partial(modules) ? "no_module" : "process_gone";
		return 0;
	}
	frame->offset = frame->addr - module->start + module->file_offset;
	err = copy_string(module->path, &frame->module);
	if (!err)
		err = find_file(symbolizer, module, &file);
	if (err)
		return err;
	if (!file) {
		frame->reason = "unreadable";
		return 0;
	}
	err = copy_string(file->build_id, &frame->build_id);
	if (!err)
		err = find_place(file, frame->offset, is_return, &place);
	if (!err)
		err = fill_from_place(place, frame);
	if (!err && ret_place)
		*ret_place = place;
	return err;
}

static struct frame *append(struct stack *stack, uint64_t addr, enum frame_method method)
{
	struct frame *frame = &stack->frames[stack->count++];

	frame->addr = addr;
	frame->method = method;
	return frame;
}

static bool skips_caller(const struct raw_stack *raw, const struct modules *modules, const struct place *leaf)
{
	if (!leaf || !leaf->returns_at_sp || !raw->sp_word || !modules_find(modules, raw->sp_word - 1))
		return false;
	return raw->count < 2 || raw->addrs[1] != raw->sp_word;
}

/*
 * The innermost frame counts as found by frame pointers, as do all that the kernel found in its walk; only the caller
 * that is put back in was found by CFI.
 */
static int name_frames(struct symbolizer *symbolizer, const struct modules *modules, const struct raw_stack *raw,
		       struct stack *stack)
{
	const struct place *leaf = NULL;
	int err = name_frame(symbolizer, modules, append(stack, raw->addrs[0], METHOD_FRAME_POINTER), false, &leaf);

	if (err)
		return err;
	stack->method = METHOD_FRAME_POINTER;
	if (skips_caller(raw, modules, leaf)) {
		stack->method = METHOD_MIXED;
		err = name_frame(symbolizer, modules, append(stack, raw->sp_word, METHOD_CFI), true, NULL);
	}
	for (size_t i = 1; !err && i < raw->count; i++)
		err = name_frame(symbolizer, modules, append(stack, raw->addrs[i], METHOD_FRAME_POINTER), true, NULL);
	return err;
}

CLEANUP_DEFINE(cleanup_stack, struct stack *, stack_free)

/* Where a thread's stack begins: beyond them there is nothing to find. */
static bool is_outermost(const struct frame *frame)
{
	static const char *const names[] = {"_start",  "_dl_start_user", "start_thread", "clone",
					    "__clone", "clone3",	 "__clone3",	 NULL};

	for (const char *const *name = names; *name; name++)
		if (frame->symbol && !strcmp(frame->symbol, *name))
			return true;
	return false;
}

/*
 * A function built without frame pointers has some value of its own in that register. What is then read as a return
 * address is mostly no code: from the first such frame on nothing is a frame. Or nothing can be read there at all. Both
 * times the stack ends too early, and says so.
 */
static void mark_lost_chain(struct stack *stack)
{
	size_t count = 1;

	while (count < stack->count && stack->frames[count].module)
		count++;
	if (count == stack->count && is_outermost(&stack->frames[count - 1]))
		return;
	stack_cut(stack, count);
	stack->reason = stack->reason ?: "frame_pointer_lost";
}

int symbolizer_unwind(struct symbolizer *symbolizer, const struct modules *modules, const struct raw_stack *raw,
		      struct stack **ret)
{
	_cleanup_(cleanup_stack) struct stack *stack = calloc(1, sizeof(*stack));

	if (!stack)
		return -ENOMEM;
	if (raw->error || !raw->count) {
		stack->reason = raw->error && raw->error != -EFAULT ? "capture_failed" : "no_user_stack";
		*ret = cleanup_take(stack);
		return 0;
	}
	stack->frames = calloc(raw->count + 1, sizeof(*stack->frames));
	if (!stack->frames || name_frames(symbolizer, modules, raw, stack))
		return -ENOMEM;
	stack->truncated = raw->count >= raw->capacity;
	stack->reason = stack->truncated ? "truncated" : NULL;
	if (modules && !modules_are_partial(modules))
		mark_lost_chain(stack);
	*ret = cleanup_take(stack);
	return 0;
}

int symbolizer_add_lines(struct symbolizer *symbolizer, const struct modules *modules, struct stack *stack)
{
	(void)symbolizer, (void)modules, (void)stack;
	return 0;
}

void symbolizer_forget(struct symbolizer *symbolizer, const struct modules *modules)
{
	(void)symbolizer, (void)modules;
}
