// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: splits mappings in each way there is, and says how often.
 *
 *   splits [hot]
 *
 * Says "there" on standard output, with many mappings before if it is to be hot, and waits for a line. Then it splits, and says of
 * each call "split CALL EXACT LEAST": the splits, and those that show in the number of its mappings; and of the last mprotect()
 * "head START ADDR END". All mappings but those that it puts into the middle of others are shared: none merges with another. Each
 * way is counted by itself in /proc/self/maps, too: where that does not agree with what it says of itself, it ends with status 1.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fill.h"

enum { TIMES = 10, THREADS = 4, PAGES = 2 * TIMES + 1, SMALL_PAGES = 8 };

struct way {
	const char *call;
	void (*split)(char *region, size_t i);
	size_t pages; /* of a region; one for all when it is PAGES, else one each time */
	long exact; /* splits, each time */
	long change; /* of the number of mappings */
	long made; /* of these new ones */
};

static size_t page_bytes;
static pthread_barrier_t released;

static void die(const char *what)
{
	fprintf(stderr, "splits: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *page(char *region, size_t i)
{
	return region + i * page_bytes;
}

static void unmap_middle(char *region, size_t i)
{
	if (munmap(page(region, 2 * i + 1), page_bytes))
		die("munmap");
}

static void unmap_tail(char *region, size_t i)
{
	(void)i;
	if (munmap(page(region, SMALL_PAGES / 2), SMALL_PAGES / 2 * page_bytes))
		die("munmap");
}

static void protect_middle(char *region, size_t i)
{
	if (mprotect(page(region, 2 * i + 1), page_bytes, PROT_READ))
		die("mprotect");
}

static void protect_head(char *region, size_t i)
{
	(void)i;
	if (mprotect(region, page_bytes, PROT_READ))
		die("mprotect");
}

static void advise_middle(char *region, size_t i)
{
	if (madvise(page(region, 2 * i + 1), page_bytes, MADV_DONTFORK))
		die("madvise");
}

static void lock_middle(char *region, size_t i)
{
	if (mlock(page(region, 2 * i + 1), page_bytes))
		die("mlock");
}

static void map_over_middle(char *region, size_t i)
{
	char *mapped =
		mmap(page(region, 2 * i + 1), page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (mapped == MAP_FAILED)
		die("mmap");
}

static void shrink_tail(char *region, size_t i)
{
	(void)i;
	if (mremap(region, SMALL_PAGES * page_bytes, SMALL_PAGES / 2 * page_bytes, 0) == MAP_FAILED)
		die("mremap");
}

static void shrink_middle(char *region, size_t i)
{
	(void)i;
	if (mremap(page(region, 2), 3 * page_bytes, 2 * page_bytes, 0) == MAP_FAILED)
		die("mremap");
}

/* What is cut out by two splits is gone: the number grows by one. What is put in its place counts by itself. */
static const struct way ways[] = {
	{"munmap", unmap_middle, PAGES, 2, 1, 0},	 {"munmap", unmap_tail, SMALL_PAGES, 1, 0, 0},
	{"mprotect", protect_middle, PAGES, 2, 2, 0},	 {"mprotect", protect_head, SMALL_PAGES, 1, 1, 0},
	{"madvise", advise_middle, PAGES, 2, 2, 0},	 {"mlock", lock_middle, PAGES, 2, 2, 0},
	{"mmap", map_over_middle, PAGES, 2, 2, 1},	 {"mremap", shrink_tail, SMALL_PAGES, 1, 0, 0},
	{"mremap", shrink_middle, SMALL_PAGES, 2, 1, 0},
};

enum { WAYS = sizeof(ways) / sizeof(ways[0]) };

static char *regions[WAYS][TIMES];
static char *of_threads[THREADS];

static char *reserve(size_t pages)
{
	char *region = mmap(NULL, pages * page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (region == MAP_FAILED)
		die("mmap");
	return region;
}

static void reserve_all(void)
{
	for (size_t way = 0; way < WAYS; way++)
		for (size_t i = 0; i < TIMES; i++)
			regions[way][i] = i && ways[way].pages == PAGES ? regions[way][0] : reserve(ways[way].pages);
	for (size_t i = 0; i < THREADS; i++)
		of_threads[i] = reserve(PAGES);
}

static void *split_in_thread(void *region)
{
	pthread_barrier_wait(&released);
	for (size_t i = 0; i < TIMES; i++)
		unmap_middle(region, i);
	return NULL;
}

static long count_mappings(void)
{
	long count = fill_count_mappings();

	if (count < 0)
		die("/proc/self/maps");
	return count;
}

static void get_hot(void)
{
	long limit = fill_read_limit(), hot_at = limit / 16 > 1000 ? limit / 16 : 1000;
	char *last = NULL;

	/* They stay until the end. */
	for (long more = hot_at + 10 - count_mappings(); more > 0; more--)
		last = reserve(1);
	if (!last)
		die("it is hot already");
}

static void expect_change(const char *what, long before, long wanted)
{
	long change = count_mappings() - before;

	if (change == wanted)
		return;
	fprintf(stderr, "splits: %s: %ld mappings more, and not %ld\n", what, change, wanted);
	exit(1);
}

static void do_all(void)
{
	for (size_t way = 0; way < WAYS; way++) {
		long before = count_mappings();

		for (size_t i = 0; i < TIMES; i++)
			ways[way].split(regions[way][i], i);
		expect_change(ways[way].call, before, TIMES * ways[way].change);
	}
}

static void say(void)
{
	char *head = regions[3][TIMES - 1];

	for (size_t way = 0; way < WAYS; way++)
		printf("split %s %ld %ld\n", ways[way].call, TIMES * ways[way].exact,
		       TIMES * (ways[way].change - ways[way].made));
	printf("split munmap %d %d\n", 2 * THREADS * TIMES, THREADS * TIMES);
	printf("head 0x%lx 0x%lx 0x%lx\n", (unsigned long)head, (unsigned long)page(head, 1),
	       (unsigned long)page(head, SMALL_PAGES));
}

static void wait_for_line(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
		;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	long before;

	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	pthread_barrier_init(&released, NULL, THREADS + 1);
	reserve_all();
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, split_in_thread, of_threads[i]))
			die("pthread_create");
	if (argc > 1 && !strcmp(argv[1], "hot"))
		get_hot();
	printf("there\n");
	fflush(stdout);
	wait_for_line();
	/* Whoever goes by the number of mappings must have seen it once. */
	munmap(reserve(1), page_bytes);
	do_all();
	before = count_mappings();
	pthread_barrier_wait(&released);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect_change("threads", before, (long)THREADS * TIMES);
	say();
	return 0;
}
