/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.h: the cause of a failed call other than munmap(), from the facts in its record: the kernel's own tests in the
 * kernel's own order, so that the first that fails is the cause (docs/KERNELS.md 5). Pure, like filter.h; the unit tests
 * compile it natively. What reads the facts is proof.h.
 */
#ifndef VMASNOOP_JUDGE_H
#define VMASNOOP_JUDGE_H

#include "event.h"
#include "filter.h"
#include "verdict.h"

/* include/uapi/asm-generic/mman-common.h, include/uapi/linux/mman.h; arch/x86/include/uapi/asm/mman.h; linux/shm.h */
enum {
	JUDGE_PROT_WRITE = 0x2,
	JUDGE_PROT_ALL = 0x7, /* the same bits as VM_READ, VM_WRITE and VM_EXEC */
	JUDGE_PROT_GROWSDOWN = 0x1000000,
	JUDGE_MAP_TYPE = 0xf,
	JUDGE_MAP_PRIVATE = 0x2,
	JUDGE_MAP_DROPPABLE = 0x8,
	JUDGE_MAP_FIXED = 0x10,
	JUDGE_MAP_ANONYMOUS = 0x20,
	JUDGE_MAP_32BIT = 0x40,
	JUDGE_MAP_GROWSDOWN = 0x100,
	JUDGE_MAP_LOCKED = 0x2000,
	JUDGE_MAP_NORESERVE = 0x4000,
	JUDGE_MAP_HUGETLB = 0x40000,
	JUDGE_MAP_FIXED_NOREPLACE = 0x100000,
	JUDGE_MAP_HUGE_SHIFT = 26, /* 6 bits from here on: the logarithm of a huge page's size, or 0 */
	JUDGE_MREMAP_MAYMOVE = 1,
	JUDGE_MREMAP_FIXED = 2,
	JUDGE_MREMAP_DONTUNMAP = 4,
	JUDGE_MCL_CURRENT = 1,
	JUDGE_MLOCK_ONFAULT = 1,
	JUDGE_SHM_REMAP = 040000,
};

/* include/linux/mm.h: the same bits from 5.10 to 7.2. */
enum {
	JUDGE_VM_WRITE = 0x2,
	JUDGE_VM_SHARED = 0x8,
	JUDGE_VM_MAYSHARE = 0x80,
	JUDGE_VM_STACK = 0x100, /* VM_GROWSDOWN */
	JUDGE_VM_LOCKED = 0x2000,
	JUDGE_VM_SEQ_READ = 0x8000,
	JUDGE_VM_RAND_READ = 0x10000,
	JUDGE_VM_DONTCOPY = 0x20000,
	JUDGE_VM_LOCKONFAULT = 0x80000,
	JUDGE_VM_ACCOUNT = 0x100000,
	JUDGE_VM_NORESERVE = 0x200000,
	JUDGE_VM_HUGETLB = 0x400000,
	JUDGE_VM_WIPEONFORK = 0x2000000,
	JUDGE_VM_DONTDUMP = 0x4000000,
	JUDGE_VM_SPECIAL = 0x10044400, /* IO, DONTEXPAND, PFNMAP, MIXEDMAP */
};
#define JUDGE_VM_HUGEPAGE   0x20000000ULL
#define JUDGE_VM_NOHUGEPAGE 0x40000000ULL
#define JUDGE_VM_MERGEABLE  0x80000000ULL
#define JUDGE_VM_SEALED	    (1ULL << 63)
#define JUDGE_VM_PKEY_SHIFT 32 /* of x86-64 */
#define JUDGE_VM_PKEY_MASK  0xfULL

/* Where MAP_32BIT looks, up to 2 GiB, and less 32 MiB where that is randomized: find_start_end(), sys_x86_64.c. */
#define JUDGE_32BIT_END	     (0x80000000ULL / FILTER_PAGE_BYTES)
#define JUDGE_32BIT_PAGES    ((0x80000000ULL - 0x40000000ULL) / FILTER_PAGE_BYTES)
#define JUDGE_32BIT_SURELY   (JUDGE_32BIT_PAGES - 0x02000000ULL / FILTER_PAGE_BYTES)
#define JUDGE_WINDOW_PAGES   (1ULL << 35) /* where mappings go unless asked for higher: DEFAULT_MAP_WINDOW */
#define JUDGE_GAP_PAGES	     512ULL /* more than what is kept free before a stack */
#define JUDGE_HUGE_LEAST_LOG 21 /* of x86-64's default, which a boot parameter chooses */
#define JUDGE_HUGE_MOST_LOG  30
/* vm.overcommit_memory: include/uapi/linux/mman.h */
#define JUDGE_OVERCOMMIT_GUESS 0
#define JUDGE_OVERCOMMIT_NEVER 2

/* In place of a verdict: two tests would have failed, and which came first is not known. */
#define JUDGE_AMBIGUOUS VERDICT_COUNT

/* A verifier would follow each of a test's results through all tests behind it. */
#ifdef __bpf__
#include "mask.h"
#define JUDGE_FORGET(value) mask_unknown(value)
#else
#define JUDGE_FORGET(value) (value)
#endif

