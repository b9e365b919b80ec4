// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: at the limit, munmap() by another way into the kernel than that of libc: as a 32-bit program calls it
 * (compat), or with bits above the number in the register (high). Each page is tried that way and then as usual; both
 * calls fail. In the oracle the first is munmap_compat or munmap_high. Exit status 77: this kernel has no such way in.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fill.h"
#include "oracle.h"

enum { SKIPPED = 77, REGION_PAGES = 17 };

/* arch/x86/entry/syscalls/syscall_32.tbl */
enum { NR_GETPID_COMPAT = 20, NR_MUNMAP_COMPAT = 91 };

struct entry {
	const char *name;
	const char *oracle_name;
	int (*probe)(void); /* 0, or SKIPPED, said on stderr */
	long (*munmap)(uintptr_t addr, size_t length); /* 0 or -errno */
};

static struct fill fill;
static struct oracle oracle;

static long call_compat(long number, uintptr_t first, uintptr_t second)
{
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(first), "c"(second) : "memory");
	return (int)result;
}

static void on_fault(int number)
{
	static const char text[] = "entries: this kernel has no 32-bit system calls (CONFIG_IA32_EMULATION)\n";

	(void)number;
	_exit(write(STDERR_FILENO, text, sizeof(text) - 1) < 0 ? 1 : SKIPPED);
}

/* Without them the kernel takes the instruction for a fault. */
static int probe_compat(void)
{
	signal(SIGSEGV, on_fault);
	if (call_compat(NR_GETPID_COMPAT, 0, 0) != getpid()) {
		fprintf(stderr, "entries: this kernel refuses 32-bit system calls\n");
		return SKIPPED;
	}
	signal(SIGSEGV, SIG_DFL);
	return 0;
}

static long munmap_compat(uintptr_t addr, size_t length)
{
	return call_compat(NR_MUNMAP_COMPAT, addr, length);
}

/* The kernel looks at the low half of the number only from 5.13 on (3e5e7f7736b0), before that where it is traced. */
static long call_high(long number, uintptr_t first, size_t second)
{
	return syscall(1L << 32 | number, first, second) < 0 ? -errno : 0;
}

static int probe_high(void)
{
	if (call_high(SYS_getpid, 0, 0) == 0)
		return 0;
	fprintf(stderr, "entries: this kernel looks at all bits of a system call's number\n");
	return SKIPPED;
}

static long munmap_high(uintptr_t addr, size_t length)
{
	return call_high(SYS_munmap, addr, length);
}

static const struct entry entries[] = {
	{"compat", "munmap_compat", probe_compat, munmap_compat},
	{"high", "munmap_high", probe_high, munmap_high},
};

static void note(const char *syscall_name, char *page, int error)
{
	oracle_add_calls(&oracle, 1);
	if (error)
		oracle_add_failure(&oracle, syscall_name, page, fill.page_bytes, error);
}

static void try_both_ways(const struct entry *entry, char *region)
{
	for (size_t i = 1; i + 1 < REGION_PAGES; i += 2) {
		char *page = region + i * fill.page_bytes;

		note(entry->oracle_name, page, (int)-entry->munmap((uintptr_t)page, fill.page_bytes));
		note("munmap", page, munmap(page, fill.page_bytes) ? errno : 0);
	}
}

static int run(const struct entry *entry, int fd)
{
	char *region;
	size_t next;
	int result = entry->probe();

	if (result)
		return result;
	if (fill_init(&fill) || oracle_init(&oracle, fd, fill.page_count))
		return 1;
	/* Below 2 GiB, where a 32-bit call can name it. */
	region = mmap(NULL, REGION_PAGES * fill.page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (region == MAP_FAILED) {
		fprintf(stderr, "entries: cannot map below 2 GiB: %s\n", strerror(errno));
		return 1;
	}
	fill_map(&fill, 0, 1);
	if (fill_sort(&fill) || fill_to_headroom(&fill, &oracle, 0, &next))
		return 1;
	oracle.totals.calls = 0; /* those that filled the process are none of the tried */
	try_both_ways(entry, region);
	if (oracle_write_failures(&oracle) || oracle_write_total(fd, &oracle.totals)) {
		fprintf(stderr, "entries: cannot write the oracle\n");
		return 1;
	}
	fprintf(stderr, "entries: %zu of %zu calls failed\n", oracle.totals.failed, oracle.totals.calls);
	return oracle.totals.failed == oracle.totals.calls ? 0 : 1;
}

static const struct entry *find_entry(const char *name)
{
	for (size_t i = 0; name && i < sizeof(entries) / sizeof(entries[0]); i++)
		if (strcmp(entries[i].name, name) == 0)
			return &entries[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct entry *entry;
	const char *path = NULL;
	int option, err, fd;

	while ((option = getopt(argc, argv, "o:")) == 'o')
		path = optarg;
	entry = option < 0 ? find_entry(argv[optind]) : NULL;
	if (!entry || optind + 1 < argc) {
		fprintf(stderr, "usage: entries [-o ORACLE] compat|high\n");
		return 2;
	}
	err = oracle_open(path, &fd);
	if (err) {
		fprintf(stderr, "entries: cannot write '%s': %s\n", path, strerror(-err));
		return 1;
	}
	return run(entry, fd);
}
