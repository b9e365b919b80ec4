/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_symbolizer.c: symbolizer.c on this very program: its own functions, lines and build-id, also when the process is
 * gone, its file deleted or its symbols stripped. Needs -g. Started as "test_symbolizer --wait" it is its own subject.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/symbolizer.h"

/* gcc would also make copies of them under other names ("caller.constprop.0"). */
#ifdef __clang__
#define NOINLINE __attribute__((noinline))
#else
#define NOINLINE __attribute__((noinline, noclone))
#endif

/* Two functions without a gap, and one without a name behind them; code that is never run. */
__asm__(".pushsection .text\n"
	".type adjacent_first, %function\n"
	"adjacent_first: .skip 16, 0x90\n"
	".size adjacent_first, 16\n"
	".type adjacent_second, %function\n"
	"adjacent_second: .skip 16, 0x90\n"
	".size adjacent_second, 16\n"
	".skip 4096, 0x90\n"
	".type without_size, %function\n"
	"without_size: .skip 16, 0x90\n"
	".popsection\n");
extern const char adjacent_first[], adjacent_second[], without_size[];

static uint64_t return_addr;
static int return_line;

static NOINLINE void callee(void)
{
	return_addr = (uintptr_t)__builtin_return_address(0);
}

static NOINLINE void caller(void)
{
	callee(), return_line = __LINE__;
	__asm__ volatile("");
}

static struct modules *own_modules(void)
{
	struct modules *modules;

	assert_int_equal(modules_read(getpid(), &modules), 0);
	return modules;
}

static struct stack *name(struct symbolizer *symbolizer, const struct modules *modules, const struct raw_stack *raw)
{
	struct stack *stack = NULL;

	assert_int_equal(symbolizer_unwind(symbolizer, modules, raw, &stack), 0);
	assert_non_null(stack);
	return stack;
}

/* Names one stack with a symbolizer of its own. */
static struct stack *name_once(const struct modules *modules, const uint64_t *addrs, size_t count, uint64_t sp_word)
{
	const struct raw_stack raw = {.addrs = addrs, .count = count, .capacity = 127, .sp_word = sp_word};
	struct symbolizer *symbolizer;
	struct stack *stack;

	assert_int_equal(symbolizer_new(&(struct symbolizer_options){.statm_fd = -1}, &symbolizer), 0);
	stack = name(symbolizer, modules, &raw);
	assert_int_equal(symbolizer_add_lines(symbolizer, modules, stack), 0);
	symbolizer_free(symbolizer);
	return stack;
}

static bool ends_with(const char *string, const char *end)
{
	size_t length = strlen(string), end_length = strlen(end);

	return length >= end_length && !strcmp(string + length - end_length, end);
}

static void names_functions_and_lines(void **state)
{
	uint64_t addrs[2] = {(uintptr_t)callee + 1};
	struct modules *modules = own_modules();
	struct stack *stack;
	char exe[4096] = "";

	(void)state;
	caller();
	addrs[1] = return_addr;
	assert_true(readlink("/proc/self/exe", exe, sizeof(exe) - 1) > 0);
	stack = name_once(modules, addrs, 2, 0);
	assert_int_equal(stack->count, 2);
	assert_int_equal(stack->method, METHOD_FRAME_POINTER);
	assert_string_equal(stack->frames[0].symbol, "callee");
	assert_int_equal(stack->frames[0].symbol_offset, 1);
	assert_string_equal(stack->frames[1].symbol, "caller");
	assert_int_equal(stack->frames[1].addr, return_addr);
	assert_int_equal(stack->frames[1].symbol_offset, return_addr - (uintptr_t)caller);
	assert_string_equal(stack->frames[1].module, exe);
	assert_non_null(stack->frames[1].file);
	assert_true(ends_with(stack->frames[1].file, "test_symbolizer.c"));
	assert_int_equal(stack->frames[1].line, return_line);
	assert_null(stack->frames[1].reason);
	/* caller() is not where a stack begins. */
	assert_string_equal(stack->reason, "frame_pointer_lost");
	assert_false(stack->truncated);
	stack_free(stack);
	modules_free(modules);
}