#define JUDGE_HAS(p, flag) ((_Bool)((p)->flags / PROOF_##flag & 1))

static inline __u64 judge_pages(__u64 bytes)
{
	return filter_page_align(bytes) / FILTER_PAGE_BYTES;
}

static inline __u64 judge_less(__u64 pages, __u64 fewer)
{
	return pages > fewer ? pages - fewer : 0;
}

/* Something in the range is not mapped. At address 0 the first such reads as none. */
static inline _Bool judge_has_hole(const struct event_proof *p)
{
	return p->hole || (JUDGE_HAS(p, WHOLE_RANGE) && !p->range_mapped);
}

/* All mappings of the range were seen: none is behind the first hole. */
static inline _Bool judge_is_range_known(const struct event_proof *p)
{
	return JUDGE_HAS(p, WHOLE_RANGE) && (!judge_has_hole(p) || JUDGE_HAS(p, REST_IS_FREE));
}

static inline _Bool judge_is_memcg_full(const struct event_proof *p)
{
	return p->memcg_pages_max != ~0ULL;
}

/* may_expand_vm(), mm/mmap.c (mm/vma.c since 6.12): first RLIMIT_AS, then RLIMIT_DATA for what is private and writable. */
static inline __u16 judge_expansion_limit(const struct event_proof *p, __u64 pages, __u64 vm_flags)
{
	const __u64 kind = vm_flags & (JUDGE_VM_WRITE | JUDGE_VM_SHARED | JUDGE_VM_STACK);

	if (p->as_bytes_max != ~0ULL && p->total_pages + pages > p->as_bytes_max / FILTER_PAGE_BYTES)
		return VERDICT_RLIMIT_AS;
	if (kind == JUDGE_VM_WRITE && p->data_bytes_max != ~0ULL &&
	    p->data_pages + pages > p->data_bytes_max / FILTER_PAGE_BYTES)
		return VERDICT_RLIMIT_DATA;
	return VERDICT_UNKNOWN;
}

static inline __u16 judge_expansion(const struct event_proof *p, __u64 pages, __u64 vm_flags)
{
	return JUDGE_FORGET(judge_expansion_limit(p, pages, vm_flags));
}

/* __vm_enough_memory(), mm/util.c: in mode 0 only what is larger than all there is (8c7829b04c52, 5.2). */
static inline _Bool judge_overcommits(const struct event_proof *p, __u64 pages)
{
	return p->overcommit == JUDGE_OVERCOMMIT_GUESS && p->memory_pages && pages > p->memory_pages;
}

/* In mode 2 the sum of all is bounded, and of that the kernel keeps no figure that can be read here. */
static inline _Bool judge_may_exceed_commitment(const struct event_proof *p, _Bool accounted)
{
	return accounted && p->overcommit == JUDGE_OVERCOMMIT_NEVER;
}

static inline _Bool judge_locks_too_much(const struct event_proof *p, __u64 pages)
{
	return !JUDGE_HAS(p, IPC_LOCK) && p->memlock_bytes_max != ~0ULL &&
	       p->locked_pages + pages > p->memlock_bytes_max / FILTER_PAGE_BYTES;
}

/*
 * Whether there was a hole of that size for sure: the mappings, however they lie, leave one that is at least the free pages
 * over their number plus one. Half of the address space is searched in any case: where the search begins is random, and from
 * below it begins at a third. Beyond that, only who scatters mappings on purpose leaves no eighth of it in one piece.
 */
static inline _Bool judge_fits_surely(const struct event_failure *f, const struct event_proof *p, __u64 pages)
{
	const __u64 all = p->task_pages < JUDGE_WINDOW_PAGES ? p->task_pages : JUDGE_WINDOW_PAGES;

	if (p->total_pages <= all / 8 && pages <= all / 8)
		return 1;
	return pages <= all && pages + JUDGE_GAP_PAGES <= judge_less(all / 2, p->total_pages) / (f->vma_count + 2ULL);
}

static inline _Bool judge_fits(const struct event_failure *f, const struct event_proof *p, __u64 pages)
{
	return JUDGE_FORGET(judge_fits_surely(f, p, pages));
}

/* An allocation that was seen to fail, or the one thing that lets such small ones fail. */
static inline __u16 judge_allocation(const struct event_failure *f, const struct event_proof *p)
{
	if (judge_is_memcg_full(p))
		return VERDICT_MEMCG_LIMIT;
	return f->split_errno == ERRNO_ENOMEM ? VERDICT_KERNEL_MEMORY : VERDICT_UNKNOWN;
}

/*
 * What is left at last, where just one thing is: no hole, no commitment, a full memory cgroup. Small allocations fail for
 * an OOM victim, too ("too small to fail", mm/page_alloc.c).
 */
static inline __u16 judge_rest(const struct event_proof *p, _Bool no_hole, _Bool accounted)
{
	const _Bool commitment = judge_may_exceed_commitment(p, accounted), memcg = judge_is_memcg_full(p);

	if (JUDGE_HAS(p, DYING) || no_hole + commitment + memcg != 1)
		return VERDICT_UNKNOWN;
	if (no_hole)
		return VERDICT_NO_ADDRESS_SPACE;
	return commitment ? VERDICT_OVERCOMMIT : VERDICT_MEMCG_LIMIT;
}

