/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recorder.h: the flight recorder: the last calls of a hot process, kept for the failure that may come. Says nothing of
 * where they came from: see origins.h.
 */
#ifndef VMASNOOP_RECORDER_H
#define VMASNOOP_RECORDER_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "state.h"
#include "watched.h"

/*
 * Hands out what is kept of the current process, for the failure of that key and number. 1: it is on its way, 0: nothing is
 * kept, or there was no room, and that is counted. A global function, so that the verifier follows it once.
 */
int recorder_dump(__u64 stack_key, __u32 stack_seen);

static __always_inline __u32 recorder_syscall(const struct kernel_syscall *call)
{
	if (!call->inside)
		return EVENT_SYSCALL_NONE;
	return call->nr | (call->compat ? EVENT_SYSCALL_COMPAT : 0);
}

static __always_inline void recorder_note(struct watched *known, const struct kernel_syscall *call, __s32 delta,
					  __u32 count)
{
	struct event_op *op;

	if (!config.recorder_ops)
		return;
	op = &known->ops[known->op_total++ % config.recorder_ops & (EVENT_OPS_MAX - 1)];
	op->time_ns = bpf_ktime_get_ns();
	op->args[0] = call->args[0];
	op->args[1] = call->args[1];
	op->tid = bpf_get_current_pid_tgid();
	op->syscall = recorder_syscall(call);
	op->delta = delta;
	op->vma_count = count;
}

#endif
