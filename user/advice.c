// SPDX-License-Identifier: GPL-2.0-or-later
/* advice.c: see advice.h. Where a setting's meaning comes from stands beside it. */
#include "advice.h"

#include <limits.h>
#include <stdio.h>

#include "format.h"

#define HOUR_SECONDS 3600
#define MIB	     (1024ULL * 1024)

/* malloc/malloc.c of glibc on 64-bit: mmap_threshold is at most half of HEAP_MAX_SIZE, which is 64 MiB. */
#define GLIBC_HEAP_BYTES      (64 * MIB)
#define GLIBC_THRESHOLD_BYTES (32 * MIB)

static const char *const names[ADVICE_COUNT] = {
#define X(NAME, name) [ADVICE_##NAME] = #name,
	ADVICE_CODES(X)
#undef X
};

const char *advice_code_name(enum advice_code code)
{
	return names[code];
}

/* ---- the limit ---- */

static uint64_t power_of_two_from(uint64_t least)
{
	uint64_t value = 1;

	while (value < least)
		value *= 2;
	return value;
}

/* The most that is known to have been used. */
static uint64_t peak_of(const struct advice_facts *facts)
{
	return facts->peak > facts->vma_count ? facts->peak : facts->vma_count;
}

static bool grows(const struct advice_facts *facts)
{
	return facts->growth_known && facts->per_second > 0;
}

uint64_t advice_limit(const struct advice_facts *facts)
{
	uint64_t peak = peak_of(facts), least = 2 * (peak > facts->vma_limit ? peak : facts->vma_limit);
	double in_an_hour = grows(facts) ? (double)peak + facts->per_second * HOUR_SECONDS : 0;

	if (in_an_hour > ADVICE_LIMIT_SHIPPED)
		in_an_hour = ADVICE_LIMIT_SHIPPED;
	if (in_an_hour > (double)least)
		least = (uint64_t)in_an_hour;
	least = power_of_two_from(least);
	if (least > INT_MAX)
		least = INT_MAX;
	return least > facts->vma_limit ? least : 0;
}

static uint64_t bytes_of(const struct advice_facts *facts, uint64_t mappings)
{
	const struct kernel_sizes *sizes = &facts->machine->sizes;
	bool has_file = facts->vma && (facts->vma->kind == VMA_FILE || facts->vma->kind == VMA_SPECIAL);

	if (!sizes->mapping)
		return 0;
	return mappings * (sizes->mapping + (has_file ? 0 : sizes->anonymous));
}

/* "12 min", of what is less than an hour. */
static void format_seconds(double seconds, char *text, size_t size)
{
	if (seconds < 100)
		snprintf(text, size, "%.3g s", seconds);
	else
		snprintf(text, size, "%.0f min", seconds / 60);
}

static bool raise_limit(const struct advice_facts *facts, struct advice *ret)
{
	char cost[96] = "", lasts[96] = "", time[32];
	uint64_t value = advice_limit(facts), peak = peak_of(facts);
	struct format_buffer size;
	double seconds;

	if (!value)
		return false;
	ret->setting = "vm.max_map_count";
	ret->value = value;
	ret->bytes = bytes_of(facts, value);
	if (ret->bytes)
		snprintf(cost, sizeof(cost), "; up to %s of kernel memory for a process that uses all",
			 format_bytes(ret->bytes, &size));
	seconds = grows(facts) ? (double)(value - (peak < value ? peak : value)) / facts->per_second : HOUR_SECONDS;
	if (seconds < HOUR_SECONDS) {
		format_seconds(seconds, time, sizeof(time));
		snprintf(lasts, sizeof(lasts), "; at +%.0f/s that lasts %s", facts->per_second, time);
	}
	snprintf(ret->text, sizeof(ret->text), "sysctl vm.max_map_count=%llu (peak %llu, limit %u%s%s)",
		 (unsigned long long)value, (unsigned long long)peak, facts->vma_limit, cost, lasts);
	return true;
}

