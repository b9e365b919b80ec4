// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: unmaps every second of 2 x vm.max_map_count pages, each mapped by its own mmap(), and
 * writes down every munmap() that failed. The last ones do, with ENOMEM.
 */
#define _GNU_SOURCE 1
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"
#include "fill.h"
#include "oracle.h"

static struct fill fill;
static struct oracle oracle;
static struct crew crew;

static void *unmap_in_thread(void *arg)
{
	const struct crew_member *member = arg;

	crew_meet(member->crew);
	fill_map(&fill, member->number, member->crew->size);
	crew_meet(member->crew);
	crew_meet(member->crew); /* the main thread sorts */
	unmap_every_second(&fill, &oracle, member->number, member->crew->size, SIZE_MAX);
	crew_meet(member->crew);
	crew_park();
}

/* The main thread's part of unmap_in_thread(). */
static int lead_crew(void)
{
	crew_meet(&crew);
	crew_meet(&crew);
	if (fill_sort(&fill))
		return -1;
	crew_meet(&crew);
	crew_meet(&crew);
	return 0;
}

static int report(void)
{
	size_t failed = oracle.totals.failed;

	if (oracle_write_failures(&oracle) || oracle_write_total(oracle.fd, &oracle.totals)) {
		fprintf(stderr, "unmap_pages: cannot write the oracle\n");
		return 1;
	}
	fprintf(stderr,
		"unmap_pages: %zu of %zu munmap() calls failed, %zu bytes stay mapped; "
		"vm.max_map_count=%ld\n",
		failed, oracle.totals.calls, oracle.totals.bytes, fill.limit);
	if (failed == 0)
		fprintf(stderr, "unmap_pages: no munmap() failed, though the limit should have been hit\n");
	return failed ? 0 : 1;
}

static int usage(void)
{
	fprintf(stderr, "usage: unmap_pages [-t THREADS] [-o ORACLE]\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	size_t threads = 1;
	int option, err, fd;

	while ((option = getopt(argc, argv, "t:o:")) != -1) {
		if (option == 't')
			threads = crew_parse_size(optarg);
		else if (option == 'o')
			path = optarg;
		else
			return usage();
	}
	if (threads == 0 || optind < argc)
		return usage();
	err = oracle_open(path, &fd);
	if (err) {
		fprintf(stderr, "unmap_pages: cannot write '%s': %s\n", path, strerror(-err));
		return 1;
	}
	if (fill_init(&fill) || oracle_init(&oracle, fd, fill.page_count))
		return 1;
	if (threads > 1) {
		if (crew_start(&crew, threads, unmap_in_thread) || lead_crew())
			return 1;
		return report();
	}
	fill_map(&fill, 0, 1);
	if (fill_sort(&fill))
		return 1;
	unmap_every_second(&fill, &oracle, 0, 1, SIZE_MAX);
	return report();
}
