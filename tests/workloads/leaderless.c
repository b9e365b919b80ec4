// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: as unmap_pages, but by a second thread after the main thread, the leader of the
 * process, has exited. With -w it first waits for the end of standard input, with -l it does so at last.
 */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fill.h"
#include "oracle.h"

static struct fill fill;
static struct oracle oracle;
static bool waits, lingers;

/* /proc/self/stat is about the leader: "PID (comm) STATE ...". */
static bool leader_is_zombie(void)
{
	char text[128] = "";
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *state = length > 0 ? strrchr(text, ')') : NULL;

	if (fd >= 0)
		close(fd);
	return state && strncmp(state, ") Z", 3) == 0;
}

static int work(void)
{
	size_t failed;

	fill_map(&fill, 0, 1);
	if (fill_sort(&fill))
		return 1;
	unmap_every_second(&fill, &oracle, 0, 1, SIZE_MAX);
	failed = oracle.totals.failed;
	if (oracle_write_failures(&oracle) || oracle_write_total(oracle.fd, &oracle.totals)) {
		fprintf(stderr, "leaderless: cannot write the oracle\n");
		return 1;
	}
	fprintf(stderr, "leaderless: %zu of %zu munmap() calls failed; vm.max_map_count=%ld\n", failed,
		oracle.totals.calls, fill.limit);
	return failed ? 0 : 1;
}

static void wait_for_end_of_input(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static void *work_without_leader(void *unused)
{
	int result;

	(void)unused;
	while (!leader_is_zombie())
		sched_yield();
	if (waits)
		wait_for_end_of_input();
	result = work();
	if (lingers)
		wait_for_end_of_input();
	exit(result);
}

static int usage(void)
{
	fprintf(stderr, "usage: leaderless [-w|-l] [-o ORACLE]\n");
	return 2;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	pthread_t thread;
	int option, err, fd;

	while ((option = getopt(argc, argv, "wlo:")) != -1) {
		if (option == '?')
			return usage();
		if (option == 'o')
			path = optarg;
		waits |= option == 'w';
		lingers |= option == 'l';
	}
	if (optind < argc)
		return usage();
	err = oracle_open(path, &fd);
	if (err) {
		fprintf(stderr, "leaderless: cannot write '%s': %s\n", path, strerror(-err));
		return 1;
	}
	if (fill_init(&fill) || oracle_init(&oracle, fd, fill.page_count))
		return 1;
	err = pthread_create(&thread, NULL, work_without_leader, NULL);
	if (err) {
		fprintf(stderr, "leaderless: cannot start a thread: %s\n", strerror(err));
		return 1;
	}
	pthread_exit(NULL);
}
