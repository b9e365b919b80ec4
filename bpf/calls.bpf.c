// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * calls.bpf.c: see every other call of the family fail: mmap(), mremap(), mprotect(), madvise(), mlock() and their kin, brk()
 * and shmat(). At their return, where the errno of each is known; the lock has been dropped by then. munmap() is
 * munmap.bpf.c's. Logic first; the thin wrappers for each call are at the bottom.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "config.h"
#include "debt.h"
#include "emit.h"
#include "event.h"
#include "failure.h"
#include "filter.h"
#include "judge.h"
#include "kernel.h"
#include "mask.h"
#include "process.h"
#include "proof.h"
#include "state.h"
#include "vma.h"

#define ERRNO_LAST 4095 /* include/linux/err.h: MAX_ERRNO */

/* In the kernel's memory: as a value on the stack it would fill it. */
static const struct failing_call nothing_yet;

/* The call's own spelling of where and how much; of those that name no range, length is 0. */
static __always_inline void describe_range(struct event_failure *f, const struct event_proof *p)
{
	f->addr = p->args[0];
	f->length_bytes = p->args[1];
	switch (f->syscall) {
	case SYSCALL_BRK:
	case SYSCALL_SHMDT:
		f->length_bytes = 0;
		break;
	case SYSCALL_SHMAT:
		f->addr = p->args[1];
		f->length_bytes = 0;
		break;
	case SYSCALL_MLOCKALL:
		f->addr = f->length_bytes = 0;
		break;
	}
}

/* The mapping at the address, which is there for the calls that have one. */
static __always_inline void describe_mapping(struct event_failure *f)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	__u64 end = f->addr + filter_page_align(f->length_bytes), found = 0;

	if (f->syscall != SYSCALL_MLOCKALL)
		found = vma_find((__u64)mm, f->addr);
	if (!found)
		return;
	describe_vma(mm, (void *)found, &f->vma);
	f->interior = f->length_bytes && f->vma.start < f->addr && end < f->vma.end;
}

static __noinline __u32 judge_now(struct failing_call *call)
{
	return mask_unknown(judge_call(&call->failure, &call->proof));
}

/* What __split_vma() left for this very call, by the arguments as they were passed. */
static __noinline __u32 take_split_errno_of(__u16 syscall, const struct event_proof *p)
{
	struct event_failure as_passed = {.syscall = syscall, .addr = p->args[0], .length_bytes = p->args[1]};

	return take_split_errno(&as_passed);
}

/* Fills in all of the call; false: it is none of ours, or not wanted. */
static __noinline int describe_failure(struct failing_call *call, __u32 errno_code)
{
	struct event_failure *f = &call->failure;

	f->syscall = kernel_read_call(call->proof.args);
	if (f->syscall == SYSCALL_NONE || f->syscall == SYSCALL_MUNMAP)
		return mask_unknown(0);
	f->errno_code = errno_code;
	f->evidence = EVIDENCE_AFTER_UNLOCK;
	process_describe(&f->process);
	if (!process_wanted(&f->process))
		return mask_unknown(0);
	kernel_read_place(f);
	describe_range(f, &call->proof);
	describe_limit(f, BPF_CORE_READ(kernel_current(), mm));
	describe_mapping(f);
	f->split_errno = take_split_errno_of(f->syscall, &call->proof);
	proof_read(f, &call->proof);
	f->verdict = judge_now(call);
	return mask_unknown(!config.shortages_only || judge_is_shortage(f->verdict));
}

static __noinline void on_call_failure(void *ctx, __u32 errno_code)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct failing_call *call;

	if (!errno_is_wanted(errno_code))
		return;
	bpf_map_update_elem(&failing, &tid, &nothing_yet, BPF_ANY);
	call = bpf_map_lookup_elem(&failing, &tid);
	if (!call) {
		emit_loss(LOSS_STATE_FULL);
		return;
	}
	if (describe_failure(call, errno_code))
		report_failure(ctx, &call->failure, &call->proof);
	bpf_map_delete_elem(&failing, &tid);
}

/* What a mremap() that succeeded has unmapped: what it moved away or cut off, and what was at its new place. */
static __always_inline void pay_by_mremap(const __u64 args[EVENT_ARGS], __u64 moved_to)
{
	__u64 from = args[0], old_bytes = filter_page_align(args[1]), new_bytes = filter_page_align(args[2]);

	if (args[3] & JUDGE_MREMAP_FIXED)
		debt_pay(SYSCALL_MREMAP, args[4], new_bytes, DEBT_REPLACED);
	if (moved_to != from && !(args[3] & JUDGE_MREMAP_DONTUNMAP))
		debt_pay(SYSCALL_MREMAP, from, old_bytes, DEBT_UNMAPPED);
	else if (moved_to == from && new_bytes < old_bytes)
		debt_pay(SYSCALL_MREMAP, from + new_bytes, old_bytes - new_bytes, DEBT_UNMAPPED);
}

