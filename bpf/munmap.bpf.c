// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * munmap.bpf.c: see every munmap() that fails, judge it, and report it. Logic first, once; the thin wrappers for each
 * hook rung are at the bottom. Which of them are loaded is user/tracer.c's choice.
 *
 * Two observations. The *core* hook runs while mmap_lock is still held for write, so what it reads is what the kernel
 * judged. The *return* hook sees every errno, but after the lock was dropped; it is armed when an errno that the core
 * hook cannot know is asked for, and it is all there is on a 5.10 kernel without fentry and kprobes.
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
#include "hot.h"
#include "kernel.h"
#include "mask.h"
#include "memcg.h"
#include "process.h"
#include "stack.h"
#include "state.h"
#include "vma.h"
#include "watch.h"

/*
 * From this bit of vm_flags on its meaning depends on the kernel: VM_SEALED is bit 63 in 6.10 (8be7258aad44) and 42 in
 * 6.18. Below are the classic flags and the protection keys.
 */
#define VM_FLAGS_CLASSIC_BITS 36

/* That an allocation failed for the memory cgroup is known of the cgroup alone. */
static __noinline __u32 munmap_verdict(const struct event_failure *f)
{
	__u32 verdict = mask_unknown(filter_munmap_verdict(f));

	return filter_is_allocation(f, verdict) && memcg_full() ? VERDICT_MEMCG_LIMIT : verdict;
}

/*
 * Completes `f` (call, errno, evidence are set) with what was in force, and judges it. `known_vma` is the VMA of the
 * range's first byte where a hook has it at hand, else 0.
 */
static __noinline void judge(struct event_failure *f, struct mm_struct *mm, __u64 known_vma)
{
	__u64 found = known_vma ?: vma_find((__u64)mm, f->addr);
	__u64 end = f->addr + filter_page_align(f->length_bytes);

	describe_limit(f, mm);
	if (found)
		describe_vma(mm, (void *)found, &f->vma);
	f->interior = mask_unknown(found && f->vma.start < f->addr && end < f->vma.end);
	f->verdict = mask_unknown(munmap_verdict(f));
}

/* Tells the hook on the return that this call is reported. */
static __noinline void leave_word(const struct event_failure *f)
{
	struct call_state state = {
		.addr = f->addr,
		.length_bytes = f->length_bytes,
		.syscall = SYSCALL_MUNMAP,
		.reported = 1,
	};
	__u32 tid = bpf_get_current_pid_tgid();

	if (!switches.return_armed || (config.return_is_native && f->compat))
		return;
	if (bpf_map_update_elem(&calls, &tid, &state, BPF_ANY))
		emit_loss(LOSS_STATE_FULL);
}

enum { CALL_NONE, CALL_RETURNED, CALL_INSIDE };

/*
 * Fills in the traced call that the current task is in (CALL_INSIDE) or was last in. CALL_NONE: none that is traced, and
 * `f` is as it was. Not inlined, for its frame.
 */
static __noinline int describe_call(struct event_failure *f, __u32 errno_code, __u8 evidence)
{
	struct kernel_call call = {};

	kernel_current_call(&call);
	if (call.syscall == SYSCALL_NONE)
		return mask_unknown(CALL_NONE);
	f->addr = call.addr;
	f->length_bytes = call.length_bytes;
	f->user_ip = call.user_ip;
	f->user_sp = call.user_sp;
	f->user_bp = call.user_bp;
	f->syscall = call.syscall;
	f->compat = call.compat;
	f->errno_code = errno_code;
	f->evidence = evidence;
	return mask_unknown(call.inside ? CALL_INSIDE : CALL_RETURNED);
}

/*
 * The core of munmap() failed with errno_code, and the lock is still held. Not inlined, as are the other two that hold
 * a struct event_failure: their frames must not add up, 512 bytes is all the stack there is.
 */