/* The offset is where the file has the very bytes that are executed. */
static void gives_the_offset_in_the_file(void **state)
{
	const uint64_t addr = (uintptr_t)caller;
	struct modules *modules = own_modules();
	struct stack *stack = name_once(modules, &addr, 1, 0);
	char bytes[16];
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(pread(fd, bytes, sizeof(bytes), stack->frames[0].offset), sizeof(bytes));
	assert_memory_equal(bytes, (const char *)(uintptr_t)addr, sizeof(bytes));
	close(fd);
	stack_free(stack);
	modules_free(modules);
}

/* The program's own build-id as the loader sees it, in hex; or "" when it was linked without one. */
static int find_build_id(struct dl_phdr_info *info, size_t size, void *ret)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const char *note = (const char *)info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		const char *end = note + info->dlpi_phdr[i].p_memsz;

		while (info->dlpi_phdr[i].p_type == PT_NOTE && note + sizeof(ElfW(Nhdr)) < end) {
			const ElfW(Nhdr) *header = (const void *)note;
			const unsigned char *bits = (const unsigned char *)(header + 1) + 4;

			if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == 4)
				for (size_t k = 0; k < header->n_descsz; k++)
					sprintf((char *)ret + 2 * k, "%02x", bits[k]);
			note += sizeof(*header) + ((header->n_namesz + 3) & ~3U) + ((header->n_descsz + 3) & ~3U);
		}
	}
	return 1; /* the first one is the program */
}

static void tells_the_build_id(void **state)
{
	const uint64_t addr = (uintptr_t)caller;
	struct modules *modules = own_modules();
	struct stack *stack = name_once(modules, &addr, 1, 0);
	char expected[256] = "";

	(void)state;
	dl_iterate_phdr(find_build_id, expected);
	if (*expected)
		assert_string_equal(stack->frames[0].build_id, expected);
	else
		assert_null(stack->frames[0].build_id);
	stack_free(stack);
	modules_free(modules);
}

static void takes_a_return_address_for_the_call_before_it(void **state)
{
	const uint64_t addrs[] = {(uintptr_t)adjacent_second, (uintptr_t)adjacent_second,
				  (uintptr_t)adjacent_first + 1};
	struct modules *modules = own_modules();
	struct stack *stack = name_once(modules, addrs, 3, 0);

	(void)state;
	assert_string_equal(stack->frames[0].symbol, "adjacent_second");
	assert_int_equal(stack->frames[0].symbol_offset, 0);
	assert_string_equal(stack->frames[1].symbol, "adjacent_first");
	assert_int_equal(stack->frames[1].symbol_offset, 16);
	assert_int_equal(stack->frames[1].addr, addrs[1]);
	assert_string_equal(stack->frames[2].symbol, "adjacent_first");
	assert_int_equal(stack->frames[2].symbol_offset, 1);
	stack_free(stack);
	modules_free(modules);
}

static void never_names_a_neighbour(void **state)
{
	const uint64_t addr = (uintptr_t)adjacent_second + 16 + 2048;
	struct modules *modules = own_modules();
	struct stack *stack = name_once(modules, &addr, 1, 0);

	(void)state;
	assert_null(stack->frames[0].symbol);
	assert_string_equal(stack->frames[0].reason, "no_symbol");
	assert_non_null(stack->frames[0].module);
	stack_free(stack);
	modules_free(modules);
}

static void names_assembler_code_without_a_size(void **state)
{
	const uint64_t addr = (uintptr_t)without_size + 1;
	struct modules *modules = own_modules();
	struct stack *stack = name_once(modules, &addr, 1, 0);

	(void)state;
	assert_string_equal(stack->frames[0].symbol, "without_size");
	assert_int_equal(stack->frames[0].symbol_offset, 1);
	stack_free(stack);
	modules_free(modules);
}

