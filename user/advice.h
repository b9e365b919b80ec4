/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * advice.h: what to do about a failure, or a process near the limit: from facts, one line each, and only what they prove to
 * apply. Reads nothing: a fact that is not known leads to no advice.
 */
#ifndef VMASNOOP_ADVICE_H
#define VMASNOOP_ADVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"
#include "../bpf/verdict.h"
#include "allocator.h"
#include "machine.h"

/*
 * X(NAME, name): the codes are the log's.
 * raise_limit: the value, and what it may cost; persist: how it outlives a reboot; set_on_host: it is no setting of a
 * container; allocator: which one made the call, and its own setting; overcommit: the allocator makes more mappings because of
 * vm.overcommit_memory=2; guard_mappings: how a program that unmaps parts of its own mappings can do so at the limit.
 */
#define ADVICE_CODES(X)             \
	X(RAISE_LIMIT, raise_limit) \
	X(PERSIST, persist)         \
	X(SET_ON_HOST, set_on_host) \
	X(ALLOCATOR, allocator)     \
	X(OVERCOMMIT, overcommit)   \
	X(GUARD_MAPPINGS, guard_mappings)

enum advice_code {
#define X(NAME, name) ADVICE_##NAME,
	ADVICE_CODES(X)
#undef X
		ADVICE_COUNT
};

struct advice_facts {
	enum verdict verdict; /* VERDICT_MAX_MAP_COUNT for a process that is near the limit */
	uint32_t vma_count;
	uint32_t vma_limit;
	uint32_t peak; /* the most mappings that the process was seen to have; may be below vma_count */
	bool growth_known;
	double per_second; /* mappings */
	bool is_contained; /* in a container, by its cgroup */
	const struct machine *machine;
	uint32_t syscall; /* enum traced_syscall; SYSCALL_NONE: no call has failed */
	bool interior;
	uint64_t addr; /* of the call */
	uint64_t length_bytes;
	const struct event_vma *vma; /* that holds the first byte; NULL: no call */
	const struct frame *frames; /* the user stack's, innermost first */
	size_t frame_count;
};

struct advice {
	enum advice_code code;
	char text[288];
	const char *setting; /* its name; NULL: there is none */
	uint64_t value; /* of the setting, where it is a number; 0: none */
	uint64_t bytes; /* of kernel memory that this may cost; 0: not known, or none */
	enum allocator allocator;
};

/* Fills up to ADVICE_COUNT, one of a code at most, and returns how many there are. */
size_t advice_give(const struct advice_facts *facts, struct advice ret[ADVICE_COUNT]);

/*
 * The vm.max_map_count to set: a power of two that is at least twice the peak and twice the limit in force. Where the growth is
 * known, also enough for an hour of it, but for that alone no more than ADVICE_LIMIT_SHIPPED: what outgrows that in an hour
 * leaks. Not above INT_MAX, the most that the kernel takes; 0: it is set already.
 */
uint64_t advice_limit(const struct advice_facts *facts);

/* What Fedora 39 (Changes/IncreaseVmMaxMapCount), Ubuntu 24.04, Arch and Debian 13 set. */
#define ADVICE_LIMIT_SHIPPED 1048576

const char *advice_code_name(enum advice_code code);

#endif
