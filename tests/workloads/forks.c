// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: forks children, each of which forks a grandchild, and all of them hit the limit in
 * their own process at once. With -i they inherit a process at the limit, so that their very first
 * calls fail: no time is left to a tracer that follows children late.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fill.h"
#include "oracle.h"

enum { CHILDREN_DEFAULT = 20, CHILDREN_MOST = 1000, INHERITED_CALLS = 8 };

static struct fill fill;
static struct oracle oracle;
static struct oracle_totals *all; /* shared by all processes */
static bool inherit;
static size_t next; /* with inherit: the first page that fails */

static int unmap_in_child(void)
{
	struct oracle_totals *totals = &oracle.totals;

	if (inherit) {
		unmap_every_second(&fill, &oracle, next, 1, INHERITED_CALLS);
	} else {
		fill_map(&fill, 0, 1);
		if (fill_sort(&fill))
			return 1;
		unmap_every_second(&fill, &oracle, 0, 1, SIZE_MAX);
	}
	atomic_fetch_add(&all->failed, totals->failed);
	atomic_fetch_add(&all->calls, totals->calls);
	atomic_fetch_add(&all->bytes, totals->bytes);
	if (oracle_write_failures(&oracle)) {
		fprintf(stderr, "forks: cannot write the oracle\n");
		return 1;
	}
	if (totals->failed == 0)
		fprintf(stderr, "forks: nothing failed in process %d\n", getpid());
	return totals->failed ? 0 : 1;
}

/* Waits for all children. Returns 1 if one of them has not ended with 0. */
static int wait_for_children(void)
{
	int result = 0;
	int status;

	for (;;) {
		pid_t pid = wait(&status);

		if (pid > 0 && status != 0)
			result = 1;
		if (pid < 0 && errno != EINTR)
			return result;
	}
}

static _Noreturn void be_child(void)
{
	/* Child and grandchild do the same from here on. */
	pid_t pid = fork();
	int result = 0;

	if (pid < 0) {
		fprintf(stderr, "forks: cannot fork: %s\n", strerror(errno));
		result = 1;
	}
	result |= unmap_in_child();
	result |= wait_for_children();
	_exit(result);
}

static int run(size_t children)
{
	int result = 0;

	for (size_t i = 0; i < children; i++) {
		pid_t pid = fork();

		if (pid == 0)
			be_child();
		if (pid < 0) {
			fprintf(stderr, "forks: cannot fork: %s\n", strerror(errno));
			result = 1;
			break;
		}
	}
	result |= wait_for_children();
	if (oracle_write_total(oracle.fd, all)) {
		fprintf(stderr, "forks: cannot write the oracle\n");
		return 1;
	}
	fprintf(stderr, "forks: %zu of %zu munmap() calls failed in %zu processes; vm.max_map_count=%ld\n", all->failed,
		all->calls, 2 * children, fill.limit);
	return result;
}

static int prepare(int fd)
{
	if (fill_init(&fill) || oracle_init(&oracle, fd, fill.page_count))
		return -1;
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		fprintf(stderr, "forks: cannot map shared memory: %s\n", strerror(errno));
		return -1;
	}
	if (!inherit)
		return 0;
	fill_map(&fill, 0, 1);
	if (fill_sort(&fill) || fill_to_headroom(&fill, &oracle, 0, &next))
		return -1;
	/* What the parent did stays out of the children's totals. */
	memset(&oracle.totals, 0, sizeof(oracle.totals));
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: forks [-i] [-n CHILDREN] [-o ORACLE]\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	long children = CHILDREN_DEFAULT;
	int option, err, fd;

	while ((option = getopt(argc, argv, "in:o:")) != -1) {
		if (option == 'i')
			inherit = true;
		else if (option == 'n')
			children = strtol(optarg, NULL, 10);
		else if (option == 'o')
			path = optarg;
		else
			return usage();
	}
	if (children < 1 || children > CHILDREN_MOST || optind < argc)
		return usage();
	err = oracle_open(path, &fd);
	if (err) {
		fprintf(stderr, "forks: cannot write '%s': %s\n", path, strerror(-err));
		return 1;
	}
	return prepare(fd) ? 1 : run((size_t)children);
}
