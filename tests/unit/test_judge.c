// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The judge of every call but munmap(), compiled natively: the order of each call's tests, what lies on either side of each,
 * and that what cannot be told apart is unknown. Whether the facts are the kernel's is tests/cases/verdicts.sh's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bpf/judge.h"
#include "records.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define LIMIT	RECORDS_LIMIT
#define PAGE	RECORDS_PAGE_BYTES
#define TASK	0x7ffffffffULL /* pages, as the records have it */
#define TERA	(1ULL << 40)
#define CHANGES 9

/* What differs from records_call(): a field and its value. */
struct change {
	uint16_t size; /* 0: the end of them */
	uint16_t offset;
	bool is_proof;
	uint64_t value;
};

#define FIELD(TYPE, FIELD, IS_PROOF, VALUE)                                                          \
	{                                                                                            \
		sizeof(((struct TYPE *)0)->FIELD), offsetof(struct TYPE, FIELD), (IS_PROOF), (VALUE) \
	}
#define F(NAME, VALUE) FIELD(event_failure, NAME, false, VALUE)
#define P(NAME, VALUE) FIELD(event_proof, NAME, true, VALUE)

struct row {
	const char *what;
	uint16_t verdict;
	struct change changes[CHANGES];
};

#define SPARE(N)      F(vma_count, LIMIT - (N))
#define BEYOND	      F(vma_count, LIMIT + 1)
#define FLOOR(N)      F(limit_floor, (N))
#define CEILING(N)    F(limit_ceiling, (N))
#define AS(PAGES)     P(as_bytes_max, (PAGES)*PAGE)
#define DATA(PAGES)   P(data_bytes_max, (PAGES)*PAGE)
#define LOCKS(PAGES)  P(memlock_bytes_max, (PAGES)*PAGE)
#define MODE(N)	      P(overcommit, (N))
#define FULL	      P(memcg_pages_max, 5000)
#define SPLIT(ERRNO)  F(split_errno, ERRNO_##ERRNO)
#define AGAIN	      F(errno_code, ERRNO_EAGAIN)
#define ADDR(VALUE)   P(args[0], (VALUE)), F(addr, (VALUE))
#define LENGTH(VALUE) P(args[1], (VALUE)), F(length_bytes, (VALUE))
#define PAGES(N)      LENGTH((N)*PAGE)
#define ARG2(VALUE)   P(args[2], (VALUE))
#define ARG3(VALUE)   P(args[3], (VALUE))
#define FLAGS(VALUE)  P(flags, (VALUE))
#define VMA(VALUE)    P(first_flags, (VALUE))

enum {
	WHOLE = PROOF_WHOLE_RANGE,
	ONE = WHOLE | PROOF_ONE_MAPPING,
	START = PROOF_SPLITS_START,
	END = PROOF_SPLITS_END,
	FREE = PROOF_REST_IS_FREE,
};

static void describe(uint32_t syscall, const struct row *row, struct event_failure_full *ret)
{
	records_call(syscall, ret);
	for (const struct change *change = row->changes; change < row->changes + CHANGES && change->size; change++) {
		char *record = change->is_proof ? (char *)&ret->proof : (char *)&ret->failure;

		memcpy(record + change->offset, &change->value, change->size); /* little-endian */
	}
}

static const char *name(uint32_t verdict)
{
	static const char *const names[VERDICT_COUNT] = {
#define X(NAME, name) [VERDICT_##NAME] = #name,
		VERDICTS(X)
#undef X
	};

	return verdict < VERDICT_COUNT ? names[verdict] : "none at all";
}

static void check(uint32_t syscall, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct event_failure_full full;
		uint16_t verdict;

		describe(syscall, &rows[i], &full);
		verdict = judge_call(&full.failure, &full.proof);
		if (verdict != rows[i].verdict)
			fail_msg("%s: judged %s, not %s", rows[i].what, name(verdict), name(rows[i].verdict));
	}
}

#define CHECK(SYSCALL, ROWS) check((SYSCALL), (ROWS), COUNT_OF(ROWS))

#define PRIVATE 0x22 /* MAP_PRIVATE | MAP_ANONYMOUS */
#define FIXED	ARG3(PRIVATE | JUDGE_MAP_FIXED)
#define NOREPL	ARG3(PRIVATE | JUDGE_MAP_FIXED_NOREPLACE)
#define HUGE	ARG3(PRIVATE | JUDGE_MAP_HUGETLB)
#define THERE	ADDR(0x7f0000000000)

