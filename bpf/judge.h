/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.h: the cause of a failed call other than munmap(), from the facts in its record: the kernel's own tests in the
 * kernel's own order, so that the first that fails is the cause (docs/KERNELS.md 6). Pure, like filter.h; the unit tests
 * compile it natively. What reads the facts is proof.h.
 */
#ifndef VMASNOOP_JUDGE_H
#define VMASNOOP_JUDGE_H

#include "event.h"
#include "filter.h"
#include "verdict.h"

/* include/uapi/asm-generic/mman-common.h, include/uapi/linux/mman.h; arch/x86/include/uapi/asm/mman.h */
enum {
	JUDGE_PROT_WRITE = 0x2,
	JUDGE_MAP_TYPE = 0xf,
	JUDGE_MAP_PRIVATE = 0x2,
	JUDGE_MAP_FIXED = 0x10,
	JUDGE_MAP_ANONYMOUS = 0x20,
	JUDGE_MAP_32BIT = 0x40,
	JUDGE_MAP_LOCKED = 0x2000,
	JUDGE_MAP_NORESERVE = 0x4000,
	JUDGE_MAP_HUGETLB = 0x40000,
	JUDGE_MREMAP_FIXED = 2,
	JUDGE_MREMAP_DONTUNMAP = 4,
};

/* include/linux/mm.h: the same bits from 5.10 to 7.2. */
enum {
	JUDGE_VM_WRITE = 0x2,
	JUDGE_VM_SHARED = 0x8,
	JUDGE_VM_STACK = 0x100, /* VM_GROWSDOWN */
	JUDGE_VM_LOCKED = 0x2000,
	JUDGE_VM_ACCOUNT = 0x100000,
	JUDGE_VM_NORESERVE = 0x200000,
	JUDGE_VM_HUGETLB = 0x400000,
};

/* Where MAP_32BIT looks: arch/x86/kernel/sys_x86_64.c, find_start_end(). */
#define JUDGE_32BIT_PAGES ((0x80000000ULL - 0x40000000ULL) / FILTER_PAGE_BYTES)
/* vm.overcommit_memory: include/uapi/linux/mman.h */
#define JUDGE_OVERCOMMIT_GUESS 0
#define JUDGE_OVERCOMMIT_NEVER 2

/* In place of a verdict: two tests would have failed, and which came first depends on the kernel. */
#define JUDGE_AMBIGUOUS VERDICT_COUNT

#define JUDGE_HAS(p, flag) (((p)->flags & PROOF_##flag) != 0)

static inline __u64 judge_pages(__u64 bytes)
{
	return filter_page_align(bytes) / FILTER_PAGE_BYTES;
}

/* may_expand_vm(), mm/mmap.c (mm/vma.c since 6.12): first RLIMIT_AS, then RLIMIT_DATA for what is private and writable. */
static inline __u16 judge_expansion(const struct event_proof *p, __u64 pages, __u64 vm_flags)
{
	const __u64 kind = vm_flags & (JUDGE_VM_WRITE | JUDGE_VM_SHARED | JUDGE_VM_STACK);

	if (p->as_bytes_max != ~0ULL && p->total_pages + pages > p->as_bytes_max / FILTER_PAGE_BYTES)
		return VERDICT_RLIMIT_AS;
	if (kind == JUDGE_VM_WRITE && p->data_bytes_max != ~0ULL &&
	    p->data_pages + pages > p->data_bytes_max / FILTER_PAGE_BYTES)
		return VERDICT_RLIMIT_DATA;
	return VERDICT_UNKNOWN;
}

/* __vm_enough_memory(), mm/util.c: in mode 0 only what is larger than all there is (8c7829b04c52, 5.2). */
static inline _Bool judge_overcommits(const struct event_proof *p, __u64 pages)
{
	return p->overcommit == JUDGE_OVERCOMMIT_GUESS && p->memory_pages && pages > p->memory_pages;
}

static inline _Bool judge_locks_too_much(const struct event_proof *p, __u64 pages)
{
	return !JUDGE_HAS(p, IPC_LOCK) && p->memlock_bytes_max != ~0ULL &&
	       p->locked_pages + pages > p->memlock_bytes_max / FILTER_PAGE_BYTES;
}

/* An allocation that was seen to fail, or the one thing that lets such small ones fail. */
static inline __u16 judge_allocation(const struct event_failure *f, const struct event_proof *p)
{
	if (p->memcg_pages_max != ~0ULL)
		return VERDICT_MEMCG_LIMIT;
	return f->split_errno == ERRNO_ENOMEM ? VERDICT_KERNEL_MEMORY : VERDICT_UNKNOWN;
}