static __noinline void on_call_success(__u64 ret)
{
	__u64 args[EVENT_ARGS];
	__u32 syscall = kernel_read_call(args);

	if (syscall == SYSCALL_MMAP && (args[3] & JUDGE_MAP_FIXED))
		debt_pay(SYSCALL_MMAP, args[0], filter_page_align(args[1]), DEBT_REPLACED);
	else if (syscall == SYSCALL_MREMAP)
		pay_by_mremap(args, ret);
}

/* What came of a call, from what it returned. */
enum { CAME_NOTHING, CAME_FAILURE, CAME_PAYMENT };

/*
 * EINTR: the task is being killed and never sees it. brk() returns the end of the heap as it is, and has no errno: that it
 * is not what was asked for counts as ENOMEM.
 */
static __always_inline __u32 what_came(bool is_brk, __u64 asked, long ret)
{
	if (is_brk)
		return asked && asked != (__u64)ret ? CAME_FAILURE : CAME_NOTHING;
	if (ret < 0 && ret >= -ERRNO_LAST)
		return ret == -ERRNO_EINTR ? CAME_NOTHING : CAME_FAILURE;
	return debt_is_owed() ? CAME_PAYMENT : CAME_NOTHING;
}

static __always_inline __u32 errno_of(bool is_brk, long ret)
{
	return is_brk ? ERRNO_ENOMEM : -ret;
}

/*
 * --- fentry rung: one program a call, since each is attached to one function; native 64-bit calls. What is dear is in two
 * more, which the first ones end in: so the verifier follows it once, and not for each call. A map of such programs takes
 * only those for functions of one type, by the names of their parameters too: hence a map for each call. ---
 */

static __always_inline void go_on(void *ctx, void *map, __u32 came)
{
	/* Two calls with a constant each: the JIT makes jumps of them. */
	if (came == CAME_FAILURE)
		bpf_tail_call(ctx, map, CAME_FAILURE);
	else if (came == CAME_PAYMENT)
		bpf_tail_call(ctx, map, CAME_PAYMENT);
}

#define CAME(name)                                     \
	struct {                                       \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY); \
		__uint(max_entries, CAME_PAYMENT + 1); \
		__type(key, __u32);                    \
		__type(value, __u32);                  \
	} came_of_##name SEC(".maps")

#define CALL_RETURN(name)                                               \
	CAME(name);                                                     \
	SEC("fexit/__x64_sys_" #name)                                   \
	int BPF_PROG(call_##name, const struct pt_regs *regs, long ret) \
	{                                                               \
		go_on(ctx, &came_of_##name, what_came(false, 0, ret));  \
		return 0;                                               \
	}

CALL_RETURN(mmap)
CALL_RETURN(mremap)
CALL_RETURN(mprotect)
CALL_RETURN(pkey_mprotect)
CALL_RETURN(madvise)
CALL_RETURN(mlock)
CALL_RETURN(mlock2)
CALL_RETURN(munlock)
CALL_RETURN(mlockall)
CALL_RETURN(shmat)
CALL_RETURN(shmdt)

CAME(brk);
SEC("fexit/__x64_sys_brk")
int BPF_PROG(call_brk, const struct pt_regs *regs, long ret)
{
	go_on(ctx, &came_of_brk, what_came(true, kernel_first_argument(), ret));
	return 0;
}

/*
 * Never attached. For functions of two types, which user space tells. `regs` cannot be looked at in all of them: where its type
 * is only declared (5.10), the verifier allows no access.
 */
#define CALL_CAME(suffix)                                                       \
	SEC("fexit/__x64_sys_mmap")                                             \
	int BPF_PROG(call_failed##suffix, const struct pt_regs *regs, long ret) \
	{                                                                       \
		on_call_failure(ctx, errno_of(kernel_is_in_brk(), ret));        \
		return 0;                                                       \
	}                                                                       \
	SEC("fexit/__x64_sys_mmap")                                             \
	int BPF_PROG(call_paid##suffix, const struct pt_regs *regs, long ret)   \
	{                                                                       \
		on_call_success(ret);                                           \
		return 0;                                                       \
	}

CALL_CAME()
CALL_CAME(_too)

static __always_inline void on_call_return(void *ctx, bool is_brk, long ret)
{
	__u32 came = what_came(is_brk, is_brk ? kernel_first_argument() : 0, ret);

	if (came == CAME_FAILURE)
		on_call_failure(ctx, errno_of(is_brk, ret));
	else if (came == CAME_PAYMENT)
		on_call_success(ret);
}

/* --- tracepoint rung: one program for all; it is attached to sys_exit_NAME of each. --- */

SEC("tp/syscalls/sys_exit_mmap")
int call_sys_exit(struct syscall_exit_context *ctx)
{
	on_call_return(ctx, (__u32)ctx->id == KERNEL_NR_BRK, ctx->ret);
	return 0;
}

/* --- where those can be preempted: one program for all, too, and one link to __x64_sys_NAME of each. --- */

SEC("kretprobe.multi")
int call_kretprobe(struct pt_regs *ctx)
{
	on_call_return(ctx, kernel_is_in_brk(), PT_REGS_RC(ctx));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
