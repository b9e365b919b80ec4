// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overhead.c: what tracing the whole machine costs a process that is far from the limit and does not fail: loops of calls,
 * untraced, with the floor (an empty program on mmap_lock_released alone, or on fexit of munmap's and mmap's functions where
 * that is allowed), and traced, in turns. Prints medians and ratios; judges nothing.
 *
 *   overhead VMASNOOP [ROUNDS]
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

enum { CALLS = 20000, ROUNDS_MOST = 101, FLOOR_MOST = 2 };

enum state { UNTRACED, FLOOR, TRACED, STATE_COUNT };

static const char *const state_names[STATE_COUNT] = {"untraced", "floor", "traced"};

static char *page;

static void map_and_unmap(void)
{
	void *there = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(there, 4096);
}

static void protect(void)
{
	mprotect(page, 4096, PROT_READ);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void allocate(void)
{
	char *block = malloc(256 << 10);

	block[0] = 1;
	__asm__ volatile("" : : "r"(block) : "memory");
	free(block);
}

static void fault(void)
{
	*(volatile char *)page = 1;
	madvise(page, 4096, MADV_DONTNEED);
}

static void ask_parent(void)
{
	syscall(SYS_getppid);
}

static const struct {
	const char *name;
	void (*once)(void);
} loops[] = {
	{"mmap+munmap", map_and_unmap}, {"mprotect x2", protect}, {"malloc+free 256 KiB", allocate},
	{"page fault", fault},		{"getppid", ask_parent},
};

enum { LOOP_COUNT = sizeof(loops) / sizeof(loops[0]) };

static double figures[LOOP_COUNT][STATE_COUNT][ROUNDS_MOST]; /* ns a turn */

static double measure(void (*once)(void))
{
	struct timespec begin, end;

	for (int i = 0; i < CALLS / 20; i++)
		once();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < CALLS; i++)
		once();
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / CALLS;
}

/* --- the floor --- */

static int floor_links[FLOOR_MOST];
static int floor_count;

static int attach_empty(struct btf *types, const char *name, __u32 kind, enum bpf_attach_type type)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type,
		    .attach_btf_id = (uint32_t)btf__find_by_name_kind(types, name, kind));
	int program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "floor", "GPL", nothing, 2, &opts), link;

	if (program < 0)
		return -1;
	link = bpf_raw_tracepoint_open(NULL, program);
	close(program);
	if (link >= 0)
		floor_links[floor_count++] = link;
	return link;
}

static const char *floor_attach(struct btf *types)
{
	static const char *const cores[] = {"do_vmi_align_munmap", "do_mas_munmap", "__do_munmap"};

	for (size_t i = 0; i < sizeof(cores) / sizeof(cores[0]); i++)
		if (attach_empty(types, cores[i], BTF_KIND_FUNC, BPF_TRACE_FEXIT) >= 0 &&
		    attach_empty(types, "__x64_sys_mmap", BTF_KIND_FUNC, BPF_TRACE_FEXIT) >= 0)
			return "fexit of munmap's core and of mmap()";
	if (attach_empty(types, "btf_trace_mmap_lock_released", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP) >= 0)
		return "tp_btf mmap_lock_released";
	return NULL;
}

static void floor_detach(void)
{
	while (floor_count)
		close(floor_links[--floor_count]);
}

/* --- the tracer --- */

static pid_t tracer_start(const char *tool)
{
	int ready[2];
	char byte, number[16];
	pid_t pid;

	if (pipe(ready))
		return -1;
	pid = fork();
	if (pid == 0) {
		close(ready[0]);
		snprintf(number, sizeof(number), "%d", ready[1]);
		execl(tool, tool, "-q", "-o", "/dev/null", "--ready-fd", number, (char *)NULL);
		_exit(127);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void tracer_stop(pid_t pid)
{
	kill(pid, SIGINT);
	waitpid(pid, NULL, 0);
}

/* --- --- */

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, int count)
{
	qsort(values, (size_t)count, sizeof(*values), compare);
	return values[count / 2];
}

static void print(int loop, int rounds)
{
	double ns[STATE_COUNT];

	for (int state = 0; state < STATE_COUNT; state++)
		ns[state] = median(figures[loop][state], rounds);
	printf("%-20s", loops[loop].name);
	for (int state = 0; state < STATE_COUNT; state++)
		printf("  %s %8.1f ns", state_names[state], ns[state]);
	printf("  floor %.3fx  traced %.3fx  traced/floor %.3fx\n", ns[FLOOR] / ns[UNTRACED], ns[TRACED] / ns[UNTRACED],
	       ns[TRACED] / ns[FLOOR]);
}

static int run_round(int round, struct btf *types, const char *tool)
{
	pid_t tracer;

	for (int loop = 0; loop < LOOP_COUNT; loop++)
		figures[loop][UNTRACED][round] = measure(loops[loop].once);
	if (!floor_attach(types)) {
		fprintf(stderr, "overhead: no floor can be attached here: %s\n", strerror(errno));
		return 1;
	}
	for (int loop = 0; loop < LOOP_COUNT; loop++)
		figures[loop][FLOOR][round] = measure(loops[loop].once);
	floor_detach();
	tracer = tracer_start(tool);
	if (tracer < 0) {
		fprintf(stderr, "overhead: the tracer did not start\n");
		return 1;
	}
	for (int loop = 0; loop < LOOP_COUNT; loop++)
		figures[loop][TRACED][round] = measure(loops[loop].once);
	tracer_stop(tracer);
	return 0;
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[2]) : 11;
	struct btf *types = btf__load_vmlinux_btf();
	const char *name;

	if (argc < 2 || rounds < 1 || rounds > ROUNDS_MOST || !types) {
		fprintf(stderr, "usage: overhead VMASNOOP [ROUNDS]\n");
		return 2;
	}
	page = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page += 4096;
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
	name = floor_attach(types);
	floor_detach();
	printf("the floor: %s\n", name ? name : "none");
	for (int round = 0; round < rounds; round++)
		if (run_round(round, types, argv[1]))
			return 1;
	for (int loop = 0; loop < LOOP_COUNT; loop++)
		print(loop, rounds);
	return 0;
}
