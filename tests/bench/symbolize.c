/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolize.c: what a stack costs: of a process that was never seen, of one that was seen, and the memory that the
 * symbolizer resides in after 20 programs. Prints "NAME VALUE UNIT TARGET" lines, medians; measures in this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/symbolizer.h"
#include "../unit/subject.h"

#define PROGRAMS      20
#define MEMORY_BYTES  (36ULL << 20)
#define COLD_ROUNDS   5
#define WARM_ROUNDS   2000
#define ADDRS_OF_EACH 8

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static double resident_mib(int statm_fd)
{
	char text[128] = "";
	unsigned long pages = 0;

	if (pread(statm_fd, text, sizeof(text) - 1, 0) <= 0 || sscanf(text, "%*u %lu", &pages) != 1)
		return 0;
	return pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static void stack_of(struct symbolizer *symbolizer, const struct subject *subject, double *names_us, double *lines_us)
{
	struct stack *stack;
	double start = now_us(), named;

	if (symbolizer_unwind(symbolizer, subject->modules, &subject->raw, &stack))
		exit(1);
	named = now_us();
	if (symbolizer_add_lines(symbolizer, subject->modules, stack))
		exit(1);
	*names_us = named - start;
	*lines_us = now_us() - named;
	stack_free(stack);
}

static int compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return (*a > *b) - (*a < *b);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void measure_stack(const char *program, const char *way, const struct symbolizer_options *options)
{
	static double names[WARM_ROUNDS], lines[WARM_ROUNDS];
	struct symbolizer *symbolizer = NULL;
	struct subject subject;

	subject_run(program, way, &subject);
	for (int i = 0; i < COLD_ROUNDS; i++) {
		if (symbolizer)
			symbolizer_free(symbolizer);
		symbolizer_new(options, &symbolizer);
		stack_of(symbolizer, &subject, &names[i], &lines[i]);
		lines[i] += names[i];
	}
	printf("%s_%s_cold_names %.1f ms\n", program, way, median(names, COLD_ROUNDS) / 1e3);
	printf("%s_%s_cold_names_and_lines %.1f ms 150\n", program, way, median(lines, COLD_ROUNDS) / 1e3);
	for (int i = 0; i < WARM_ROUNDS; i++) {
		stack_of(symbolizer, &subject, &names[i], &lines[i]);
		lines[i] += names[i];
	}
	printf("%s_%s_warm_names %.1f us\n", program, way, median(names, WARM_ROUNDS));
	printf("%s_%s_warm_names_and_lines %.1f us 50\n", program, way, median(lines, WARM_ROUNDS));
	symbolizer_forget(symbolizer, subject.modules);
	symbolizer_free(symbolizer);
	subject_free(&subject);
}

/* A stack of addresses all over the code of one file, with libc's beside it, as frame pointers could have found it. */
static void ask_for(struct symbolizer *symbolizer, const struct subject *libc, int fd, const char *path)
{
	const uint64_t base = 1ULL << 44;
	struct stat status;
	struct module *list = calloc(1, sizeof(*list));
	struct modules *modules;
	uint64_t addrs[ADDRS_OF_EACH];
	struct raw_stack raw = {.addrs = addrs, .count = ADDRS_OF_EACH, .capacity = 127};
	struct stack *stack;
	double names, lines;

	fstat(fd, &status);
	*list = (struct module){.start = base,
				.end = base + status.st_size,
				.inode = status.st_ino,
				.device = status.st_dev,
				.path = strdup(path),
				.fd = fd};
	modules_from_list(list, 1, &modules);
	for (int i = 0; i < ADDRS_OF_EACH; i++)
		addrs[i] = base + (uint64_t)status.st_size * (i + 1) / (ADDRS_OF_EACH + 2);
	symbolizer_unwind(symbolizer, modules, &raw, &stack);
	symbolizer_add_lines(symbolizer, modules, stack);
	stack_free(stack);
	symbolizer_forget(symbolizer, modules);
	modules_free(modules);
	stack_of(symbolizer, libc, &names, &lines);
}

static void measure_memory(struct symbolizer_options *options)
{
	static const char *const names[] = {"bash",    "awk",
					    "sed",     "grep",
					    "find",    "tar",
					    "make",    "gcc",
					    "ld",      "gdb",
					    "python3", "perl",
					    "git",     "ssh",
					    "openssl", "vim",
					    "curl",    "sqlite3",
					    "clang",   "node",
					    "java",    "qemu-system-x86_64",
					    "dpkg",    "apt-get",
					    "cmake",   "ninja",
					    "ls",      "sort",
					    "cp",      "less"};
	struct symbolizer *symbolizer;
	struct subject libc;
	struct rusage usage;
	double before = resident_mib(options->statm_fd), peak = 0, start;
	int count = 0;

	options->memory_bytes = MEMORY_BYTES;
	subject_run("build_id", "plain", &libc);
	symbolizer_new(options, &symbolizer);
	start = now_us();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && count < PROGRAMS; i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/usr/bin/%s", names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		ask_for(symbolizer, &libc, fd, path);
		count++;
		if (resident_mib(options->statm_fd) > peak)
			peak = resident_mib(options->statm_fd);
	}
	printf("programs %d\n", count);
	printf("resident_before %.1f MiB\n", before);
	printf("resident_after_programs %.1f MiB 40\n", resident_mib(options->statm_fd));
	printf("resident_most_between_stacks %.1f MiB 40\n", peak);
	getrusage(RUSAGE_SELF, &usage);
	printf("resident_peak_within_a_stack %.1f MiB\n", usage.ru_maxrss / 1024.0);
	printf("each_program %.1f ms\n", (now_us() - start) / 1e3 / count);
	symbolizer_forget(symbolizer, libc.modules);
	symbolizer_free(symbolizer);
	subject_free(&libc);
}

int main(void)
{
	struct symbolizer_options options = {.open_debug_file = subject_open_debug_file,
					     .statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)};

	measure_stack("build_id", "plain", &options);
	measure_stack("pie", "inlined", &options);
	measure_stack("recurse", "plain", &options); /* 304 frames */
	measure_memory(&options);
	return 0;
}