/* Of counts; the sign of the difference, without a branch: of each the verifier would follow both ways to the end. */
static inline _Bool judge_is_above(__u64 count, __u64 most)
{
	return (most - count) >> 63;
}

/* The limit's test of calls that add a mapping. On a write of a moment ago both values must agree. */
static inline _Bool judge_is_beyond(const struct event_failure *f)
{
	return judge_is_above(f->vma_count, f->limit_ceiling);
}

/* That of calls that split one. */
static inline _Bool judge_is_reached(const struct event_failure *f)
{
	return judge_is_above(f->vma_count + 1ULL, f->limit_ceiling);
}

/* Its value was written a moment ago, and by one of the two there was less to spare: it cannot be excluded. */
static inline _Bool judge_is_unsettled(const struct event_failure *f, __u32 spare)
{
	return f->limit_floor != f->limit_ceiling && (__u64)f->vma_count + spare >= f->limit_floor;
}

static inline _Bool judge_is_mmap_private(const struct event_proof *p)
{
	const __u64 type = p->args[3] & JUDGE_MAP_TYPE;

	return type == JUDGE_MAP_PRIVATE || type == JUDGE_MAP_DROPPABLE;
}

static inline _Bool judge_is_mmap_accounted(const struct event_proof *p)
{
	const __u64 flags = p->args[3];

	if ((flags & JUDGE_MAP_HUGETLB) || (flags & JUDGE_MAP_TYPE) == JUDGE_MAP_DROPPABLE ||
	    ((flags & JUDGE_MAP_NORESERVE) && p->overcommit != JUDGE_OVERCOMMIT_NEVER))
		return 0;
	/* Shared anonymous memory is a file of shmem, which accounts for all of it. */
	if (!judge_is_mmap_private(p))
		return (flags & JUDGE_MAP_ANONYMOUS) != 0;
	return (p->args[2] & JUDGE_PROT_WRITE) != 0;
}

/* At the address that was given or nowhere: no hole is looked for. */
static inline _Bool judge_is_placed(const struct event_proof *p)
{
	return (p->args[3] & (JUDGE_MAP_FIXED | JUDGE_MAP_FIXED_NOREPLACE)) != 0;
}

/* What is there makes room for it. */
static inline _Bool judge_replaces(const struct event_proof *p)
{
	return (p->args[3] & (JUDGE_MAP_FIXED | JUDGE_MAP_FIXED_NOREPLACE)) == JUDGE_MAP_FIXED;
}

/* More than there is between the lowest and the highest address that the call allows. */
static inline _Bool judge_is_too_large(const struct event_failure *f, const struct event_proof *p, __u64 pages)
{
	if (pages > p->task_pages)
		return 1;
	if (judge_is_placed(p))
		return f->addr / FILTER_PAGE_BYTES > p->task_pages - pages;
	/* A hint may lie below. */
	return (p->args[3] & JUDGE_MAP_32BIT) && pages > (f->addr ? JUDGE_32BIT_END : JUDGE_32BIT_PAGES);
}

static inline _Bool judge_mmap_fits(const struct event_failure *f, const struct event_proof *p, __u64 pages)
{
	if (judge_is_placed(p))
		return 1;
	if (!(p->args[3] & JUDGE_MAP_32BIT))
		return judge_fits(f, p, pages);
	return pages + JUDGE_GAP_PAGES <= judge_less(JUDGE_32BIT_SURELY, p->total_pages) / (f->vma_count + 2ULL);
}

/* Its length in pages, of huge ones a whole number; `log`: that of their size, where the flags do not say. */
static inline __u64 judge_mmap_pages(const struct event_failure *f, const struct event_proof *p, __u32 log)
{
	const __u32 told = p->args[3] >> JUDGE_MAP_HUGE_SHIFT & 63;
	__u64 bytes;

	if (!(p->args[3] & JUDGE_MAP_HUGETLB))
		return judge_pages(f->length_bytes);
	bytes = 1ULL << (told ? told : log);
	return judge_pages((f->length_bytes + bytes - 1) & ~(bytes - 1));
}

/* The limits of what may be mapped at all; what is replaced does not count. */
static inline __u16 judge_mmap_expansion(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 vm_flags = (judge_is_mmap_private(p) ? 0 : JUDGE_VM_SHARED) |
			       (p->args[2] & JUDGE_PROT_WRITE ? JUDGE_VM_WRITE : 0) |
			       (p->args[3] & JUDGE_MAP_GROWSDOWN ? JUDGE_VM_STACK : 0);
	__u64 least = judge_mmap_pages(f, p, JUDGE_HUGE_LEAST_LOG), most = judge_mmap_pages(f, p, JUDGE_HUGE_MOST_LOG);
	__u16 verdict;

	if (judge_replaces(p)) {
		least = judge_is_range_known(p) ? judge_less(least, p->range_mapped) : 0;
		most = judge_less(most, p->range_mapped);
	}
	verdict = judge_expansion(p, least, vm_flags);
	return verdict == judge_expansion(p, most, vm_flags) ? verdict : JUDGE_AMBIGUOUS;
}