static void names_a_process_that_has_exited(void **state)
{
	const uint64_t addr = (uintptr_t)caller;
	int ends[2];
	char byte;
	struct modules *modules;
	struct stack *stack;
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 0);
	}
	assert_int_equal(modules_read(child, &modules), 0);
	close(ends[0]);
	close(ends[1]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	stack = name_once(modules, &addr, 1, 0);
	assert_string_equal(stack->frames[0].symbol, "caller");
	stack_free(stack);
	modules_free(modules);
}

static void copy_program(const char *path)
{
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int out = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700);
	struct stat status;

	assert_int_equal(fstat(in, &status), 0);
	assert_true(out >= 0);
	for (off_t done = 0; done < status.st_size;)
		assert_true(copy_file_range(in, &done, out, NULL, status.st_size - done, 0) > 0);
	close(in);
	close(out);
}

/* The subject of the next test: says where `caller` is and waits to be killed. */
static int wait_to_be_watched(void)
{
	uint64_t addr = (uintptr_t)caller;

	if (write(STDOUT_FILENO, &addr, sizeof(addr)) != sizeof(addr))
		return 1;
	for (;;)
		pause();
}

static pid_t run_and_delete(const char *path, uint64_t *addr)
{
	int ends[2];
	pid_t child;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		dup2(ends[1], STDOUT_FILENO);
		execl(path, path, "--wait", NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], addr, sizeof(*addr)), sizeof(*addr));
	close(ends[0]);
	assert_int_equal(unlink(path), 0);
	return child;
}