static const struct row mmap_rows[] = {
	{"nothing explains it", VERDICT_UNKNOWN, {SPARE(100)}},
	/* The length wraps when it is rounded up to pages: before the limit. */
	{"length 2^64 - 1", VERDICT_NO_ADDRESS_SPACE, {LENGTH(UINT64_MAX), BEYOND}},
	{"length 2^64 - 4095", VERDICT_NO_ADDRESS_SPACE, {LENGTH(UINT64_MAX - 4094)}},
	{"length 2^64 - 4096", VERDICT_NO_ADDRESS_SPACE, {LENGTH(UINT64_MAX - 4095)}},
	{"and beyond the limit", VERDICT_MAX_MAP_COUNT, {LENGTH(UINT64_MAX - 4095), BEYOND}},
	/* The limit: a mapping is refused beyond it, and not at it. */
	{"1 to spare", VERDICT_UNKNOWN, {SPARE(1)}},
	{"0 to spare", VERDICT_UNKNOWN, {SPARE(0)}},
	{"beyond", VERDICT_MAX_MAP_COUNT, {BEYOND}},
	{"beyond, before all else", VERDICT_MAX_MAP_COUNT, {BEYOND, AS(0), DATA(0), MODE(2), FULL}},
	{"at the limit, but the address space", VERDICT_RLIMIT_AS, {SPARE(0), AS(0)}},
	{"raised a moment ago: beyond the old one", VERDICT_UNKNOWN, {BEYOND, CEILING(2 * LIMIT), AS(0)}},
	{"raised a moment ago: at the old one", VERDICT_UNKNOWN, {SPARE(0), CEILING(2 * LIMIT), AS(0)}},
	{"raised a moment ago: below both", VERDICT_RLIMIT_AS, {SPARE(1), CEILING(2 * LIMIT), AS(0)}},
	{"raised a moment ago: beyond both", VERDICT_MAX_MAP_COUNT, {F(vma_count, 2 * LIMIT + 1), CEILING(2 * LIMIT)}},
	{"polled: nothing is excluded", VERDICT_UNKNOWN, {FLOOR(0), AS(0)}},
	/* The address space. */
	{"more than all there is", VERDICT_NO_ADDRESS_SPACE, {PAGES(TASK + 1), AS(0)}},
	{"all there is", VERDICT_NO_ADDRESS_SPACE, {PAGES(TASK), ARG2(0)}},
	{"a hole that may not have been there", VERDICT_UNKNOWN, {PAGES(TASK / 2), AS(0)}},
	{"a hole that was there", VERDICT_RLIMIT_AS, {PAGES(TASK / 8), AS(0)}},
	{"of many mappings too", VERDICT_RLIMIT_AS, {PAGES(1 << 16), SPARE(0), P(total_pages, TASK / 4), AS(TASK / 4)}},
	{"but no such large one", VERDICT_UNKNOWN, {PAGES(1 << 20), SPARE(0), P(total_pages, TASK / 4), AS(TASK / 4)}},
	{"an address beyond the end", VERDICT_NO_ADDRESS_SPACE, {FIXED, ADDR(TASK *PAGE)}},
	{"an address whose end is beyond", VERDICT_NO_ADDRESS_SPACE, {FIXED, ADDR((TASK - 15) * PAGE)}},
	{"an address whose end is the end", VERDICT_UNKNOWN, {FIXED, ADDR((TASK - 16) * PAGE)}},
	{"address and length wrap", VERDICT_NO_ADDRESS_SPACE, {FIXED, ADDR(UINT64_MAX - 4095)}},
	{"not where something is", VERDICT_NO_ADDRESS_SPACE, {NOREPL, ADDR((TASK - 15) * PAGE)}},
	{"a hint beyond the end", VERDICT_UNKNOWN, {ADDR(UINT64_MAX - 4095)}},
	{"low: more than there is", VERDICT_NO_ADDRESS_SPACE, {ARG3(PRIVATE | JUDGE_MAP_32BIT), PAGES((1 << 18) + 1)}},
	{"low: with a hint it may be more",
	 VERDICT_UNKNOWN,
	 {ARG3(PRIVATE | JUDGE_MAP_32BIT), PAGES((1 << 18) + 1), ADDR(0x10000), MODE(2)}},
	{"low: with a hint more than all",
	 VERDICT_NO_ADDRESS_SPACE,
	 {ARG3(PRIVATE | JUDGE_MAP_32BIT), PAGES((1 << 19) + 1), ADDR(0x10000)}},
	{"low: all of it", VERDICT_NO_ADDRESS_SPACE, {ARG3(PRIVATE | JUDGE_MAP_32BIT), PAGES(1 << 18)}},
	{"low: all of it, or the limit", VERDICT_UNKNOWN, {ARG3(PRIVATE | JUDGE_MAP_32BIT), PAGES(1 << 18), AS(0)}},
	{"low: a little fits surely",
	 VERDICT_RLIMIT_AS,
	 {ARG3(PRIVATE | JUDGE_MAP_32BIT), F(vma_count, 100), PAGES(1), AS(0)}},
	/* RLIMIT_AS, then RLIMIT_DATA. */
	{"as: exactly", VERDICT_UNKNOWN, {AS(1016)}},
	{"as: one too many", VERDICT_RLIMIT_AS, {AS(1015)}},
	{"as: before data", VERDICT_RLIMIT_AS, {AS(1015), DATA(215)}},
	{"data: exactly", VERDICT_UNKNOWN, {DATA(216)}},
	{"data: one too many", VERDICT_RLIMIT_DATA, {DATA(215)}},
	{"data: the soft one is 0, the hard one is not", VERDICT_UNKNOWN, {DATA(216), FLAGS(PROOF_DATA_IS_ZERO)}},
	{"data: not what is only read", VERDICT_UNKNOWN, {DATA(0), ARG2(1)}},
	{"data: not what is shared", VERDICT_UNKNOWN, {DATA(0), ARG3(0x21)}},
	{"data: not what is shared and validated", VERDICT_UNKNOWN, {DATA(0), ARG3(0x3)}},
	{"data: not a stack", VERDICT_UNKNOWN, {DATA(0), ARG3(PRIVATE | JUDGE_MAP_GROWSDOWN)}},
	{"data: what may be dropped", VERDICT_RLIMIT_DATA, {DATA(215), ARG3(0x28)}},
	/* What is replaced does not count. */
	{"fixed: all of it is replaced", VERDICT_UNKNOWN, {FIXED, THERE, AS(1000), FLAGS(ONE), P(range_mapped, 16)}},
	{"fixed: half of it",
	 VERDICT_RLIMIT_AS,
	 {FIXED, THERE, AS(1007), FLAGS(WHOLE | FREE), P(range_mapped, 8), P(hole, 0x7f0000008000)}},
	{"fixed: half of it, exactly",
	 VERDICT_UNKNOWN,
	 {FIXED, THERE, AS(1008), FLAGS(WHOLE | FREE), P(range_mapped, 8), P(hole, 0x7f0000008000)}},
	{"fixed: and what is behind the hole",
	 VERDICT_UNKNOWN,
	 {FIXED, THERE, AS(1007), FLAGS(WHOLE), P(range_mapped, 8), P(hole, 0x7f0000008000)}},
	{"fixed: full as it is",
	 VERDICT_RLIMIT_AS,
	 {FIXED, THERE, AS(999), FLAGS(WHOLE), P(range_mapped, 8), P(hole, 0x7f0000008000)}},
	{"fixed: more mappings than were looked at", VERDICT_UNKNOWN, {FIXED, THERE, AS(1007), P(range_mapped, 8)}},
	{"not where something is: all counts", VERDICT_RLIMIT_AS, {NOREPL, THERE, AS(1015)}},
	{"fixed: 1 to spare",
	 VERDICT_UNKNOWN,
	 {FIXED, THERE, SPARE(1), F(interior, 1), FLAGS(ONE | START | END), P(range_mapped, 16)}},
	{"fixed: the middle",
	 VERDICT_MAX_MAP_COUNT,
	 {FIXED, THERE, SPARE(0), F(interior, 1), FLAGS(ONE | START | END), P(range_mapped, 16)}},
	{"fixed: the head", VERDICT_UNKNOWN, {FIXED, THERE, SPARE(0), FLAGS(ONE | END), P(range_mapped, 16)}},
	{"fixed: the middle, or the address space",
	 VERDICT_UNKNOWN,
	 {FIXED, THERE, SPARE(0), F(interior, 1), FLAGS(ONE | START | END), P(range_mapped, 16), AS(0)}},
	{"fixed: raised a moment ago",
	 VERDICT_UNKNOWN,
	 {FIXED, THERE, SPARE(0), CEILING(2 * LIMIT), F(interior, 1), FLAGS(ONE | START | END), P(range_mapped, 16)}},
	{"fixed: a huge page may refuse",
	 VERDICT_UNKNOWN,
	 {FIXED, THERE, FULL, FLAGS(ONE | START), P(range_mapped, 16), VMA(JUDGE_VM_HUGETLB)}},
	{"fixed: a seal may refuse",
	 VERDICT_UNKNOWN,
	 {FIXED, THERE, MODE(2), FLAGS(ONE), P(range_mapped, 16), VMA(JUDGE_VM_SEALED)}},
	{"fixed: and did", VERDICT_BAD_REQUEST, {FIXED, THERE, FULL, SPLIT(EINVAL), P(range_mapped, 16), FLAGS(ONE)}},
	{"fixed: the split had no memory", VERDICT_KERNEL_MEMORY, {FIXED, THERE, SPLIT(ENOMEM)}},
	{"fixed: nor had the cgroup", VERDICT_MEMCG_LIMIT, {FIXED, THERE, SPLIT(ENOMEM), FULL}},
};