/* do_mmap(), mmap_region(). */
static inline __u16 judge_mmap_space(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 pages = judge_pages(f->length_bytes);
	const _Bool middle = judge_replaces(p) && f->interior && judge_is_reached(f);
	__u16 expansion;

	if (judge_is_too_large(f, p, pages))
		return VERDICT_NO_ADDRESS_SPACE;
	expansion = judge_mmap_expansion(f, p);
	/* Up to 6.11 the expansion is tested before the old mapping is split, later after that. */
	if (middle)
		return expansion ? JUDGE_AMBIGUOUS : VERDICT_MAX_MAP_COUNT;
	/* The search for a hole comes before. */
	return expansion && !judge_mmap_fits(f, p, pages) ? JUDGE_AMBIGUOUS : expansion;
}

/* What it would replace may refuse to be split or to go: up to 6.11 that is ENOMEM, too. */
static inline _Bool judge_may_be_refused(const struct event_proof *p)
{
	return judge_replaces(p) && (p->first_flags & (JUDGE_VM_HUGETLB | JUDGE_VM_SPECIAL | JUDGE_VM_SEALED));
}

/* mmap_region(), behind the limits. */
static inline __u16 judge_mmap_memory(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 pages = judge_pages(f->length_bytes), replaced = judge_replaces(p) ? p->range_mapped : 0;
	const _Bool accounted = judge_is_mmap_accounted(p), fits = judge_mmap_fits(f, p, pages);
	const _Bool other = !fits || judge_is_memcg_full(p) || JUDGE_HAS(p, DYING);

	if (judge_may_be_refused(p) || (judge_replaces(p) && !JUDGE_HAS(p, WHOLE_RANGE)))
		return VERDICT_UNKNOWN;
	/* Without a reservation nothing is asked of the pool. */
	if (p->args[3] & JUDGE_MAP_HUGETLB)
		return other || (p->args[3] & JUDGE_MAP_NORESERVE) ? VERDICT_UNKNOWN : VERDICT_HUGETLB_POOL;
	/* Since 6.12 what was accounted of the old mapping does not count. */
	if (accounted && judge_overcommits(p, pages))
		return fits && judge_overcommits(p, judge_less(pages, replaced)) ? VERDICT_OVERCOMMIT : VERDICT_UNKNOWN;
	/* A file's driver may have reasons of its own. */
	return p->args[3] & JUDGE_MAP_ANONYMOUS ? judge_rest(p, !fits, accounted) : VERDICT_UNKNOWN;
}

static inline __u16 judge_mmap(const struct event_failure *f, const struct event_proof *p)
{
	__u16 verdict;

	if (!judge_pages(f->length_bytes))
		return VERDICT_NO_ADDRESS_SPACE;
	if (judge_is_beyond(f))
		return VERDICT_MAX_MAP_COUNT;
	if (judge_is_unsettled(f, 0))
		return VERDICT_UNKNOWN;
	verdict = judge_mmap_space(f, p);
	if (verdict)
		return verdict == JUDGE_AMBIGUOUS ? VERDICT_UNKNOWN : verdict;
	/* Up to 6.11 any error of the old mapping's munmap() is ENOMEM. */
	if (f->split_errno)
		return VERDICT_BAD_REQUEST;
	return judge_mmap_memory(f, p);
}

/* do_shmat(), and do_mmap() below it, which maps the segment shared. */
static inline __u16 judge_shmat(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 pages = judge_pages(p->segment_bytes);
	_Bool no_hole;
	__u16 verdict;

	if (judge_is_beyond(f))
		return VERDICT_MAX_MAP_COUNT;
	/* What it replaces was not looked at. */
	if (judge_is_unsettled(f, 0) || !pages || (p->args[2] & JUDGE_SHM_REMAP))
		return VERDICT_UNKNOWN;
	if (pages > p->task_pages || (f->addr && f->addr / FILTER_PAGE_BYTES > p->task_pages - pages))
		return VERDICT_NO_ADDRESS_SPACE;
	no_hole = !f->addr && !judge_fits(f, p, pages);
	verdict = judge_expansion(p, pages, JUDGE_VM_SHARED);
	if (verdict)
		return no_hole ? VERDICT_UNKNOWN : verdict;
	return judge_rest(p, no_hole, 0);
}

/* Whether it can never be where it would be. */
static inline _Bool judge_brk_is_blocked(const struct event_proof *p)
{
	const __u64 to = filter_page_align(p->args[0]);

	return JUDGE_HAS(p, BLOCKED) || to < p->args[0] || to / FILTER_PAGE_BYTES > p->task_pages;
}

/* sys_brk(), do_brk_flags(), of a heap that is to grow. */
static inline __u16 judge_brk_growth(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 pages = judge_less(judge_pages(p->args[0]), judge_pages(p->brk));
	const _Bool blocked = judge_brk_is_blocked(p);
	__u16 verdict;

	/* Up to 5.15 the next mapping comes first, in 6.1 the locks. */
	if (JUDGE_HAS(p, LOCKS_FUTURE) && judge_locks_too_much(p, pages))
		return blocked ? VERDICT_UNKNOWN : VERDICT_RLIMIT_MEMLOCK;
	if (blocked)
		return VERDICT_NO_ADDRESS_SPACE;
	verdict = judge_expansion(p, pages, JUDGE_VM_WRITE);
	if (verdict)
		return verdict;
	if (judge_is_beyond(f))
		return VERDICT_MAX_MAP_COUNT;
	if (judge_is_unsettled(f, 0))
		return VERDICT_UNKNOWN;
	return judge_overcommits(p, pages) ? VERDICT_OVERCOMMIT : judge_rest(p, 0, 1);
}

