/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census_names.h: how many mappings each name has, a path or an [anon:...] name. How many names are kept is bounded; those
 * of names beyond are one sum.
 */
#ifndef VMASNOOP_CENSUS_NAMES_H
#define VMASNOOP_CENSUS_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "census_mapping.h"

#define CENSUS_NAMES_MAX       65536
#define CENSUS_NAMES_BYTES_MAX (32 * 1024 * 1024)

struct census_name {
	const char *name; /* ends with a NUL */
	size_t length;
	enum census_kind kind;
	uint32_t hash;
	uint64_t count; /* mappings */
	uint64_t bytes;
};

struct census_names {
	struct census_name *list; /* in the order in which they were met; once sorted, by count */
	size_t count;
	size_t capacity;
	uint32_t *slots; /* by hash: 1 + the index in the list, or 0 */
	size_t slot_count; /* a power of two */
	size_t last; /* index of the name that was counted last */
	size_t name_bytes;
	uint64_t beyond_count; /* mappings of names that there was no room for */
	uint64_t beyond_bytes;
};

void census_names_fini(struct census_names *names);

/* 0 or -ENOMEM. */
int census_names_add(struct census_names *names, enum census_kind kind, const struct census_mapping *mapping);

/* By count, the largest first, those of one count by their bytes and names. Nothing can be added after it. */
void census_names_sort(struct census_names *names);

#endif
