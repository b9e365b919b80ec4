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
#define FILTER_PAGE_BYTES 4096ULL /* of x86-64, the only architecture so far: see kernel.h */

/* Errno values that the kernel side names; include/uapi/asm-generic/errno-base.h, the same on every architecture. */
enum {
	ERRNO_EPERM = 1,
	ERRNO_EINTR = 4,
	ERRNO_ENOMEM = 12,
	ERRNO_EINVAL = 22,
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

/*
 * The count from which a process is hot: 1/16 of the limit, and at least 1000 mappings, which an ordinary process never
 * has; under a limit so small that this would be too late, half of it.
 */
static inline __u32 filter_hot_at(__u32 limit)
{
	__u32 floor = limit < 2000 ? limit / 2 : 1000;

	return limit / 16 > floor ? limit / 16 : floor;
}

static inline __u64 filter_page_align(__u64 bytes)
{
	return (bytes + FILTER_PAGE_BYTES - 1) & ~(FILTER_PAGE_BYTES - 1);
}

/* The lowest limit that can have judged a call that ended at now_ns. */
static inline __u32 filter_limit_floor(__u64 changed_ns, __u32 now, __u32 before, __u64 now_ns)
{
	if (changed_ns && now_ns - changed_ns < NSEC_PER_SEC && before < now)
		return before;
	return now;
}

/*
 * The cause of a failed munmap(), from KERNEL.md 1.2, the complete list of munmap's errors. The limit is tested once,
 * before the first split, and only when the range lies strictly inside one VMA. So after a failure:
 *  - strictly inside and count >= limit: it was that test (a first split that succeeded would have ended the "strictly");
 *  - ENOMEM from __split_vma(), which never tests the limit: an allocation failed;
 *  - ENOMEM under the lock and the test cannot have applied: an allocation failed, nothing else is left.
 * After the lock was dropped the last one proves nothing: another thread may have changed the VMA.
 */
static inline __u16 filter_munmap_verdict(const struct event_failure *f)
{
	if (f->errno_code == ERRNO_EINVAL || f->errno_code == ERRNO_EPERM)
		return VERDICT_BAD_REQUEST;
	if (f->errno_code != ERRNO_ENOMEM)
		return VERDICT_UNKNOWN;
	if (f->interior && f->vma_count >= f->vma_limit)
		return VERDICT_MAX_MAP_COUNT;
	if (f->split_errno == ERRNO_ENOMEM)
		return VERDICT_KERNEL_MEMORY;
	if (f->evidence != EVIDENCE_UNDER_LOCK || f->vma.kind == VMA_UNKNOWN)
		return VERDICT_UNKNOWN;
	if (!f->interior || f->vma_count < f->limit_floor)
		return VERDICT_KERNEL_MEMORY;
	return VERDICT_UNKNOWN;
}

/* What a failed call left mapped that it was asked to unmap. A request that could not be meant counts for nothing. */
static inline __u64 filter_bytes_not_released(const struct event_failure *f)
{
	if (f->verdict == VERDICT_BAD_REQUEST)
		return 0;
	return filter_page_align(f->length_bytes);
}

#endif
