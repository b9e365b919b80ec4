/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h: the records that the kernel side hands to user space (the ring buffer, and capture files).
 *
 * Included by both sides. Fixed-width fields ordered by size, explicit padding, no bit-fields, no enums on the wire;
 * compiled with -Wpadded. Variable data follows its record as (offset, length) from the record's start; user/event.c
 * checks them once. Kinds are only ever appended, and a field is never moved within one CAPTURE_VERSION.
 */
#ifndef VMASNOOP_EVENT_H
#define VMASNOOP_EVENT_H

#include <linux/types.h>

/*
 * X(NAME, name): the enum, the records' names and the decoder's and renderer's prototypes all follow from this list, so
 * that a kind that is not decoded or not rendered does not link.
 */
#define EVENT_KINDS(X)      \
	X(FAILURE, failure) \
	X(HOT, hot)         \
	X(LIMIT, limit)     \
	X(SLICE, slice)     \
	X(MAPPED, mapped)   \
	X(NEAR, near)       \
	X(PAID, paid)       \
	X(ENDED, ended)     \
	X(ORIGIN, origin)   \
	X(ORIGINS, origins) \
	X(OPS, ops)         \
	X(SPLIT, split)

enum event_kind {
#define X(NAME, name) EVENT_##NAME,
	EVENT_KINDS(X)
#undef X
		EVENT_KIND_COUNT
};

#define EVENT_COMM_BYTES	16
#define EVENT_USER_FRAMES_MAX	127 /* the kernel's own cap: sysctl kernel.perf_event_max_stack */
#define EVENT_KERNEL_FRAMES_MAX 48

struct event_header {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u32 size; /* of the whole record in bytes, variable data included */
	__u16 kind; /* enum event_kind */
	__u16 reserved;
};

/* Who: a process is (tgid, start time, exec id); its memory is the mm. */
struct event_process {
	__u64 start_time_ns; /* of the thread group's leader, CLOCK_BOOTTIME */
	__u64 exec_id; /* task_struct.self_exec_id: counts the execs of this task */
	__u64 mm; /* its memory: a key that no other memory ever has; 0: none; never printed */
	__u64 start_stack; /* where the stack of its image begins, as in /proc/PID/stat: tells one exec from the next */
	__u64 cgroup_id; /* cgroup v2; 1 is the root */
	__u32 tgid; /* in the initial PID namespace, as is tid */
	__u32 tid;
	__u32 uid;
	__u32 reserved;
	char comm[EVENT_COMM_BYTES]; /* of the leader */
	char thread_comm[EVENT_COMM_BYTES]; /* of the thread itself */
};

/* Where a value was read: an inequality that was read after the lock was dropped is weaker evidence. */
enum event_evidence {
	EVIDENCE_UNDER_LOCK = 1, /* mmap_lock still held for write: the state that the kernel itself judged */
	EVIDENCE_AFTER_UNLOCK, /* other threads may have changed it since */
};

enum event_vma_kind {
	VMA_UNKNOWN, /* no VMA found; the other vma fields are 0 */
	VMA_ANONYMOUS,
	VMA_FILE,
	VMA_HEAP,
	VMA_STACK,
	VMA_SPECIAL, /* no file, but vm_ops: vDSO and its kin */
};

/* The VMA that holds the first byte of the range. */
struct event_vma {
	__u64 start;
	__u64 end;
	__u64 flags; /* vm_flags; include/linux/mm.h */
	__u64 offset_bytes; /* into the file */
	__u64 inode;
	__u32 device; /* dev_t as the kernel has it: major << 20 | minor */
	__u32 kind; /* enum event_vma_kind */
};

struct event_span {
	__u32 offset; /* from the start of the record, in bytes */
	__u32 length; /* in bytes */
};

/* What an unwinder starts from. */
struct event_registers {
	__u64 ip;
	__u64 sp;
	__u64 bp;
	__u64 ax;
	__u64 bx;
	__u64 cx;
	__u64 dx;
	__u64 si;
	__u64 di;
	__u64 r8_to_r15[8];
};

