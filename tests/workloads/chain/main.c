// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: one munmap() that fails at the limit, reached by the way that is asked for, and the chain of calls that led to
 * it. The process ends at once. Built in many ways: what the Makefile's chain_* differ in is the linking.
 */
#define _GNU_SOURCE 1
#ifndef CHAIN_STATIC
#include <dlfcn.h>
#endif
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "../fill.h"
#include "../oracle.h"
#include "chain.h"

static struct chain chain;
static const char *library; /* for the ways that load one */

static void die(const char *what)
{
	fprintf(stderr, "chain: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* ---- plain: functions that differ in how their frames are laid out ---- */

/* A stack pointer that moves by an amount known at run time only. */
static NAMED_FRAME void call_from_variable(size_t bytes)
{
	char room[bytes];

	chain_enter(&chain);
	__asm__ volatile("" : : "r"(room) : "memory");
	CHAIN_CALL(&chain, "call_from_variable", chain_fail(&chain));
}

/* A stack pointer that is rounded. */
static NAMED_FRAME void call_from_aligned(void)
{
	alignas(128) char room[128];

	chain_enter(&chain);
	__asm__ volatile("" : : "r"(room) : "memory");
	CHAIN_CALL(&chain, "call_from_aligned", call_from_variable(chain.count * 40));
}

static NAMED_FRAME void run_plain(void)
{
	chain_enter(&chain);
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "run_plain", call_from_aligned());
}

/* ---- inlined ---- */

static inline __attribute__((always_inline)) void inlined_leaf(void)
{
	CHAIN_CALL_INLINED(&chain, "inlined_leaf", chain_fail(&chain));
}

static inline __attribute__((always_inline)) void inlined_middle(void)
{
	CHAIN_CALL_INLINED(&chain, "inlined_middle", inlined_leaf());
}

static NAMED_FRAME void run_inlined(void)
{
	chain_enter(&chain);
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "run_inlined", inlined_middle());
}

/* ---- thread ---- */

static void *run_in_thread(void *unused)
{
	(void)unused;
	/* The chain begins here: what main() noted is another stack. */
	chain.count = 0;
	chain.end = CHAIN_END_THREAD;
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "run_in_thread", call_from_aligned());
	return NULL;
}

static NAMED_FRAME void run_thread(void)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, run_in_thread, NULL);
	if (errno)
		die("cannot start a thread");
	pthread_join(thread, NULL);
}

/* ---- signal: a handler on a stack of its own, in the middle of a function ---- */

#ifdef __x86_64__
static void on_signal(int number, siginfo_t *info, void *context)
{
	const ucontext_t *interrupted = context;

	(void)number;
	(void)info;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	chain.frames[chain.count - 1].addr = (const void *)interrupted->uc_mcontext.gregs[REG_RIP];
	/* By where the handler returns to: glibc's symbol for it has no size. */
	chain_note(&chain, "__restore_rt|!*", NULL, 0, false);
	chain_enter(&chain);
	CHAIN_CALL(&chain, "on_signal", call_from_aligned());
}

static NAMED_FRAME void run_signal(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_size = 64 * 1024UL};

	chain_enter(&chain);
	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (stack.ss_sp == MAP_FAILED || sigaltstack(&stack, NULL) || sigaction(SIGILL, &action, NULL))
		die("cannot set up a signal handler");
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "run_signal", __asm__ volatile("ud2"));
}

/* ---- jit: generated code that calls back, with a frame pointer and a name in /tmp/perf-PID.map ---- */

typedef void (*generated_code)(void (*callback)(void));

static void name_code(const void *code, size_t size)
{
	char path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "we");
	if (!map || fprintf(map, "%lx %zx generated_code\n", (unsigned long)code, size) < 0 || fclose(map))
		die(path);
}

static NAMED_FRAME void call_from_code(void)
{
	chain_note(&chain, "generated_code", NULL, 0, false);
	chain_enter(&chain);
	CHAIN_CALL(&chain, "call_from_code", call_from_aligned());
}

