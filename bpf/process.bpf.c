// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process.bpf.c: follow the children of the processes that were asked for. The fork tracepoint runs before the child
 * does, so no call of it is missed. Loaded with -p and -- COMMAND only.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.h"
#include "kernel.h"
#include "state.h"

SEC("tp_btf/sched_process_fork")
int BPF_PROG(follow_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_tgid = parent->tgid, child_tgid = child->tgid;
	__u8 yes = 1;

	if (child_tgid == parent_tgid || !bpf_map_lookup_elem(&followed, &parent_tgid))
		return 0;
	if (bpf_map_update_elem(&followed, &child_tgid, &yes, BPF_ANY))
		emit_loss(LOSS_FOLLOW_FULL);
	return 0;
}

/* The number may be reused once the last thread is gone, so it is forgotten then and not when the leader exits. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(follow_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;

	if (task->signal->live.counter == 0)
		bpf_map_delete_elem(&followed, &tgid);
	return 0;
}

/*
 * The same through perf, for kernels that preempt programs: a fork that was missed would hide all that the child does.
 * The record names the child by its thread id and does not say whether it is a thread: one too many in the map does no
 * harm while that thread lives, and goes with it.
 */
SEC("tp/sched/sched_process_fork")
int follow_fork_event(struct trace_event_raw_sched_process_fork *ctx)
{
	__u32 parent_tgid = bpf_get_current_pid_tgid() >> 32, child = ctx->child_pid;
	__u8 yes = 1;

	if (bpf_map_lookup_elem(&followed, &parent_tgid) && bpf_map_update_elem(&followed, &child, &yes, BPF_ANY))
		emit_loss(LOSS_FOLLOW_FULL);
	return 0;
}

SEC("tp/sched/sched_process_exit")
int follow_exit_event(void *ctx)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 tid = pid_tgid, tgid = pid_tgid >> 32;

	if (tid != tgid)
		bpf_map_delete_elem(&followed, &tid);
	if (BPF_CORE_READ(kernel_current(), signal, live.counter) == 0)
		bpf_map_delete_elem(&followed, &tgid);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
