// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A library to preload: uses up all mappings of a program but a few before its main(), so that it is at the limit soon. By
 * mprotect() alone: who traces munmap() sees the program's own calls only. CROWD_LEAVES says how many are left (1000).
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
		if (mprotect(region + i * page_bytes, page_bytes, PROT_READ))
			die("split what is mapped");
}

static __attribute__((constructor)) void crowd(void)
{
	const char *leaves = getenv("CROWD_LEAVES");
	long wanted = fill_read_limit() - (leaves ? strtol(leaves, NULL, 10) : 1000) - fill_count_mappings();

	if (wanted > 0)
		map_apart((size_t)wanted, (size_t)sysconf(_SC_PAGESIZE));
}
