// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: calls that a tracer may flag wrongly. Some fail for another reason than the limit
 * (EINVAL, EPERM), some look dangerous at the limit but succeed; two fail by the limit: one
 * munmap() and one mprotect(), both with ENOMEM.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fill.h"
#include "oracle.h"

/* The same number on all architectures; older headers lack it. Linux 6.10. */
#ifndef __NR_mseal
#define __NR_mseal 462
#endif

enum { REGION_PAGES = 8 };

enum outcome { MAY_FAIL, MUST_FAIL, MUST_SUCCEED };

static struct fill fill;
static struct oracle oracle;
static bool surprised;

static void note(const char *syscall, const char *what, void *addr, size_t length, int error, enum outcome expected)
{
	oracle_add_calls(&oracle, 1);
	if (error)
		oracle_add_failure(&oracle, syscall, addr, length, error);
	if (expected == MAY_FAIL || (expected == MUST_FAIL) == (error != 0))
		return;
	fprintf(stderr, "bad_calls: %s, %s: unexpected: %s\n", syscall, what, strerror(error));
	surprised = true;
}

static void try_munmap(const char *what, char *addr, size_t length, enum outcome expected)
{
	/* The bare system call: compilers may object to bad arguments of munmap(). */
	int error = syscall(SYS_munmap, addr, length) ? errno : 0;

	note("munmap", what, addr, length, error, expected);
}

/* A mapping with unmapped pages on both sides, so that it merges with no neighbour. */
static char *map_lonely_region(void)
{
	size_t page = fill.page_bytes;
	char *region = mmap(NULL, (REGION_PAGES + 2) * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (region == MAP_FAILED)
		return NULL;
	/* Guards, not holes: the pages that fill the process would go into holes. */
	if (mprotect(region, page, PROT_NONE) || mprotect(region + (REGION_PAGES + 1) * page, page, PROT_NONE))
		return NULL;
	return region + page;
}

static void try_bad_arguments(char *region)
{
	size_t page = fill.page_bytes;

	try_munmap("unaligned address", region + 1, page, MUST_FAIL);
	try_munmap("zero length", region, 0, MUST_FAIL);
	try_munmap("beyond the address space", region, (size_t)1 << (sizeof(size_t) * 8 - 2), MUST_FAIL);
}

static void try_sealed(char *region)
{
	if (syscall(__NR_mseal, region, fill.page_bytes * REGION_PAGES, 0) == 0)
		try_munmap("sealed mapping", region + fill.page_bytes, fill.page_bytes, MUST_FAIL);
	else
		fprintf(stderr, "bad_calls: no mseal() here: %s\n", strerror(errno));
}

/* Called with no mapping left below the limit; leaves room for some. */
static void try_at_limit(char *region, size_t next)
{
	size_t page = fill.page_bytes;
	char *middle = region + 3 * page;
	size_t failed = oracle.totals.failed;

	if (mprotect(middle, page, PROT_NONE))
		note("mprotect", "middle at the limit", middle, page, errno, MUST_FAIL);
	else
		note("mprotect", "middle at the limit", middle, page, 0, MUST_FAIL);
	unmap_every_second(&fill, &oracle, next, 1, 1);
	if (oracle.totals.failed != failed + 2) {
		fprintf(stderr, "bad_calls: munmap of a middle page at the limit did not fail\n");
		surprised = true;
	}
	try_munmap("head at the limit", region, page, MUST_SUCCEED);
	try_munmap("tail at the limit", region + (REGION_PAGES - 1) * page, page, MUST_SUCCEED);
	try_munmap("nothing at the limit", region, page, MUST_SUCCEED);
	try_munmap("whole and more at the limit", region, REGION_PAGES * page, MUST_SUCCEED);
}

/* Fails with EINVAL from Linux 5.11 on. The last call, for where it succeeds the vDSO is gone. */
static void try_vdso(void)
{
	char *vdso = (char *)getauxval(AT_SYSINFO_EHDR); /* NOLINT(performance-no-int-to-ptr) */

	if (vdso)
		try_munmap("part of the vDSO", vdso, fill.page_bytes, MAY_FAIL);
}

static int run(int fd)
{
	char *region, *sealed;
	size_t next;

	if (fill_init(&fill) || oracle_init(&oracle, fd, fill.page_count + 32))
		return 1;
	region = map_lonely_region();
	sealed = map_lonely_region();
	if (!region || !sealed) {
		fprintf(stderr, "bad_calls: cannot map: %s\n", strerror(errno));
		return 1;
	}
	try_bad_arguments(region);
	try_sealed(sealed);
	fill_map(&fill, 0, 1);
	if (fill_sort(&fill) || fill_to_headroom(&fill, &oracle, 0, &next))
		return 1;
	try_at_limit(region, next);
	try_vdso();
	if (oracle_write_failures(&oracle) || oracle_write_total(oracle.fd, &oracle.totals)) {
		fprintf(stderr, "bad_calls: cannot write the oracle\n");
		return 1;
	}
	fprintf(stderr, "bad_calls: %zu of %zu calls failed; vm.max_map_count=%ld\n", oracle.totals.failed,
		oracle.totals.calls, fill.limit);
	return surprised ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	int option, err, fd;

	while ((option = getopt(argc, argv, "o:")) != -1) {
		if (option != 'o') {
			fprintf(stderr, "usage: bad_calls [-o ORACLE]\n");
			return 2;
		}
		path = optarg;
	}
	if (optind < argc) {
		fprintf(stderr, "usage: bad_calls [-o ORACLE]\n");
		return 2;
	}
	err = oracle_open(path, &fd);
	if (err) {
		fprintf(stderr, "bad_calls: cannot write '%s': %s\n", path, strerror(-err));
		return 1;
	}
	return run(fd);
}