static void names_a_deleted_program(void **state)
{
	char directory[] = "/tmp/test_symbolizer.XXXXXX", path[64];
	uint64_t addr;
	struct modules *modules;
	struct stack *stack;
	pid_t child;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/program", directory);
	copy_program(path);
	child = run_and_delete(path, &addr);
	assert_int_equal(modules_read(child, &modules), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	stack = name_once(modules, &addr, 1, 0);
	assert_true(ends_with(stack->frames[0].module, "/program (deleted)"));
	/* Without privilege there is no way to such a file, and that is said. */
	if (modules_find(modules, addr)->fd < 0)
		assert_string_equal(stack->frames[0].reason, "unreadable");
	else
		assert_string_equal(stack->frames[0].symbol, "caller");
	stack_free(stack);
	modules_free(modules);
	rmdir(directory);
}

static struct modules *module_of_fd(int fd)
{
	struct module *list = calloc(1, sizeof(*list));
	struct modules *modules;

	*list = (struct module){.end = UINT64_MAX, .inode = 1, .path = strdup("/copy"), .fd = fd};
	assert_int_equal(modules_from_list(list, 1, &modules), 0);
	return modules;
}

/* A copy of libc with another build-id, so that no debug file belongs to it. */
static int stripped_libc(const struct link_map *libc)
{
	int in = open(libc->l_name, O_RDONLY | O_CLOEXEC), out = memfd_create("libc", MFD_CLOEXEC);
	struct stat status;
	char *bytes, *id;

	assert_int_equal(fstat(in, &status), 0);
	bytes = mmap(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, in, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	id = memmem(bytes, status.st_size, "\3\0\0\0GNU", 8); /* NT_GNU_BUILD_ID and its owner */
	assert_non_null(id);
	id[8] ^= 0x55;
	assert_int_equal(write(out, bytes, status.st_size), status.st_size);
	munmap(bytes, status.st_size);
	close(in);
	return out;
}

struct exported {
	const ElfW(Sym) * symbols;
	size_t count;
	const char *names;
};

/* The dynamic symbols as the loader has them: the independent witness. DT_GNU_HASH alone tells where they end. */
static struct exported exported_symbols(const struct link_map *libc)
{
	struct exported exported = {};
	const uint32_t *hash = NULL, *buckets, *chains;
	uint32_t last = 0;

	for (const ElfW(Dyn) *entry = libc->l_ld; entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_SYMTAB)
			exported.symbols = (const void *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_STRTAB)
			exported.names = (const void *)entry->d_un.d_ptr;
		else if (entry->d_tag == DT_GNU_HASH)
			hash = (const void *)entry->d_un.d_ptr;
	}
	assert_true(hash && exported.symbols && exported.names);
	buckets = hash + 4 + hash[2] * sizeof(ElfW(Addr)) / sizeof(uint32_t);
	chains = buckets + hash[0];
	for (uint32_t i = 0; i < hash[0]; i++)
		last = buckets[i] > last ? buckets[i] : last;
	while (!(chains[last - hash[1]] & 1))
		last++;
	exported.count = last + 1;
	return exported;
}

/* Whether `name` covers vaddr; with NULL, whether any function does. */
static bool covers(const struct exported *exported, const char *wanted, uint64_t vaddr)
{
	for (size_t i = 0; i < exported->count; i++) {
		const ElfW(Sym) *symbol = &exported->symbols[i];

		if (symbol->st_shndx == SHN_UNDEF || ELF64_ST_TYPE(symbol->st_info) == STT_TLS)
			continue;
		if (vaddr < symbol->st_value || vaddr - symbol->st_value >= symbol->st_size)
			continue;
		if (!wanted || !strcmp(exported->names + symbol->st_name, wanted))
			return true;
	}
	return false;
}

/*
 * All over the code of a stripped libc: what has a name has it from an exported symbol that covers it, and what has none
 * is covered by none.
 */
static void names_only_exports_of_a_stripped_file(void **state)
{
	void *handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	struct exported exported;
	struct symbolizer *symbolizer;
	struct modules *modules;
	struct link_map *libc;
	const ElfW(Ehdr) * elf;
	const ElfW(Phdr) * text;
	size_t named = 0, unnamed = 0;

	(void)state;
	assert_int_equal(dlinfo(handle, RTLD_DI_LINKMAP, &libc), 0);
	modules = module_of_fd(stripped_libc(libc));
	exported = exported_symbols(libc);
	elf = (const void *)libc->l_addr;
	text = (const void *)(libc->l_addr + elf->e_phoff);
	while (text->p_type != PT_LOAD || !(text->p_flags & PF_X))
		text++;
	assert_int_equal(symbolizer_new(&(struct symbolizer_options){.statm_fd = -1}, &symbolizer), 0);
	for (uint64_t at = 64; at < text->p_filesz; at += 509) {
		const uint64_t addr = text->p_offset + at, vaddr = text->p_vaddr + at;
		const struct raw_stack raw = {.addrs = &addr, .count = 1, .capacity = 127};
		struct stack *stack = name(symbolizer, modules, &raw);
		const struct frame *frame = stack->frames;

		if (frame->symbol)
			assert_true(covers(&exported, frame->symbol, vaddr));
		else
			assert_false(covers(&exported, NULL, vaddr));
		if (!frame->symbol)
			assert_string_equal(frame->reason, "stripped");
		named += !!frame->symbol;
		unnamed += !frame->symbol;
		stack_free(stack);
	}
	assert_true(named > 100 && unnamed > 100);
	symbolizer_free(symbolizer);
	modules_free(modules);
	dlclose(handle);
}

static void says_why_there_is_no_name(void **state)
{
	const uint64_t addrs[] = {(uintptr_t)state, 1, getauxval(AT_SYSINFO_EHDR) + 1, UINT64_MAX, 0};
	struct modules *modules = own_modules();
	struct stack *stack;

	for (size_t i = 0; i < sizeof(addrs) / sizeof(*addrs); i++) {
		bool vdso = addrs[i] == getauxval(AT_SYSINFO_EHDR) + 1;

		stack = name_once(modules, &addrs[i], 1, 0);
		assert_string_equal(stack->frames[0].reason, vdso ? "stripped" : "no_module");
		if (vdso)
			assert_string_equal(stack->frames[0].module, "[vdso]");
		stack_free(stack);
	}
	stack = name_once(NULL, addrs, 2, addrs[1]);
	assert_int_equal(stack->count, 2);
	assert_int_equal(stack->frames[1].addr, 1);
	assert_null(stack->frames[1].module);
	assert_string_equal(stack->frames[1].reason, "process_gone");
	stack_free(stack);
	modules_free(modules);
}

/* What is read where a frame pointer is none: no code, and what follows it is no frame either. */
static void ends_where_the_chain_is_lost(void **state)
{
	const uint64_t addrs[] = {(uintptr_t)callee + 1, (uintptr_t)caller + 1, 0x21002, (uintptr_t)caller + 1};
	struct modules *modules = own_modules();
	struct stack *stack = name_once(modules, addrs, 4, 0);

	(void)state;
	assert_int_equal(stack->count, 2);
	assert_string_equal(stack->frames[1].symbol, "caller");
	assert_string_equal(stack->reason, "frame_pointer_lost");
	stack_free(stack);
	modules_free(modules);
}

static void says_why_there_is_no_stack(void **state)
{
	const uint64_t addr = (uintptr_t)caller;
	const struct {
		struct raw_stack raw;
		const char *reason;
		bool truncated;
	} cases[] = {
		{{.error = -EFAULT, .capacity = 127}, "no_user_stack", false},
		{{.error = -ENOMEM, .capacity = 127}, "capture_failed", false},
		{{.addrs = &addr, .count = 1, .error = -EBUSY, .capacity = 127}, "capture_failed", false},
		{{.capacity = 127}, "no_user_stack", false},
		{{.addrs = &addr, .count = 1, .capacity = 1}, "truncated", true},
	};
	struct symbolizer *symbolizer;

	(void)state;
	assert_int_equal(symbolizer_new(&(struct symbolizer_options){.statm_fd = -1}, &symbolizer), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct stack *stack = name(symbolizer, NULL, &cases[i].raw);

		assert_string_equal(stack->reason, cases[i].reason);
		assert_int_equal(stack->truncated, cases[i].truncated);
		assert_int_equal(stack->count, cases[i].truncated);
		assert_int_equal(stack->method, cases[i].truncated ? METHOD_FRAME_POINTER : METHOD_NONE);
		stack_free(stack);
	}
	symbolizer_free(symbolizer);
	stack_free(NULL);
}

static int file_of(const void *bytes, size_t count)
{
	int fd = memfd_create("file", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, count), count);
	return fd;
}

