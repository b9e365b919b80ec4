/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * extents.h: a set of addresses as ranges that neither overlap nor touch; many of them, that come and go. What they stand
 * for is not known here.
 */
#ifndef VMASNOOP_EXTENTS_H
#define VMASNOOP_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extents_chunk;

/* All zeros is the empty set. */
struct extents {
	struct extents_chunk **chunks;
	size_t chunk_count;
	size_t capacity; /* of chunks */
	size_t count; /* of ranges */
	uint64_t bytes;
};

void extents_fini(struct extents *extents);

/* The set is [start, end) more; *added: how many bytes of that are new. 0 or -ENOMEM, and then the set is as it was. */
int extents_add(struct extents *extents, uint64_t start, uint64_t end, uint64_t *added);

/* [start, end) less; *removed likewise. */
int extents_remove(struct extents *extents, uint64_t start, uint64_t end, uint64_t *removed);

/* Whether all of [start, end) is in the set; an empty range is not. */
bool extents_cover(const struct extents *extents, uint64_t start, uint64_t end);

/* The range of that number in order of address; false: there are not so many. For tests and small sets. */
bool extents_get(const struct extents *extents, size_t number, uint64_t *start, uint64_t *end);

#endif