/* The address asked for is args[0]. */
static inline __u16 judge_brk(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 data_max = JUDGE_HAS(p, DATA_IS_ZERO) ? 0 : p->data_bytes_max;

	if (p->args[0] < p->start_brk)
		return VERDICT_BAD_REQUEST;
	if (data_max != ~0ULL && p->args[0] - p->start_brk + p->image_data_bytes > data_max)
		return VERDICT_RLIMIT_DATA;
	/* What a heap that shrinks has to split was not looked at. */
	return p->args[0] > p->brk ? judge_brk_growth(f, p) : VERDICT_UNKNOWN;
}

static inline _Bool judge_is_mprotect(const struct event_failure *f)
{
	return f->syscall == SYSCALL_MPROTECT || f->syscall == SYSCALL_PKEY_MPROTECT;
}

static inline _Bool judge_is_mlock(const struct event_failure *f)
{
	return f->syscall == SYSCALL_MLOCK || f->syscall == SYSCALL_MLOCK2;
}

/* Whether what becomes writable is charged: mprotect_fixup(). */
static inline _Bool judge_charges(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 free_of_charge =
		JUDGE_VM_ACCOUNT | JUDGE_VM_WRITE | JUDGE_VM_HUGETLB | JUDGE_VM_SHARED | JUDGE_VM_NORESERVE;

	return judge_is_mprotect(f) && (p->args[2] & JUDGE_PROT_WRITE) && p->fixed_pages &&
	       !(p->fixed_flags & free_of_charge);
}

/*
 * What mprotect_fixup() asks for memory that becomes writable, before it splits anything. Whatever came before the first
 * mapping that is not writable has been changed by then.
 */
static inline __u16 judge_becoming_writable(const struct event_failure *f, const struct event_proof *p)
{
	if (!judge_is_mprotect(f) || !(p->args[2] & JUDGE_PROT_WRITE) || !p->fixed_pages)
		return VERDICT_UNKNOWN;
	/* RLIMIT_AS would have refused the old kind as well, and then neither counts. */
	if (judge_expansion(p, p->fixed_pages, p->fixed_flags | JUDGE_VM_WRITE) == VERDICT_RLIMIT_DATA)
		return VERDICT_RLIMIT_DATA;
	return judge_charges(f, p) && judge_overcommits(p, p->fixed_pages) ? VERDICT_OVERCOMMIT : VERDICT_UNKNOWN;
}

/* The flags that madvise_vma_behavior(), mm/madvise.c, gives a mapping that has these. */
static inline __u64 judge_advised(__u64 flags, __u64 advice)
{
	const __u64 read = JUDGE_VM_SEQ_READ | JUDGE_VM_RAND_READ;

	switch (advice) {
	case 0: /* MADV_NORMAL */
		return flags & ~read;
	case 1: /* RANDOM */
		return (flags & ~read) | JUDGE_VM_RAND_READ;
	case 2: /* SEQUENTIAL */
		return (flags & ~read) | JUDGE_VM_SEQ_READ;
	case 10: /* DONTFORK */
		return flags | JUDGE_VM_DONTCOPY;
	case 11: /* DOFORK */
		return flags & ~(__u64)JUDGE_VM_DONTCOPY;
	case 12: /* MERGEABLE: passed over where it cannot be */
		return flags & (JUDGE_VM_SHARED | JUDGE_VM_MAYSHARE | JUDGE_VM_SPECIAL | JUDGE_VM_HUGETLB)
			       ? flags
			       : flags | JUDGE_VM_MERGEABLE;
	case 13: /* UNMERGEABLE */
		return flags & ~JUDGE_VM_MERGEABLE;
	case 14: /* HUGEPAGE */
		return (flags & ~JUDGE_VM_NOHUGEPAGE) | JUDGE_VM_HUGEPAGE;
	case 15: /* NOHUGEPAGE */
		return (flags & ~JUDGE_VM_HUGEPAGE) | JUDGE_VM_NOHUGEPAGE;
	case 16: /* DONTDUMP */
		return flags | JUDGE_VM_DONTDUMP;
	case 17: /* DODUMP */
		return flags & ~(__u64)JUDGE_VM_DONTDUMP;
	case 18: /* WIPEONFORK */
		return flags | JUDGE_VM_WIPEONFORK;
	case 19: /* KEEPONFORK */
		return flags & ~(__u64)JUDGE_VM_WIPEONFORK;
	}
	return flags;
}

/* Advice that changes flags, and so may split. */
static inline _Bool judge_advice_splits(__u64 advice)
{
	return advice <= 2 || (advice >= 10 && advice <= 19);
}