static const struct row mmap_memory_rows[] = {
	/* The pool, of which only what is reserved is asked. */
	{"huge", VERDICT_HUGETLB_POOL, {HUGE}},
	{"huge: in mode 2, too", VERDICT_HUGETLB_POOL, {HUGE, MODE(2)}},
	{"huge: not of an account", VERDICT_HUGETLB_POOL, {HUGE, P(memory_pages, 1)}},
	{"huge: without a reservation", VERDICT_UNKNOWN, {ARG3(PRIVATE | JUDGE_MAP_HUGETLB | JUDGE_MAP_NORESERVE)}},
	{"huge: or the cgroup", VERDICT_UNKNOWN, {HUGE, FULL}},
	{"huge: or a hole", VERDICT_UNKNOWN, {HUGE, PAGES(TASK / 2)}},
	{"huge: a page is 512", VERDICT_RLIMIT_AS, {HUGE, AS(1511)}},
	{"huge: or more, by default", VERDICT_UNKNOWN, {HUGE, AS(1512)}},
	{"huge: 2 MiB it is", VERDICT_HUGETLB_POOL, {ARG3(PRIVATE | JUDGE_MAP_HUGETLB | 21ULL << 26), AS(1512)}},
	{"huge: 1 GiB", VERDICT_RLIMIT_AS, {ARG3(PRIVATE | JUDGE_MAP_HUGETLB | 30ULL << 26), AS(1000 + (1 << 18) - 1)}},
	/* Overcommit. */
	{"mode 0: all there is", VERDICT_UNKNOWN, {PAGES(1 << 20)}},
	{"mode 0: more", VERDICT_OVERCOMMIT, {PAGES((1 << 20) + 1)}},
	{"mode 0: at the limit", VERDICT_OVERCOMMIT, {PAGES((1 << 20) + 1), SPARE(0)}},
	{"mode 0: how much there is, is not known", VERDICT_UNKNOWN, {PAGES(1 << 21), P(memory_pages, 0)}},
	{"mode 0: not without a reservation", VERDICT_UNKNOWN, {PAGES(1 << 21), ARG3(PRIVATE | JUDGE_MAP_NORESERVE)}},
	{"mode 0: not what is only read", VERDICT_UNKNOWN, {PAGES(1 << 21), ARG2(1)}},
	{"mode 0: shared memory counts, whatever its protection",
	 VERDICT_OVERCOMMIT,
	 {PAGES(1 << 21), ARG2(0), ARG3(0x21)}},
	{"mode 0: not a file that is shared", VERDICT_UNKNOWN, {PAGES(1 << 21), ARG3(1)}},
	{"mode 0: a file that is not", VERDICT_OVERCOMMIT, {PAGES(1 << 21), ARG3(2)}},
	{"mode 0: not what may be dropped", VERDICT_UNKNOWN, {PAGES(1 << 21), ARG3(0x28)}},
	{"mode 0: or a hole", VERDICT_UNKNOWN, {PAGES(TASK / 2)}},
	{"mode 0: before the cgroup", VERDICT_OVERCOMMIT, {PAGES(1 << 21), FULL}},
	{"mode 0: what is replaced may count",
	 VERDICT_UNKNOWN,
	 {FIXED, THERE, PAGES((1 << 20) + 1), FLAGS(WHOLE | FREE), P(range_mapped, 16), P(hole, 0x7f0000010000)}},
	{"mode 0: more without it",
	 VERDICT_OVERCOMMIT,
	 {FIXED, THERE, PAGES((1 << 20) + 17), FLAGS(WHOLE | FREE), P(range_mapped, 16), P(hole, 0x7f0000010000)}},
	{"mode 1", VERDICT_UNKNOWN, {PAGES(1 << 21), MODE(1)}},
	{"mode 2", VERDICT_OVERCOMMIT, {MODE(2)}},
	{"mode 2: not even without a reservation", VERDICT_OVERCOMMIT, {MODE(2), ARG3(PRIVATE | JUDGE_MAP_NORESERVE)}},
	{"mode 2: not what is only read", VERDICT_UNKNOWN, {MODE(2), ARG2(1)}},
	{"mode 2: a driver may have refused", VERDICT_UNKNOWN, {MODE(2), ARG3(2)}},
	{"mode 2: or a hole", VERDICT_UNKNOWN, {MODE(2), PAGES(TASK / 2)}},
	{"mode 2: or the cgroup", VERDICT_UNKNOWN, {MODE(2), FULL}},
	{"mode 2: a victim", VERDICT_UNKNOWN, {MODE(2), FLAGS(PROOF_DYING)}},
	{"an unknown mode", VERDICT_UNKNOWN, {MODE(3), PAGES(1 << 21)}},
	/* What is left. */
	{"no hole", VERDICT_NO_ADDRESS_SPACE, {PAGES(TASK / 2), ARG2(0)}},
	{"a file has no hole, or no driver", VERDICT_UNKNOWN, {PAGES(TASK / 2), ARG2(0), ARG3(2)}},
	{"no hole or no cgroup", VERDICT_UNKNOWN, {PAGES(TASK / 2), ARG2(0), FULL}},
	{"no hole: a victim", VERDICT_UNKNOWN, {PAGES(TASK / 2), ARG2(0), FLAGS(PROOF_DYING)}},
	{"cgroup", VERDICT_MEMCG_LIMIT, {FULL}},
	{"cgroup: or a driver", VERDICT_UNKNOWN, {FULL, ARG3(2)}},
	/* Other errors. */
	{"may not be locked", VERDICT_RLIMIT_MEMLOCK, {AGAIN, ARG3(PRIVATE | JUDGE_MAP_LOCKED), LOCKS(15)}},
	{"may be locked, exactly", VERDICT_UNKNOWN, {AGAIN, ARG3(PRIVATE | JUDGE_MAP_LOCKED), LOCKS(16)}},
	{"may be locked by who may",
	 VERDICT_UNKNOWN,
	 {AGAIN, ARG3(PRIVATE | JUDGE_MAP_LOCKED), LOCKS(15), FLAGS(PROOF_IPC_LOCK)}},
	{"locks all from now on", VERDICT_RLIMIT_MEMLOCK, {AGAIN, LOCKS(15), FLAGS(PROOF_LOCKS_FUTURE)}},
	{"locks nothing", VERDICT_UNKNOWN, {AGAIN, LOCKS(15)}},
	{"may lock nothing",
	 VERDICT_RLIMIT_MEMLOCK,
	 {F(errno_code, ERRNO_EPERM), ARG3(PRIVATE | JUDGE_MAP_LOCKED), LOCKS(0)}},
	{"may lock a page",
	 VERDICT_BAD_REQUEST,
	 {F(errno_code, ERRNO_EPERM), ARG3(PRIVATE | JUDGE_MAP_LOCKED), LOCKS(1)}},
	{"may not, and does not", VERDICT_BAD_REQUEST, {F(errno_code, ERRNO_EPERM), LOCKS(0)}},
	{"EINVAL, at the limit", VERDICT_BAD_REQUEST, {F(errno_code, ERRNO_EINVAL), BEYOND}},
	{"ENFILE", VERDICT_UNKNOWN, {F(errno_code, ERRNO_ENFILE), BEYOND}},
	{"ENOSPC", VERDICT_UNKNOWN, {F(errno_code, ERRNO_ENOSPC)}},
};

