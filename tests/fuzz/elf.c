/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf.c: runs the symbolizer over damaged programs: real stacks of fixtures, each time with one of its files changed where
 * the parsers look. It fails when a sanitizer finds fault in our code, when our code crashes, or when too few of the files
 * came as far as the parsers of call-frame information and DWARF. libdw may crash or spin: for that it has a process of
 * its own and a deadline; here both are counted.
 *
 *   elf [FIRST [COUNT]]     seeds; the same seed makes the same file. At most 20 s.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/symbolizer.h"
#include "../unit/subject.h"

#define SEEDS	   4000
#define SECONDS	   20
#define BATCH	   200 /* seeds that one process runs */
#define SPIN_MS	   400
#define LEAST_PART 30 /* percent that must reach a parser */
#define EXIT_OURS  98 /* crashed in our code */
#define EXIT_ASAN  99

/* What a process has to say of itself, also when it dies. */
struct progress {
	uint64_t seed;
	uint64_t done;
	uint64_t reached_cfi;
	uint64_t reached_dwarf;
	uint64_t reached;
};

struct counts {
	uint64_t spins;
	uint64_t crashes[65]; /* in libdw, by signal */
	uint64_t reports; /* of a sanitizer, about libdw */
	uint64_t ours;
};

/* A stack, and the file that is damaged for it: the program, or its debug file. */
struct target {
	const char *program;
	const char *way;
	const char *debug_file; /* NULL: the program itself is damaged */
	struct subject subject;
	struct module *module; /* of the program */
	char *bytes;
	size_t size;
};

static struct target targets[] = {
	{.program = "pie", .way = "inlined"},
	{.program = "static", .way = "inlined"},
	{.program = "debug_frame", .way = "inlined"},
	{.program = "recurse", .way = "plain"},
	{.program = "nodebug", .way = "plain"},
	{.program = "build_id", .way = "inlined", .debug_file = "build_id.debug"},
	{.program = "link", .way = "inlined", .debug_file = "link.debug"},
	{.program = "split_dwarf", .way = "inlined"},
	{.program = "dwz", .way = "inlined", .debug_file = "dwz.debug"},
	{.program = "dwz", .way = "inlined", .debug_file = "shared.debug"},
};

#define TARGETS (sizeof(targets) / sizeof(*targets))

static struct progress *progress;
static uint64_t random_state;
static int damaged_fd = -1;

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:exitcode=99:"
	       "allocator_may_return_null=1:max_allocation_size_mb=256:detect_stack_use_after_return=0";
}

static uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return bound ? (random_state >> 11) % bound : 0;
}

/* --- damage --- */

struct span {
	size_t start;
	size_t size;
	size_t header; /* where its section header is */
};

