/* SPDX-License-Identifier: GPL-2.0-or-later */
/* allocator.h: which allocator a user stack proves to have made the call. Knows no remedies: see advice.h. */
#ifndef VMASNOOP_ALLOCATOR_H
#define VMASNOOP_ALLOCATOR_H

#include <stdbool.h>
#include <stddef.h>

#include "stack.h"

/* X(NAME, name): the names are the log's. */
#define ALLOCATORS(X)         \
	X(GLIBC, glibc)       \
	X(JEMALLOC, jemalloc) \
	X(MIMALLOC, mimalloc) \
	X(TCMALLOC, tcmalloc) \
	X(GO, go)             \
	X(JVM, jvm)

enum allocator {
	ALLOCATOR_NONE, /* none is proven */
#define X(NAME, name) ALLOCATOR_##NAME,
	ALLOCATORS(X)
#undef X
		ALLOCATOR_COUNT
};

/* What of it made the call, where that has a setting of its own. */
enum allocator_part {
	PART_OTHER,
	PART_GLIBC_BLOCK, /* a block that has a mapping of its own */
	PART_GLIBC_ARENA, /* of threads */
	PART_MIMALLOC_PURGE, /* not of a whole block */
	PART_TCMALLOC_GPERFTOOLS, /* and not Google's */
	PART_GO_DECOMMIT,
	PART_JVM_ZGC,
	PART_JVM_UNCOMMIT,
};

struct allocator_finding {
	enum allocator allocator;
	enum allocator_part part;
	bool is_programs_own; /* the caller has a name, which no allocator and no C library has */
};

/* Of a stack's frames, innermost first. */
void allocator_find(const struct frame *frames, size_t count, struct allocator_finding *ret);

/* "glibc"; NULL for ALLOCATOR_NONE. */
const char *allocator_name(enum allocator allocator);

#endif