static void survives_files_that_are_no_programs(void **state)
{
	const uint64_t addr = 0x1000;
	char text[8192];

	(void)state;
	for (int i = 0; i < 6; i++) {
		ElfW(Ehdr) *header = (void *)text;
		struct modules *modules;
		struct stack *stack;

		memset(text, i & 1 ? 0xff : 0, sizeof(text));
		memcpy(header->e_ident, ELFMAG, i < 2 ? 0 : SELFMAG);
		header->e_ident[EI_CLASS] = ELFCLASS64;
		header->e_ident[EI_DATA] = ELFDATA2LSB;
		header->e_ident[EI_VERSION] = EV_CURRENT;
		header->e_type = i < 4 ? ET_DYN : ET_REL;
		modules = module_of_fd(file_of(text, i == 5 ? 3 : sizeof(text)));
		stack = name_once(modules, &addr, 1, 0);
		assert_null(stack->frames[0].symbol);
		assert_non_null(stack->frames[0].reason);
		stack_free(stack);
		modules_free(modules);
	}
}

/* A real program with every byte of its headers damaged in turn: no crash, and no reading past the end. */
static void survives_damaged_programs(void **state)
{
	const uint64_t addr = 0x2000;
	struct stat status;
	int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char *bytes;

	(void)state;
	assert_int_equal(fstat(in, &status), 0);
	bytes = mmap(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, in, 0);
	assert_ptr_not_equal(bytes, MAP_FAILED);
	for (size_t at = 16; at < 512; at += 3) {
		char saved = bytes[at];
		struct modules *modules;

		bytes[at] ^= 0xff;
		modules = module_of_fd(file_of(bytes, status.st_size));
		bytes[at] = saved;
		stack_free(name_once(modules, &addr, 1, 1));
		modules_free(modules);
	}
	munmap(bytes, status.st_size);
	close(in);
}

