// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: unmaps every second of 2 x vm.max_map_count pages, each mapped by its own mmap(), and
 * writes down every munmap() that failed. The last ones do, with ENOMEM.
 */
#define _GNU_SOURCE 1
#include <stdint.h>
#include <stdio.h>

#include "work.h"

static void map_pages(size_t first, size_t step)
{
	fill_map(&work_fill, first, step);
}

static int sort_pages(void)
{
	return fill_sort(&work_fill);
}

static void unmap_pages(size_t first, size_t step)
{
	unmap_every_second(&work_fill, &work_oracle, first, step, SIZE_MAX);
}

static int report(void)
{
	size_t failed = work_oracle.totals.failed;

	if (work_write_oracle())
		return 1;
	fprintf(stderr, "unmap_pages: %zu of %zu munmap() calls failed, %zu bytes stay mapped; vm.max_map_count=%ld\n",
		failed, work_oracle.totals.calls, work_oracle.totals.bytes, work_fill.limit);
	if (failed == 0)
		fprintf(stderr, "unmap_pages: no munmap() failed, though the limit should have been hit\n");
	return failed ? 0 : 1;
}

static const struct work_step steps[] = {
	{map_pages, sort_pages},
	{unmap_pages, NULL},
};

static const struct work work = {
	.steps = steps,
	.step_count = sizeof(steps) / sizeof(steps[0]),
	.report = report,
};

int main(int argc, char **argv)
{
	return work_main(argc, argv, &work);
}