static inline _Bool judge_is_to_lock(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 all = JUDGE_VM_LOCKED | JUDGE_VM_LOCKONFAULT;
	__u64 want = f->syscall == SYSCALL_MUNLOCK ? 0 : JUDGE_VM_LOCKED;

	if (f->syscall == SYSCALL_MLOCK2 && (p->args[2] & JUDGE_MLOCK_ONFAULT))
		want = all;
	/* Those are passed over: mlock_fixup(). */
	return !(p->first_flags & (JUDGE_VM_SPECIAL | JUDGE_VM_HUGETLB)) && (p->first_flags & all) != want;
}

static inline _Bool judge_is_to_protect(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 key = p->first_flags >> JUDGE_VM_PKEY_SHIFT & JUDGE_VM_PKEY_MASK;

	/* It begins with the mapping then, wherever that does. */
	if (p->args[2] & JUDGE_PROT_GROWSDOWN)
		return 0;
	if (f->syscall == SYSCALL_PKEY_MPROTECT && (__u32)p->args[3] != ~0U && (__u32)p->args[3] != key)
		return 1;
	return (p->first_flags & JUDGE_PROT_ALL) != (p->args[2] & JUDGE_PROT_ALL);
}

/*
 * Whether the mapping at the start of the range is not as the call wanted it. One that is was changed, or did not have to be:
 * it was not what the call failed of.
 */
static inline _Bool judge_is_to_change(const struct event_failure *f, const struct event_proof *p)
{
	if (f->syscall == SYSCALL_MADVISE)
		return judge_advised(p->first_flags, p->args[2]) != p->first_flags;
	return judge_is_mprotect(f) ? judge_is_to_protect(f, p) : judge_is_to_lock(f, p);
}

static inline _Bool judge_splits_start(const struct event_failure *f, const struct event_proof *p)
{
	return JUDGE_HAS(p, SPLITS_START) && judge_is_to_change(f, p);
}

static inline _Bool judge_splits_end(const struct event_failure *f, const struct event_proof *p)
{
	return JUDGE_HAS(p, SPLITS_END) && (!JUDGE_HAS(p, ONE_MAPPING) || judge_is_to_change(f, p));
}

/* The range itself, before any of its mappings. */
static inline __u16 judge_range(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 start = f->addr & ~(FILTER_PAGE_BYTES - 1);

	/* mprotect() says ENOMEM of a range that goes round the end of all addresses, mlock() EINVAL. */
	if (judge_is_mprotect(f) && start + filter_page_align(f->length_bytes) <= start)
		return VERDICT_BAD_REQUEST;
	if (!judge_has_hole(p) || p->hole != start)
		return VERDICT_UNKNOWN;
	return judge_is_mprotect(f) && (p->args[2] & JUDGE_PROT_GROWSDOWN) ? JUDGE_AMBIGUOUS : VERDICT_UNMAPPED_RANGE;
}

/* What is left of mprotect() and mlock() when neither limits nor holes are. */
static inline __u16 judge_change_rest(const struct event_failure *f, const struct event_proof *p)
{
	/* Once it is locked its pages are read in, which fails for many reasons. */
	if (!JUDGE_HAS(p, WHOLE_RANGE) || (judge_is_mlock(f) && (p->first_flags & JUDGE_VM_LOCKED)))
		return VERDICT_UNKNOWN;
	return judge_rest(p, 0, judge_charges(f, p));
}

/* mprotect() and mlock(): from mapping to mapping; each is split, and a hole ends it. */
static inline __u16 judge_change(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool start = judge_splits_start(f, p), end = judge_splits_end(f, p);
	__u16 verdict = judge_range(f, p);

	/* A first mapping that is writable already comes before what becomes writable. */
	if (!verdict && !(start && (p->first_flags & JUDGE_VM_WRITE)))
		verdict = judge_becoming_writable(f, p);
	if (verdict)
		return verdict == JUDGE_AMBIGUOUS ? VERDICT_UNKNOWN : verdict;
	if (start && judge_is_reached(f))
		return VERDICT_MAX_MAP_COUNT;
	if (start && judge_is_unsettled(f, 0))
		return VERDICT_UNKNOWN;
	verdict = judge_becoming_writable(f, p);
	if (verdict)
		return verdict;
	if (judge_has_hole(p))
		return VERDICT_UNMAPPED_RANGE;
	if (end && judge_is_reached(f))
		return VERDICT_MAX_MAP_COUNT;
	return end && judge_is_unsettled(f, 0) ? VERDICT_UNKNOWN : judge_change_rest(f, p);
}

static inline __u16 judge_lock(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 pages = judge_pages(f->length_bytes + f->addr % FILTER_PAGE_BYTES);

	/* What is locked already counts once: mlock(), mm/mlock.c. */
	if (!judge_locks_too_much(p, judge_less(pages, p->range_locked)))
		return judge_change(f, p);
	/* Of a range that was not seen whole more may be locked: all that is, at the most. */
	return judge_is_range_known(p) || judge_locks_too_much(p, judge_less(pages, p->locked_pages))
		       ? VERDICT_RLIMIT_MEMLOCK
		       : VERDICT_UNKNOWN;
}

