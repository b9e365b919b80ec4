// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: at vm.max_map_count munmap() fails, and the program answers in one of many ways. At its end it looks which of the
 * pages that it failed to unmap are still mapped.
 *
 *   debts HOW [-o ORACLE]
 *
 * HOW: one of the names in the table at the bottom. The oracle has a line "failed BYTES left BYTES pid P" (the pages that
 * failed, each once, and those of them that are still mapped), where P is the process that failed.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fill.h"
#include "oracle.h"

enum { WATCHED_PAGES = 64, RANGE_PAGES = 8, THREADS = 4, THREAD_PAGES = 4, AGAIN = 4, FLOOD_PAGES = 40000 };

static struct fill fill;
static struct oracle oracle;
static char *base; /* WATCHED_PAGES of one mapping, strictly inside it */
static char *isolated[2]; /* a page each that is a mapping of its own */
static bool failed[WATCHED_PAGES];
static pid_t failing;
static int oracle_fd;
static pthread_t threads[THREADS];
static pthread_barrier_t full; /* the process is at the limit */
static char *self;

static void die(const char *what)
{
	fprintf(stderr, "debts: %s: %s\n", what, strerror(errno));
	_exit(1);
}

static char *page(size_t i)
{
	return base + i * fill.page_bytes;
}

/* Must fail. */
static void refuse(size_t first, size_t count)
{
	if (!munmap(page(first), count * fill.page_bytes) || errno != ENOMEM)
		die("munmap() did not fail with ENOMEM");
	for (size_t i = first; i < first + count; i++)
		failed[i] = true;
	failing = getpid();
}

/* Must not. */
static void unmap(char *start, size_t count)
{
	if (munmap(start, count * fill.page_bytes))
		die("munmap() failed");
}

/* Two mappings less than the limit. */
static void make_headroom(void)
{
	unmap(isolated[0], 1);
	unmap(isolated[1], 1);
}

static size_t still_mapped(void)
{
	unsigned char resident;
	size_t count = 0;

	for (size_t i = 0; i < WATCHED_PAGES; i++)
		count += failed[i] && !mincore(page(i), fill.page_bytes, &resident);
	return count;
}

static void write_oracle(void)
{
	size_t count = 0;

	for (size_t i = 0; i < WATCHED_PAGES; i++)
		count += failed[i];
	if (dprintf(oracle_fd, "failed %zu left %zu pid %d\n", count * fill.page_bytes,
		    still_mapped() * fill.page_bytes, failing) < 0)
		die("cannot write the oracle");
}

static void end_silently(void)
{
	for (size_t i = 0; i < RANGE_PAGES; i++)
		refuse(2 * i, 1);
}

/* Until the end of its input; the oracle says that it is so far. */
static void stay_alive(void)
{
	char byte;

	end_silently();
	write_oracle();
	if (read(STDIN_FILENO, &byte, 1))
		die("no end of the input");
	_exit(0);
}

static void end_by_abort(void)
{
	refuse(0, 1);
	write_oracle();
	abort();
}

static void end_by_status(void)
{
	refuse(0, 1);
	write_oracle();
	_exit(3);
}

static void end_by_kill(void)
{
	refuse(0, 1);
	write_oracle();
	raise(SIGKILL);
}

static void end_by_exec(void)
{
	refuse(0, 1);
	write_oracle();
	execl("/proc/self/exe", self, "nothing", NULL);
	die("cannot run myself");
}

static void retry_in_vain(void)
{
	for (int i = 0; i <= AGAIN; i++)
		refuse(1, RANGE_PAGES);
}

static void retry_and_free(void)
{
	for (int i = 0; i <= AGAIN; i++)
		refuse(1, RANGE_PAGES);
	make_headroom();
	unmap(page(1), RANGE_PAGES);
}

/* Several debts at once, by a range that begins with its mapping. */
static void free_by_larger(void)
{
	for (size_t i = 0; i < RANGE_PAGES; i++)
		refuse(2 * i, 1);
	unmap(base - fill.page_bytes, 2 * RANGE_PAGES + 1);
}

