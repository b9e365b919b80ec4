// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * split.bpf.c: see __split_vma() fail, and what it adds to the mappings of a process with many. It never tests
 * vm.max_map_count (its callers do, before it), so ENOMEM from it is an allocation that failed, and that is how the two are
 * told apart. It runs before the core's own exit, within the same call: it leaves word for it, and reports no failure itself.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.h"
#include "hot.h"
#include "kernel.h"
#include "state.h"

static __always_inline void on_split_failure(__u32 errno_code)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct call_state state = {.split_errno = errno_code};
	struct kernel_call call = {};
	__u64 args[EVENT_ARGS];

	kernel_current_call(&call);
	if (call.syscall != SYSCALL_NONE) {
		state.addr = call.addr;
		state.length_bytes = call.length_bytes;
	} else if (kernel_read_call(args) != SYSCALL_NONE) {
		state.addr = args[0];
		state.length_bytes = args[1];
	} else {
		return;
	}
	if (bpf_map_update_elem(&calls, &tid, &state, BPF_ANY))
		emit_loss(LOSS_STATE_FULL);
}

/* Calls that split and pass no other hook: madvise(), mlock(), mbind() ... A munmap() has its own, when it is done. */
static __noinline void on_split_of_hot(void)
{
	struct kernel_call call = {};

	kernel_current_call(&call);
	if (call.syscall != SYSCALL_MUNMAP)
		hot_observe();
}

static __always_inline void on_split_exit(__u32 count, int ret)
{
	if (ret < 0)
		on_split_failure(-ret);
	else if (count >= limit.hot_at)
		on_split_of_hot();
}

/* Where nothing tells when the lock is released: whatever is seen under it counts. */
static __always_inline void on_split_exit_locked(int ret)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);

	if (ret < 0)
		on_split_failure(-ret);
	note_if_hot_locked(mm, kernel_vma_count(mm), LOOK_SPLIT);
}

/* (mm or vmi, vma, addr, new_below) in every version: docs/KERNELS.md 1. */
SEC("fexit/__split_vma")
int BPF_PROG(split_fexit, void *mm_or_vmi, struct vm_area_struct *vma, unsigned long addr, int new_below, int ret)
{
	on_split_exit(kernel_vma_count_typed(vma->vm_mm), ret);
	return 0;
}

SEC("kretprobe/__split_vma")
int BPF_KRETPROBE(split_kretprobe, int ret)
{
	on_split_exit(kernel_vma_count(BPF_CORE_READ(kernel_current(), mm)), ret);
	return 0;
}

/* The same for 5.10. */
SEC("fexit/__split_vma")
int BPF_PROG(split_fexit_locked, struct mm_struct *mm, struct vm_area_struct *vma, unsigned long addr, int new_below,
	     int ret)
{
	on_split_exit_locked(ret);
	return 0;
}

SEC("kretprobe/__split_vma")
int BPF_KRETPROBE(split_kretprobe_locked, int ret)
{
	on_split_exit_locked(ret);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