/*
 * A hole is passed over and told at the end: any other error comes before. The limit is ENOMEM up to 5.16 and EAGAIN since;
 * an allocation is EAGAIN in all.
 */
static inline __u16 judge_madvise(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool changes = judge_advice_splits(p->args[2]);
	const _Bool splits = changes && (judge_splits_start(f, p) || judge_splits_end(f, p));

	if (splits && judge_is_reached(f))
		return VERDICT_MAX_MAP_COUNT;
	if (splits && judge_is_unsettled(f, 0))
		return VERDICT_UNKNOWN;
	if (f->errno_code == ERRNO_ENOMEM)
		return judge_has_hole(p) ? VERDICT_UNMAPPED_RANGE : VERDICT_UNKNOWN;
	/* What is behind a hole was not seen. */
	if (!changes || !judge_is_range_known(p))
		return VERDICT_UNKNOWN;
	return judge_rest(p, 0, 0);
}

/*
 * mremap()'s own, stricter tests of the limit, at its beginning: up to 7.0 of calls that name a new place, since 7.1
 * (9b9b8d4aebf1) of each. Which kernel it is nothing tells: where the two differ, elimination does.
 */
#define JUDGE_MREMAP_SPARE 5 /* of either, the most that has to be to spare */

static inline _Bool judge_names_place(const struct event_proof *p)
{
	return (p->args[3] / JUDGE_MREMAP_FIXED | p->args[3] / JUDGE_MREMAP_DONTUNMAP) & 1;
}

static inline _Bool judge_mremap_asked_first(const struct event_failure *f, const struct event_proof *p)
{
	return (__u32)judge_names_place(p) & (__u32)judge_is_above(f->vma_count + 2ULL + 3 + 1, f->limit_ceiling);
}

static inline _Bool judge_mremap_asks_first(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 dontunmap = p->args[3] / JUDGE_MREMAP_DONTUNMAP & 1;

	return judge_is_above(f->vma_count + 4ULL + dontunmap, f->limit_ceiling);
}

/* The pages by which it adds to what is mapped; one that leaves the old place mapped adds them all. */
static inline __u64 judge_mremap_pages(const struct event_proof *p)
{
	if (p->args[3] & JUDGE_MREMAP_DONTUNMAP)
		return judge_pages(p->args[1]);
	return judge_less(judge_pages(p->args[2]), judge_pages(p->args[1]));
}

static inline _Bool judge_is_mremap_accounted(const struct event_proof *p)
{
	return judge_mremap_pages(p) && (p->first_flags & JUDGE_VM_ACCOUNT);
}

/* Whether there is a place for it; one that may not move has only its own. */
static inline _Bool judge_mremap_fits(const struct event_failure *f, const struct event_proof *p)
{
	const __u64 pages = judge_pages(p->args[2]);

	if (p->args[3] & JUDGE_MREMAP_FIXED)
		return 1;
	if (pages > p->task_pages)
		return 0;
	if (!judge_names_place(p) && !JUDGE_HAS(p, BLOCKED) && f->addr / FILTER_PAGE_BYTES <= p->task_pages - pages)
		return 1;
	return (p->args[3] & JUDGE_MREMAP_MAYMOVE) && judge_fits(f, p, pages);
}

/* A shrink is the munmap() of the rest, which is the range of the proof then. */
static inline _Bool judge_mremap_cuts_out(const struct event_failure *f, const struct event_proof *p)
{
	return judge_pages(p->args[2]) < judge_pages(p->args[1]) && judge_is_reached(f) && JUDGE_HAS(p, SPLITS_START) &&
	       JUDGE_HAS(p, SPLITS_END) && JUDGE_HAS(p, ONE_MAPPING);
}

/* move_vma(). */
static inline _Bool judge_mremap_moves(const struct event_failure *f, const struct event_proof *p)
{
	return judge_mremap_pages(p) && JUDGE_HAS(p, BLOCKED) && (p->args[3] & JUDGE_MREMAP_MAYMOVE) &&
	       (__u64)f->vma_count + 3 >= f->limit_ceiling;
}

/*
 * What else than those first tests refuses it, or may. The expansion comes first; the place, the limit of a move and the
 * commitment come in another order up to 5.15 than later.
 */
static inline __u16 judge_mremap_later(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool overcommits = judge_is_mremap_accounted(p) && judge_overcommits(p, judge_mremap_pages(p));
	const _Bool grows = judge_mremap_pages(p) != 0, fits = judge_mremap_fits(f, p);
	const _Bool stays = !(p->args[3] & JUDGE_MREMAP_MAYMOVE), moves = judge_mremap_moves(f, p);
	__u16 verdict;

	if (judge_mremap_cuts_out(f, p))
		return VERDICT_MAX_MAP_COUNT;
	if (!grows)
		return judge_rest(p, 0, 0);
	verdict = judge_expansion(p, judge_mremap_pages(p), p->first_flags);
	if (verdict)
		return verdict;
	if (overcommits)
		return fits && !moves ? VERDICT_OVERCOMMIT : JUDGE_AMBIGUOUS;
	if (judge_pages(p->args[2]) > p->task_pages || (stays && !fits))
		return judge_may_exceed_commitment(p, judge_is_mremap_accounted(p)) ? JUDGE_AMBIGUOUS
										    : VERDICT_NO_ADDRESS_SPACE;
	if (moves)
		return fits && !judge_may_exceed_commitment(p, judge_is_mremap_accounted(p)) ? VERDICT_MAX_MAP_COUNT
											     : JUDGE_AMBIGUOUS;
	if (!fits && (judge_is_memcg_full(p) || judge_may_exceed_commitment(p, judge_is_mremap_accounted(p))))
		return JUDGE_AMBIGUOUS;
	/* Nothing is not the same as two things that may both have been it. */
	if (judge_is_memcg_full(p) && judge_may_exceed_commitment(p, judge_is_mremap_accounted(p)))
		return JUDGE_AMBIGUOUS;
	return judge_rest(p, !fits, judge_is_mremap_accounted(p));
}

