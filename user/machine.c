// SPDX-License-Identifier: GPL-2.0-or-later
/* machine.c: see machine.h. Never by the kernel's version: by trying. */
#include "machine.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"

/* include/uapi/asm-generic/mman-common.h since 6.13 (662df3e5c376); not in the headers of older C libraries. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static int read_overcommit(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");
	int mode;

	if (!file || fscanf(file, "%d", &mode) != 1)
		return OVERCOMMIT_UNKNOWN;
	return mode;
}

static bool try_guard_region(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool works;

	if (page == MAP_FAILED)
		return false;
	works = !madvise(page, size, MADV_GUARD_INSTALL);
	munmap(page, size);
	return works;
}

void machine_unknown(struct machine *ret)
{
	*ret = (struct machine){.overcommit = OVERCOMMIT_UNKNOWN};
}

void machine_read(struct machine *ret)
{
	kernel_sizes_read(&ret->sizes);
	ret->has_guard_regions = try_guard_region();
	machine_renew(ret);
}

void machine_renew(struct machine *machine)
{
	machine->overcommit = read_overcommit();
}