/*
 * Files are read in the order of their names, and the last one counts (sysctl.d(5)): behind 99-sysctl.conf, which is Debian's name
 * for /etc/sysctl.conf.
 */
static bool persist(const struct advice_facts *facts, struct advice *ret)
{
	uint64_t value = advice_limit(facts);

	if (!value)
		return false;
	ret->setting = "vm.max_map_count";
	ret->value = value;
	snprintf(ret->text, sizeof(ret->text),
		 "for good: echo vm.max_map_count=%llu >/etc/sysctl.d/zz-max-map-count.conf",
		 (unsigned long long)value);
	return true;
}

static bool set_on_host(const struct advice_facts *facts, struct advice *ret)
{
	if (!facts->is_contained || !advice_limit(facts))
		return false;
	ret->setting = "vm.max_map_count";
	snprintf(ret->text, sizeof(ret->text),
		 "set it on the node: it is of the whole kernel (not namespaced), and the process is in a container");
	return true;
}

/* ---- the allocator ---- */

/*
 * What it was doing, where the names of its own functions do not say: munmap() and mremap() are of a block that has a mapping of
 * its own, but for a heap's size and alignment; mmap() is of a block or of a new heap, which is twice its size at first;
 * mprotect() makes a heap larger (malloc/malloc.c, malloc/arena.c).
 */
static enum allocator_part part_of_glibc(const struct advice_facts *facts, enum allocator_part part)
{
	const uint64_t length = facts->length_bytes;

	if (part != PART_OTHER)
		return part;
	switch (facts->syscall) {
	case SYSCALL_MPROTECT:
		return PART_GLIBC_ARENA;
	case SYSCALL_MMAP:
		return length == GLIBC_HEAP_BYTES || length == 2 * GLIBC_HEAP_BYTES ? PART_GLIBC_ARENA
										    : PART_GLIBC_BLOCK;
	case SYSCALL_MUNMAP:
		return length == GLIBC_HEAP_BYTES && facts->addr % GLIBC_HEAP_BYTES == 0 ? PART_GLIBC_ARENA
											 : PART_GLIBC_BLOCK;
	case SYSCALL_MREMAP:
		return PART_GLIBC_BLOCK;
	default:
		return PART_OTHER;
	}
}

/*
 * mallopt(3) and the manual's "Memory Allocation Tunables" (glibc 2.26 and later). free() unmaps a block that has a mapping of
 * its own; one below the threshold is part of the heap, which shrinks at its end and is never split.
 */
static void say_glibc_block(uint64_t length_bytes, struct advice *ret)
{
	if (length_bytes >= GLIBC_THRESHOLD_BYTES) {
		ret->setting = "glibc.malloc.mmap_max";
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: glibc, a block above 32 MiB has a mapping of its own unless "
			 "GLIBC_TUNABLES=glibc.malloc.mmap_max=0 (M_MMAP_MAX)");
		return;
	}
	ret->setting = "glibc.malloc.mmap_threshold";
	/* One more than this page-rounded length, so that a block of this size is below it. */
	ret->value = power_of_two_from(length_bytes + 1);
	snprintf(ret->text, sizeof(ret->text),
		 "allocator: glibc, a block with a mapping of its own; from the heap, which needs none: "
		 "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=%llu (M_MMAP_THRESHOLD)",
		 (unsigned long long)ret->value);
}

static void say_glibc(const struct advice_facts *facts, enum allocator_part part, struct advice *ret)
{
	switch (part_of_glibc(facts, part)) {
	case PART_GLIBC_ARENA:
		ret->setting = "glibc.malloc.arena_max";
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: glibc, a heap of a thread's arena; fewer arenas, fewer heaps: "
			 "GLIBC_TUNABLES=glibc.malloc.arena_max=N (M_ARENA_MAX)");
		return;
	case PART_GLIBC_BLOCK:
		say_glibc_block(facts->length_bytes, ret);
		return;
	default:
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: glibc, whose heap is one mapping; what uses the others is not to be seen here");
	}
}

