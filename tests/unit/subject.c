/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject.c: a tracer of one fixture by ptrace. What goes wrong here fails the test that called.
 */
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define USER32_CS	0x23 /* <asm/segment.h> of the kernel */
#define SIGNAL_FRAME_SP 160 /* from the start of struct ucontext to the saved rsp */

const char *subject_path(const char *name)
{
	static char path[PATH_MAX];
	const char *directory = getenv("FIXTURES");
	char self[PATH_MAX] = "";

	if (directory) {
		snprintf(path, sizeof(path), "%s/%s", directory, name);
		return path;
	}
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	*strrchr(self, '/') = '\0';
	snprintf(path, sizeof(path), "%.3000s/fixtures/%.100s", self, name);
	return path;
}

static pid_t start(const char *program, const char *way)
{
	const char *path = subject_path(program);
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(path, path, way, NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

/* Returns the thread that is about to be given SIGUSR2. */
static pid_t run_to_mark(pid_t pid)
{
	int status;
	pid_t tid = waitpid(pid, &status, __WALL);

	assert_true(tid == pid && WIFSTOPPED(status));
	assert_int_equal(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL), 0);
	assert_int_equal(ptrace(PTRACE_CONT, pid, NULL, NULL), 0);
	for (;;) {
		long number;

		tid = waitpid(-1, &status, __WALL);
		assert_true(tid > 0 && WIFSTOPPED(status));
		if (WSTOPSIG(status) == SIGUSR2)
			return tid;
		number = WSTOPSIG(status) == SIGTRAP || WSTOPSIG(status) == SIGSTOP ? 0 : WSTOPSIG(status);
		assert_int_equal(ptrace(PTRACE_CONT, tid, NULL, number), 0);
	}
}

/* Into the vDSO, an instruction at a time. */
static void step_into_vdso(pid_t pid, struct subject *subject)
{
	const struct module *vdso = NULL, *list;
	struct user_regs_struct registers = {};
	size_t count;
	int status;

	list = modules_list(subject->modules, &count);
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].path, "[vdso]"))
			vdso = &list[i];
	assert_non_null(vdso);
	while (registers.rip < vdso->start + 64 || registers.rip >= vdso->end) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, __WALL), pid);
		assert_true(WIFSTOPPED(status));
		assert_int_equal(ptrace(PTRACE_GETREGS, pid, NULL, &registers), 0);
	}
}

/* The image, where the modules came without. */
static void take_vdso(pid_t pid, struct subject *subject)
{
	const struct module *list;
	size_t count;

	list = modules_list(subject->modules, &count);
	for (size_t i = 0; i < count; i++) {
		size_t size = list[i].end - list[i].start;
		char *image;

		if (strcmp(list[i].path, "[vdso]") || list[i].fd >= 0)
			continue;
		image = malloc(size);
		assert_int_equal(process_vm_readv(pid, &(struct iovec){image, size}, 1,
						  &(struct iovec){(void *)(uintptr_t)list[i].start, size}, 1, 0),
				 size);
		((struct module *)&list[i])->fd = memfd_create("vdso", MFD_CLOEXEC);
		assert_int_equal(write(list[i].fd, image, size), size);
		free(image);
	}
}

/* Whether it runs in 32-bit mode. */
static bool take_registers(pid_t tid, struct event_registers *ret)
{
	struct user_regs_struct from;

	assert_int_equal(ptrace(PTRACE_GETREGS, tid, NULL, &from), 0);
	*ret = (struct event_registers){
		.ip = from.rip,
		.sp = from.rsp,
		.bp = from.rbp,
		.ax = from.rax,
		.bx = from.rbx,
		.cx = from.rcx,
		.dx = from.rdx,
		.si = from.rsi,
		.di = from.rdi,
		.r8_to_r15 = {from.r8, from.r9, from.r10, from.r11, from.r12, from.r13, from.r14, from.r15},
	};
	return from.cs == USER32_CS;
}

static uint64_t find_mapping_end(pid_t pid, uint64_t addr)
{
	char path[64], line[PATH_MAX + 128];
	uint64_t start, end, found = 0;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &start, &end) == 2 && addr >= start && addr < end)
			found = end;
	fclose(maps);
	return found;
}