/* More files than are kept, twice over, so that each is evicted and read again. */
static void evicts_files(void **state)
{
	const uint64_t addr = 0x1000;
	const struct raw_stack raw = {.addrs = &addr, .count = 1, .capacity = 127};
	struct modules *own = own_modules(), *modules[100];
	const uint64_t own_addr = (uintptr_t)caller;
	const struct raw_stack own_raw = {.addrs = &own_addr, .count = 1, .capacity = 127};
	struct symbolizer *symbolizer;

	(void)state;
	assert_int_equal(symbolizer_new(&(struct symbolizer_options){.statm_fd = -1}, &symbolizer), 0);
	for (int i = 0; i < 100; i++)
		modules[i] = module_of_fd(file_of(&i, sizeof(i)));
	for (int i = 0; i < 200; i++) {
		struct stack *stack = name(symbolizer, modules[i % 100], &raw);

		assert_string_equal(stack->frames[0].reason, "unreadable");
		stack_free(stack);
		if (i % 70)
			continue;
		stack = name(symbolizer, own, &own_raw);
		assert_string_equal(stack->frames[0].symbol, "caller");
		stack_free(stack);
	}
	for (int i = 0; i < 100; i++)
		modules_free(modules[i]);
	symbolizer_free(symbolizer);
	modules_free(own);
}

/* The same answer from the cache as at first, for more addresses of one file than it holds. */
static void answers_the_same_again(void **state)
{
	struct modules *modules = own_modules();
	struct symbolizer *symbolizer;

	(void)state;
	assert_int_equal(symbolizer_new(&(struct symbolizer_options){.statm_fd = -1}, &symbolizer), 0);
	for (int i = 0; i < 2000; i++) {
		/* Each address as the innermost one and as a return address. */
		const uint64_t addr = (uintptr_t)adjacent_first + i % 1000 % 33;
		const uint64_t addrs[] = {addr, addr, (uintptr_t)adjacent_first - i};
		const struct raw_stack raw = {.addrs = addrs, .count = 3, .capacity = 127};
		const char *expected[] = {"adjacent_first", "adjacent_second", NULL};
		struct stack *stack = name(symbolizer, modules, &raw);
		size_t offset = addr - (uintptr_t)adjacent_first;

		if (offset < 32)
			assert_string_equal(stack->frames[0].symbol, expected[offset / 16]);
		else
			assert_null(stack->frames[0].symbol);
		if (offset > 0)
			assert_string_equal(stack->frames[1].symbol, expected[(offset - 1) / 16]);
		stack_free(stack);
	}
	symbolizer_free(symbolizer);
	modules_free(modules);
}

#ifdef __x86_64__
/* Without a frame, and behind the making of one, whose top of stack is a local variable and no return address. */
__asm__(".pushsection .text\n"
	".type frame_maker, %function\n"
	"frame_maker: .cfi_startproc\n"
	"nop\n"
	"sub $24, %rsp\n"
	".cfi_def_cfa_offset 32\n"
	"frame_made: .skip 8, 0x90\n"
	".cfi_endproc\n"
	".size frame_maker, . - frame_maker\n"
	".popsection\n");
extern const char frame_maker[], frame_made[];

/* Where libc's munmap stands in the kernel: behind its syscall instruction. Not dlsym's default: sanitizers wrap it. */
static uint64_t munmap_pc(void)
{
	void *handle = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	const char *code = dlsym(handle, "munmap");
	const char *at = memmem(code, 32, "\x0f\x05", 2);

	assert_non_null(at);
	dlclose(handle);
	return (uintptr_t)at + 2;
}

