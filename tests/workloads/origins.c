// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: a hot process whose mappings come from a few functions, each of which knows exactly what it made.
 *
 *   origins
 *
 * Grows until it is hot, says "there" on standard output and waits for a line. Then each function does its part, and one line
 * says "older N pages N holes N removed N threads N count N": what the process had before, what each made net, and what
 * it has. Then it grows to vm.max_map_count, fails once to unmap the middle of a mapping, says "full N", and waits for the end
 * of its input.
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

enum { THREADS = 4, PARTS = 40 };

static long limit;
static size_t page_bytes;
static pthread_barrier_t released;
static char *of_threads;
static size_t of_each_thread; /* pages that it maps */

static void die(const char *what)
{
	fprintf(stderr, "origins: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* One mapping, of which every second page may be used for something else: room for that many, and a page at both ends. */
static char *reserve(size_t count)
{
	char *region = mmap(NULL, (2 * count + 1) * page_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (region == MAP_FAILED)
		die("mmap");
	return region;
}

static char *page(char *region, size_t i)
{
	return region + (2 * i + 1) * page_bytes;
}

/* Each page splits what is around it: 2 more. */
static __attribute__((noinline)) void map_pages(char *region, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *mapped =
			mmap(page(region, i), page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (mapped == MAP_FAILED)
			die("mmap");
	}
}

/* Each hole splits what is around it: 1 more. */
static __attribute__((noinline)) void make_holes(char *region, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (munmap(page(region, i), page_bytes))
			die("munmap");
}

/* Each of those pages is a mapping of its own: 1 less. */
static __attribute__((noinline)) void remove_pages(char *region, size_t count)
{
	/* From the other end: two functions that do the same could become one. */
	for (size_t i = count; i-- > 0;)
		if (munmap(page(region, i), page_bytes))
			die("munmap");
}

static __attribute__((noinline)) void map_in_thread(size_t number)
{
	map_pages(of_threads + 2 * number * of_each_thread * page_bytes, of_each_thread);
}

static void *thread(void *number)
{
	pthread_barrier_wait(&released);
	map_in_thread((size_t)number);
	return NULL;
}

static long count_mappings(void)
{
	long count = fill_count_mappings();

	if (count < 0)
		die("/proc/self/maps");
	return count;
}

static void wait_for_line(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n')
		;
}

/* All that is not to be counted is made before. */
static void get_hot(void)
{
	long hot_at = limit / 16 > 1000 ? limit / 16 : 1000, more = hot_at + hot_at / 10 - count_mappings();

	if (more > 0)
		make_holes(reserve((size_t)more), (size_t)more);
}

static void grow_to_the_limit(void)
{
	size_t most = (size_t)limit;
	char *region = reserve(most);

	for (size_t i = 0; i < most; i++)
		if (munmap(page(region, i), page_bytes))
			return;
	fprintf(stderr, "origins: no munmap() failed, though the limit should have been hit\n");
	exit(1);
}

static void do_each_part(size_t part)
{
	char *pages = reserve(part), *holes = reserve(part), *first = reserve(1);
	pthread_t threads[THREADS];
	long older;

	of_each_thread = part / THREADS;
	of_threads = reserve(THREADS * of_each_thread);
	pthread_barrier_init(&released, NULL, THREADS + 1);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread, (void *)i))
			die("pthread_create");
	printf("there\n");
	wait_for_line();
	/* Whoever watches sees it from here on. */
	make_holes(first, 1);
	older = count_mappings();
	map_pages(pages, part);
	make_holes(holes, part);
	remove_pages(pages, part / 2);
	pthread_barrier_wait(&released);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("older %ld pages %zu holes %zu removed %zu threads %zu count %ld\n", older, 2 * part, part, part / 2,
	       2 * THREADS * of_each_thread, count_mappings());
}

int main(void)
{
	static char buffer[4096];

	setvbuf(stdout, buffer, _IOLBF, sizeof(buffer));
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	limit = fill_read_limit();
	if (limit < 0)
		die("/proc/sys/vm/max_map_count");
	get_hot();
	do_each_part((size_t)limit / PARTS);
	grow_to_the_limit();
	printf("full %ld\n", count_mappings());
	wait_for_line();
	return 0;
}