static const struct row shmat_rows[] = {
	{"nothing explains it", VERDICT_UNKNOWN, {SPARE(0)}},
	{"beyond", VERDICT_MAX_MAP_COUNT, {BEYOND, AS(0)}},
	{"raised a moment ago", VERDICT_UNKNOWN, {SPARE(0), CEILING(2 * LIMIT), AS(0)}},
	{"as: exactly", VERDICT_UNKNOWN, {AS(1016)}},
	{"as: one too many", VERDICT_RLIMIT_AS, {AS(1015)}},
	{"data: shared memory is none", VERDICT_UNKNOWN, {DATA(0)}},
	{"a segment that was not found", VERDICT_UNKNOWN, {AS(0), P(segment_bytes, 0), FULL}},
	{"a segment that cannot be", VERDICT_NO_ADDRESS_SPACE, {P(segment_bytes, UINT64_MAX - 4095)}},
	{"no hole", VERDICT_NO_ADDRESS_SPACE, {P(segment_bytes, TASK / 2 * PAGE)}},
	{"no hole, or the limit", VERDICT_UNKNOWN, {P(segment_bytes, TASK / 2 * PAGE), AS(0)}},
	{"beyond the end", VERDICT_NO_ADDRESS_SPACE, {F(addr, (TASK - 15) * PAGE)}},
	{"replaces what was not looked at", VERDICT_UNKNOWN, {AS(0), FULL, ARG2(JUDGE_SHM_REMAP)}},
	{"cgroup", VERDICT_MEMCG_LIMIT, {FULL}},
	{"locks all from now on", VERDICT_RLIMIT_MEMLOCK, {AGAIN, LOCKS(15), FLAGS(PROOF_LOCKS_FUTURE)}},
	{"EINVAL", VERDICT_BAD_REQUEST, {F(errno_code, ERRNO_EINVAL)}},
};

static const struct row brk_rows[] = {
	{"nothing explains it", VERDICT_UNKNOWN, {SPARE(0)}},
	{"below the heap", VERDICT_BAD_REQUEST, {P(args[0], PAGE), BEYOND}},
	{"a heap that shrinks", VERDICT_UNKNOWN, {P(args[0], RECORDS_BRK - PAGE), BEYOND}},
	{"a heap that stays", VERDICT_UNKNOWN, {P(args[0], RECORDS_BRK), BEYOND}},
	{"a heap that shrinks and cannot be split",
	 VERDICT_KERNEL_MEMORY,
	 {P(args[0], RECORDS_BRK - PAGE), SPLIT(ENOMEM)}},
	/* The heap is 33 pages, grows by 16, and the image's data is 2. */
	{"data: exactly", VERDICT_UNKNOWN, {DATA(216), P(data_pages, 200)}},
	{"data: of the heap, exactly", VERDICT_UNKNOWN, {DATA(51), P(data_pages, 0)}},
	{"data: of the heap", VERDICT_RLIMIT_DATA, {DATA(50), P(data_pages, 0), FLAGS(PROOF_BLOCKED)}},
	{"data: is 0, whatever the hard one", VERDICT_RLIMIT_DATA, {DATA(1 << 20), FLAGS(PROOF_DATA_IS_ZERO)}},
	{"data: of all", VERDICT_RLIMIT_DATA, {DATA(215)}},
	{"blocked", VERDICT_NO_ADDRESS_SPACE, {FLAGS(PROOF_BLOCKED), AS(0), BEYOND}},
	{"beyond the end", VERDICT_NO_ADDRESS_SPACE, {P(args[0], (TASK + 1) * PAGE)}},
	{"round the end", VERDICT_NO_ADDRESS_SPACE, {P(args[0], UINT64_MAX)}},
	{"locks all from now on", VERDICT_RLIMIT_MEMLOCK, {LOCKS(15), FLAGS(PROOF_LOCKS_FUTURE), AS(0), BEYOND}},
	{"locks all, exactly", VERDICT_UNKNOWN, {LOCKS(16), FLAGS(PROOF_LOCKS_FUTURE)}},
	{"locks all, or blocked", VERDICT_UNKNOWN, {LOCKS(15), FLAGS(PROOF_LOCKS_FUTURE | PROOF_BLOCKED)}},
	{"as: exactly", VERDICT_UNKNOWN, {AS(1016)}},
	{"as: before the limit", VERDICT_RLIMIT_AS, {AS(1015), BEYOND}},
	{"beyond", VERDICT_MAX_MAP_COUNT, {BEYOND, MODE(2), FULL}},
	{"raised a moment ago", VERDICT_UNKNOWN, {BEYOND, CEILING(2 * LIMIT), MODE(2)}},
	{"mode 0", VERDICT_OVERCOMMIT, {P(args[0], RECORDS_BRK + ((1 << 20) + 1) * PAGE)}},
	{"mode 0: exactly", VERDICT_UNKNOWN, {P(args[0], RECORDS_BRK + (1 << 20) * PAGE)}},
	{"mode 2", VERDICT_OVERCOMMIT, {MODE(2)}},
	{"mode 2, or the cgroup", VERDICT_UNKNOWN, {MODE(2), FULL}},
	{"cgroup", VERDICT_MEMCG_LIMIT, {FULL}},
	{"cgroup: a victim", VERDICT_UNKNOWN, {FULL, FLAGS(PROOF_DYING)}},
};

/* Of read-write memory that is to be read only; the range begins at 0x7f184b2a6000 and ends 16 pages later. */
#define HOLE_FIRST P(hole, 0x7f184b2a6000)
#define HOLE	   P(hole, 0x7f184b2a8000)
#define WRITABLE   ARG2(3)
#define READ_ONLY  0x100071ULL /* and accounted for */
#define FIXED_VMA  P(fixed_flags, 0x71), P(fixed_pages, 16), VMA(0x71)

