/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * failure.h: a failed call as a record: the mapping, the stacks, the totals; for the hooks of every call. Judges nothing: that
 * is filter.h for munmap() and judge.h for all others.
 */
#ifndef VMASNOOP_FAILURE_H
#define VMASNOOP_FAILURE_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "config.h"
#include "debt.h"
#include "emit.h"
#include "event.h"
#include "filter.h"
#include "kernel.h"
#include "mask.h"
#include "memcg.h"
#include "stack.h"
#include "state.h"

static __always_inline __u32 vma_kind(const struct mm_struct *mm, const struct vm_area_struct *vma,
				      const struct event_vma *v)
{
	__u64 stack = BPF_CORE_READ(mm, start_stack);

	if (BPF_CORE_READ(vma, vm_file))
		return VMA_FILE;
	if (BPF_CORE_READ(vma, vm_ops))
		return VMA_SPECIAL;
	if (v->start <= BPF_CORE_READ(mm, brk) && v->end >= BPF_CORE_READ(mm, start_brk))
		return VMA_HEAP;
	return v->start <= stack && stack < v->end ? VMA_STACK : VMA_ANONYMOUS;
}

static __always_inline void describe_vma(const struct mm_struct *mm, const struct vm_area_struct *vma,
					 struct event_vma *v)
{
	struct inode *inode = BPF_CORE_READ(vma, vm_file, f_inode);

	v->start = BPF_CORE_READ(vma, vm_start);
	v->end = BPF_CORE_READ(vma, vm_end);
	v->flags = BPF_CORE_READ(vma, vm_flags);
	v->offset_bytes = BPF_CORE_READ(vma, vm_pgoff) * FILTER_PAGE_BYTES;
	v->kind = vma_kind(mm, vma, v);
	if (inode) {
		v->inode = BPF_CORE_READ(inode, i_ino);
		v->device = BPF_CORE_READ(inode, i_sb, s_dev);
	}
}

static __always_inline void copy_stacks(void *ctx, struct event_failure_full *full)
{
	struct event_failure *f = &full->failure;
	long user = 0, kernel = 0;

	f->user_stack.offset = offsetof(struct event_failure_full, user_stack);
	f->kernel_stack.offset = offsetof(struct event_failure_full, kernel_stack);
	if (config.user_stack) {
		user = bpf_get_stack(ctx, full->user_stack, sizeof(full->user_stack), BPF_F_USER_STACK);
		bpf_probe_read_user(&f->user_sp_word, sizeof(f->user_sp_word), (void *)f->user_sp);
	}
	if (config.kernel_stack)
		kernel = bpf_get_stack(ctx, full->kernel_stack, sizeof(full->kernel_stack), 0);
	f->user_stack.length = user > 0 ? user : 0;
	f->kernel_stack.length = kernel > 0 ? kernel : 0;
	f->user_stack_error = user < 0 ? user : 0;
	f->kernel_stack_error = kernel < 0 ? kernel : 0;
}

/* Not inlined, for its frame: see on_core_failure(). */
static __noinline void count_total(const struct event_failure *f)
{
	struct total_key key = {
		.start_time_ns = f->process.start_time_ns,
		.exec_id = f->process.exec_id,
		.tgid = f->process.tgid,
		.errno_code = f->errno_code,
		.syscall = f->syscall,
		.verdict = f->verdict,
	};

	emit_total(&key, filter_bytes_not_released(f), f->process.comm);
}

/* What __split_vma() left for this very call: its errno, positive, or 0. */
static __noinline __u32 take_split_errno(const struct event_failure *f)
{
	__u32 tid = bpf_get_current_pid_tgid(), errno_code = 0;
	struct call_state *seen;

	if (!config.split_hooked)
		return mask_unknown(0);
	seen = bpf_map_lookup_elem(&calls, &tid);
	if (!seen)
		return mask_unknown(0);
	if (seen->syscall == f->syscall && seen->addr == f->addr && seen->length_bytes == f->length_bytes)
		errno_code = seen->split_errno;
	bpf_map_delete_elem(&calls, &tid);
	return mask_unknown(errno_code);
}

/* A global function, for its variable index: see mask_unknown(). */
__weak __noinline __u32 errno_is_wanted(__u32 errno_code)
{
	return filter_errno(&config, errno_code);
}

/* What the limit was when the call was judged, and what stood against it. */
static __always_inline void describe_limit(struct event_failure *f, const struct mm_struct *mm)
{
	f->vma_count = kernel_vma_count(mm);
	f->vma_limit = limit.now;
	f->limit_floor = filter_limit_floor(limit.changed_ns, limit.now, limit.before, bpf_ktime_get_ns());
	f->limit_ceiling = filter_limit_ceiling(limit.changed_ns, limit.now, limit.before, bpf_ktime_get_ns());
	/* Polled, a write may not have been seen yet: the floor excludes nothing. */
	f->limit_floor &= mask_if_zero(limit.polled);
}

/* Of a munmap() the memory cgroup is all that is not in its own record. */
static __always_inline void add_proof(struct event_failure_full *full, const struct event_proof *proof)
{
	struct event_failure *f = &full->failure;

	f->proof.offset = offsetof(struct event_failure_full, proof);
	f->proof.length = 0;
	if (proof) {
		__builtin_memcpy(&full->proof, proof, sizeof(*proof));
		f->proof.length = sizeof(full->proof);
	} else if (f->verdict == VERDICT_MEMCG_LIMIT) {
		__builtin_memset(&full->proof, 0, sizeof(full->proof));
		memcg_describe(memcg_full(), &full->proof);
		f->proof.length = sizeof(full->proof);
	}
}

/* Before there is room for the record, or not: whatever succeeds from now on finds it. */
static __noinline __u32 open_debt(const struct event_failure *f)
{
	if (f->syscall != SYSCALL_MUNMAP || !filter_bytes_not_released(f))
		return mask_unknown(0);
	return debt_open(f->process.mm, f->process.tgid, f->evidence != EVIDENCE_UNDER_LOCK);
}

/* One failure, from a hook of any rung to the ring. `proof` is NULL for a munmap(). */
static __always_inline void report_failure(void *ctx, const struct event_failure *judged,
					   const struct event_proof *proof)
{
	struct event_failure_full *full;
	__u32 debt;

	count_total(judged);
	debt = open_debt(judged);
	full = emit_reserve(struct event_failure_full);
	if (!full) {
		debt_lose_failure(judged->process.mm);
		return;
	}
	__builtin_memcpy(&full->failure, judged, sizeof(*judged));
	full->failure.debt = debt;
	add_proof(full, proof);
	copy_stacks(ctx, full);
	if (config.user_stack)
		stack_note(&full->failure);
	emit_submit(full, &full->failure.header, EVENT_FAILURE, sizeof(*full));
}

#endif