static void puts_the_skipped_caller_back_in(void **state)
{
	uint64_t addrs[] = {munmap_pc(), (uintptr_t)names_functions_and_lines + 9};
	struct modules *modules = own_modules();
	struct stack *stack;

	(void)state;
	caller();
	stack = name_once(modules, addrs, 2, return_addr);
	assert_int_equal(stack->count, 3);
	assert_int_equal(stack->method, METHOD_MIXED);
	assert_true(ends_with(stack->frames[0].symbol, "munmap"));
	assert_int_equal(stack->frames[0].method, METHOD_FRAME_POINTER);
	assert_string_equal(stack->frames[1].symbol, "caller");
	assert_int_equal(stack->frames[1].method, METHOD_CFI);
	assert_int_equal(stack->frames[1].addr, return_addr);
	assert_int_equal(stack->frames[1].line, return_line);
	assert_string_equal(stack->frames[2].symbol, "names_functions_and_lines");
	assert_int_equal(stack->frames[2].method, METHOD_FRAME_POINTER);
	stack_free(stack);

	/* A walk that ended at once, as with a frame pointer used for other things. */
	stack = name_once(modules, addrs, 1, return_addr);
	assert_int_equal(stack->count, 2);
	assert_string_equal(stack->frames[1].symbol, "caller");
	stack_free(stack);

	addrs[0] = (uintptr_t)frame_maker;
	stack = name_once(modules, addrs, 1, return_addr);
	assert_int_equal(stack->count, 2);
	stack_free(stack);
	modules_free(modules);
}

static void assert_not_put_in(const uint64_t *addrs, size_t count, uint64_t sp_word)
{
	struct modules *modules = own_modules();
	struct stack *stack = name_once(modules, addrs, count, sp_word);

	assert_int_equal(stack->count, count);
	assert_int_equal(stack->method, METHOD_FRAME_POINTER);
	stack_free(stack);
	modules_free(modules);
}

static void puts_no_caller_in_without_proof(void **state)
{
	uint64_t addrs[] = {munmap_pc(), 0};

	(void)state;
	caller();
	addrs[1] = return_addr;
	assert_not_put_in(addrs, 2, return_addr); /* it is there already */
	assert_not_put_in(addrs, 1, 0);
	assert_not_put_in(addrs, 1, (uintptr_t)&addrs); /* not code */
	addrs[0] = (uintptr_t)frame_made;
	assert_not_put_in(addrs, 1, return_addr);
	addrs[0] = (uintptr_t)adjacent_first + 1; /* no CFI */
	assert_not_put_in(addrs, 1, return_addr);
}
#endif

static void method_names(void **state)
{
	(void)state;
	assert_string_equal(frame_method_name(METHOD_CFI), "cfi");
	assert_string_equal(frame_method_name(METHOD_FRAME_POINTER), "frame_pointer");
	assert_string_equal(frame_method_name(METHOD_MIXED), "mixed");
	assert_null(frame_method_name(METHOD_NONE));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_functions_and_lines),
		cmocka_unit_test(gives_the_offset_in_the_file),
		cmocka_unit_test(tells_the_build_id),
		cmocka_unit_test(takes_a_return_address_for_the_call_before_it),
		cmocka_unit_test(never_names_a_neighbour),
		cmocka_unit_test(names_assembler_code_without_a_size),
		cmocka_unit_test(names_a_process_that_has_exited),
		cmocka_unit_test(names_a_deleted_program),
		cmocka_unit_test(names_only_exports_of_a_stripped_file),
		cmocka_unit_test(says_why_there_is_no_name),
		cmocka_unit_test(ends_where_the_chain_is_lost),
		cmocka_unit_test(says_why_there_is_no_stack),
		cmocka_unit_test(survives_files_that_are_no_programs),
		cmocka_unit_test(survives_damaged_programs),
		cmocka_unit_test(evicts_files),
		cmocka_unit_test(answers_the_same_again),
#ifdef __x86_64__
		cmocka_unit_test(puts_the_skipped_caller_back_in),
		cmocka_unit_test(puts_no_caller_in_without_proof),
#endif
		cmocka_unit_test(method_names),
	};

	if (argc == 2 && !strcmp(argv[1], "--wait"))
		return wait_to_be_watched();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
