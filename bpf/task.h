/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * task.h: what process.h says of the current process, of any task: for a program that goes through all of them, where the
 * helpers that ask for the current one are of no use.
 */
#ifndef VMASNOOP_TASK_H
#define VMASNOOP_TASK_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "event.h"
#include "mask.h"
#include "process.h"
#include "state.h"

#define TASK_CGROUP_DEPTH 32 /* levels that are looked at: a container in a container is about 12 deep */

static __noinline void task_describe(struct event_process *process, struct task_struct *task)
{
	process_describe_leader(process, task);
	process->cgroup_id = BPF_CORE_READ(task, cgroups, dfl_cgrp, kn, id);
	process->tgid = BPF_CORE_READ(task, tgid);
	process->tid = BPF_CORE_READ(task, pid);
	process->uid = BPF_CORE_READ(task, cred, uid.val);
	BPF_CORE_READ_STR_INTO(&process->thread_comm, task, comm);
}

/* Global functions, so that the verifier follows them once and not for each level. `level` is a struct cgroup *. */
__noinline __u64 task_cgroup_id(__u64 level)
{
	return BPF_CORE_READ((const struct cgroup *)level, kn, id);
}

__noinline __u64 task_cgroup_above(__u64 level)
{
	return (__u64)BPF_CORE_READ((const struct cgroup *)level, self.parent, cgroup);
}

/*
 * What bpf_current_task_under_cgroup() tells of the current task, of any: the kernel has a function for it since 6.5. Without
 * branches, see mask.h: above the root all that is read is 0.
 */
static __noinline bool task_is_under_cgroup(struct task_struct *task)
{
	__u64 level = (__u64)BPF_CORE_READ(task, cgroups, dfl_cgrp);
	__u64 differs = ~0ULL;

	for (int i = 0; i < TASK_CGROUP_DEPTH; i++) {
		differs &= ~mask_if_zero(task_cgroup_id(level) ^ config.cgroup_id);
		level = task_cgroup_above(level);
	}
	return !differs;
}

static __always_inline bool task_wanted(const struct event_process *process, struct task_struct *task)
{
	return process_matches(process) && (!config.filter_cgroup || task_is_under_cgroup(task));
}

#endif