static inline __u16 judge_mremap(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool before = judge_mremap_asked_first(f, p), now = judge_mremap_asks_first(f, p);
	const __u16 later = judge_mremap_later(f, p);

	if (before & now)
		return VERDICT_MAX_MAP_COUNT;
	if (later == VERDICT_MAX_MAP_COUNT)
		return VERDICT_MAX_MAP_COUNT;
	if (before | now)
		return later || JUDGE_HAS(p, DYING) ? VERDICT_UNKNOWN : VERDICT_MAX_MAP_COUNT;
	if (judge_is_unsettled(f, JUDGE_MREMAP_SPARE) || later == JUDGE_AMBIGUOUS)
		return VERDICT_UNKNOWN;
	return later;
}

/* EAGAIN: of madvise() since 5.17, the limit and allocations; of all others, what may be locked. */
static inline __u16 judge_again(const struct event_failure *f, const struct event_proof *p)
{
	_Bool locks = JUDGE_HAS(p, LOCKS_FUTURE);
	__u64 pages;

	switch (f->syscall) {
	case SYSCALL_MADVISE:
		return judge_madvise(f, p);
	case SYSCALL_MREMAP:
		pages = judge_less(judge_pages(p->args[2]), judge_pages(p->args[1]));
		locks = pages && (p->first_flags & JUDGE_VM_LOCKED);
		break;
	case SYSCALL_MMAP:
		pages = judge_pages(f->length_bytes);
		locks |= (p->args[3] & JUDGE_MAP_LOCKED) != 0;
		break;
	case SYSCALL_SHMAT:
		pages = judge_pages(p->segment_bytes);
		break;
	default:
		return VERDICT_UNKNOWN;
	}
	return locks && judge_locks_too_much(p, pages) ? VERDICT_RLIMIT_MEMLOCK : VERDICT_UNKNOWN;
}

/* do_mlockall(): with MCL_CURRENT all that is mapped is to be locked. */
static inline __u16 judge_mlockall(const struct event_proof *p)
{
	if ((p->args[0] & JUDGE_MCL_CURRENT) && !JUDGE_HAS(p, IPC_LOCK) && p->memlock_bytes_max != ~0ULL &&
	    p->total_pages > p->memlock_bytes_max / FILTER_PAGE_BYTES)
		return VERDICT_RLIMIT_MEMLOCK;
	return VERDICT_UNKNOWN;
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
		return judge_mlockall(p);
	case SYSCALL_MPROTECT:
	case SYSCALL_PKEY_MPROTECT:
	case SYSCALL_MUNLOCK:
		return judge_change(f, p);
	}
	return VERDICT_UNKNOWN;
}

/* can_do_mlock(): where nothing may be locked at all. */
static inline __u16 judge_not_permitted(const struct event_failure *f, const struct event_proof *p)
{
	const _Bool locks = judge_is_mlock(f) || f->syscall == SYSCALL_MLOCKALL ||
			    (f->syscall == SYSCALL_MMAP && (p->args[3] & JUDGE_MAP_LOCKED));

	return locks && !JUDGE_HAS(p, IPC_LOCK) && !p->memlock_bytes_max ? VERDICT_RLIMIT_MEMLOCK : VERDICT_BAD_REQUEST;
}

/* Of any call but munmap(). */
static inline __u16 judge_call(const struct event_failure *f, const struct event_proof *p)
{
	switch (f->errno_code) {
	case ERRNO_ENOMEM:
	case ERRNO_EAGAIN:
		/* It never tests a limit, and the call fails with it. */
		if (f->split_errno == ERRNO_ENOMEM)
			return judge_allocation(f, p);
		return f->errno_code == ERRNO_ENOMEM ? judge_no_memory(f, p) : judge_again(f, p);
	case ERRNO_EPERM:
		return judge_not_permitted(f, p);
	case ERRNO_EINTR:
	case ERRNO_EIO:
	case ERRNO_EBUSY:
	case ERRNO_ENFILE:
	case ERRNO_ENOSPC:
		return VERDICT_UNKNOWN;
	}
	return VERDICT_BAD_REQUEST;
}

static inline _Bool judge_is_shortage(__u32 verdict)
{
	return verdict != VERDICT_BAD_REQUEST && verdict != VERDICT_UNMAPPED_RANGE;
}

#endif