/*
 * jemalloc(3) of 5.3, "opt.retain": what it does not unmap; the variable has the prefix that the library was built with
 * (src/jemalloc.c).
 */
static void say_jemalloc(uint32_t syscall, struct advice *ret)
{
	if (syscall != SYSCALL_MUNMAP) {
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: jemalloc, by a call that none of its settings is known to avoid");
		return;
	}
	ret->setting = "opt.retain";
	snprintf(ret->text, sizeof(ret->text),
		 "allocator: jemalloc; opt.retain (MALLOC_CONF=retain:true, with a prefix JE_MALLOC_CONF or the like) "
		 "keeps address space instead of unmapping it");
}

/* microsoft.github.io/mimalloc/environment.html, of 2.2 and 3.2; -1 disables purging. */
static void say_mimalloc(enum allocator_part part, struct advice *ret)
{
	if (part == PART_MIMALLOC_PURGE) {
		ret->setting = "MIMALLOC_PURGE_DELAY";
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: mimalloc; MIMALLOC_PURGE_DELAY=-1 keeps unused pages instead of purging them");
	} else {
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: mimalloc, memory that it has from the system block by block");
	}
}

/* What it releases it gives back by madvise(), which splits nothing: no setting of it saves a mapping. */
static void say_tcmalloc(enum allocator_part part, struct advice *ret)
{
	snprintf(ret->text, sizeof(ret->text),
		 "allocator: tcmalloc%s, whose memory from the system is one mapping for many "
		 "blocks; look for what else the program maps",
		 part == PART_TCMALLOC_GPERFTOOLS ? " (gperftools)" : "");
}

/* The documentation of package runtime (GODEBUG), and runtime/malloc.go (heapArenaBytes), 1.11 and later. */
static void say_go(enum allocator_part part, uint32_t syscall, struct advice *ret)
{
	/* A hard decommit is an mmap(PROT_NONE) over what is not used: sysUnusedOS(), mem_linux.go. */
	if (part == PART_GO_DECOMMIT && syscall == SYSCALL_MMAP) {
		ret->setting = "GODEBUG=harddecommit";
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: the Go runtime; GODEBUG=harddecommit=1 makes mappings of what the heap does not "
			 "use");
	} else {
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: the Go runtime; its heap comes in arenas of 64 MiB, so look for what else the "
			 "program "
			 "maps");
	}
}

/*
 * ZGC maps each granule of 2 MiB up to three times, and warns at start below 3.6 times their number of mappings
 * (warn_max_map_count() in zPhysicalMemoryBacking_linux.cpp). -XX:-ZUncommit: wiki.openjdk.org/display/zgc. Elsewhere
 * uncommitting is os::pd_uncommit_memory(), and the heap does not become smaller than -Xms.
 */
static void say_jvm(enum allocator_part part, struct advice *ret)
{
	if (part == PART_JVM_ZGC) {
		ret->setting = "-XX:-ZUncommit";
		snprintf(
			ret->text, sizeof(ret->text),
			"allocator: the JVM's ZGC; it wants a limit of 3.6 mappings for each 2 MiB of heap (-Xmx), and "
			"-XX:-ZUncommit keeps what it has");
	} else if (part == PART_JVM_UNCOMMIT) {
		ret->setting = "-Xms";
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: the JVM, giving a part of its heap back; with -Xms equal to -Xmx it keeps it");
	} else {
		snprintf(ret->text, sizeof(ret->text),
			 "allocator: the JVM; what it says of too little memory (RAM, swap, -Xmx) is not the cause");
	}
}

