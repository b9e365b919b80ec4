// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: has mappings beside each other that cannot merge, each for a reason that it knows, or as many as
 * vm.max_map_count allows; says so and waits for the end of its input.
 *
 *   neighbours reasons DIRECTORY   prints "reason NAME COUNT" lines, as far as maps shows them, "run START END" of the
 *                                  longest run, "inside NAME START END COUNT" of runs of so many that are kept apart
 *                                  by what only the kernel knows, and leaves DIRECTORY/region: its maps as far as
 *                                  they are of these mappings
 *   neighbours limit               prints "count N": as many as the limit
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fill.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA	     0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define PAGE	    4096
#define TURNS	    200 /* pages of alternating permissions */
#define AREA_PAGES  1024 /* of which what is not used is unmapped */
#define NAMED_PAGES 6
#define FILE_PAGES  16
#define BLOCKS	    4 /* written each by itself */

#define MPOL_INTERLEAVE 3 /* include/uapi/linux/mempolicy.h */

static char *area; /* the next page that nothing was put at */

static void __attribute__((noreturn)) give_up(const char *what)
{
	fprintf(stderr, "neighbours: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* Puts a mapping behind what is there. */
static void put(size_t pages, int protection, int flags, int fd, off_t offset)
{
	char *at = mmap(area, pages * PAGE, protection, flags | MAP_FIXED, fd, offset);

	if (at != area)
		give_up("mmap");
	area += pages * PAGE;
}

static void put_hole(void)
{
	if (munmap(area, PAGE))
		give_up("munmap");
	area += PAGE;
}

static int open_file(const char *directory, const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, FILE_PAGES * PAGE))
		give_up(path);
	return fd;
}

static void put_turns(void)
{
	char *pages = area;

	put(TURNS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 1; i < TURNS; i += 2)
		if (mprotect(pages + i * PAGE, PAGE, PROT_NONE))
			give_up("mprotect");
	printf("run 0x%" PRIxPTR " 0x%" PRIxPTR "\n", (uintptr_t)pages, (uintptr_t)area);
	printf("reason permissions %d\n", TURNS - 1);
}

/* There are no names before 5.17 and where the kernel was built without names. */
static void put_named(void)
{
	char *pages = area;
	int named = 0;

	put(NAMED_PAGES, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < NAMED_PAGES; i++)
		named += !prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, pages + i * PAGE, PAGE, i % 2 ? "odd" : "even");
	printf("reason anon_name %d\n", named ? NAMED_PAGES - 1 : 0);
}

