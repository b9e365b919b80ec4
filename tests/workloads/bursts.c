// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: threads at the limit that make failing munmap() calls while somebody else changes the limit. Says on standard
 * output that it is there; then each line on standard input begins a burst, in which the limit must be changed once, and a
 * line on standard output says that it is over. Ends with its input.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "crew.h"
#include "fill.h"
#include "oracle.h"

enum {
	THREADS = 2,
	/* All failures of some bursts must find room in the tracer's ring, however busy the machine is. */
	CALLS_BEFORE = 20, /* of a thread, while the limit is not changed yet */
	FAILURES_AFTER = 10,
	LOOKS_A_CALL = 16, /* at the limit, so that the calls are spread over the time that the change takes */
	REGION_PAGES = 4097,
};

static struct fill fill;
static struct oracle oracle;
static struct crew crew;
static char *region;
static long burst_limit; /* when the burst began */
static bool ended;

/* The thread's next page, which is the same until its call succeeds. */
static bool unmap_fails(size_t *next)
{
	char *page = region + *next * fill.page_bytes;

	if (*next + 1 >= REGION_PAGES) {
		fprintf(stderr, "bursts: no page is left\n");
		exit(1);
	}
	oracle_add_calls(&oracle, 1);
	if (munmap(page, fill.page_bytes) == 0) {
		*next += (size_t)2 * THREADS;
		return false;
	}
	oracle_add_failure(&oracle, "munmap", page, fill.page_bytes, errno);
	return true;
}

static void make_burst(size_t *next)
{
	size_t looks = 0, calls = 0, failures = 0;

	while (fill_read_limit() == burst_limit) {
		if (looks++ % LOOKS_A_CALL == 0 && calls < CALLS_BEFORE) {
			unmap_fails(next);
			calls++;
		}
	}
	while (failures < FAILURES_AFTER)
		failures += unmap_fails(next);
}

static void *burst_in_thread(void *arg)
{
	const struct crew_member *member = arg;
	size_t next = 1 + 2 * member->number;

	for (;;) {
		crew_meet(member->crew);
		if (ended)
			crew_park();
		make_burst(&next);
		crew_meet(member->crew);
	}
}

/* A line: of which nothing but its end matters. False at the end of the input. */
static bool read_line(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) == 1)
		if (byte == '\n')
			return true;
	return false;
}

static bool say(const char *line)
{
	return write(STDOUT_FILENO, line, strlen(line)) > 0;
}

static bool lead_bursts(void)
{
	bool said = say("at the limit\n");

	while (said && read_line()) {
		crew_meet(&crew);
		crew_meet(&crew);
		burst_limit = fill_read_limit();
		said = say("over\n");
	}
	ended = true;
	crew_meet(&crew);
	return said;
}

static int run(int fd)
{
	size_t next;

	if (fill_init(&fill) || oracle_init(&oracle, fd, fill.page_count))
		return 1;
	region = mmap(NULL, REGION_PAGES * fill.page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED) {
		fprintf(stderr, "bursts: cannot map %d pages: %s\n", REGION_PAGES, strerror(errno));
		return 1;
	}
	burst_limit = fill.limit;
	if (crew_start(&crew, THREADS, burst_in_thread))
		return 1;
	fill_map(&fill, 0, 1);
	if (fill_sort(&fill) || fill_to_headroom(&fill, &oracle, 0, &next) || !lead_bursts())
		return 1;
	if (oracle_write_failures(&oracle) || oracle_write_total(fd, &oracle.totals)) {
		fprintf(stderr, "bursts: cannot write the oracle\n");
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int err, fd;

	if (argc != 2) {
		fprintf(stderr, "usage: bursts ORACLE\n");
		return 2;
	}
	err = oracle_open(argv[1], &fd);
	if (err) {
		fprintf(stderr, "bursts: cannot write '%s': %s\n", argv[1], strerror(-err));
		return 1;
	}
	return run(fd);
}
