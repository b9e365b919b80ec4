// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A library to preload: uses up all mappings of a program but a few before its main(), so that it is at the limit soon. By
 * madvise() alone: who traces munmap() sees the program's own calls only, and strace -k, which stops at each call that can
 * move a mapping, does not stop at these. CROWD_LEAVES says how many are left (1000). Tells the program's own filling
 * (fill.c) by FILL_PAGES that it has little to do.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../fill.h"

static void die(const char *what)
{
	fprintf(stderr, "crowd: cannot %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* In a region of so many pages no two neighbours are alike, so that each is a mapping of its own. */
static void map_apart(size_t count, size_t page_bytes)
{
	char *region = mmap(NULL, count * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (region == MAP_FAILED)
		die("map");
	for (size_t i = 1; i < count; i += 2)
		if (madvise(region + i * page_bytes, page_bytes, MADV_DONTDUMP))
			die("split what is mapped");
}

static __attribute__((constructor)) void crowd(void)
{
	const char *text = getenv("CROWD_LEAVES");
	long leaves = text ? strtol(text, NULL, 10) : 1000;
	long wanted = fill_read_limit() - leaves - fill_count_mappings();
	char pages[32];

	snprintf(pages, sizeof(pages), "%ld", 3 * leaves);
	if (setenv("FILL_PAGES", pages, 0))
		die("tell the program");

	if (wanted > 0)
		map_apart((size_t)wanted, (size_t)sysconf(_SC_PAGESIZE));
}
