/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Brings a process to vm.max_map_count: maps single anonymous pages, which the kernel merges into
 * few VMAs, and unmaps every second one, which costs one more VMA each.
 */
#ifndef WORKLOADS_FILL_H
#define WORKLOADS_FILL_H

#include <stdatomic.h>
#include <stddef.h>

#include "named_frame.h"
#include "oracle.h"

struct fill {
	long limit;
	size_t page_bytes;
	size_t page_count;
	char **pages; /* in address order after fill_sort() */
	atomic_int map_error;
};

/* The value of vm.max_map_count, or -errno. */
long fill_read_limit(void);

/* VMAs of this process as the kernel counts them, or -errno. */
long fill_count_mappings(void);

/* Reads the limit and makes room for twice as many pages. Says on stderr why it cannot. */
int fill_init(struct fill *fill);

/* Maps the pages first, first + step, ...; a failure is left in map_error as -errno. */
void fill_map(struct fill *fill, size_t first, size_t step);

/* Puts the pages in address order; says on stderr when mapping them had failed. */
int fill_sort(struct fill *fill);

/*
 * Unmaps, of every second page in address order, the ones numbered first, first + step, ... until
 * `most` calls are made or no page is left. Only pages between two adjacent ones are taken, and
 * those two stay: the page is always strictly inside its VMA. Returns the number of the next page.
 */
size_t unmap_every_second(struct fill *fill, struct oracle *oracle, size_t first, size_t step, size_t most);

/* Unmaps every second page until headroom mappings are left. 0 or -errno, said on stderr. */
int fill_to_headroom(struct fill *fill, struct oracle *oracle, long headroom, size_t *ret_next);

/* In-place and without allocating, unlike qsort(3), whose free() would move glibc's threshold. */
void sort_addresses(char **addresses, size_t count);

#endif