/* A mapping call that failed. */
struct event_failure {
	struct event_header header;
	struct event_process process;
	struct event_vma vma;
	__u64 addr; /* as the caller gave it */
	__u64 length_bytes;
	__u64 user_ip;
	__u64 user_sp;
	__u64 user_bp;
	__u64 user_sp_word; /* the word at user_sp: a leaf's return address; 0 where it could not be read */
	__s32 user_stack_error; /* 0, or the negative errno of bpf_get_stack() */
	__s32 kernel_stack_error; /* likewise */
	struct event_span user_stack; /* __u64 addresses, innermost first */
	struct event_span kernel_stack; /* likewise */
	struct event_span proof; /* a struct event_proof; empty: the fields here are the whole proof */
	__u32 syscall; /* enum traced_syscall */
	__u32 errno_code; /* positive; 0: not known */
	__u32 split_errno; /* of a __split_vma() that failed within the call; 0: none was seen to fail */
	__u32 vma_count;
	__u32 vma_limit;
	__u32 limit_floor; /* the lower of the limits of before and after a write a moment ago (LIMIT_SETTLES_NS) */
	__u32 limit_ceiling; /* the higher of the two */
	__u16 verdict; /* enum verdict */
	__u8 evidence; /* enum event_evidence */
	__u8 interior; /* 1: the range lies strictly inside vma, so that unmapping it needs one VMA more */
	__u8 compat; /* 1: a 32-bit call */
	__u8 reserved[3];
	__u32 stack_seen; /* how many failures had this stack_key so far, this one included */
	__u64 stack_key; /* the same for failures from the same place: see bpf/stack.h; 0: no user stack was asked for */
	__u8 has_slice; /* 1: a struct event_slice with this stack_key and stack_seen went before */
	__u8 has_ops; /* 1: likewise a struct event_ops */
	__u8 debt; /* enum event_debt */
	__u8 reserved2[5];
};

/* Facts of a struct event_proof. What is said of the range is of [addr, addr + length) of the call, in whole pages. */
enum event_proof_flags {
	PROOF_SPLITS_START = 1 << 0, /* the mapping at the start of the range begins before it */
	PROOF_SPLITS_END = 1 << 1, /* the mapping at its end goes on behind it */
	PROOF_WHOLE_RANGE = 1 << 2, /* all of its mappings were looked at, up to its end or the first hole */
	PROOF_ONE_MAPPING = 1 << 3, /* it lies within one */
	PROOF_IPC_LOCK = 1 << 4, /* the task may lock as much as it likes */
	PROOF_DYING = 1 << 5, /* the process is an OOM victim: small allocations may fail */
	PROOF_BLOCKED = 1 << 6, /* brk() and mremap(): it cannot grow in place, something is mapped in the way */
	PROOF_LOCKS_FUTURE = 1 << 7, /* mlockall(MCL_FUTURE) is in force */
	PROOF_DATA_IS_ZERO = 1 << 8, /* the soft RLIMIT_DATA is 0; the hard one is in data_bytes_max */
	PROOF_REST_IS_FREE = 1 << 9, /* nothing of the range is mapped from its hole on */
};

#define EVENT_ARGS 6

/*
 * What was in force when a call failed, from which its cause follows: see bpf/judge.h. Read at the call's return. Sizes are
 * in pages but for those named bytes; a limit of ~0 is none.
 */
struct event_proof {
	__u64 args[EVENT_ARGS]; /* of the call, as the kernel got them */
	__u64 task_pages; /* of the address space */
	__u64 total_pages; /* mapped: mm_struct.total_vm, what RLIMIT_AS counts */
	__u64 data_pages; /* private and writable: data_vm, what RLIMIT_DATA counts */
	__u64 locked_pages; /* locked_vm, what RLIMIT_MEMLOCK counts */
	__u64 as_bytes_max; /* RLIMIT_AS */
	__u64 data_bytes_max; /* RLIMIT_DATA */
	__u64 memlock_bytes_max; /* RLIMIT_MEMLOCK */
	__u64 brk; /* the end of the heap */
	__u64 start_brk;
	__u64 image_data_bytes; /* of the program itself: they count for brk() */
	__u64 segment_bytes; /* shmat(): of the segment */
	__u64 range_mapped; /* pages of the range that are mapped */
	__u64 range_locked; /* that are locked */
	__u64 hole; /* the first address of the range that is not mapped; 0: there is none */
	__u64 first_flags; /* vm_flags of the mapping at its start */
	__u64 fixed_flags; /* of the first in it that is not writable yet */
	__u64 fixed_pages; /* of that one, within the range */
	__u64 memory_pages; /* of the machine: RAM and swap, as last read */
	__u64 memcg_pages; /* charged to the nearest memory cgroup that is at its maximum */
	__u64 memcg_pages_max; /* that maximum; ~0: none is */
	__u32 overcommit; /* vm.overcommit_memory */
	__u32 flags; /* enum event_proof_flags */
};