static bool name_allocator(const struct advice_facts *facts, const struct allocator_finding *found, struct advice *ret)
{
	ret->allocator = found->allocator;
	switch (found->allocator) {
	case ALLOCATOR_GLIBC:
		say_glibc(facts, found->part, ret);
		return true;
	case ALLOCATOR_JEMALLOC:
		say_jemalloc(facts->syscall, ret);
		return true;
	case ALLOCATOR_MIMALLOC:
		say_mimalloc(found->part, ret);
		return true;
	case ALLOCATOR_TCMALLOC:
		say_tcmalloc(found->part, ret);
		return true;
	case ALLOCATOR_GO:
		say_go(found->part, facts->syscall, ret);
		return true;
	case ALLOCATOR_JVM:
		say_jvm(found->part, ret);
		return true;
	case ALLOCATOR_NONE:
	case ALLOCATOR_COUNT:
		break;
	}
	return false;
}

/*
 * jemalloc src/pages.c: where the system does not overcommit, pages_decommit() maps PROT_NONE over what is not used, which splits
 * the mapping, instead of madvise(); github.com/jemalloc/jemalloc/issues/1328 and 1256.
 */
static bool name_overcommit(const struct advice_facts *facts, const struct allocator_finding *found, struct advice *ret)
{
	if (facts->machine->overcommit != OVERCOMMIT_NEVER || found->allocator != ALLOCATOR_JEMALLOC)
		return false;
	ret->allocator = found->allocator;
	ret->setting = "vm.overcommit_memory";
	snprintf(ret->text, sizeof(ret->text),
		 "vm.overcommit_memory is 2: jemalloc then takes a mapping of its own for each piece that it does not "
		 "use; "
		 "with 0 or 1, and after a restart, it does not");
	return true;
}

/* ---- the program itself ---- */

/*
 * The kernel merges what was mapped apart. A mapping of other permissions between two keeps them apart, and unmapping a whole
 * one needs no other. MADV_DONTNEED never splits. MADV_GUARD_INSTALL makes guards without a mapping, so it keeps nothing apart.
 */
static bool name_guards(const struct advice_facts *facts, const struct allocator_finding *found, struct advice *ret)
{
	if (facts->syscall != SYSCALL_MUNMAP || !facts->interior || !found->is_programs_own)
		return false;
	if (!facts->vma || facts->vma->kind != VMA_ANONYMOUS)
		return false;
	snprintf(ret->text, sizeof(ret->text),
		 "program: a PROT_NONE page between blocks keeps them from merging, and whole ones always unmap; or "
		 "keep "
		 "the range and madvise(MADV_DONTNEED)%s",
		 facts->machine->has_guard_regions ? "; other guards cost no mapping with MADV_GUARD_INSTALL" : "");
	return true;
}

static void take(bool applies, enum advice_code code, struct advice *ret, size_t *count)
{
	ret[*count].code = code;
	*count += applies;
}

size_t advice_give(const struct advice_facts *facts, struct advice ret[ADVICE_COUNT])
{
	struct allocator_finding found;
	size_t count = 0;

	if (facts->verdict != VERDICT_MAX_MAP_COUNT)
		return 0;
	for (int i = 0; i < ADVICE_COUNT; i++)
		ret[i] = (struct advice){};
	allocator_find(facts->frames, facts->frame_count, &found);
	take(raise_limit(facts, &ret[count]), ADVICE_RAISE_LIMIT, ret, &count);
	take(persist(facts, &ret[count]), ADVICE_PERSIST, ret, &count);
	take(set_on_host(facts, &ret[count]), ADVICE_SET_ON_HOST, ret, &count);
	take(name_allocator(facts, &found, &ret[count]), ADVICE_ALLOCATOR, ret, &count);
	take(name_overcommit(facts, &found, &ret[count]), ADVICE_OVERCOMMIT, ret, &count);
	take(name_guards(facts, &found, &ret[count]), ADVICE_GUARD_MAPPINGS, ret, &count);
	return count;
}