/*
 * What is left at last for a call that asked for memory of which account is kept: in mode 2 the sum of all is bounded, and
 * of that the kernel keeps no figure that can be read here. Small allocations fail for an OOM victim only ("too small to
 * fail", mm/page_alloc.c).
 */
static inline __u16 judge_rest(const struct event_proof *p, _Bool accounted, __u16 rest)
{
	if (JUDGE_HAS(p, DYING))
		return VERDICT_UNKNOWN;
	return accounted && p->overcommit == JUDGE_OVERCOMMIT_NEVER ? VERDICT_OVERCOMMIT : rest;
}

/* The limit's test of calls that add a mapping. On a write of a moment ago both values must agree. */
static inline _Bool judge_is_beyond(const struct event_failure *f)
{
	return f->vma_count > f->limit_ceiling;
}

/* That of calls that split one. */
static inline _Bool judge_is_reached(const struct event_failure *f)
{
	return f->vma_count >= f->limit_ceiling;
}

/* Its value was written a moment ago, and by one of the two the count was too high: it cannot be excluded. */
static inline _Bool judge_is_unsettled(const struct event_failure *f)
{
	return f->limit_floor != f->limit_ceiling && f->vma_count >= f->limit_floor;
}

static inline _Bool judge_is_mmap_accounted(const struct event_proof *p)
{
	const __u64 flags = p->args[3];

	if ((flags & JUDGE_MAP_HUGETLB) ||
	    ((flags & JUDGE_MAP_NORESERVE) && p->overcommit != JUDGE_OVERCOMMIT_NEVER))
		return 0;
	/* Shared anonymous memory is a file of shmem, which accounts for all of it. */
	if ((flags & JUDGE_MAP_TYPE) != JUDGE_MAP_PRIVATE)
		return (flags & JUDGE_MAP_ANONYMOUS) != 0;
	return (p->args[2] & JUDGE_PROT_WRITE) != 0;
}

/* More than there is between the lowest and the highest address that the call allows. */
static inline _Bool judge_is_too_large(const struct event_failure *f, const struct event_proof *p, __u64 pages)
{
	if (pages > p->task_pages)
		return 1;
	if (p->args[3] & JUDGE_MAP_FIXED)
		return f->addr / FILTER_PAGE_BYTES > p->task_pages - pages;
	return (p->args[3] & JUDGE_MAP_32BIT) && pages > JUDGE_32BIT_PAGES;
}

static inline _Bool judge_splits(const struct event_proof *p)
{
	return (p->flags & (PROOF_SPLITS_START | PROOF_SPLITS_END)) != 0;
}

/* do_mmap(), mmap_region(). */
static inline __u16 judge_mmap_space(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 pages = judge_pages(f->length_bytes);
	const _Bool fixed = (p->args[3] & JUDGE_MAP_FIXED) != 0;
	const __u64 kind = (p->args[3] & JUDGE_MAP_TYPE) == JUDGE_MAP_PRIVATE ? 0 : JUDGE_VM_SHARED;
	const __u64 vm_flags = kind | (p->args[2] & JUDGE_PROT_WRITE ? JUDGE_VM_WRITE : 0);
	const __u16 expansion = judge_expansion(p, pages - (fixed ? p->range_mapped : 0), vm_flags);
	const _Bool middle = fixed && f->interior && judge_is_reached(f);

	if (judge_is_too_large(f, p, pages))
		return VERDICT_NO_ADDRESS_SPACE;
	/* Up to 6.11 the expansion is tested before the old mapping is split, later after that. */
	if (middle && expansion)
		return JUDGE_AMBIGUOUS;
	if (middle)
		return VERDICT_MAX_MAP_COUNT;
	/* The search for a hole comes before: one of an eighth of all there is has been found. */
	if (expansion && !fixed && pages > p->task_pages / 8)
		return JUDGE_AMBIGUOUS;
	return expansion;
}