static bool is_aimed_at(const char *name)
{
	static const char *const names[] = {
		".eh_frame",   ".eh_frame_hdr", ".debug_frame",	      ".debug_info",	 ".debug_abbrev",
		".debug_line", ".debug_str",	".debug_rnglists",    ".debug_line_str", ".symtab",
		".strtab",     ".dynsym",	".note.gnu.build-id", ".gnu_debuglink",	 ".gnu_debugaltlink"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static size_t find_spans(const struct target *target, struct span *spans, size_t most)
{
	const Elf64_Ehdr *header = (const void *)target->bytes;
	const Elf64_Shdr *sections = (const void *)(target->bytes + header->e_shoff);
	const char *names = target->bytes + sections[header->e_shstrndx].sh_offset;
	size_t count = 0;

	for (int i = 1; i < header->e_shnum && count < most; i++)
		if (sections[i].sh_type != SHT_NOBITS && sections[i].sh_size &&
		    is_aimed_at(names + sections[i].sh_name))
			spans[count++] = (struct span){sections[i].sh_offset, sections[i].sh_size,
						       header->e_shoff + i * sizeof(*sections)};
	return count;
}

static void flip_bits(char *bytes, size_t size, int count)
{
	for (int i = 0; i < count; i++)
		bytes[random_below(size)] ^= (char)(1 << random_below(8));
}

static void write_number(char *bytes, size_t size)
{
	static const uint64_t numbers[] = {0,
					   1,
					   0x7f,
					   0x80,
					   0xff,
					   0x7fff,
					   0xffff,
					   0x7fffffff,
					   0xffffffff,
					   0x7fffffffffffffff,
					   0xffffffffffffffff,
					   0xfffffffffffffff0};
	uint64_t number = numbers[random_below(sizeof(numbers) / sizeof(*numbers))];
	size_t width = 1ULL << random_below(4);

	if (size >= width)
		memcpy(bytes + random_below(size - width + 1), &number, width);
}

static void copy_about(char *bytes, size_t size)
{
	size_t length = 1 + random_below(size < 64 ? size : 64);

	memmove(bytes + random_below(size - length + 1), bytes + random_below(size - length + 1), length);
}

static void damage_headers(char *bytes, const struct span *span)
{
	const Elf64_Ehdr *header = (const void *)bytes;

	switch (random_below(3)) {
	case 0:
		flip_bits(bytes, sizeof(*header), 1);
		break;
	case 1:
		flip_bits(bytes + sizeof(*header), sizeof(Elf64_Phdr) * 13, 1 + (int)random_below(3));
		break;
	case 2:
		write_number(bytes + span->header, sizeof(Elf64_Shdr));
		break;
	}
}

/* Returns the new size. */
static size_t damage(const struct target *target, char *bytes)
{
	struct span spans[32], *span;
	size_t count = find_spans(target, spans, 32);

	span = &spans[random_below(count)];
	for (int i = 1 + (int)random_below(3); i > 0; i--) {
		switch (random_below(10)) {
		case 0:
			damage_headers(bytes, span);
			break;
		case 1:
		case 2:
			copy_about(bytes + span->start, span->size);
			break;
		case 3:
		case 4:
		case 5:
			write_number(bytes + span->start, span->size);
			break;
		default:
			flip_bits(bytes + span->start, span->size, 1 + (int)random_below(16));
		}
	}
	return random_below(16) ? target->size : random_below(target->size);
}

/* --- one run --- */

static int open_damaged(void *context, const struct debug_file_request *request)
{
	const struct target *target = context;

	if (target->debug_file && strstr(request->module->path, target->program) &&
	    (request->kind == DEBUG_FILE_ALTERNATE) == !strcmp(target->debug_file, "shared.debug"))
		return fcntl(damaged_fd, F_DUPFD_CLOEXEC, 0);
	return strstr(request->module->path, "fixtures") ? subject_open_debug_file(NULL, request) : -1;
}

static void make_damaged(const struct target *target)
{
	char *bytes = malloc(target->size);
	size_t size;

	memcpy(bytes, target->bytes, target->size);
	size = damage(target, bytes);
	damaged_fd = memfd_create("damaged", MFD_CLOEXEC);
	if (write(damaged_fd, bytes, size) != (ssize_t)size)
		abort();
	free(bytes);
}

/* A frame of the program has lines when its DWARF was read; the next one is found by CFI when its CFI was. */
static void note_reached(const struct target *target, const struct stack *stack)
{
	bool cfi = false, dwarf = false;

	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		if (!frame->module || strcmp(frame->module, target->module->path))
			continue;
		dwarf |= frame->file || frame->inlined;
		cfi |= !target->debug_file && i + 1 < stack->count && stack->frames[i + 1].method == METHOD_CFI;
	}
	progress->reached_cfi += cfi;
	progress->reached_dwarf += dwarf;
	progress->reached += cfi || dwarf;
}

static void arm(int milliseconds)
{
	setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {.tv_usec = milliseconds * 1000}}, NULL);
}

static void run_seed(uint64_t seed)
{
	struct target *target;
	struct symbolizer_options options = {.open_debug_file = open_damaged, .statm_fd = -1};
	struct symbolizer *symbolizer;
	struct stack *stack = NULL;
	int fd;

	random_state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	target = &targets[random_below(TARGETS)];
	if (!target->bytes)
		target = &targets[0];
	options.context = target;
	make_damaged(target);
	fd = target->module->fd;
	if (!target->debug_file)
		target->module->fd = damaged_fd;
	arm(SPIN_MS);
	if (symbolizer_new(&options, &symbolizer))
		abort();
	if (!symbolizer_unwind(symbolizer, target->subject.modules, &target->subject.raw, &stack)) {
		symbolizer_add_lines(symbolizer, target->subject.modules, stack);
		note_reached(target, stack);
	}
	stack_free(stack);
	symbolizer_free(symbolizer);
	arm(0);
	target->module->fd = fd;
	close(damaged_fd);
}

/* --- a process for many --- */

/* The innermost frame that is not the C library's tells whose crash it is. */
static void on_crash(int number)
{
	void *addrs[64];
	int count = backtrace(addrs, 64);
	Dl_info own, info;

	dladdr((void *)(uintptr_t)run_seed, &own);
	for (int i = 2; i < count; i++) {
		if (!dladdr(addrs[i], &info) || strstr(info.dli_fname, "/libc.so") ||
		    strstr(info.dli_fname, "/libasan"))
			continue;
		if (info.dli_fbase == own.dli_fbase) {
			fprintf(stderr, "crash in our code at offset %#lx\n",
				(unsigned long)((uintptr_t)addrs[i] - (uintptr_t)info.dli_fbase));
			_exit(EXIT_OURS);
		}
		break;
	}
	signal(number, SIG_DFL);
	raise(number);
}