static const struct row mprotect_rows[] = {
	{"nothing explains it", VERDICT_UNKNOWN, {SPARE(100)}},
	{"the middle", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START | END)}},
	{"the middle: 1 to spare", VERDICT_UNKNOWN, {SPARE(1), FLAGS(ONE | START | END)}},
	{"the tail", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START)}},
	{"the head", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | END)}},
	{"all of it", VERDICT_UNKNOWN, {SPARE(0)}},
	{"the middle, or the cgroup", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START | END), FULL}},
	{"raised a moment ago", VERDICT_UNKNOWN, {SPARE(0), CEILING(2 * LIMIT), FLAGS(ONE | START), FULL}},
	{"raised a moment ago, and a hole",
	 VERDICT_UNKNOWN,
	 {SPARE(0), CEILING(2 * LIMIT), FLAGS(WHOLE | START), HOLE}},
	{"raised a moment ago, and no split", VERDICT_MEMCG_LIMIT, {SPARE(0), CEILING(2 * LIMIT), FULL}},
	/* What is as it should be is not split. */
	{"is that already", VERDICT_UNKNOWN, {SPARE(0), FLAGS(ONE | START | END), VMA(READ_ONLY)}},
	{"is that already, and then a hole",
	 VERDICT_UNMAPPED_RANGE,
	 {SPARE(0), FLAGS(WHOLE | START), HOLE, VMA(READ_ONLY)}},
	{"begins with the mapping", VERDICT_UNKNOWN, {SPARE(0), FLAGS(ONE | START), ARG2(1 | JUDGE_PROT_GROWSDOWN)}},
	/* Holes. */
	{"nothing there", VERDICT_UNMAPPED_RANGE, {SPARE(0), FLAGS(WHOLE), HOLE_FIRST, P(range_mapped, 0)}},
	{"nothing at 0", VERDICT_UNMAPPED_RANGE, {ADDR(0), FLAGS(WHOLE), P(range_mapped, 0)}},
	{"a hole", VERDICT_UNMAPPED_RANGE, {SPARE(0), FLAGS(WHOLE), HOLE}},
	{"a split, then a hole", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(WHOLE | START), HOLE}},
	{"a stack's hole", VERDICT_UNKNOWN, {FLAGS(WHOLE), HOLE_FIRST, ARG2(1 | JUDGE_PROT_GROWSDOWN)}},
	{"more mappings than were looked at", VERDICT_UNKNOWN, {FULL, FLAGS(0)}},
	/* The range wraps. */
	{"length 2^64 - 1", VERDICT_BAD_REQUEST, {LENGTH(UINT64_MAX), FLAGS(0), P(range_mapped, 0), FULL}},
	{"the end is before the start",
	 VERDICT_BAD_REQUEST,
	 {LENGTH(UINT64_MAX - 4095), FLAGS(0), P(range_mapped, 0), FULL}},
	/* What becomes writable. */
	{"data: exactly", VERDICT_UNKNOWN, {WRITABLE, FIXED_VMA, DATA(216)}},
	{"data: one too many", VERDICT_RLIMIT_DATA, {WRITABLE, FIXED_VMA, DATA(215)}},
	{"data: before the limit", VERDICT_RLIMIT_DATA, {WRITABLE, FIXED_VMA, DATA(215), SPARE(0), FLAGS(ONE | START)}},
	{"data: as would have refused both", VERDICT_UNKNOWN, {WRITABLE, FIXED_VMA, DATA(215), AS(1000)}},
	{"data: not of shared memory",
	 VERDICT_UNKNOWN,
	 {WRITABLE, P(fixed_flags, 0xf9), P(fixed_pages, 16), VMA(0xf9), DATA(0)}},
	{"data: not if it stays read only", VERDICT_UNKNOWN, {FIXED_VMA, DATA(215)}},
	{"a split, then what becomes writable",
	 VERDICT_MAX_MAP_COUNT,
	 {ARG2(7), P(fixed_flags, 0x71), P(fixed_pages, 8), DATA(0), SPARE(0), FLAGS(WHOLE | START)}},
	{"what is writable, then what becomes so",
	 VERDICT_RLIMIT_DATA,
	 {ARG2(7), P(fixed_flags, 0x71), P(fixed_pages, 8), DATA(0), SPARE(1), FLAGS(WHOLE | START)}},
	{"mode 0", VERDICT_OVERCOMMIT, {WRITABLE, FIXED_VMA, P(memory_pages, 15), SPARE(0), FLAGS(ONE | START)}},
	{"mode 0: exactly", VERDICT_UNKNOWN, {WRITABLE, FIXED_VMA, P(memory_pages, 16)}},
	{"mode 0: accounted already",
	 VERDICT_UNKNOWN,
	 {WRITABLE, P(fixed_flags, READ_ONLY), P(fixed_pages, 16), VMA(READ_ONLY), P(memory_pages, 15)}},
	{"mode 2", VERDICT_OVERCOMMIT, {WRITABLE, FIXED_VMA, MODE(2)}},
	{"mode 2: accounted already",
	 VERDICT_UNKNOWN,
	 {WRITABLE, P(fixed_flags, READ_ONLY), P(fixed_pages, 16), VMA(READ_ONLY), MODE(2)}},
	{"mode 2: or the cgroup", VERDICT_UNKNOWN, {WRITABLE, FIXED_VMA, MODE(2), FULL}},
	{"mode 2: a hole", VERDICT_UNMAPPED_RANGE, {WRITABLE, FIXED_VMA, MODE(2), HOLE}},
	{"cgroup", VERDICT_MEMCG_LIMIT, {FULL}},
	{"split", VERDICT_KERNEL_MEMORY, {SPLIT(ENOMEM), SPARE(0), FLAGS(ONE | START)}},
	{"EACCES", VERDICT_BAD_REQUEST, {F(errno_code, 13), SPARE(0), FLAGS(ONE | START)}},
};

static const struct row pkey_rows[] = {
	{"the same key", VERDICT_UNKNOWN, {SPARE(0), FLAGS(ONE | START), VMA(READ_ONLY), ARG3(0)}},
	{"another key", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START), VMA(READ_ONLY), ARG3(2)}},
	{"it has that key", VERDICT_UNKNOWN, {SPARE(0), FLAGS(ONE | START), VMA(READ_ONLY | 2ULL << 32), ARG3(2)}},
	{"no key", VERDICT_UNKNOWN, {SPARE(0), FLAGS(ONE | START), VMA(READ_ONLY), ARG3(UINT32_MAX)}},
	{"another protection", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START), ARG3(UINT64_MAX)}},
};

#define LOCKED VMA(0x100073 | JUDGE_VM_LOCKED)

static const struct row mlock_rows[] = {
	{"nothing explains it", VERDICT_UNKNOWN, {SPARE(100)}},
	{"exactly", VERDICT_UNKNOWN, {LOCKS(20), P(locked_pages, 4)}},
	{"one too many", VERDICT_RLIMIT_MEMLOCK, {LOCKS(19), P(locked_pages, 4)}},
	{"one too many, at the limit, and a hole",
	 VERDICT_RLIMIT_MEMLOCK,
	 {LOCKS(15), SPARE(0), FLAGS(WHOLE | FREE | START), HOLE}},
	{"by who may", VERDICT_UNKNOWN, {LOCKS(0), FLAGS(ONE | PROOF_IPC_LOCK)}},
	{"what is locked counts once", VERDICT_UNKNOWN, {LOCKS(16), P(locked_pages, 4), P(range_locked, 4)}},
	{"and the rest", VERDICT_RLIMIT_MEMLOCK, {LOCKS(15), P(locked_pages, 4), P(range_locked, 4)}},
	{"behind a hole more may be locked", VERDICT_UNKNOWN, {LOCKS(19), P(locked_pages, 4), FLAGS(WHOLE), HOLE}},
	{"but no more than all", VERDICT_RLIMIT_MEMLOCK, {LOCKS(15), P(locked_pages, 4), FLAGS(WHOLE), HOLE}},
	{"more locked than asked for", VERDICT_UNKNOWN, {LOCKS(100), P(locked_pages, 100), P(range_locked, 100)}},
	{"a part of a page is one", VERDICT_RLIMIT_MEMLOCK, {LOCKS(1), ADDR(0x7f184b2a6fff), LENGTH(2)}},
	{"length 2^64 - 1", VERDICT_UNKNOWN, {LENGTH(UINT64_MAX), LOCKS(1), FLAGS(0), P(range_mapped, 0)}},
	{"length 2^63", VERDICT_RLIMIT_MEMLOCK, {LENGTH(1ULL << 63), LOCKS(1), FLAGS(0), P(range_mapped, 0)}},
	{"the middle", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START | END)}},
	{"the head", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | END)}},
	{"1 to spare", VERDICT_UNKNOWN, {SPARE(1), FLAGS(ONE | START | END)}},
	{"is locked already", VERDICT_UNKNOWN, {SPARE(0), FLAGS(ONE | START | END), LOCKED}},
	{"is locked already, and then a hole", VERDICT_UNMAPPED_RANGE, {SPARE(0), FLAGS(WHOLE | START), LOCKED, HOLE}},
	{"is passed over", VERDICT_UNKNOWN, {SPARE(0), FLAGS(ONE | START), VMA(JUDGE_VM_HUGETLB)}},
	{"nothing there", VERDICT_UNMAPPED_RANGE, {FLAGS(WHOLE), HOLE_FIRST, P(range_mapped, 0)}},
	{"nothing at 0", VERDICT_UNMAPPED_RANGE, {ADDR(0), FLAGS(WHOLE), P(range_mapped, 0)}},
	{"nothing in the page",
	 VERDICT_UNMAPPED_RANGE,
	 {ADDR(0x7f184b2a6001), FLAGS(WHOLE), HOLE_FIRST, P(range_mapped, 0)}},
	/* It has no third argument: what is in the register says nothing. */
	{"mode 2 has no say", VERDICT_UNKNOWN, {MODE(2), ARG2(3), FIXED_VMA}},
	{"data has none", VERDICT_UNKNOWN, {DATA(0), ARG2(3), FIXED_VMA}},
	{"cgroup", VERDICT_MEMCG_LIMIT, {FULL}},
	{"cgroup: or its pages", VERDICT_UNKNOWN, {FULL, LOCKED}},
	{"may lock nothing", VERDICT_RLIMIT_MEMLOCK, {F(errno_code, ERRNO_EPERM), LOCKS(0)}},
	{"pages that cannot be had", VERDICT_UNKNOWN, {AGAIN, SPARE(0)}},
};