/* More calls that might pay than the tracer, which is held meanwhile, has room for; then the one that does. */
static void free_after_a_flood(void)
{
	const size_t bytes = FLOOD_PAGES * fill.page_bytes;
	char *hole = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (hole == MAP_FAILED)
		die("mmap");
	unmap(hole, FLOOD_PAGES);
	refuse(1, RANGE_PAGES);
	make_headroom();
	for (char *at = hole; at < hole + bytes; at += fill.page_bytes) {
		char *mapped = mmap(at, fill.page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (mapped == MAP_FAILED)
			die("mmap");
		unmap(at, 1);
	}
	unmap(page(1), RANGE_PAGES);
}

static void free_by_fixed(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	char *mapped;

	refuse(1, RANGE_PAGES);
	make_headroom();
	mapped = mmap(page(1), RANGE_PAGES * fill.page_bytes, PROT_READ, flags, -1, 0);
	if (mapped == MAP_FAILED)
		die("mmap(MAP_FIXED)");
}

static void free_by_moving(void)
{
	char *elsewhere = mmap(NULL, RANGE_PAGES * fill.page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	refuse(1, RANGE_PAGES);
	/* Another mapping, and mremap() wants more head-room than munmap(). */
	for (size_t i = 0; i < 16; i++)
		unmap(fill.pages[2 * i], 1);
	if (elsewhere == MAP_FAILED || mremap(page(1), RANGE_PAGES * fill.page_bytes, RANGE_PAGES * fill.page_bytes,
					      MREMAP_MAYMOVE | MREMAP_FIXED, elsewhere) == MAP_FAILED)
		die("mremap()");
}

static void free_a_part(void)
{
	refuse(1, RANGE_PAGES);
	make_headroom();
	unmap(page(2), 3);
}

/* A second debt, after the first was paid: of a range behind another hole, which takes the last of the head-room. */
static void free_twice(void)
{
	const size_t hole = RANGE_PAGES + 2, second = WATCHED_PAGES / 2;

	retry_and_free();
	unmap(page(hole), 1);
	refuse(second, RANGE_PAGES);
	unmap(page(hole + 1), second + RANGE_PAGES - hole - 1);
}

static void wait_for_child(pid_t child)
{
	if (child < 0 || waitpid(child, NULL, 0) != child)
		die("vfork");
}

static void share_and_end(void)
{
	pid_t child = vfork();

	if (!child) {
		refuse(1, RANGE_PAGES);
		_exit(0);
	}
	wait_for_child(child);
}

static void share_and_free(void)
{
	share_and_end();
	make_headroom();
	unmap(page(1), RANGE_PAGES);
}

static void *fail_by_thread(void *share)
{
	size_t first = (size_t)share * THREAD_PAGES;

	pthread_barrier_wait(&full);
	for (size_t i = first; i < first + THREAD_PAGES; i++)
		for (int again = 0; again < AGAIN; again++)
			refuse(2 * i, 1);
	return NULL;
}

/* Their stacks are mappings, so they are there before the process is at the limit. */
static void start_threads(void)
{
	if (pthread_barrier_init(&full, NULL, THREADS + 1))
		die("pthread_barrier_init");
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, fail_by_thread, (void *)i))
			die("pthread_create");
}

static void fail_by_threads(void)
{
	pthread_barrier_wait(&full);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	unmap(base - fill.page_bytes, WATCHED_PAGES);
}

static const struct {
	const char *name;
	void (*answer)(void);
} ways[] = {
	{"silent", end_silently},	{"alive", stay_alive},		{"abort", end_by_abort},
	{"status", end_by_status},	{"kill", end_by_kill},		{"exec", end_by_exec},
	{"retry", retry_in_vain},	{"retry_free", retry_and_free}, {"larger", free_by_larger},
	{"fixed", free_by_fixed},	{"flood", free_after_a_flood},	{"move", free_by_moving},
	{"part", free_a_part},		{"twice", free_twice},		{"vfork", share_and_end},
	{"vfork_free", share_and_free}, {"threads", fail_by_threads},
};

/* At the limit, with a mapping of which the watched pages are the inside. */
static void fill_up(void)
{
	size_t next;

	if (fill_init(&fill))
		_exit(1);
	/* Not as the others are, so that it is merged with none. */
	base = mmap(NULL, (WATCHED_PAGES + 2) * fill.page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		die("mmap");
	base += fill.page_bytes;
	fill_map(&fill, 0, 1);
	if (fill_sort(&fill) || fill_to_headroom(&fill, &oracle, 0, &next))
		_exit(1);
	isolated[0] = fill.pages[2 * next - 2];
	isolated[1] = fill.pages[2 * next - 4];
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	int option, way = -1;

	while ((option = getopt(argc, argv, "o:")) != -1)
		path = optarg;
	for (size_t i = 0; optind < argc && i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[optind], ways[i].name))
			way = (int)i;
	self = argv[0];
	if (optind < argc && !strcmp(argv[optind], "nothing"))
		return 0;
	if (way < 0) {
		fprintf(stderr, "usage: debts HOW [-o ORACLE]\n");
		return 2;
	}
	if (oracle_open(path, &oracle_fd) || oracle_init(&oracle, oracle_fd, 16))
		die("cannot write the oracle");
	if (ways[way].answer == fail_by_threads)
		start_threads();
	fill_up();
	ways[way].answer();
	write_oracle();
	return 0;
}