static __noinline void on_core_failure(void *ctx, __u32 errno_code, __u64 known_vma)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	struct event_failure f = {};

	if (describe_call(&f, errno_code, EVIDENCE_UNDER_LOCK) == CALL_NONE)
		return;
	f.split_errno = take_split_errno(&f);
	leave_word(&f);
	process_describe(&f.process);
	if (!errno_is_wanted(errno_code) || !process_wanted(&f.process))
		return;
	judge(&f, mm, known_vma);
	report_failure(ctx, &f, NULL);
}

/* The exit of a core function: 0 or 1 is success, a negative errno is a failure. A known VMA is a pointer. */
static __always_inline void on_core_exit(void *ctx, __u32 count, long ret, __u64 known_vma)
{
	/* A failure too: who was forked at the limit has not been seen before. */
	note_if_hot(count);
	if (ret < 0)
		on_core_failure(ctx, -ret, known_vma ?: mask_unknown(0));
}

/*
 * The same of __do_munmap(), which returns with the lock held for writing or reading, and of which nothing else tells in 5.10
 * when it is released.
 */
static __always_inline void on_core_exit_locked(void *ctx, struct mm_struct *mm, __u32 count, long ret)
{
	note_if_hot_locked(mm, count, LOOK_UNMAP);
	if (ret < 0)
		on_core_failure(ctx, -ret, mask_unknown(0));
}

/* All ones for a VMA without a file that has operations, else 0. */
static __always_inline __u64 mask_if_special(const struct vm_area_struct *vma)
{
	return mask_if_zero((__u64)BPF_CORE_READ(vma, vm_file)) & ~mask_if_zero((__u64)BPF_CORE_READ(vma, vm_ops));
}

/* Without branches: see mask.h. What is read of a VMA that is not there is 0. */
static __always_inline void describe_ends(const struct mm_struct *mm, const struct vm_area_struct *a,
					  const struct vm_area_struct *b, struct filter_ends *ends)
{
	__u64 gone = mask_if_zero((__u64)a) | mask_if_zero((__u64)b);
	__u64 same = mask_if_zero((__u64)a ^ (__u64)b) & ~gone;
	__u64 adjacent = mask_if_zero(BPF_CORE_READ(a, vm_end) ^ BPF_CORE_READ(b, vm_start)) & ~gone;
	__u64 flags = (BPF_CORE_READ(a, vm_flags) | BPF_CORE_READ(b, vm_flags)) >> VM_FLAGS_CLASSIC_BITS;

	ends->task_bytes = BPF_CORE_READ(mm, task_size);
	ends->same = same & 1;
	ends->complete = (same | adjacent) & 1;
	ends->maybe_sealed = ~mask_if_zero(flags) & 1;
	ends->special = (mask_if_special(a) | mask_if_special(b)) & 1;
	ends->may_refuse = ~mask_if_zero(kernel_vma_split_op(a) | kernel_vma_split_op(b)) & 1;
}

/*
 * The errno of a call that was judged as if it were ENOMEM, or 0; `first` and `last` are the VMAs at the ends of its range.
 * A global function: as a static one it was seen to return 0 always on 6.1 (and not on 6.12), whatever it was given.
 */
__noinline __u32 deduce_errno(__u64 addr, __u64 length_bytes, __u32 verdict, __u64 first, __u64 last)
{
	struct filter_ends ends;

	describe_ends(BPF_CORE_READ(kernel_current(), mm), (void *)first, (void *)last, &ends);
	return filter_errno_of_unreleased(addr, length_bytes, verdict, &ends);
}

/*
 * The lock is being released for write. A munmap() that succeeded left nothing of its range mapped (and usually
 * downgraded the lock before): if something is left, within the call, it failed. No errno is at hand here.
 */