static const struct row mlock2_rows[] = {
	{"locked, and now on fault", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START), LOCKED, ARG2(1)}},
	{"is that already",
	 VERDICT_UNKNOWN,
	 {SPARE(0), FLAGS(ONE | START), VMA(JUDGE_VM_LOCKED | JUDGE_VM_LOCKONFAULT), ARG2(1)}},
};

static const struct row munlock_rows[] = {
	{"the middle", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START | END), LOCKED}},
	{"not locked at all", VERDICT_UNKNOWN, {SPARE(0), FLAGS(ONE | START | END)}},
	{"a hole", VERDICT_UNMAPPED_RANGE, {SPARE(0), FLAGS(WHOLE), HOLE}},
	{"locks less, whatever may be", VERDICT_UNKNOWN, {LOCKS(0)}},
	{"may lock nothing, and need not", VERDICT_BAD_REQUEST, {F(errno_code, ERRNO_EPERM), LOCKS(0)}},
};

static const struct row mlockall_rows[] = {
	{"nothing explains it", VERDICT_UNKNOWN, {FULL, BEYOND}},
	{"exactly", VERDICT_UNKNOWN, {LOCKS(1000)}},
	{"one too many", VERDICT_RLIMIT_MEMLOCK, {LOCKS(999)}},
	{"by who may", VERDICT_UNKNOWN, {LOCKS(999), FLAGS(PROOF_IPC_LOCK)}},
	{"only what is to come", VERDICT_UNKNOWN, {LOCKS(999), P(args[0], 2)}},
	{"may lock nothing", VERDICT_RLIMIT_MEMLOCK, {F(errno_code, ERRNO_EPERM), LOCKS(0)}},
};

/* MADV_DONTDUMP, 16. Up to 5.16 the limit is ENOMEM. */
static const struct row madvise_rows[] = {
	{"nothing explains it", VERDICT_UNKNOWN, {AGAIN}},
	{"the middle", VERDICT_MAX_MAP_COUNT, {AGAIN, SPARE(0), FLAGS(ONE | START | END)}},
	{"the middle, as it was", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(ONE | START | END)}},
	{"1 to spare", VERDICT_UNKNOWN, {AGAIN, SPARE(1), FLAGS(ONE | START | END)}},
	{"all of it", VERDICT_UNKNOWN, {AGAIN, SPARE(0)}},
	{"is that already", VERDICT_UNKNOWN, {AGAIN, SPARE(0), FLAGS(ONE | START), VMA(JUDGE_VM_DONTDUMP)}},
	{"is that already, and a hole",
	 VERDICT_UNMAPPED_RANGE,
	 {SPARE(0), FLAGS(WHOLE | START), VMA(JUDGE_VM_DONTDUMP), HOLE}},
	{"a split, or a hole", VERDICT_MAX_MAP_COUNT, {SPARE(0), FLAGS(WHOLE | START), HOLE}},
	{"a split behind a hole", VERDICT_UNKNOWN, {AGAIN, SPARE(0), FLAGS(WHOLE), HOLE, FULL}},
	{"advice that does not split", VERDICT_UNKNOWN, {AGAIN, SPARE(0), FLAGS(ONE | START), ARG2(4), FULL}},
	{"advice that does not split, and a hole",
	 VERDICT_UNMAPPED_RANGE,
	 {SPARE(0), FLAGS(WHOLE | START), HOLE, ARG2(4)}},
	{"advice nobody knows", VERDICT_UNKNOWN, {AGAIN, SPARE(0), FLAGS(ONE | START), ARG2(UINT64_MAX)}},
	{"nothing there", VERDICT_UNMAPPED_RANGE, {FLAGS(WHOLE), HOLE_FIRST, P(range_mapped, 0), ARG2(4)}},
	{"nothing at 0", VERDICT_UNMAPPED_RANGE, {ADDR(0), FLAGS(WHOLE), P(range_mapped, 0), ARG2(4)}},
	{"ENOMEM is no allocation", VERDICT_UNKNOWN, {FULL}},
	{"cgroup", VERDICT_MEMCG_LIMIT, {AGAIN, FULL}},
	{"split", VERDICT_KERNEL_MEMORY, {AGAIN, SPLIT(ENOMEM), SPARE(0), FLAGS(ONE | START)}},
	{"more mappings than were looked at", VERDICT_UNKNOWN, {AGAIN, FULL, FLAGS(0)}},
	{"raised a moment ago", VERDICT_UNKNOWN, {AGAIN, SPARE(0), CEILING(2 * LIMIT), FLAGS(ONE | START), FULL}},
	{"EBUSY", VERDICT_UNKNOWN, {F(errno_code, ERRNO_EBUSY)}},
	{"EINVAL", VERDICT_BAD_REQUEST, {F(errno_code, ERRNO_EINVAL), SPARE(0), FLAGS(ONE | START)}},
};

/* From 16 to 32 pages, and may move. */
#define PLACE ARG3(JUDGE_MREMAP_MAYMOVE | JUDGE_MREMAP_FIXED)
#define LEAVE ARG2(16 * PAGE), ARG3(JUDGE_MREMAP_MAYMOVE | JUDGE_MREMAP_DONTUNMAP)
#define STAYS ARG3(0)
#define MOVES FLAGS(ONE | PROOF_BLOCKED)
#define TO(N) ARG2((N)*PAGE)

