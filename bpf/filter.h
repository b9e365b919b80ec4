/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter.h: the pure decisions of the kernel side: is this failure wanted, and what does it prove. No helper is called
 * and no kernel memory read here; the unit tests compile it natively.
 */
#ifndef VMASNOOP_FILTER_H
#define VMASNOOP_FILTER_H

#include "config.h"
#include "event.h"
#include "verdict.h"

#define NSEC_PER_SEC 1000000000ULL
/* From the moment that a write of the limit is seen to the moment that the kernel has stored it, with room to spare. */
#define LIMIT_SETTLES_NS  50000000ULL
#define FILTER_PAGE_BYTES 4096ULL /* of x86-64, the only architecture so far: see kernel.h */

/* Errno values that the kernel side names; include/uapi/asm-generic/errno-base.h, the same on every architecture. */
enum {
	ERRNO_EPERM = 1,
	ERRNO_EINTR = 4,
	ERRNO_EIO = 5,
	ERRNO_EAGAIN = 11,
	ERRNO_ENOMEM = 12,
	ERRNO_EBUSY = 16,
	ERRNO_EINVAL = 22,
	ERRNO_ENFILE = 23,
	ERRNO_ENOSPC = 28,
};

static inline _Bool filter_errno(const volatile struct config *config, __u32 errno_code)
{
	/* The mask, and not a comparison, is what every verifier from 5.10 on accepts as a bound. */
	return config->errno_wanted[errno_code / 64 & (CONFIG_ERRNO_WORDS - 1)] >> (errno_code % 64) & 1;
}

static inline _Bool filter_comm(const volatile char *want, const char *have)
{
	for (int i = 0; i < CONFIG_COMM_BYTES; i++) {
		if (want[i] != have[i])
			return 0;
		if (!want[i])
			return 1;
	}
	return 1;
}

/* A threshold that was told is armed anew below this: 5 points lower, of small ones half of them. */
static inline __u32 filter_rearm_percent(__u32 percent)
{
	return percent > 10 ? percent - 5 : percent / 2;
}

/*
 * The count from which a process is hot in any case: 1/16 of the limit, and at least 1000 mappings, which an ordinary process
 * never has; under a limit so small that this would be too late, half of it.
 */
static inline __u32 filter_hot_at_most(__u32 limit)
{
	__u32 floor = limit < 2000 ? limit / 2 : 1000;

	return limit / 16 > floor ? limit / 16 : floor;
}

/* The count from which it is hot: early enough to be seen below the lowest threshold of --warn, too. */
static inline __u32 filter_hot_at(const volatile struct config *config, __u32 limit)
{
	__u32 hot_at = filter_hot_at_most(limit);
	__u64 rearm_at = ((__u64)limit * filter_rearm_percent(config->warn_percent[0]) + 99) / 100;

	return config->warn_count && rearm_at && rearm_at - 1 < hot_at ? rearm_at - 1 : hot_at;
}

/* 1 when count is at least so many percent of the limit, else 0: the sign of the difference, without a branch. */
static inline __u32 filter_is_reached(__u32 count, __u32 limit, __u32 percent)
{
	return ~((__u64)count * 100 - (__u64)limit * percent) >> 63;
}

/*
 * What there is to tell of a process with `count` mappings: the highest threshold that it has reached, if that or a lower one
 * is not in *told yet, else 0. Updates *told, a bit for each threshold, the lowest first: those that were reached, and of
 * those that had been the ones above the point where they are armed anew.
 */
static inline __u32 filter_warning(const volatile struct config *config, __u32 count, __u32 limit, __u32 *told)
{
	__u32 reached = 0, kept = 0, fresh, highest = 0;

	for (int i = 0; i < CONFIG_WARN_MAX; i++) {
		__u32 percent = config->warn_percent[i], used = i < config->warn_count;
		__u32 is_reached = filter_is_reached(count, limit, percent) & used;

		reached |= is_reached << i;
		highest += is_reached;
		kept |= filter_is_reached(count, limit, filter_rearm_percent(percent)) << i;
	}
	kept &= *told;
	fresh = reached & ~kept;
	*told = kept | reached;
	return fresh ? config->warn_percent[(highest - 1) & (CONFIG_WARN_MAX - 1)] : 0;
}

static inline __u64 filter_page_align(__u64 bytes)
{
	return (bytes + FILTER_PAGE_BYTES - 1) & ~(FILTER_PAGE_BYTES - 1);
}

/* The lowest limit that can have judged a call that ended at now_ns. */
static inline __u32 filter_limit_floor(__u64 changed_ns, __u32 now, __u32 before, __u64 now_ns)
{
	/* Signed: another CPU may have changed it after now_ns was read. */
	if (changed_ns && (__s64)(now_ns - changed_ns) < (__s64)LIMIT_SETTLES_NS && before < now)
		return before;
	return now;
}

