/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind.c: libdw's unwinder over copied registers and memory. x86-64 only. libdw goes on with the frame pointer where it
 * finds no call-frame information, and calls it success when memory is refused to it: what really happened is seen
 * here, from the memory that it asks for.
 */
#include "unwind.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define SEGMENTS_MAX  64 /* program headers looked at; linkers make about 14 */
#define COVERAGES_MAX 512 /* a power of two */

#define DWARF_RSP	7
#define DWARF_REGISTERS 16
#define ANY_ID		1 /* libdw wants one for the process and one for its thread */

/* What a mapping's file was reported as. */
struct reported {
	uint64_t bias;
	bool tried;
	bool done;
};

/* Whether call-frame information covers an address. */
struct coverage {
	uint64_t pc;
	bool known;
	bool covered;
};

struct unwinder {
	const struct modules *modules;
	const struct symbolizer_options *options;
	struct reported *reported; /* as many as modules */
	struct coverage coverages[COVERAGES_MAX]; /* by hash */
	Elf64_Ehdr machine; /* the image of `elf`, by which libdw chooses the machine: no traced file decides that */
	Elf *elf;
	Dwfl *dwfl;

	/* of the walk that goes on */
	const struct raw_stack *raw;
	struct walk *walk;
	const struct module *module; /* that the current frame is in */
	uint64_t sp;
	bool covered; /* the current frame's pc */
	bool refused_within; /* memory of the stack that was not copied was asked for in this step */
	bool refused_outside; /* memory that is not of the stack was */
	bool interrupted; /* a signal's frame was passed */
};

static int find_no_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			     const char *file_name, const char *debuglink, GElf_Word crc, char **debug_file_name)
{
	(void)module, (void)userdata, (void)name, (void)base;
	(void)file_name, (void)debuglink, (void)crc, (void)debug_file_name;
	return -1;
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
	.find_debuginfo = find_no_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* --- the memory and the registers --- */

static bool is_stack_not_copied(const struct raw_stack *raw, uint64_t addr)
{
	for (size_t i = 0; i < raw->piece_count; i++)
		if (addr + sizeof(Dwarf_Word) > raw->pieces[i].start + raw->pieces[i].size &&
		    addr < raw->pieces[i].vma_end && addr >= raw->pieces[i].start)
			return true;
	return false;
}

/* Pieces may overlap: a signal's stack can lie within the one that it interrupted. */
static bool read_copied(const struct raw_stack *raw, uint64_t addr, Dwarf_Word *ret)
{
	for (size_t i = 0; i < raw->piece_count; i++) {
		const struct memory_piece *piece = &raw->pieces[i];
		uint64_t at = addr - piece->start;

		if (addr < piece->start || at >= piece->size || piece->size - at < sizeof(*ret))
			continue;
		memcpy(ret, (const char *)piece->bytes + at, sizeof(*ret));
		return true;
	}
	return false;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr addr, Dwarf_Word *ret, void *arg)
{
	struct unwinder *unwinder = arg;

	(void)dwfl;
	if (read_copied(unwinder->raw, addr, ret))
		return true;
	if (is_stack_not_copied(unwinder->raw, addr))
		unwinder->refused_within = true;
	else
		unwinder->refused_outside = true;
	return false;
}

/* In the order of DWARF's numbers for x86-64. */
static bool set_registers(Dwfl_Thread *thread, void *arg)
{
	const struct unwinder *unwinder = arg;
	const struct event_registers *from = unwinder->raw->registers;
	Dwarf_Word registers[DWARF_REGISTERS] = {from->ax, from->dx, from->cx, from->bx,
						 from->si, from->di, from->bp, from->sp};

	for (int i = 0; i < 8; i++)
		registers[8 + i] = from->r8_to_r15[i];
	dwfl_thread_state_register_pc(thread, from->ip);
	return dwfl_thread_state_registers(thread, 0, DWARF_REGISTERS, registers);
}

static pid_t next_thread(Dwfl *dwfl, void *arg, void **thread_arg)
{
	bool first = !*thread_arg;

	(void)dwfl;
	*thread_arg = arg;
	return first ? ANY_ID : 0;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *arg, void **thread_arg)
{
	(void)dwfl, (void)tid;
	*thread_arg = arg;
	return true;
}

static const Dwfl_Thread_Callbacks thread_callbacks = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

/* --- the files --- */

/* How far the file's addresses are from where they are mapped. False: no x86-64 program or library, or not mapped by it. */
static bool find_bias(const struct module *module, uint64_t *ret)
{
	const uint64_t page = 4096;
	Elf64_Ehdr header;
	Elf64_Phdr segments[SEGMENTS_MAX];
	size_t count;

	if (pread(module->fd, &header, sizeof(header), 0) != sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG))
		return false;
	if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64)
		return false;
	*ret = 0;
	if (header.e_type != ET_DYN)
		return header.e_type == ET_EXEC;
	count = header.e_phnum < SEGMENTS_MAX ? header.e_phnum : SEGMENTS_MAX;
	if (header.e_phentsize != sizeof(*segments) || pread(module->fd, segments, count * sizeof(*segments),
							     header.e_phoff) != (ssize_t)(count * sizeof(*segments)))
		return false;
	for (size_t i = 0; i < count; i++) {
		const Elf64_Phdr *segment = &segments[i];

		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X) ||
		    module->file_offset < (segment->p_offset & ~(page - 1)) ||
		    module->file_offset >= segment->p_offset + segment->p_filesz)
			continue;
		*ret = module->start - (module->file_offset - segment->p_offset + segment->p_vaddr);
		return true;
	}
	return false;
}

