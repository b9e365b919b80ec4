/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ranges.h: what covers an address, of ranges that may overlap and nest: symbols, compilation units, generated code.
 * Knows nothing of what they stand for.
 */
#ifndef VMASNOOP_RANGES_H
#define VMASNOOP_RANGES_H

#include <stddef.h>
#include <stdint.h>

struct range {
	uint64_t start; /* [start, end) */
	uint64_t end;
	uint64_t reach; /* the highest end of this one and all before it, so that a search knows where to stop */
	uint64_t value; /* the caller's */
};

struct ranges {
	struct range *list; /* once sorted by start, then by value */
	size_t count;
	size_t capacity;
};

void ranges_fini(struct ranges *ranges);

/* 0 or -ENOMEM. */
int ranges_add(struct ranges *ranges, uint64_t start, uint64_t end, uint64_t value);

/* After ranges_add() and before a search. */
void ranges_sort(struct ranges *ranges);

/* The last one that starts at addr or below it, or NULL. */
const struct range *ranges_below(const struct ranges *ranges, uint64_t addr);

/* The next one that covers addr, from the one that starts last down to the first: `last` is the answer before, or NULL. */
const struct range *ranges_covering(const struct ranges *ranges, uint64_t addr, const struct range *last);

#endif