#define EVENT_SLICE_PIECES    2
#define EVENT_SLICE_BYTES_MAX (64 << 10)

/* A part of a user stack. Its bytes follow the record; a page that could not be read ends it. */
struct event_piece {
	__u64 start; /* the address of the first byte */
	__u64 vma_end; /* the end of the mapping that it is in: beyond it there is no stack */
	struct event_span bytes;
};

/*
 * The user stack of a failure as memory, for the unwinder. It holds a stranger's memory: never in a log. The first piece
 * begins with the page that holds the stack pointer; the second, where the first is an alternate signal stack, with the
 * page of the interrupted one's.
 */
struct event_slice {
	struct event_header header;
	struct event_registers registers;
	__u64 stack_key; /* this and stack_seen are the failure's, and say which it is */
	struct event_piece pieces[EVENT_SLICE_PIECES]; /* an unused one is all 0 */
	__u32 stack_seen;
	__u32 reserved;
};

/* A hot process mapped something to execute from it: its modules are read anew. */
struct event_mapped {
	struct event_header header;
	struct event_process process;
};

/* A process came near enough to the limit to be watched closely: its modules are read while it lives. */
struct event_hot {
	struct event_header header;
	struct event_process process;
	__u32 vma_count;
	__u32 vma_limit;
};

/*
 * A process crossed a threshold of --warn. What it had before says how fast it grows: when it was first seen to be hot, and
 * lately, which is a second ago or less while it is looked at all the time.
 */
struct event_near {
	struct event_header header;
	struct event_process process;
	__u64 first_ns; /* CLOCK_MONOTONIC, as is recent_ns */
	__u64 recent_ns;
	__u32 first_count;
	__u32 recent_count;
	__u32 vma_count;
	__u32 vma_limit;
	__u32 peak; /* the highest count that was seen */
	__u8 percent; /* the threshold: of several that were crossed at once the highest */
	__u8 already; /* 1: it was there before anybody looked */
	__u8 reserved[2];
};

/* Of memory in which a munmap() failed, bits. */
enum event_debt {
	DEBT_OPEN = 1, /* what becomes of the range is watched; without: it is not, there is no room for more */
	DEBT_DOUBTFUL =
		2, /* the range may have been paid already, or a payment, or the end of the memory, was not seen */
	DEBT_FAILURE_LOST = 4, /* a failure in it had no room in the ring */
	DEBT_PAYMENT_LOST = 8, /* a record of this kind had none: event_paid */
};

/* A call succeeded that unmapped or replaced a range, in memory in which a munmap() had failed before. */
struct event_paid {
	struct event_header header;
	struct event_process process;
	__u64 addr;
	__u64 length_bytes;
	__u32 syscall; /* enum traced_syscall */
	__u8 debt; /* enum event_debt */
	__u8 uncertain; /* 1: what another thread failed to unmap meanwhile may be told of before this and be later */
	__u8 reserved[2];
};

enum event_end {
	END_MEMORY = 1, /* nobody uses it any more */
	END_EXIT, /* of the process that last failed in it */
	END_EXEC, /* likewise: `process` is what it is now, but for `mm` */
	END_TRACING, /* of what there was when tracing ended */
};

/* Memory in which a munmap() failed, or the process that did: only `mm` is known of END_MEMORY and END_TRACING. */
struct event_ended {
	struct event_header header;
	struct event_process process; /* `mm` is the memory that is meant */
	__u32 exit_code; /* as wait() has it */
	__u8 end; /* enum event_end */
	__u8 with_memory; /* 1: and the memory has ended as well */
	__u8 debt; /* enum event_debt */
	__u8 reserved;
};