/* A file that is mapped in several parts is reported once. */
static bool is_reported(const struct unwinder *unwinder, const struct module *module, uint64_t bias)
{
	size_t count;
	const struct module *list = modules_list(unwinder->modules, &count);

	for (size_t i = 0; i < count; i++)
		if (unwinder->reported[i].done && unwinder->reported[i].bias == bias &&
		    list[i].inode == module->inode && list[i].device == module->device)
			return true;
	return false;
}

static bool report(struct unwinder *unwinder, const struct module *module, uint64_t bias)
{
	_cleanup_close_ int fd = fcntl(module->fd, F_DUPFD_CLOEXEC, 0);
	Dwfl_Module *reported;

	if (fd < 0)
		return false;
	dwfl_report_begin_add(unwinder->dwfl);
	reported = dwfl_report_elf(unwinder->dwfl, module->path, module->path, fd, bias, true);
	if (reported)
		cleanup_take_fd(&fd);
	dwfl_report_end(unwinder->dwfl, NULL, NULL);
	return reported != NULL;
}

static void enter_module(struct unwinder *unwinder, const struct module *module)
{
	const struct symbolizer_options *options = unwinder->options;

	if (module == unwinder->module)
		return;
	unwinder->module = module;
	if (options->working_on)
		options->working_on(options->context, module);
}

/* Only what stacks lead through is opened: a large program has hundreds of libraries. */
static void load_module(struct unwinder *unwinder, uint64_t addr)
{
	const struct module *module = modules_find(unwinder->modules, addr);
	struct reported *reported;
	size_t count;

	enter_module(unwinder, module);
	if (!module)
		return;
	reported = &unwinder->reported[module - modules_list(unwinder->modules, &count)];
	if (reported->tried)
		return;
	reported->tried = true;
	if (module->fd < 0 || !find_bias(module, &reported->bias) || is_reported(unwinder, module, reported->bias))
		return;
	reported->done = report(unwinder, module, reported->bias);
}

/* --- call-frame information --- */

static Dwarf_Frame *find_frame(Dwarf_CFI *cfi, uint64_t addr)
{
	Dwarf_Frame *frame = NULL;

	return cfi && !dwarf_cfi_addrframe(cfi, addr, &frame) ? frame : NULL;
}

/* As libdw looks for it: .eh_frame first, then .debug_frame, which is all that Go writes. */
static Dwarf_Frame *find_frame_at(struct unwinder *unwinder, uint64_t pc)
{
	Dwfl_Module *module = dwfl_addrmodule(unwinder->dwfl, pc);
	Dwarf_Frame *frame = NULL;
	Dwarf_Addr bias = 0;
	Dwarf_CFI *cfi;

	if (!module)
		return NULL;
	cfi = dwfl_module_eh_cfi(module, &bias);
	frame = find_frame(cfi, pc - bias);
	if (!frame) {
		cfi = dwfl_module_dwarf_cfi(module, &bias);
		frame = find_frame(cfi, pc - bias);
	}
	return frame;
}

static bool is_covered(struct unwinder *unwinder, uint64_t pc)
{
	struct coverage *coverage = &unwinder->coverages[(pc * 0x9e3779b97f4a7c15ULL >> 32) & (COVERAGES_MAX - 1)];
	_cleanup_free_ Dwarf_Frame *frame = NULL;

	if (!coverage->known || coverage->pc != pc) {
		frame = find_frame_at(unwinder, pc);
		*coverage = (struct coverage){.pc = pc, .known = true, .covered = frame != NULL};
	}
	return coverage->covered;
}