static bool read_word(pid_t pid, uint64_t addr, uint64_t *ret)
{
	const struct iovec from = {(void *)(uintptr_t)addr, sizeof(*ret)}, to = {ret, sizeof(*ret)};

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == sizeof(*ret);
}

static void take_piece(pid_t pid, uint64_t sp, struct subject *subject)
{
	struct memory_piece *piece = &subject->raw.pieces[subject->raw.piece_count];
	char *bytes;

	piece->start = sp;
	piece->vma_end = find_mapping_end(pid, sp);
	assert_true(piece->vma_end > sp);
	piece->size = piece->vma_end - sp;
	bytes = malloc(piece->size);
	assert_int_equal(process_vm_readv(pid, &(struct iovec){bytes, piece->size}, 1,
					  &(struct iovec){(void *)(uintptr_t)sp, piece->size}, 1, 0),
			 piece->size);
	piece->bytes = subject->bytes[subject->raw.piece_count++] = bytes;
}

static bool read_frame(pid_t pid, uint64_t fp, bool compat, uint64_t *next, uint64_t *addr)
{
	uint64_t word;

	if (!compat)
		return read_word(pid, fp, next) && read_word(pid, fp + 8, addr) && *addr;
	if (!read_word(pid, fp, &word))
		return false;
	*next = (uint32_t)word;
	*addr = word >> 32;
	return *addr;
}

/* As bpf_get_stack() does it. */
static void walk_frame_pointers(pid_t pid, struct subject *subject)
{
	uint64_t fp = subject->registers.bp, addr;
	size_t count = 1;

	subject->addrs[0] = subject->registers.ip;
	while (count < SUBJECT_ADDRS_MAX && read_frame(pid, fp, subject->raw.compat, &fp, &addr))
		subject->addrs[count++] = addr;
	subject->raw.addrs = subject->addrs;
	subject->raw.count = count;
	subject->raw.capacity = SUBJECT_ADDRS_MAX;
}

/*
 * The stack that a signal interrupted: its pointer is in the frame that the kernel made, which is found by the address of
 * the code behind the handler (sa_restorer) just below it: `mov $15, %eax; syscall`.
 */
static void take_interrupted(pid_t pid, struct subject *subject)
{
	static const unsigned char restorer[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f};
	const struct memory_piece *piece = &subject->raw.pieces[0];

	for (size_t at = 0; at + 512 < piece->size; at += 8) {
		uint64_t word, code;

		memcpy(&word, subject->bytes[0] + at, sizeof(word));
		if (!modules_find(subject->modules, word) || !read_word(pid, word, &code) ||
		    memcmp(&code, restorer, sizeof(code)))
			continue;
		memcpy(&word, subject->bytes[0] + at + 8 + SIGNAL_FRAME_SP, sizeof(word));
		if (word < piece->start || word >= piece->vma_end)
			take_piece(pid, word - 128, subject);
		return;
	}
}

void subject_run(const char *program, const char *way, struct subject *ret)
{
	pid_t pid = start(program, way), tid = run_to_mark(pid);

	*ret = (struct subject){};
	assert_int_equal(modules_read(pid, &ret->modules), 0);
	if (way && !strcmp(way, "vdso"))
		step_into_vdso(pid, ret);
	take_vdso(pid, ret);
	ret->raw.compat = take_registers(tid, &ret->registers);
	ret->raw.registers = &ret->registers;
	take_piece(pid, ret->registers.sp, ret);
	take_interrupted(pid, ret);
	read_word(pid, ret->registers.sp, &ret->raw.sp_word);
	walk_frame_pointers(pid, ret);
	kill(pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0)
		;
}

void subject_free(struct subject *subject)
{
	modules_free(subject->modules);
	free(subject->bytes[0]);
	free(subject->bytes[1]);
	*subject = (struct subject){};
}

int subject_open_debug_file(void *context, const struct debug_file_request *request)
{
	char path[PATH_MAX];

	(void)context;
	if (request->kind == DEBUG_FILE_BY_LINK) {
		snprintf(path, sizeof(path), "%s", subject_path(request->name));
	} else if (request->kind == DEBUG_FILE_ALTERNATE) {
		snprintf(path, sizeof(path), "%s", subject_path(request->name));
	} else {
		snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", request->name,
			 request->name + 2);
		if (access(path, R_OK))
			snprintf(path, sizeof(path), "%.3000s.debug", request->module->path);
	}
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}