static NAMED_FRAME void run_jit(void)
{
	/* push %rbp; mov %rsp,%rbp; call *%rdi; pop %rbp; ret */
	static const unsigned char bytes[] = {0x55, 0x48, 0x89, 0xe5, 0xff, 0xd7, 0x5d, 0xc3};
	generated_code code;
	void *memory;

	chain_enter(&chain);
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("cannot map memory for code");
	memcpy(memory, bytes, sizeof(bytes));
	if (mprotect(memory, 4096, PROT_READ | PROT_EXEC))
		die("cannot make memory executable");
	memcpy(&code, &memory, sizeof(code));
	name_code(memory, sizeof(bytes));
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "run_jit", code(call_from_code));
}
#endif

#ifndef CHAIN_STATIC
/* ---- library, late-library: mapped after the start, and after the process is known to be near the limit ---- */

typedef void (*library_function)(struct chain *);

static library_function load_library(void)
{
	void *handle = dlopen(library ? library : "", RTLD_NOW);
	void *symbol = handle ? dlsym(handle, "late_outer") : NULL;
	library_function function;

	if (!symbol) {
		fprintf(stderr, "chain: cannot load '%s': %s\n", library, dlerror());
		_exit(1);
	}
	memcpy(&function, &symbol, sizeof(function));
	return function;
}

static NAMED_FRAME void run_library(void)
{
	library_function function;

	chain_enter(&chain);
	function = load_library();
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "run_library", function(&chain));
}

static NAMED_FRAME void run_late_library(void)
{
	library_function function;

	chain_enter(&chain);
	chain_fill(&chain, fill_read_limit() / 4);
	function = load_library();
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "run_late_library", function(&chain));
}

#endif

/* ---- secret: a word on the stack that no log may show ---- */

static NAMED_FRAME void run_secret(void)
{
	volatile char secret[64];

	chain_enter(&chain);
	chain_fill(&chain, 0);
	/* Put together here, so that it is in no file of ours. */
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = "terces"[i % 6] - 'a' + 'A';
	CHAIN_CALL(&chain, "run_secret", call_from_aligned());
}

struct way {
	const char *name;
	void (*run)(void);
};

static const struct way ways[] = {
	{"plain", run_plain},	  {"inlined", run_inlined},
	{"thread", run_thread},
#ifdef __x86_64__
	{"signal", run_signal},	  {"jit", run_jit},
#endif
#ifndef CHAIN_STATIC
	{"library", run_library}, {"late-library", run_late_library},
#endif
	{"secret", run_secret},
};

static const struct way *find_way(const char *name)
{
	for (size_t i = 0; name && i < sizeof(ways) / sizeof(*ways); i++)
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	return NULL;
}

static int usage(void)
{
	fprintf(stderr, "usage: chain [-o ORACLE] [-n REASON] [-l LIBRARY] [-u] [-r FILE] [-x FILE] WAY\n"
			"  -n REASON   this program's functions have no names, for that reason\n"
			"  -l LIBRARY  what the ways library and late-library load\n"
			"  -u          removes its own file first\n"
			"  -r FILE     puts FILE in the place of its own first\n"
			"  -x FILE     executes FILE at the end, instead of exiting\n"
			"WAY:");
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		fprintf(stderr, " %s", ways[i].name);
	fprintf(stderr, "\n");
	return 2;
}

static void parse_option(int option, char **argv, const char **path)
{
	switch (option) {
	case 'o':
		*path = optarg;
		break;
	case 'n':
		chain.nameless = optarg;
		break;
	case 'l':
		library = optarg;
		break;
	case 'u':
		if (unlink(argv[0]))
			die(argv[0]);
		break;
	case 'r':
		if (rename(optarg, argv[0]))
			die(optarg);
		break;
	case 'x':
		chain.successor = optarg;
		break;
	default:
		exit(usage());
	}
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	const struct way *way;
	int option;

	while ((option = getopt(argc, argv, "o:n:l:ur:x:")) != -1)
		parse_option(option, argv, &path);
	way = find_way(argv[optind]);
	if (!way)
		return usage();
	if (oracle_open(path, &chain.fd))
		die(path);
	chain.fail = chain_fail;
	CHAIN_CALL(&chain, "main", way->run());
	return 1;
}