static void put_files(const char *directory)
{
	int one = open_file(directory, "one"), other = open_file(directory, "other");
	int again = open_file(directory, "other");

	/* These two do merge. */
	put(1, PROT_READ, MAP_PRIVATE, one, 0);
	put(1, PROT_READ, MAP_PRIVATE, one, PAGE);
	put(1, PROT_READ, MAP_PRIVATE, one, 5 * PAGE);
	put(1, PROT_READ, MAP_PRIVATE, other, 0);
	put(1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	put(1, PROT_READ, MAP_SHARED, other, 0);
	put(1, PROT_READ, MAP_SHARED, again, PAGE);
	puts("reason offset 1\nreason different_file 1\nreason anonymous_and_file 2\nreason sharing 1");
}

/* With the file that was opened twice these are three. */
static void put_flags(void)
{
	char *pages = area;

	put(3, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (madvise(pages + PAGE, PAGE, MADV_DONTDUMP))
		give_up("madvise");
	printf("inside flags 0x%" PRIxPTR " 0x%" PRIxPTR " 3\n", (uintptr_t)pages, (uintptr_t)area);
}

/* While there are holes between them each gets an anon_vma of its own; what fills a hole goes to the one below it. */
static void put_written(void)
{
	char *pages = area;

	for (int i = 0; i < BLOCKS; i++) {
		put(1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		*(area - PAGE) = 1;
		if (i + 1 < BLOCKS)
			put_hole();
	}
	for (int i = 1; i < 2 * BLOCKS - 1; i += 2) {
		char *hole = pages + i * PAGE;
		char *at = mmap(hole, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		if (at != hole)
			give_up("mmap");
	}
	printf("inside anon_vma 0x%" PRIxPTR " 0x%" PRIxPTR " %d\n", (uintptr_t)pages, (uintptr_t)area, BLOCKS);
}

/* The one in the middle has a policy of its own, where the kernel was built with NUMA. How many boundaries that makes. */
static int put_policies(void)
{
	unsigned long nodes = 1;
	char *pages = area;

	put(3, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (syscall(SYS_mbind, pages + PAGE, PAGE, MPOL_INTERLEAVE, &nodes, 8 * sizeof(nodes), 0))
		return 0;
	printf("inside numa_policy 0x%" PRIxPTR " 0x%" PRIxPTR " 3\n", (uintptr_t)pages, (uintptr_t)area);
	return 2;
}

static int begins_mapping(const char *page)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[8192];
	int found = 0;

	if (!maps)
		give_up("/proc/self/maps");
	while (fgets(line, sizeof(line), maps))
		found |= strtoull(line, NULL, 16) == (uintptr_t)page;
	fclose(maps);
	return found;
}

/* The upper one is written while its flags differ, the lower one never. 6.12 leaves them apart, 6.18 does not. */
static int put_one_written(void)
{
	char *pages = area;

	put(2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (madvise(pages + PAGE, PAGE, MADV_DONTDUMP))
		give_up("madvise");
	pages[PAGE] = 1;
	if (madvise(pages + PAGE, PAGE, MADV_DODUMP))
		give_up("madvise");
	if (!begins_mapping(pages + PAGE))
		return 0;
	printf("inside anon_vma_of_one 0x%" PRIxPTR " 0x%" PRIxPTR " 2\n", (uintptr_t)pages, (uintptr_t)area);
	return 1;
}

static void save_region(const char *directory, const char *start)
{
	char path[4096], line[8192];
	FILE *maps = fopen("/proc/self/maps", "re"), *saved;

	snprintf(path, sizeof(path), "%s/region", directory);
	saved = fopen(path, "we");
	if (!maps || !saved)
		give_up(path);
	while (fgets(line, sizeof(line), maps)) {
		uint64_t at = strtoull(line, NULL, 16);

		if (at >= (uintptr_t)start && at < (uintptr_t)area)
			fputs(line, saved);
	}
	if (fclose(maps) || fclose(saved))
		give_up(path);
}

static void make_reasons(const char *directory)
{
	char *start;
	int apart;

	area = mmap(NULL, AREA_PAGES * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		give_up("mmap");
	start = area + PAGE;
	put_hole();
	put_turns();
	put_hole();
	put_named();
	put_hole();
	put_files(directory);
	put_hole();
	/* What looks like the run before or after would belong to it. */
	apart = put_one_written();
	put_hole();
	put_flags();
	put_hole();
	put_written();
	put_hole();
	apart += put_policies();
	printf("reason not_visible %d\n", 3 + BLOCKS - 1 + apart);
	if (munmap(area, (size_t)(start - PAGE + AREA_PAGES * PAGE - area)))
		give_up("munmap");
	puts("reason hole 6");
	save_region(directory, start);
}

static int make_limit(void)
{
	static struct fill fill;
	static struct oracle oracle;
	char said[64];
	size_t next;
	int length;

	if (fill_init(&fill))
		return 1;
	fill_map(&fill, 0, 1);
	if (fill_sort(&fill) || fill_to_headroom(&fill, &oracle, 0, &next))
		return 1;
	/* dprintf() would ask for memory, and that may map some. */
	length = snprintf(said, sizeof(said), "count %ld\n", fill.limit);
	return write(STDOUT_FILENO, said, (size_t)length) != length;
}

int main(int argc, char **argv)
{
	char byte;

	if (argc == 3 && !strcmp(argv[1], "reasons")) {
		static char buffer[4096];

		setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
		make_reasons(argv[2]);
		fflush(stdout);
	} else if (argc == 2 && !strcmp(argv[1], "limit")) {
		if (make_limit())
			return 1;
	} else {
		fprintf(stderr, "usage: neighbours reasons DIRECTORY | neighbours limit\n");
		return 2;
	}
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