/* The highest, likewise. */
static inline __u32 filter_limit_ceiling(__u64 changed_ns, __u32 now, __u32 before, __u64 now_ns)
{
	if (changed_ns && (__s64)(now_ns - changed_ns) < (__s64)LIMIT_SETTLES_NS && before > now)
		return before;
	return now;
}

/*
 * The cause of a failed munmap(), from docs/KERNELS.md 2, the complete list of munmap's errors. The limit is tested once,
 * before the first split, and only when the range lies strictly inside one VMA. So after a failure:
 *  - ENOMEM from __split_vma(), which never tests the limit and comes after the test: an allocation failed;
 *  - strictly inside and count >= limit: it was that test (a first split that succeeded would have ended the "strictly").
 *    When the limit was written a moment ago, count must reach the old and the new one;
 *  - ENOMEM under the lock and the test cannot have applied: an allocation failed, nothing else is left.
 * After the lock was dropped the last one proves nothing: another thread may have changed the VMA.
 */
static inline __u16 filter_munmap_verdict(const struct event_failure *f)
{
	if (f->errno_code == ERRNO_EINVAL || f->errno_code == ERRNO_EPERM)
		return VERDICT_BAD_REQUEST;
	if (f->errno_code != ERRNO_ENOMEM)
		return VERDICT_UNKNOWN;
	if (f->split_errno == ERRNO_ENOMEM)
		return VERDICT_KERNEL_MEMORY;
	if (f->interior && f->vma_count >= f->limit_ceiling)
		return VERDICT_MAX_MAP_COUNT;
	if (f->evidence != EVIDENCE_UNDER_LOCK || f->vma.kind == VMA_UNKNOWN)
		return VERDICT_UNKNOWN;
	if (!f->interior || f->vma_count < f->limit_floor)
		return VERDICT_KERNEL_MEMORY;
	return VERDICT_UNKNOWN;
}

/*
 * A munmap() that failed for want of kernel memory, or of which nothing but that can be said: it is not at the limit, and
 * the limit is all that else fails with ENOMEM.
 */
static inline _Bool filter_is_allocation(const struct event_failure *f, __u32 verdict)
{
	if (verdict == VERDICT_KERNEL_MEMORY)
		return 1;
	return verdict == VERDICT_UNKNOWN && f->errno_code == ERRNO_ENOMEM && f->vma_count < f->limit_floor;
}

/* The VMAs at the two ends of a range of which something is still mapped, as far as they decide what can refuse it. */
struct filter_ends {
	__u64 task_bytes; /* mm_struct.task_size: the end of the address space */
	_Bool complete; /* the two are all VMAs of the range: one and the same, or neighbours without a gap */
	_Bool same; /* one and the same */
	_Bool maybe_sealed; /* has flags beyond the classic ones: one of them may mean mseal()ed */
	_Bool special; /* a special mapping (vDSO, uprobes), one of them at least; those never split */
	_Bool may_refuse; /* has an operation that may refuse a split, one of them at least */
};

static inline _Bool filter_range_is_valid(__u64 addr, __u64 length_bytes, __u64 task_bytes)
{
	__u64 length = filter_page_align(length_bytes);

	return addr % FILTER_PAGE_BYTES == 0 && length && addr <= task_bytes && length_bytes <= task_bytes - addr;
}

/*
 * The errno of a munmap() that left something of its range mapped, by elimination, or 0 where more than one is left; for
 * hooks under the lock that have no return value. The verdict is what it would be if it were ENOMEM. In the order of the kernel's own
 * tests (do_vmi_munmap(), vms_gather_munmap_vmas(), __split_vma()): the arguments (EINVAL), the limit (ENOMEM), seals
 * (EPERM), what may refuse to be split (EINVAL), and at last allocations (ENOMEM).
 */
static inline __u32 filter_errno_of_unreleased(__u64 addr, __u64 length_bytes, __u32 verdict,
					       const struct filter_ends *ends)
{
	if (!filter_range_is_valid(addr, length_bytes, ends->task_bytes))
		return ERRNO_EINVAL;
	if (verdict == VERDICT_MAX_MAP_COUNT)
		return ERRNO_ENOMEM;
	if (!ends->complete)
		return 0;
	if (ends->maybe_sealed)
		return 0;
	if (ends->special)
		return ends->same ? ERRNO_EINVAL : 0;
	return ends->may_refuse ? 0 : ERRNO_ENOMEM;
}

/* What a failed call left mapped that it was asked to unmap. A request that could not be meant counts for nothing. */
static inline __u64 filter_bytes_not_released(const struct event_failure *f)
{
	if (f->syscall != SYSCALL_MUNMAP || f->verdict == VERDICT_BAD_REQUEST)
		return 0;
	return filter_page_align(f->length_bytes);
}

#endif