static const struct row mremap_rows[] = {
	{"nothing explains it", VERDICT_UNKNOWN, {SPARE(6)}},
	/* Both tests at the beginning, or one: then nothing else may explain it. */
	{"place: 6 to spare", VERDICT_UNKNOWN, {PLACE, SPARE(6)}},
	{"place: 5", VERDICT_MAX_MAP_COUNT, {PLACE, SPARE(5)}},
	{"place: 5, up to 7.0, or as", VERDICT_UNKNOWN, {PLACE, SPARE(5), AS(1000)}},
	{"place: 4, or as", VERDICT_UNKNOWN, {PLACE, SPARE(4), AS(1000)}},
	{"place: 3, whatever else", VERDICT_MAX_MAP_COUNT, {PLACE, SPARE(3), AS(1000), FULL, MODE(2)}},
	{"leave: 6", VERDICT_UNKNOWN, {LEAVE, SPARE(6)}},
	{"leave: 5", VERDICT_MAX_MAP_COUNT, {LEAVE, SPARE(5)}},
	{"leave: 5, or as", VERDICT_UNKNOWN, {LEAVE, SPARE(5), AS(1015)}},
	{"leave: 4, whatever else", VERDICT_MAX_MAP_COUNT, {LEAVE, SPARE(4), AS(1015), FULL}},
	{"leave: adds all of it", VERDICT_RLIMIT_AS, {LEAVE, SPARE(6), AS(1015)}},
	{"leave: exactly", VERDICT_UNKNOWN, {LEAVE, SPARE(6), AS(1016)}},
	{"here: 4", VERDICT_UNKNOWN, {STAYS, SPARE(4)}},
	{"here: 3, since 7.1", VERDICT_MAX_MAP_COUNT, {STAYS, SPARE(3)}},
	{"here: 3, or as", VERDICT_UNKNOWN, {STAYS, SPARE(3), AS(1000)}},
	{"here: 3, or the cgroup", VERDICT_UNKNOWN, {STAYS, SPARE(3), FULL}},
	{"here: 3, or mode 2", VERDICT_UNKNOWN, {STAYS, SPARE(3), MODE(2)}},
	{"here: 3, or a victim", VERDICT_UNKNOWN, {STAYS, SPARE(3), FLAGS(ONE | PROOF_DYING)}},
	{"no change: 3", VERDICT_MAX_MAP_COUNT, {TO(16), SPARE(3)}},
	{"no change: 4", VERDICT_UNKNOWN, {TO(16), SPARE(4)}},
	{"a small limit", VERDICT_MAX_MAP_COUNT, {PLACE, F(vma_count, 0), F(limit_floor, 2), CEILING(2)}},
	{"no limit at all", VERDICT_MAX_MAP_COUNT, {PLACE, F(vma_count, 0), F(limit_floor, 0), CEILING(0)}},
	{"the largest", VERDICT_UNKNOWN, {PLACE, F(vma_count, 812), F(limit_floor, UINT32_MAX), CEILING(UINT32_MAX)}},
	{"the largest count", VERDICT_MAX_MAP_COUNT, {PLACE, F(vma_count, UINT32_MAX)}},
	{"raised a moment ago", VERDICT_UNKNOWN, {SPARE(5), CEILING(2 * LIMIT), AS(1000)}},
	{"raised a moment ago, far from either", VERDICT_RLIMIT_AS, {SPARE(6), CEILING(2 * LIMIT), AS(1000)}},
	/* A shrink is a munmap(): only the middle of a mapping needs one more. */
	{"cut: the middle", VERDICT_MAX_MAP_COUNT, {TO(8), SPARE(0), FLAGS(ONE | START | END)}},
	{"cut: the tail, up to 7.0 never", VERDICT_MAX_MAP_COUNT, {TO(8), SPARE(0), FLAGS(ONE | START)}},
	{"cut: more than one mapping, or the cgroup",
	 VERDICT_UNKNOWN,
	 {TO(8), SPARE(0), FLAGS(WHOLE | START | END), FULL}},
	{"cut: 4", VERDICT_UNKNOWN, {TO(8), SPARE(4), FLAGS(ONE | START | END)}},
	{"cut: the cgroup", VERDICT_MEMCG_LIMIT, {TO(8), FLAGS(ONE | START | END), FULL}},
	{"cut: no allocation is needed for data", VERDICT_UNKNOWN, {TO(8), DATA(0), AS(0), MODE(2)}},
};

static const struct row mremap_growth_rows[] = {
	{"as: exactly", VERDICT_UNKNOWN, {AS(1016)}},
	{"as: one too many", VERDICT_RLIMIT_AS, {AS(1015), DATA(0), P(memory_pages, 1)}},
	{"data: one too many", VERDICT_RLIMIT_DATA, {DATA(215)}},
	{"data: shared memory is none", VERDICT_UNKNOWN, {DATA(0), VMA(0xfb)}},
	{"mode 0: exactly", VERDICT_UNKNOWN, {P(memory_pages, 16)}},
	{"mode 0", VERDICT_OVERCOMMIT, {P(memory_pages, 15)}},
	{"mode 0: no account is kept of it", VERDICT_UNKNOWN, {P(memory_pages, 15), VMA(0x73)}},
	{"mode 0: or blocked", VERDICT_UNKNOWN, {P(memory_pages, 15), STAYS, MOVES}},
	{"mode 0: or the limit of a move", VERDICT_UNKNOWN, {P(memory_pages, 15), MOVES, SPARE(3)}},
	{"mode 0: or no place", VERDICT_UNKNOWN, {TO(TASK + 1)}},
	{"blocked", VERDICT_NO_ADDRESS_SPACE, {STAYS, MOVES}},
	{"blocked, and a full cgroup", VERDICT_NO_ADDRESS_SPACE, {STAYS, MOVES, FULL}},
	{"blocked, or mode 2", VERDICT_UNKNOWN, {STAYS, MOVES, MODE(2)}},
	{"blocked, no account is kept, mode 2", VERDICT_NO_ADDRESS_SPACE, {STAYS, MOVES, MODE(2), VMA(0x73)}},
	{"here, beyond the end", VERDICT_NO_ADDRESS_SPACE, {STAYS, ADDR((TASK - 16) * PAGE)}},
	{"more than all there is", VERDICT_NO_ADDRESS_SPACE, {TO(TASK + 1), VMA(0x73)}},
	{"length 2^64 - 4096", VERDICT_NO_ADDRESS_SPACE, {ARG2(UINT64_MAX - 4095), VMA(0x73)}},
	{"no hole", VERDICT_NO_ADDRESS_SPACE, {TO(TASK / 2), MOVES, VMA(0x73)}},
	{"no hole, or the cgroup", VERDICT_UNKNOWN, {TO(TASK / 2), MOVES, VMA(0x73), FULL}},
	{"move: 4", VERDICT_UNKNOWN, {MOVES, SPARE(4)}},
	{"move: 3", VERDICT_MAX_MAP_COUNT, {MOVES, SPARE(3)}},
	{"move: 3, before the cgroup", VERDICT_MAX_MAP_COUNT, {MOVES, SPARE(3), FULL}},
	{"move: 3, or as", VERDICT_UNKNOWN, {MOVES, SPARE(3), AS(0)}},
	{"move: 3, or mode 2", VERDICT_UNKNOWN, {MOVES, SPARE(3), MODE(2)}},
	{"mode 2", VERDICT_OVERCOMMIT, {MODE(2)}},
	{"mode 2: or the cgroup", VERDICT_UNKNOWN, {MODE(2), FULL}},
	{"3 to spare: or mode 2, or the cgroup", VERDICT_UNKNOWN, {MODE(2), FULL, SPARE(3)}},
	{"cgroup", VERDICT_MEMCG_LIMIT, {FULL}},
	{"locked: exactly", VERDICT_UNKNOWN, {AGAIN, LOCKED, LOCKS(16)}},
	{"locked: one too many", VERDICT_RLIMIT_MEMLOCK, {AGAIN, LOCKED, LOCKS(15)}},
	{"locked: not what shrinks", VERDICT_UNKNOWN, {AGAIN, LOCKED, LOCKS(0), TO(8)}},
	{"not locked", VERDICT_UNKNOWN, {AGAIN, LOCKS(0)}},
	{"EFAULT", VERDICT_BAD_REQUEST, {F(errno_code, 14), SPARE(0)}},
};