static void run_batch(uint64_t first, uint64_t end, int report_fd)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	static char handler_stack[1 << 16];
	void *warm[2];

	backtrace(warm, 2); /* loads what it needs */
	dup2(report_fd, STDERR_FILENO);
	sigaltstack(&(stack_t){.ss_sp = handler_stack, .ss_size = sizeof(handler_stack)}, NULL);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		sigaction(signals[i], &(struct sigaction){.sa_handler = on_crash, .sa_flags = SA_ONSTACK | SA_NODEFER},
			  NULL);
	for (uint64_t seed = first; seed < end; seed++) {
		progress->seed = seed;
		run_seed(seed);
		progress->done++;
	}
	for (size_t i = 0; i < TARGETS; i++) {
		subject_free(&targets[i].subject);
		free(targets[i].bytes);
	}
	exit(0); /* looks for leaks */
}

static char *read_report(int fd)
{
	static char text[65536];
	ssize_t length = pread(fd, text, sizeof(text) - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	return text;
}

/* Of each trace the first frame that is no sanitizer's. libdw and libelf are not instrumented. */
static bool is_ours(const char *report)
{
	bool in_trace = false;

	if (strstr(report, "runtime error:"))
		return true;
	for (const char *line = report; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		size_t length = strcspn(line, "\n");
		char text[512];

		snprintf(text, sizeof(text), "%.*s", (int)(length < 511 ? length : 511), line);
		if (strstr(text, "    #0 "))
			in_trace = true;
		if (!in_trace || !strstr(text, "    #") || strstr(text, "sanitizer") || strstr(text, "libasan") ||
		    strstr(text, "libc.so") || strstr(text, "interceptor"))
			continue;
		if (strstr(text, " user/") || strstr(text, " tests/"))
			return true;
		in_trace = false;
	}
	return false;
}

static void judge(int status, int report_fd, struct counts *counts)
{
	const char *report = read_report(report_fd);

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
		counts->spins++;
	} else if (WIFSIGNALED(status)) {
		counts->crashes[WTERMSIG(status)]++;
	} else if (WEXITSTATUS(status) == EXIT_ASAN && !is_ours(report)) {
		counts->reports++;
	} else {
		counts->ours++;
		printf("not ok seed %lu (status %d):\n%s\n", progress->seed, WEXITSTATUS(status), report);
	}
}

static void run_all(uint64_t first, uint64_t count, struct counts *counts)
{
	const uint64_t end = first + count;
	struct timespec start, now;
	uint64_t seed = first;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (seed < end) {
		int report_fd = memfd_create("report", MFD_CLOEXEC), status;
		uint64_t batch_end = seed + BATCH < end ? seed + BATCH : end;
		pid_t pid;

		progress->seed = seed;
		fflush(stdout);
		pid = fork();
		if (!pid)
			run_batch(seed, batch_end, report_fd);
		waitpid(pid, &status, 0);
		judge(status, report_fd, counts);
		close(report_fd);
		seed = progress->seed + 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec >= SECONDS)
			break;
	}
}

static bool load(struct target *target)
{
	const char *name = target->debug_file ?: target->program;
	struct stat status;
	size_t count;
	int fd = open(subject_path(name), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false; /* no dwz here */
	fstat(fd, &status);
	target->size = status.st_size;
	target->bytes = malloc(target->size);
	if (read(fd, target->bytes, target->size) != (ssize_t)target->size)
		return false;
	close(fd);
	subject_run(target->program, target->way, &target->subject);
	target->module = (struct module *)modules_list(target->subject.modules, &count);
	while (!strstr(target->module->path, "fixtures"))
		target->module++;
	return true;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 0) : 0,
		 count = argc > 2 ? strtoull(argv[2], NULL, 0) : SEEDS;
	struct counts counts = {};
	bool enough;

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < TARGETS; i++)
		load(&targets[i]);
	run_all(first, count, &counts);
	printf("%lu damaged files; %lu%% reached the parsers (call-frame information %lu, DWARF %lu)\n", progress->done,
	       progress->done ? 100 * progress->reached / progress->done : 0, progress->reached_cfi,
	       progress->reached_dwarf);
	printf("libdw: %lu spins, %lu sanitizer reports", counts.spins, counts.reports);
	for (int i = 1; i < 65; i++)
		if (counts.crashes[i])
			printf(", %lu of %s", counts.crashes[i], strsignal(i));
	printf("; ours: %lu\n", counts.ours);
	enough = 100 * progress->reached >= LEAST_PART * progress->done;
	if (!enough)
		printf("not ok: fewer than %d%% reached the parsers\n", LEAST_PART);
	for (size_t i = 0; i < TARGETS; i++) {
		subject_free(&targets[i].subject);
		free(targets[i].bytes);
	}
	return counts.ours || !enough;
}