static __noinline void on_write_release(void *ctx)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	struct event_failure f = {};
	__u64 first, last;

	/* Judged as ENOMEM first, that verdict is how the errno of a limit failure is known; then as what it turns out. */
	if (describe_call(&f, ERRNO_ENOMEM, EVIDENCE_UNDER_LOCK) != CALL_INSIDE)
		return;
	first = vma_find((__u64)mm, f.addr);
	last = vma_find((__u64)mm, f.addr + filter_page_align(f.length_bytes) - 1);
	if (!first && !last)
		return;
	f.split_errno = take_split_errno(&f);
	process_describe(&f.process);
	judge(&f, mm, first);
	f.errno_code = deduce_errno(f.addr, f.length_bytes, f.verdict, first, last);
	f.verdict = munmap_verdict(&f);
	if (!f.errno_code) {
		if (!switches.return_attached && process_wanted(&f.process))
			emit_loss(LOSS_ERRNO_UNSEEN);
		return;
	}
	leave_word(&f);
	if (errno_is_wanted(f.errno_code) && process_wanted(&f.process))
		report_failure(ctx, &f, NULL);
}

static __always_inline void on_lock_released(void *ctx, struct mm_struct *mm, bool write)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (mm != task->mm) {
		debt_foreign_release(mm);
		return;
	}
	watch_release(mm, kernel_vma_count_typed(mm), write);
	if (write && kernel_may_be_in_munmap(task))
		on_write_release(ctx);
	/* A munmap() that succeeded releases it once, for write, or for read if it downgraded. */
	if (debt_is_owed())
		debt_note_munmap(DEBT_IF_GONE);
}

/* munmap() returned a negative errno to user space; the lock was dropped, by now anything may have changed. */
static __noinline void on_return_failure(void *ctx, __u32 errno_code)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	struct event_failure f = {};
	struct call_state *seen;

	if (describe_call(&f, errno_code, EVIDENCE_AFTER_UNLOCK) == CALL_NONE)
		return;
	seen = bpf_map_lookup_elem(&calls, &tid);
	if (seen) {
		bool this_call =
			seen->syscall == SYSCALL_MUNMAP && seen->addr == f.addr && seen->length_bytes == f.length_bytes;
		bool reported = this_call && seen->reported;

		f.split_errno = this_call ? seen->split_errno : 0;
		bpf_map_delete_elem(&calls, &tid);
		if (reported)
			return;
	}
	process_describe(&f.process);
	if (!errno_is_wanted(errno_code) || !process_wanted(&f.process))
		return;
	judge(&f, mm, mask_unknown(0));
	report_failure(ctx, &f, NULL);
}

static __always_inline void on_return(void *ctx, long ret)
{
	/* EINTR: the task is being killed and never sees it (mmap_write_lock_killable). */
	struct mm_struct *mm;

	if (config.return_only) {
		mm = BPF_CORE_READ(kernel_current(), mm);
		note_if_hot(kernel_vma_count(mm));
		if (ret >= 0 && debt_is_owed())
			debt_note_munmap(DEBT_UNMAPPED);
	}
	if (ret < 0 && ret != -ERRNO_EINTR)
		on_return_failure(ctx, -ret);
}

/* --- fentry rung: fexit. Which core function there is differs by kernel: docs/KERNELS.md 1. --- */

/* 5.10, 5.15: __do_munmap(mm, start, len, uf, downgrade); 1: success and the lock downgraded. */
SEC("fexit/__do_munmap")
int BPF_PROG(core_do_munmap, struct mm_struct *mm, unsigned long start, size_t len, void *uf, bool downgrade, int ret)
{
	on_core_exit_locked(ctx, mm, kernel_vma_count_typed(mm), ret);
	debt_core_exit(mm, start, len, ret);
	return 0;
}

/* 6.1: do_mas_munmap(mas, mm, start, len, uf, downgrade). do_mas_align_munmap() below it has too many arguments. */
SEC("fexit/do_mas_munmap")
int BPF_PROG(core_do_mas_munmap, void *mas, struct mm_struct *mm, unsigned long start, size_t len, void *uf,
	     bool downgrade, int ret)
{
	on_core_exit(ctx, kernel_vma_count_typed(mm), ret, 0);
	debt_core_exit(mm, start, len, ret);
	return 0;
}

