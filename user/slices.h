/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * slices.h: the memory of stacks whose failure has not come yet: in the rings slices may be far ahead of it. Unwinds
 * nothing and knows no place: see stack_cache.h.
 */
#ifndef VMASNOOP_SLICES_H
#define VMASNOOP_SLICES_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"

struct slices_counts {
	uint64_t slices; /* that came */
	uint64_t bytes; /* of them */
	uint64_t dropped; /* of them: gave way to later ones before their failure came */
};

struct slices;

/* Beyond `bytes_max`, all that they take included, the oldest are dropped. 0 or -ENOMEM. */
int slices_new(size_t bytes_max, struct slices **ret);
void slices_free(struct slices *slices);

/* Keeps a copy. 0 or -ENOMEM. */
int slices_add(struct slices *slices, const struct event_slice *record);

/* The slice of a failure, or NULL: a look at it, and taken out, when the caller frees it. */
const struct event_slice *slices_find(const struct slices *slices, const struct event_failure *failure);
struct event_slice *slices_take(struct slices *slices, const struct event_failure *failure);

void slices_read_counts(const struct slices *slices, struct slices_counts *ret);

#endif
