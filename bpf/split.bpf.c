// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * split.bpf.c: see __split_vma() fail. It never tests vm.max_map_count (its callers do, before it), so ENOMEM from it
 * is an allocation that failed, and that is how the two are told apart. It runs before the core's own exit, within the
 * same call: it leaves word for it, and reports nothing itself.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.h"
#include "kernel.h"
#include "state.h"

static __always_inline void on_split_exit(int ret)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct call_state state = {};
	struct kernel_call call = {};

	if (ret >= 0)
		return;
	kernel_current_call(&call);
	if (call.syscall == SYSCALL_NONE)
		return;
	state.addr = call.addr;
	state.length_bytes = call.length_bytes;
	state.split_errno = -ret;
	if (bpf_map_update_elem(&calls, &tid, &state, BPF_ANY))
		emit_loss(LOSS_STATE_FULL);
}

/* (mm or vmi, vma, addr, new_below) in every version: docs/KERNELS.md 1. */
SEC("fexit/__split_vma")
int BPF_PROG(split_fexit, void *mm_or_vmi, struct vm_area_struct *vma, unsigned long addr, int new_below, int ret)
{
	on_split_exit(ret);
	return 0;
}

SEC("kretprobe/__split_vma")
int BPF_KRETPROBE(split_kretprobe, int ret)
{
	on_split_exit(ret);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
