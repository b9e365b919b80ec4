// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: grows to vm.max_map_count as fast as it can, by calls of one kind until one fails, and then fails once to unmap the
 * middle of a mapping: writes both down. Or stops below the limit.
 *
 *   grow HOW [-o ORACLE] [-p PERCENT [-b] [-s SWINGS -d POINTS]] [-w]
 *
 * HOW: mmap, mprotect, madvise, munmap. -p: up to so many percent of the limit and no further, by mmap() only; -b: to one
 * mapping below that; -s, -d: from there so many points down and up again, so many times; -w: then says so on standard
 * output, and waits for the end of its input.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fill.h"
#include "oracle.h"

enum { SPARE_PAGES = 16 };

static struct {
	const char *how;
	const char *oracle;
	long percent; /* 0: up to the limit, and a failure */
	long swings;
	long points;
	bool below;
	bool waits;
} options;

static long limit;
static size_t page_bytes;
static char *region; /* more pages than there can be mappings, merged into one */
static size_t region_pages;
static char **added; /* the mappings of its own that mmap() made */
static long added_count;
static struct oracle oracle;

static char *page(size_t i)
{
	return region + i * page_bytes;
}

static void die(const char *what)
{
	fprintf(stderr, "grow: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *map(size_t pages, int protection)
{
	return mmap(NULL, pages * page_bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* At the limit a call of each kind fails, and is seen to. */
static bool note(const char *call, const void *addr, bool failed)
{
	if (failed && oracle.failures)
		oracle_add_failure(&oracle, call, addr, page_bytes, errno);
	return !failed;
}

/* Neighbours differ in protection, so that each stays one. */
static bool add_one(void)
{
	char *one = map(1, added_count % 2 ? PROT_READ : PROT_NONE);

	if (!note("mmap", NULL, one == MAP_FAILED))
		return false;
	added[added_count++] = one;
	return true;
}

static void grow_by_mmap(void)
{
	while (added_count < 2 * limit && add_one())
		;
}

static void grow_by_mprotect(void)
{
	for (size_t i = 1; i < region_pages - SPARE_PAGES; i += 2)
		if (!note("mprotect", page(i), mprotect(page(i), page_bytes, PROT_READ)))
			break;
}

static void grow_by_madvise(void)
{
	for (size_t i = 1; i < region_pages - SPARE_PAGES; i += 2)
		if (!note("madvise", page(i), madvise(page(i), page_bytes, MADV_DONTDUMP)))
			break;
}

static bool unmap_failed;

static bool unmap(char *one)
{
	oracle_add_calls(&oracle, 1);
	if (!munmap(one, page_bytes))
		return true;
	unmap_failed = true;
	/* cppcheck-suppress deallocret; it failed, so it is still mapped */
	return note("munmap", one, true);
}

/* Whose last call is the failure itself. */
static void grow_by_munmap(void)
{
	for (size_t i = 1; i < region_pages - SPARE_PAGES && unmap(page(i)); i += 2)
		;
}

static const struct {
	const char *name;
	void (*grow)(void);
} ways[] = {
	{"mmap", grow_by_mmap},
	{"mprotect", grow_by_mprotect},
	{"madvise", grow_by_madvise},
	{"munmap", grow_by_munmap},
};

static int fail_once(void)
{
	if (!unmap_failed && unmap(page(region_pages - SPARE_PAGES / 2))) {
		fprintf(stderr, "grow: no munmap() failed, though the limit should have been hit\n");
		return 1;
	}
	return oracle_write_failures(&oracle) || oracle_write_total(oracle.fd, &oracle.totals);
}

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int grow_to_the_limit(void)
{
	long began = now_us();

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(ways[i].name, options.how) != 0)
			continue;
		ways[i].grow();
		fprintf(stderr, "grow: at the limit of %ld mappings by %s after %ld us\n", limit, options.how,
			now_us() - began);
		return fail_once();
	}
	fprintf(stderr, "grow: there is no way '%s'\n", options.how);
	return 2;
}

/* What the process has, and mmap() adds one each. */
static void mmap_to(long count, long base)
{
	while (base + added_count < count)
		if (!add_one())
			die("mmap");
	for (; base + added_count > count; added_count--)
		if (munmap(added[added_count - 1], page_bytes))
			die("munmap");
}

static int stop_below(void)
{
	/* Reading the list maps nothing: what is counted is what there is. */
	long base = fill_count_mappings(), top = (limit * options.percent + 99) / 100 - options.below;

	if (base < 0)
		die("/proc/self/maps");
	mmap_to(top, base);
	for (long i = 0; i < options.swings; i++) {
		mmap_to(top - limit * options.points / 100, base);
		mmap_to(top, base);
	}
	fprintf(stderr, "grow: %ld of %ld mappings\n", fill_count_mappings(), limit);
	return 0;
}

static void set_up(void)
{
	void *list;
	int fd;

	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	limit = fill_read_limit();
	if (limit < 0)
		die("/proc/sys/vm/max_map_count");
	region_pages = 2 * (size_t)limit + SPARE_PAGES;
	region = map(region_pages, PROT_READ | PROT_WRITE);
	if (oracle_open(options.oracle, &fd) || oracle_init(&oracle, fd, 2))
		die("the oracle");
	list = map(2 * (size_t)limit * sizeof(*added) / page_bytes + 1, PROT_READ | PROT_WRITE);
	if (region == MAP_FAILED || list == MAP_FAILED)
		die("mmap");
	added = list;
}

static int parse(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "o:p:s:d:bw")) != -1) {
		switch (option) {
		case 'o':
			options.oracle = optarg;
			break;
		case 'p':
			options.percent = strtol(optarg, NULL, 10);
			break;
		case 's':
			options.swings = strtol(optarg, NULL, 10);
			break;
		case 'd':
			options.points = strtol(optarg, NULL, 10);
			break;
		case 'b':
			options.below = true;
			break;
		case 'w':
			options.waits = true;
			break;
		default:
			return -EINVAL;
		}
	}
	options.how = argv[optind];
	return options.how ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	char byte;
	int status;

	if (parse(argc, argv)) {
		fprintf(stderr, "usage: grow HOW [-o ORACLE] [-p PERCENT [-b] [-s SWINGS -d POINTS]] [-w]\n");
		return 2;
	}
	set_up();
	status = options.percent ? stop_below() : grow_to_the_limit();
	if (!status && options.waits) {
		if (write(STDOUT_FILENO, "there\n", 6) != 6)
			return 1;
		while (read(STDIN_FILENO, &byte, 1) > 0)
			;
	}
	return status;
}
