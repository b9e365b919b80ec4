// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * overhead.c: what tracing the whole machine costs a process that is far from the limit and does not fail: loops of calls,
 * untraced, with the floor, and traced, in turns. The floor is an empty program on the fewest hooks that could do: of the
 * fentry rung those on the exit of munmap()'s core and of mmap(), of the tracepoint rung mmap_lock_released alone. Prints
 * medians and ratios as tests/bench/run does, "NAME VALUE UNIT [TARGET]"; judges nothing. The first round is not counted.
 *
 *   overhead PREFIX VMASNOOP fentry|tracepoint [ROUNDS [CALLS]]
 */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
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

enum { ROUNDS_MOST = 101, FLOOR_MOST = 2 };

static int calls = 20000; /* of each loop in a round */

enum state { UNTRACED, FLOOR, TRACED, STATE_COUNT };

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

/* What tracing adds may be so many times what the floor adds, and the whole so many times what it is untraced; 0: no target. */
static const struct {
	const char *name;
	void (*once)(void);
	double of_floor;
	double of_untraced;
	double of_untraced_by_fentry;
} loops[] = {
	{"mmap_munmap", map_and_unmap, 1.15, 0, 1.07}, {"malloc_free_256k", allocate, 0, 0, 0},
	{"mprotect_twice", protect, 0, 0, 0},	       {"page_fault", fault, 0, 1.02, 1.02},
	{"getppid", ask_parent, 0, 1.01, 1.01},
};

enum { LOOP_COUNT = sizeof(loops) / sizeof(loops[0]) };

static double figures[LOOP_COUNT][STATE_COUNT][ROUNDS_MOST]; /* ns a turn */

static double measure(void (*once)(void))
{
	struct timespec begin, end;

	for (int i = 0; i < calls / 20; i++)
		once();
	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < calls; i++)
		once();
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((double)(end.tv_sec - begin.tv_sec) * 1e9 + (double)(end.tv_nsec - begin.tv_nsec)) / calls;
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

static bool floor_attach(struct btf *types, bool by_fentry)
{
	static const char *const cores[] = {"do_vmi_align_munmap", "do_mas_munmap", "__do_munmap"};

	for (size_t i = 0; by_fentry && i < sizeof(cores) / sizeof(cores[0]); i++)
		if (attach_empty(types, cores[i], BTF_KIND_FUNC, BPF_TRACE_FEXIT) >= 0)
			return attach_empty(types, "__x64_sys_mmap", BTF_KIND_FUNC, BPF_TRACE_FEXIT) >= 0;
	return !by_fentry &&
	       attach_empty(types, "btf_trace_mmap_lock_released", BTF_KIND_TYPEDEF, BPF_TRACE_RAW_TP) >= 0;
}

static void floor_detach(void)
{
	while (floor_count)
		close(floor_links[--floor_count]);
}

/* --- the tracer --- */

static pid_t tracer_start(const char *tool, const char *rung)
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
		execl(tool, tool, "-q", "--hook", rung, "-o", "/dev/null", "--ready-fd", number, (char *)NULL);
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

static void print_ratio(const char *prefix, int loop, const char *name, double ratio, double target)
{
	printf("%s_%s_%s %.3f x", prefix, loops[loop].name, name, ratio);
	if (target > 0)
		printf(" %.2f", target);
	printf("\n");
}

static void print(const char *prefix, int loop, int rounds, bool by_fentry)
{
	double ns[STATE_COUNT];

	for (int state = 0; state < STATE_COUNT; state++)
		ns[state] = median(figures[loop][state] + 1, rounds - 1);
	printf("%s_%s_untraced %.1f ns\n", prefix, loops[loop].name, ns[UNTRACED]);
	print_ratio(prefix, loop, "floor_over_untraced", ns[FLOOR] / ns[UNTRACED], 0);
	print_ratio(prefix, loop, "traced_over_untraced", ns[TRACED] / ns[UNTRACED],
		    by_fentry ? loops[loop].of_untraced_by_fentry : loops[loop].of_untraced);
	if (loops[loop].of_floor > 0)
		print_ratio(prefix, loop, "added_over_floors", (ns[TRACED] - ns[UNTRACED]) / (ns[FLOOR] - ns[UNTRACED]),
			    loops[loop].of_floor);
}

/* Twice: what was attached before is taken apart by the kernel in the background, and the first pass shows that. */
static void run_loops(enum state state, int round)
{
	for (int pass = 0; pass < 2; pass++)
		for (int loop = 0; loop < LOOP_COUNT; loop++)
			figures[loop][state][round] = measure(loops[loop].once);
}

static int run_round(int round, struct btf *types, const char *tool, const char *rung)
{
	pid_t tracer;

	run_loops(UNTRACED, round);
	if (!floor_attach(types, !strcmp(rung, "fentry"))) {
		fprintf(stderr, "overhead: no floor can be attached here: %s\n", strerror(errno));
		return 1;
	}
	run_loops(FLOOR, round);
	floor_detach();
	tracer = tracer_start(tool, rung);
	if (tracer < 0) {
		fprintf(stderr, "overhead: the tracer did not start\n");
		return 1;
	}
	run_loops(TRACED, round);
	tracer_stop(tracer);
	return 0;
}

int main(int argc, char **argv)
{
	int rounds = argc > 4 ? atoi(argv[4]) : 12;
	struct btf *types = btf__load_vmlinux_btf();

	calls = argc > 5 ? atoi(argv[5]) : calls;
	if (argc < 4 || rounds < 2 || rounds > ROUNDS_MOST || calls < 1 || !types) {
		fprintf(stderr, "usage: overhead PREFIX VMASNOOP fentry|tracepoint [ROUNDS [CALLS]]\n");
		return 2;
	}
	/* Or malloc() learns from the first free() to keep such blocks. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	page = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	page += 4096;
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
	for (int round = 0; round < rounds; round++)
		if (run_round(round, types, argv[2], argv[3]))
			return 1;
	for (int loop = 0; loop < LOOP_COUNT; loop++)
		print(argv[1], loop, rounds, !strcmp(argv[3], "fentry"));
	return 0;
}
