/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict.h: the causes that a failure can be proven to have. Included by both sides; the names in the log are the
 * lower-case ones, and they are a contract (docs/events.schema.json). Appended to, never reordered.
 */
#ifndef VMASNOOP_VERDICT_H
#define VMASNOOP_VERDICT_H

#define VERDICTS(X)                           \
	X(UNKNOWN, unknown)                   \
	X(MAX_MAP_COUNT, max_map_count)       \
	X(KERNEL_MEMORY, kernel_memory)       \
	X(BAD_REQUEST, bad_request)           \
	X(MEMCG_LIMIT, memcg_limit)           \
	X(RLIMIT_AS, rlimit_as)               \
	X(RLIMIT_DATA, rlimit_data)           \
	X(RLIMIT_MEMLOCK, rlimit_memlock)     \
	X(OVERCOMMIT, overcommit)             \
	X(NO_ADDRESS_SPACE, no_address_space) \
	X(HUGETLB_POOL, hugetlb_pool)         \
	X(UNMAPPED_RANGE, unmapped_range)

enum verdict {
#define X(NAME, name) VERDICT_##NAME,
	VERDICTS(X)
#undef X
		VERDICT_COUNT
};

#endif