/*
 * A place of a hot process from which its mappings were first seen to change in number. Laid out as a failure, since it is
 * named in the same way; of that nothing means anything but the header, the process, what is called user_*, compat, and
 * stack_key, stack_seen and has_slice. Of a place that had no room for its slice there may be another one later.
 */
struct event_origin {
	struct event_failure place;
};

struct event_origin_full {
	struct event_origin origin;
	__u64 user_stack[EVENT_USER_FRAMES_MAX];
};

/* What became of the number of mappings of a process by the calls from one place, since the process is watched. */
struct event_origin_sum {
	__u64 stack_key; /* of its struct event_origin */
	__u64 plus;
	__u64 minus;
	__u64 calls; /* that changed it */
	__u32 syscall; /* EVENT_SYSCALL_* */
	__u32 reserved;
};

/* The number of a syscall as the kernel has it, which differs by architecture; and this bit for a 32-bit one. */
#define EVENT_SYSCALL_COMPAT 0x80000000U
#define EVENT_SYSCALL_NONE   0x7fffffffU /* it was not within a syscall */

#define EVENT_ORIGINS_MAX 64

/*
 * The origins of the mappings of a hot process, read when there is something to show of it. Made by user space from the
 * maps of the kernel side: it goes the way of all records, so that a capture has it.
 */
struct event_origins {
	struct event_header header;
	struct event_process process;
	struct event_origin_sum others; /* of the places that are not in sums, all together; no key and no syscall */
	__u64 since_ns; /* CLOCK_MONOTONIC: when its watch began */
	__s64 unplaced; /* net, of what could not be said where it came from */
	__u32 older; /* the mappings that it had then */
	__u32 others_count;
	struct event_span sums; /* struct event_origin_sum, those with the greatest net first, whatever its sign */
	__u8 approximate; /* 1: the hooks do not see all calls, or missed some: the sum is right, who has which part may not be */
	__u8 final; /* 1: the process or the run has ended */
	__u8 without_stacks; /* 1: places are syscalls: stacks were not asked for */
	__u8 reserved[5];
};

struct event_origins_full {
	struct event_origins origins;
	struct event_origin_sum sums[EVENT_ORIGINS_MAX];
};

/* A call of a hot process that took its mmap_lock to write, or changed the number of its mappings otherwise. */
struct event_op {
	__u64 time_ns; /* CLOCK_MONOTONIC, when it was about to release the lock */
	__u64 args[2]; /* the first two, as they were passed */
	__u32 tid;
	__u32 syscall; /* EVENT_SYSCALL_* */
	__s32 delta; /* of the number of mappings */
	__u32 vma_count; /* after it */
};

#define EVENT_OPS_MAX 64 /* a power of two */

/* The last such calls before a failure. The failing one may be among them, as the last. */
struct event_ops {
	struct event_header header;
	__u64 stack_key; /* this and stack_seen are the failure's, and say which it is */
	__u64 total; /* how many there were so far: call N is in ops[N % room] */
	__u32 stack_seen;
	__u32 room; /* of ops so many are used */
	struct event_op ops[EVENT_OPS_MAX];
};

/*
 * A mapping became two, or, where that is inferred from the number of mappings, `splits` of them did at least: what then is not
 * known has no range. With --splits only.
 */
struct event_split {
	struct event_header header;
	struct event_process process;
	__u64 addr; /* where it was split */
	__u64 start; /* of the mapping as it was before */
	__u64 end;
	__u32 syscall; /* EVENT_SYSCALL_* */
	__u32 splits;
	__u32 vma_count; /* after it, under the lock */
	__u8 has_range; /* addr, start and end are known */
	__u8 inferred;
	__u8 reserved[2];
};

/* vm.max_map_count was written. By whom is not told: a sysctl program could not ask before 5.12. */
struct event_limit {
	struct event_header header;
	__u32 old_limit;
	__u32 new_limit;
};