static const struct row shmdt_rows[] = {
	{"it never fails of any", VERDICT_UNKNOWN, {BEYOND, FULL, MODE(2)}},
	{"nothing is attached there", VERDICT_BAD_REQUEST, {F(errno_code, ERRNO_EINVAL), BEYOND}},
};

static void test_mmap(void **state)
{
	(void)state;
	CHECK(SYSCALL_MMAP, mmap_rows);
	CHECK(SYSCALL_MMAP, mmap_memory_rows);
}

static void test_shm(void **state)
{
	(void)state;
	CHECK(SYSCALL_SHMAT, shmat_rows);
	CHECK(SYSCALL_SHMDT, shmdt_rows);
}

static void test_brk(void **state)
{
	(void)state;
	CHECK(SYSCALL_BRK, brk_rows);
}

static void test_mprotect(void **state)
{
	(void)state;
	CHECK(SYSCALL_MPROTECT, mprotect_rows);
	CHECK(SYSCALL_PKEY_MPROTECT, pkey_rows);
}

static void test_locks(void **state)
{
	(void)state;
	CHECK(SYSCALL_MLOCK, mlock_rows);
	CHECK(SYSCALL_MLOCK2, mlock_rows);
	CHECK(SYSCALL_MLOCK2, mlock2_rows);
	CHECK(SYSCALL_MUNLOCK, munlock_rows);
	CHECK(SYSCALL_MLOCKALL, mlockall_rows);
}

static void test_madvise(void **state)
{
	(void)state;
	CHECK(SYSCALL_MADVISE, madvise_rows);
}

static void test_mremap(void **state)
{
	(void)state;
	CHECK(SYSCALL_MREMAP, mremap_rows);
	CHECK(SYSCALL_MREMAP, mremap_growth_rows);
}

/* Each advice undoes or does something; what it does once it does not do twice. */
static void test_advice(void **state)
{
	(void)state;
	for (uint64_t advice = 0; advice < 200; advice++) {
		uint64_t of_none = judge_advised(0, advice), of_all = judge_advised(UINT64_MAX, advice);

		assert_int_equal(judge_advised(of_none, advice), of_none);
		if (judge_advice_splits(advice) && advice != 12)
			assert_true(of_none || ~of_all);
		else if (advice != 12)
			assert_true(!of_none && !~of_all);
	}
	assert_int_equal(judge_advised(0, 12), JUDGE_VM_MERGEABLE);
	assert_int_equal(judge_advised(JUDGE_VM_SHARED, 12), JUDGE_VM_SHARED);
}

static void test_shortages(void **state)
{
	(void)state;
	for (uint32_t verdict = 0; verdict < VERDICT_COUNT; verdict++)
		assert_int_equal(judge_is_shortage(verdict),
				 verdict != VERDICT_BAD_REQUEST && verdict != VERDICT_UNMAPPED_RANGE);
}

/* Numbers of every size, those around powers of two more often. */
static uint64_t any_number(void)
{
	uint64_t number = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();

	switch (rand() % 4) {
	case 0:
		return number >> rand() % 64;
	case 1:
		return (1ULL << rand() % 64) + (uint64_t)(rand() % 3) - 1;
	case 2:
		return UINT64_MAX - (number >> rand() % 64);
	}
	return (uint64_t)(rand() % 40);
}

static void any_call(struct event_failure *f, struct event_proof *p)
{
	static const uint32_t errnos[] = {ERRNO_ENOMEM, ERRNO_ENOMEM, ERRNO_ENOMEM, ERRNO_EAGAIN, ERRNO_EPERM};
	uint64_t *numbers = (uint64_t *)p;

	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < sizeof(*p) / sizeof(*numbers); i++)
		numbers[i] = any_number();
	f->syscall = (uint32_t)rand() % (SYSCALL_COUNT + 1);
	f->errno_code = errnos[(size_t)rand() % COUNT_OF(errnos)];
	f->split_errno = rand() % 4 ? 0 : (uint32_t)any_number();
	f->addr = any_number();
	f->length_bytes = any_number();
	f->vma_count = (uint32_t)any_number();
	f->limit_floor = (uint32_t)any_number();
	f->limit_ceiling = rand() % 2 ? f->limit_floor : (uint32_t)any_number();
	f->interior = rand() % 2;
	p->overcommit = (uint32_t)rand() % 4;
}

/* Whatever the facts: no cause is named that they exclude. */
static void test_what_is_excluded_is_never_said(void **state)
{
	(void)state;
	srand(4);
	for (int i = 0; i < 400000; i++) {
		struct event_failure f;
		struct event_proof p;
		uint16_t verdict;

		any_call(&f, &p);
		verdict = judge_call(&f, &p);
		assert_true(verdict < VERDICT_COUNT);
		if ((uint64_t)f.vma_count + JUDGE_MREMAP_SPARE < f.limit_ceiling)
			assert_int_not_equal(verdict, VERDICT_MAX_MAP_COUNT);
		if (f.split_errno != ERRNO_ENOMEM)
			assert_int_not_equal(verdict, VERDICT_KERNEL_MEMORY);
		if (p.memcg_pages_max == UINT64_MAX)
			assert_int_not_equal(verdict, VERDICT_MEMCG_LIMIT);
		if (p.as_bytes_max == UINT64_MAX)
			assert_int_not_equal(verdict, VERDICT_RLIMIT_AS);
		if (p.data_bytes_max == UINT64_MAX && !(p.flags & PROOF_DATA_IS_ZERO))
			assert_int_not_equal(verdict, VERDICT_RLIMIT_DATA);
		if (p.flags & PROOF_IPC_LOCK)
			assert_int_not_equal(verdict, VERDICT_RLIMIT_MEMLOCK);
		if (p.overcommit == 1 || p.overcommit == 3)
			assert_int_not_equal(verdict, VERDICT_OVERCOMMIT);
		if (verdict == VERDICT_HUGETLB_POOL)
			assert_true(f.syscall == SYSCALL_MMAP && p.args[3] & JUDGE_MAP_HUGETLB);
		if (verdict == VERDICT_UNMAPPED_RANGE)
			assert_true(p.hole || !p.range_mapped);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mmap),	  cmocka_unit_test(test_shm),
		cmocka_unit_test(test_brk),	  cmocka_unit_test(test_mprotect),
		cmocka_unit_test(test_locks),	  cmocka_unit_test(test_madvise),
		cmocka_unit_test(test_mremap),	  cmocka_unit_test(test_advice),
		cmocka_unit_test(test_shortages), cmocka_unit_test(test_what_is_excluded_is_never_said),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
