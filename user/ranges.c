/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ranges.c: a sorted array with the highest end so far in each entry. Not for ranges that come and go.
 */
#include "ranges.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 64

void ranges_fini(struct ranges *ranges)
{
	free(ranges->list);
	*ranges = (struct ranges){};
}

int ranges_add(struct ranges *ranges, uint64_t start, uint64_t end, uint64_t value)
{
	if (ranges->count == ranges->capacity) {
		size_t capacity = ranges->capacity ? 2 * ranges->capacity : FIRST_CAPACITY;
		struct range *list = reallocarray(ranges->list, capacity, sizeof(*list));

		if (!list)
			return -ENOMEM;
		ranges->list = list;
		ranges->capacity = capacity;
	}
	ranges->list[ranges->count++] = (struct range){.start = start, .end = end, .value = value};
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return (a->value > b->value) - (a->value < b->value);
}

void ranges_sort(struct ranges *ranges)
{
	uint64_t reach = 0;

	if (!ranges->count)
		return;
	qsort(ranges->list, ranges->count, sizeof(*ranges->list), compare);
	for (size_t i = 0; i < ranges->count; i++) {
		if (ranges->list[i].end > reach)
			reach = ranges->list[i].end;
		ranges->list[i].reach = reach;
	}
}

const struct range *ranges_below(const struct ranges *ranges, uint64_t addr)
{
	size_t low = 0, high = ranges->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ranges->list[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &ranges->list[low - 1] : NULL;
}

const struct range *ranges_covering(const struct ranges *ranges, uint64_t addr, const struct range *last)
{
	const struct range *range = last ? last - 1 : ranges_below(ranges, addr);

	for (; range && range >= ranges->list && range->reach > addr; range--)
		if (range->end > addr)
			return range;
	return NULL;
}