static bool cfa_is_rsp_plus_8(Dwarf_Frame *frame)
{
	Dwarf_Op *ops;
	size_t count;

	if (dwarf_frame_cfa(frame, &ops, &count) || count != 1)
		return false;
	if (ops->atom == DW_OP_bregx)
		return ops->number == DWARF_RSP && ops->number2 == 8;
	return ops->atom == DW_OP_breg0 + DWARF_RSP && ops->number == 8;
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

bool unwinder_returns_at_sp(struct unwinder *unwinder, uint64_t pc)
{
	_cleanup_free_ Dwarf_Frame *frame = NULL;

	load_module(unwinder, pc);
	frame = find_frame_at(unwinder, pc);
	enter_module(unwinder, NULL);
	return frame && cfa_is_rsp_plus_8(frame) && return_address_is_below_cfa(frame);
}

/* --- the walk --- */

/*
 * Each frame is further out than the one before: garbage cannot keep us. Only what a signal interrupted may be anywhere,
 * for its handler has a stack of its own, which may be a local variable of it.
 */
static bool goes_outwards(struct unwinder *unwinder, Dwfl_Frame *state, bool activation)
{
	uint64_t last = unwinder->sp;
	Dwarf_Word sp;

	if (dwfl_frame_reg(state, DWARF_RSP, &sp))
		return false;
	unwinder->sp = sp;
	return activation || sp > last;
}

/* dwfl_frame_pc() makes the step to the next frame when it is asked for the activation: the refusals are of this step. */
static int on_frame(Dwfl_Frame *state, void *arg)
{
	struct unwinder *unwinder = arg;
	struct walk *walk = unwinder->walk;
	bool activation = false, covered;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(state, &pc, NULL) || !pc)
		return DWARF_CB_ABORT;
	load_module(unwinder, pc);
	load_module(unwinder, pc - 1);
	unwinder->refused_within = unwinder->refused_outside = false;
	dwfl_frame_pc(state, &pc, &activation);
	if (!goes_outwards(unwinder, state, activation)) {
		unwinder->refused_within = unwinder->refused_outside = false;
		return DWARF_CB_ABORT;
	}
	covered = is_covered(unwinder, pc - !activation);
	if (!walk_append(walk, pc, (walk->count ? unwinder->covered : covered) ? METHOD_CFI : METHOD_FRAME_POINTER,
			 activation))
		return DWARF_CB_ABORT;
	unwinder->interrupted |= activation && walk->count > 1;
	unwinder->covered = covered;
	return DWARF_CB_OK;
}

/* After a walk that did not come to its end. */
static const char *reason_to_end(const struct unwinder *unwinder)
{
	if (unwinder->walk->reason)
		return unwinder->walk->reason;
	if (unwinder->refused_outside && unwinder->interrupted && unwinder->raw->piece_count < 2)
		return "alt_stack";
	if (unwinder->refused_within || (unwinder->refused_outside && unwinder->covered))
		return "truncated";
	/* Nothing was refused: where that frame led, no further out than it is or to no code, is its own word. */
	return unwinder->covered ? "bad_cfi" : "no_cfi";
}

void unwinder_walk(struct unwinder *unwinder, const struct raw_stack *raw, struct walk *ret)
{
	int err;

	ret->count = 0;
	ret->truncated = ret->complete = false;
	ret->reason = NULL;
	unwinder->raw = raw;
	unwinder->walk = ret;
	unwinder->covered = unwinder->interrupted = false;
	unwinder->refused_within = unwinder->refused_outside = false;
	err = dwfl_getthread_frames(unwinder->dwfl, ANY_ID, on_frame, unwinder);
	enter_module(unwinder, NULL);
	/* 0 is also what libdw says when the memory that holds the return address is refused. */
	ret->complete = !err && !unwinder->refused_within && !unwinder->refused_outside;
	if (ret->complete)
		return;
	ret->reason = reason_to_end(unwinder);
	ret->truncated = !strcmp(ret->reason, "truncated");
}

/* --- making and ending --- */

static int attach(struct unwinder *unwinder)
{
	unwinder->machine = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
	};
	unwinder->elf = elf_memory((char *)&unwinder->machine, sizeof(unwinder->machine));
	unwinder->dwfl = dwfl_begin(&callbacks);
	if (!unwinder->elf || !unwinder->dwfl)
		return -ENOMEM;
	dwfl_report_begin(unwinder->dwfl);
	dwfl_report_end(unwinder->dwfl, NULL, NULL);
	return dwfl_attach_state(unwinder->dwfl, unwinder->elf, ANY_ID, &thread_callbacks, unwinder) ? 0 : -ENOMEM;
}

CLEANUP_DEFINE(cleanup_unwinder, struct unwinder *, unwinder_free)

int unwinder_new(const struct modules *modules, const struct symbolizer_options *options, struct unwinder **ret)
{
	_cleanup_(cleanup_unwinder) struct unwinder *unwinder = calloc(1, sizeof(*unwinder));
	size_t count;
	int err;

	if (!unwinder)
		return -ENOMEM;
	modules_list(modules, &count);
	unwinder->modules = modules;
	unwinder->options = options;
	unwinder->reported = calloc(count + 1, sizeof(*unwinder->reported));
	if (!unwinder->reported)
		return -ENOMEM;
	err = attach(unwinder);
	if (err)
		return err;
	*ret = cleanup_take(unwinder);
	return 0;
}

void unwinder_free(struct unwinder *unwinder)
{
	if (!unwinder)
		return;
	if (unwinder->dwfl)
		dwfl_end(unwinder->dwfl);
	if (unwinder->elf)
		elf_end(unwinder->elf);
	free(unwinder->reported);
	free(unwinder);
}
