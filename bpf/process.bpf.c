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

char LICENSE[] SEC("license") = "GPL";
