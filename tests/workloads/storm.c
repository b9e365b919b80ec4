// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: a process at the limit that does nothing but unmap the same page inside a mapping, which fails each time. For
 * what a flood of failures does to the tracer; the oracle is the count.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fill.h"
#include "oracle.h"

static struct fill fill;
static struct oracle oracle;

static size_t fail_again_and_again(char *page, size_t calls)
{
	size_t failed = 0;

	for (size_t i = 0; i < calls; i++)
		failed += munmap(page, fill.page_bytes) && errno == ENOMEM;
	return failed;
}

int main(int argc, char **argv)
{
	size_t calls = 100000, failed, next;
	int option;

	while ((option = getopt(argc, argv, "n:")) != -1) {
		if (option != 'n') {
			fprintf(stderr, "usage: storm [-n CALLS]\n");
			return 2;
		}
		calls = strtoul(optarg, NULL, 10);
	}
	if (fill_init(&fill) || oracle_init(&oracle, STDERR_FILENO, fill.page_count))
		return 1;
	fill_map(&fill, 0, 1);
	if (fill_sort(&fill) || fill_to_headroom(&fill, &oracle, 0, &next))
		return 1;
	/* The one after the last that could be unmapped is as far inside its mapping as that was. */
	failed = fail_again_and_again(fill.pages[2 * next + 1], calls);
	printf("%zu of %zu failed\n", failed, calls);
	return failed == calls ? 0 : 1;
}