/* 6.3 and later: do_vmi_align_munmap(vmi, vma, mm, start, end, uf, unlock); on failure vma is the first of the range. */
SEC("fexit/do_vmi_align_munmap")
int BPF_PROG(core_do_vmi_align_munmap, void *vmi, struct vm_area_struct *vma, struct mm_struct *mm, unsigned long start,
	     unsigned long end, void *uf, bool unlock, int ret)
{
	on_core_exit(ctx, kernel_vma_count_typed(mm), ret, (__u64)vma);
	debt_core_exit(mm, start, end - start, ret);
	return 0;
}

/* The same where the one above has too many arguments or was inlined: do_vmi_munmap(vmi, mm, start, len, uf, unlock). */
SEC("fexit/do_vmi_munmap")
int BPF_PROG(core_do_vmi_munmap, void *vmi, struct mm_struct *mm, unsigned long start, size_t len, void *uf,
	     bool unlock, int ret)
{
	on_core_exit(ctx, kernel_vma_count_typed(mm), ret, 0);
	debt_core_exit(mm, start, len, ret);
	return 0;
}

/* Native and compat munmap() alike: __vm_munmap(start, len, unlock). */
SEC("fexit/__vm_munmap")
int BPF_PROG(return_vm_munmap, unsigned long start, size_t len, bool unlock, int ret)
{
	on_return(ctx, ret);
	return 0;
}

/* --- kprobe rung: one kretprobe, on whichever core function runs under the lock; user space names it. --- */

SEC("kretprobe")
int BPF_KRETPROBE(core_kretprobe, int ret)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);

	on_core_exit(ctx, kernel_vma_count(mm), ret, 0);
	if (ret >= 0 && debt_is_owed())
		debt_note_munmap(DEBT_UNMAPPED);
	return 0;
}

SEC("kretprobe/__do_munmap")
int BPF_KRETPROBE(core_kretprobe_locked, int ret)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);

	on_core_exit_locked(ctx, mm, kernel_vma_count(mm), ret);
	if (ret >= 0 && debt_is_owed())
		debt_note_munmap(DEBT_UNMAPPED);
	return 0;
}

/* --- tracepoint rung --- */

/* mmap_lock_released(mm, write) since 6.13; the BTF of the kernel at hand says which of the two it is. */
SEC("tp_btf/mmap_lock_released")
int BPF_PROG(released, struct mm_struct *mm, bool write)
{
	on_lock_released(ctx, mm, write);
	return 0;
}

/* mmap_lock_released(mm, memcg_path, write), 5.11 to 6.12. */
SEC("tp_btf/mmap_lock_released")
int BPF_PROG(released_with_path, struct mm_struct *mm, const char *memcg_path, bool write)
{
	on_lock_released(ctx, mm, write);
	return 0;
}

/*
 * The same through perf, which runs programs with preemption off on every kernel. A tp_btf program can be preempted in
 * 7.2, and the kernel then skips every other call of it on that CPU.
 */
SEC("tp/mmap_lock/mmap_lock_released")
int released_event(struct trace_event_raw_mmap_lock *ctx)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	/* Read at once: later on the compiler may move the context's pointer, which no verifier allows. */
	const struct mm_struct *released = ctx->mm;
	const bool write = ctx->write;

	if (!mm || mm != released) {
		if (debt_is_owed() && !BPF_CORE_READ(released, mm_users.counter))
			debt_note_end(kernel_mm_id(released));
		return 0;
	}
	watch_release(mm, kernel_vma_count(mm), write);
	if (write)
		on_write_release(ctx);
	if (debt_is_owed())
		debt_note_munmap(DEBT_IF_GONE);
	return 0;
}

SEC("tp/syscalls/sys_exit_munmap")
int return_sys_exit(struct syscall_exit_context *ctx)
{
	on_return(ctx, ctx->ret);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