static inline __u16 judge_mmap(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 flags = p->args[3], pages = judge_pages(f->length_bytes);
	const _Bool anonymous = (flags & JUDGE_MAP_ANONYMOUS) && (flags & JUDGE_MAP_TYPE) == JUDGE_MAP_PRIVATE;
	const _Bool accounted = judge_is_mmap_accounted(p);
	__u16 verdict;

	if (!pages)
		return VERDICT_NO_ADDRESS_SPACE;
	if (judge_is_beyond(f))
		return VERDICT_MAX_MAP_COUNT;
	if (judge_is_unsettled(f))
		return VERDICT_UNKNOWN;
	verdict = judge_mmap_space(f, p);
	if (verdict)
		return verdict == JUDGE_AMBIGUOUS ? VERDICT_UNKNOWN : verdict;
	if (f->split_errno)
		return judge_allocation(f, p);
	if (flags & JUDGE_MAP_HUGETLB)
		return VERDICT_HUGETLB_POOL;
	if (accounted && judge_overcommits(p, pages))
		return VERDICT_OVERCOMMIT;
	verdict = judge_allocation(f, p);
	if (verdict)
		return verdict;
	/* Where no driver had a word, and no address was given, what is left is that there is no such hole. */
	return judge_rest(p, accounted,
			  anonymous && !(flags & JUDGE_MAP_FIXED) ? VERDICT_NO_ADDRESS_SPACE : VERDICT_UNKNOWN);
}

/* do_shmat(), and do_mmap() below it, which maps the segment shared. */
static inline __u16 judge_shmat(const struct event_failure *f, const struct event_proof *p)
{
	__u16 verdict;

	if (judge_is_beyond(f))
		return VERDICT_MAX_MAP_COUNT;
	if (judge_is_unsettled(f) || !p->segment_bytes)
		return VERDICT_UNKNOWN;
	verdict = judge_expansion(p, judge_pages(p->segment_bytes), JUDGE_VM_SHARED);
	return verdict ? verdict : judge_allocation(f, p);
}

/* sys_brk(), do_brk_flags(). The address asked for is args[0]. */
static inline __u16 judge_brk(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 from = filter_page_align(p->brk), to = filter_page_align(p->args[0]);
	const __u64 pages = (to - from) / FILTER_PAGE_BYTES;
	const __u64 data_max = JUDGE_HAS(p, DATA_IS_ZERO) ? 0 : p->data_bytes_max;
	__u16 verdict;

	if (p->args[0] < p->start_brk || to <= from)
		return VERDICT_BAD_REQUEST;
	if (data_max != ~0ULL && p->args[0] - p->start_brk + p->image_data_bytes > data_max)
		return VERDICT_RLIMIT_DATA;
	if (JUDGE_HAS(p, BLOCKED) || to / FILTER_PAGE_BYTES > p->task_pages)
		return VERDICT_NO_ADDRESS_SPACE;
	if (JUDGE_HAS(p, LOCKS_FUTURE) && judge_locks_too_much(p, pages))
		return VERDICT_RLIMIT_MEMLOCK;
	verdict = judge_expansion(p, pages, JUDGE_VM_WRITE);
	if (verdict)
		return verdict;
	if (judge_is_beyond(f))
		return VERDICT_MAX_MAP_COUNT;
	if (judge_is_unsettled(f))
		return VERDICT_UNKNOWN;
	if (judge_overcommits(p, pages))
		return VERDICT_OVERCOMMIT;
	verdict = judge_allocation(f, p);
	return verdict ? verdict : judge_rest(p, 1, VERDICT_UNKNOWN);
}

/* What mprotect_fixup() asks for memory that becomes writable, before it splits anything. */
static inline __u16 judge_becoming_writable(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 free_of_charge = JUDGE_VM_ACCOUNT | JUDGE_VM_WRITE | JUDGE_VM_HUGETLB | JUDGE_VM_SHARED |
				     JUDGE_VM_NORESERVE;
	__u16 verdict;

	if ((f->syscall != SYSCALL_MPROTECT && f->syscall != SYSCALL_PKEY_MPROTECT) ||
	    !(p->args[2] & JUDGE_PROT_WRITE) || !p->fixed_pages)
		return VERDICT_UNKNOWN;
	verdict = judge_expansion(p, p->fixed_pages, p->fixed_flags | JUDGE_VM_WRITE);
	/* RLIMIT_AS would have refused the old kind as well, and is not asked again. */
	if (verdict == VERDICT_RLIMIT_DATA)
		return verdict;
	if (p->fixed_flags & free_of_charge)
		return VERDICT_UNKNOWN;
	return judge_overcommits(p, p->fixed_pages) ? VERDICT_OVERCOMMIT : VERDICT_UNKNOWN;
}