/* The syscalls that are traced, by the number's meaning and not its value, which differs by architecture. */
#define TRACED_SYSCALLS(X)              \
	X(MUNMAP, munmap)               \
	X(MMAP, mmap)                   \
	X(MREMAP, mremap)               \
	X(MPROTECT, mprotect)           \
	X(PKEY_MPROTECT, pkey_mprotect) \
	X(MADVISE, madvise)             \
	X(MLOCK, mlock)                 \
	X(MLOCK2, mlock2)               \
	X(MUNLOCK, munlock)             \
	X(MLOCKALL, mlockall)           \
	X(BRK, brk)                     \
	X(SHMAT, shmat)                 \
	X(SHMDT, shmdt)

enum traced_syscall {
	SYSCALL_NONE,
#define X(NAME, name) SYSCALL_##NAME,
	TRACED_SYSCALLS(X)
#undef X
		SYSCALL_COUNT
};

/* The size of the largest record, of which a ring entry and the reader's buffers are made. */
struct event_failure_full {
	struct event_failure failure;
	__u64 user_stack[EVENT_USER_FRAMES_MAX];
	__u64 kernel_stack[EVENT_KERNEL_FRAMES_MAX];
	struct event_proof proof;
};

union event_largest {
	struct event_failure_full failure;
	struct event_origin_full origin;
	struct event_origins_full origins;
	struct event_ops ops;
};

#define EVENT_RECORD_MAX sizeof(union event_largest) /* of all kinds but slices */

#define EVENT_SLICE_RECORD_MAX (sizeof(struct event_slice) + EVENT_SLICE_BYTES_MAX)

/*
 * Totals are counted in a map of their own, so that they stay exact when a flood of events overruns the ring.
 * One entry a process, syscall, verdict and errno.
 */
struct total_key {
	__u64 start_time_ns;
	__u64 exec_id;
	__u32 tgid;
	__u32 errno_code;
	__u16 syscall;
	__u16 verdict;
	__u32 reserved;
};

struct total {
	__u64 failures;
	__u64 bytes; /* asked to be unmapped and not unmapped */
	char comm[EVENT_COMM_BYTES];
};

/* Likewise of splits: one entry a process and syscall. */
struct split_key {
	__u64 start_time_ns;
	__u64 exec_id;
	__u32 tgid;
	__u32 syscall; /* EVENT_SYSCALL_* */
	__u32 inferred; /* 1: at least so many, from the number of mappings */
	__u32 reserved;
};

struct split_sum {
	__u64 splits;
	char comm[EVENT_COMM_BYTES];
};

/* What was lost, by cause; X(NAME, name, what it means for the reader). */
#define LOSS_CAUSES(X)                                                                                            \
	X(RING_FULL, ring_full, "failures counted but not shown: the ring buffer was full")                       \
	X(TOTALS_FULL, totals_full, "failures shown but not in the totals: too many failing processes")           \
	X(FOLLOW_FULL, follow_full, "child processes not followed: too many")                                     \
	X(STATE_FULL, state_full, "calls whose state between two hooks did not fit: may be shown twice")          \
	X(ERRNO_UNSEEN, errno_unseen, "failing calls whose errno was not seen: sys_exit was not armed yet")       \
	X(SLICE_FULL, slice_full, "stacks by frame pointers only: the ring of stack slices was full")             \
	X(OUTCOME_LOST, outcome_lost, "what became of failures not known: the ring was full, or too many failed") \
	X(WATCH_FULL, watch_full, "hot processes whose mappings have no known origin: too many of them")          \
	X(ORIGINS_FULL, origins_full, "calls whose mappings are counted but not by place: too many places")       \
	X(OPS_FULL, ops_full, "failures without the calls before them: the ring of stack slices was full")        \
	X(SPLITS_FULL, splits_full, "splits that are not in the totals: too many processes that split")           \
	X(SPLIT_LOST, split_lost, "splits counted but not shown: too many, and failures need the room")           \
	X(CALLS_UNSEEN, calls_unseen, "processes at the limit before calls other than munmap() were looked at")

enum loss_cause {
#define X(NAME, name, text) LOSS_##NAME,
	LOSS_CAUSES(X)
#undef X
		LOSS_CAUSE_COUNT
};

#endif