/* mprotect() and mlock(): from mapping to mapping; each is split, and a hole ends it. */
static inline __u16 judge_change(const struct event_failure *f, const struct event_proof *p)
{
	__u16 verdict;

	if (p->hole && p->hole == (f->addr & ~(FILTER_PAGE_BYTES - 1)))
		return VERDICT_UNMAPPED_RANGE;
	verdict = judge_becoming_writable(f, p);
	if (verdict)
		return verdict;
	if (judge_is_reached(f) && JUDGE_HAS(p, SPLITS_START))
		return VERDICT_MAX_MAP_COUNT;
	if (p->hole)
		return VERDICT_UNMAPPED_RANGE;
	if (judge_is_reached(f) && JUDGE_HAS(p, SPLITS_END))
		return VERDICT_MAX_MAP_COUNT;
	if (judge_is_unsettled(f) && judge_splits(p))
		return VERDICT_UNKNOWN;
	verdict = judge_allocation(f, p);
	return verdict ? verdict
		       : judge_rest(p, p->fixed_pages && (p->args[2] & JUDGE_PROT_WRITE), VERDICT_UNKNOWN);
}

static inline __u16 judge_lock(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 in_page = f->addr % FILTER_PAGE_BYTES;

	/* What is locked already counts once: mlock(), mm/mlock.c. */
	if (judge_locks_too_much(p, judge_pages(f->length_bytes + in_page) - p->range_locked))
		return VERDICT_RLIMIT_MEMLOCK;
	return judge_change(f, p);
}

/* Advice that changes flags, and so may split: madvise_vma_behavior(), mm/madvise.c. */
static inline _Bool judge_advice_splits(__u64 advice)
{
	/* NORMAL, RANDOM, SEQUENTIAL, DONTFORK, DOFORK, MERGEABLE ... KEEPONFORK */
	return advice <= 2 || (advice >= 10 && advice <= 19);
}

/* A hole is passed over and told at the end: any other error comes before. */
static inline __u16 judge_madvise(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool splits = judge_advice_splits(p->args[2]) && judge_splits(p);

	if (splits && judge_is_reached(f))
		return VERDICT_MAX_MAP_COUNT;
	if (f->errno_code == ERRNO_ENOMEM && p->hole)
		return VERDICT_UNMAPPED_RANGE;
	if (splits && judge_is_unsettled(f))
		return VERDICT_UNKNOWN;
	return judge_allocation(f, p);
}

/*
 * mremap()'s own, stricter tests of the limit, at its beginning: up to 7.0 of calls that name a new place, since 7.1
 * (9b9b8d4aebf1) of each. Which kernel it is nothing tells: where the two differ, elimination does.
 */
static inline _Bool judge_mremap_asked_first(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool new_place = (p->args[3] & (JUDGE_MREMAP_FIXED | JUDGE_MREMAP_DONTUNMAP)) != 0;

	return new_place && (__u64)f->vma_count + 2 >= (__u64)f->limit_ceiling - 3;
}

static inline _Bool judge_mremap_asks_first(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool dontunmap = (p->args[3] & JUDGE_MREMAP_DONTUNMAP) != 0;

	return (__u64)f->vma_count + 4 + dontunmap > f->limit_ceiling;
}

static inline __u16 judge_mremap_growth(const struct event_proof *p)
{
	const __u64 pages = judge_pages(p->args[2]) - judge_pages(p->args[1]);
	const __u16 verdict = judge_expansion(p, pages, p->first_flags);

	if (verdict)
		return verdict;
	if ((p->first_flags & JUDGE_VM_ACCOUNT) && judge_overcommits(p, pages))
		return VERDICT_OVERCOMMIT;
	return judge_pages(p->args[2]) > p->task_pages ? VERDICT_NO_ADDRESS_SPACE : VERDICT_UNKNOWN;
}

/* What else than those tests refuses it. A shrink is the munmap() of the rest. */
static inline __u16 judge_mremap_later(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 old_pages = judge_pages(p->args[1]), new_pages = judge_pages(p->args[2]);
	const _Bool may_move = p->args[3] & 1, grows = new_pages > old_pages;
	__u16 verdict;

	if (new_pages < old_pages && JUDGE_HAS(p, SPLITS_END) && judge_is_reached(f))
		return VERDICT_MAX_MAP_COUNT;
	if (!grows)
		return judge_allocation(f, p);
	verdict = judge_mremap_growth(p);
	if (verdict)
		return verdict;
	if (!may_move)
		return JUDGE_HAS(p, BLOCKED) ? VERDICT_NO_ADDRESS_SPACE : judge_allocation(f, p);
	/* move_vma() */
	if (JUDGE_HAS(p, BLOCKED) && (__u64)f->vma_count + 3 >= f->limit_ceiling)
		return VERDICT_MAX_MAP_COUNT;
	return judge_allocation(f, p);
}

static inline __u16 judge_mremap(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool before = judge_mremap_asked_first(f, p), now = judge_mremap_asks_first(f, p);
	const _Bool grows = judge_pages(p->args[2]) > judge_pages(p->args[1]);
	const __u16 later = judge_mremap_later(f, p);

	if (before && now)
		return VERDICT_MAX_MAP_COUNT;
	if (before || now)
		return later && later != VERDICT_MAX_MAP_COUNT ? VERDICT_UNKNOWN : VERDICT_MAX_MAP_COUNT;
	if (judge_is_unsettled(f) && later != VERDICT_MAX_MAP_COUNT)
		return VERDICT_UNKNOWN;
	if (later)
		return later;
	return judge_rest(p, grows && (p->first_flags & JUDGE_VM_ACCOUNT),
			  grows && JUDGE_HAS(p, BLOCKED) ? VERDICT_NO_ADDRESS_SPACE : VERDICT_UNKNOWN);
}

/* EAGAIN: of madvise() since 5.17, the limit and allocations; of all others, what may be locked. */
static inline __u16 judge_again(const struct event_failure *f, const struct event_proof *p)
{
	__u64 pages = judge_pages(f->length_bytes);

	switch (f->syscall) {
	case SYSCALL_MADVISE:
		return judge_madvise(f, p);
	case SYSCALL_MREMAP:
		pages = judge_pages(p->args[2]) - judge_pages(p->args[1]);
		if (!(p->first_flags & JUDGE_VM_LOCKED))
			return VERDICT_UNKNOWN;
		break;
	case SYSCALL_MMAP:
		if (!(p->args[3] & JUDGE_MAP_LOCKED) && !JUDGE_HAS(p, LOCKS_FUTURE))
			return VERDICT_UNKNOWN;
		break;
	default:
		return judge_allocation(f, p);
	}
	return judge_locks_too_much(p, pages) ? VERDICT_RLIMIT_MEMLOCK : VERDICT_UNKNOWN;
}

static inline __u16 judge_no_memory(const struct event_failure *f, const struct event_proof *p)
{
	switch (f->syscall) {
	case SYSCALL_MMAP:
		return judge_mmap(f, p);
	case SYSCALL_SHMAT:
		return judge_shmat(f, p);
	case SYSCALL_BRK:
		return judge_brk(f, p);
	case SYSCALL_MREMAP:
		return judge_mremap(f, p);
	case SYSCALL_MADVISE:
		return judge_madvise(f, p);
	case SYSCALL_MLOCK:
	case SYSCALL_MLOCK2:
		return judge_lock(f, p);
	case SYSCALL_MLOCKALL:
		if (!JUDGE_HAS(p, IPC_LOCK) && p->memlock_bytes_max != ~0ULL &&
		    p->total_pages > p->memlock_bytes_max / FILTER_PAGE_BYTES)
			return VERDICT_RLIMIT_MEMLOCK;
		return judge_allocation(f, p);
	case SYSCALL_MPROTECT:
	case SYSCALL_PKEY_MPROTECT:
	case SYSCALL_MUNLOCK:
		return judge_change(f, p);
	}
	return VERDICT_UNKNOWN;
}

/* Of any call but munmap(). */
static inline __u16 judge_call(const struct event_failure *f, const struct event_proof *p)
{
	switch (f->errno_code) {
	case ERRNO_ENOMEM:
		return judge_no_memory(f, p);
	case ERRNO_EAGAIN:
		return judge_again(f, p);
	case ERRNO_EINTR:
	case ERRNO_ENFILE:
		return VERDICT_UNKNOWN;
	case ERRNO_EPERM:
		/* can_do_mlock(): where nothing may be locked at all. */
		if (!JUDGE_HAS(p, IPC_LOCK) && !p->memlock_bytes_max &&
		    ((f->syscall == SYSCALL_MMAP && (p->args[3] & JUDGE_MAP_LOCKED)) ||
		     f->syscall == SYSCALL_MLOCK || f->syscall == SYSCALL_MLOCK2 || f->syscall == SYSCALL_MLOCKALL))
			return VERDICT_RLIMIT_MEMLOCK;
		return VERDICT_BAD_REQUEST;
	}
	return VERDICT_BAD_REQUEST;
}

static inline _Bool judge_is_shortage(__u32 verdict)
{
	return verdict != VERDICT_BAD_REQUEST && verdict != VERDICT_UNMAPPED_RANGE;
}

#endif
