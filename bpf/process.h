/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h: who the current process is, and whether the user asked for it. Of other tasks: task.h. What follows children
 * is process.bpf.c.
 */
#ifndef VMASNOOP_PROCESS_H
#define VMASNOOP_PROCESS_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "event.h"
#include "filter.h"
#include "kernel.h"
#include "state.h"

/* The cgroup of --cgroup, as its only element. */
struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cgroup SEC(".maps") __weak;

static __always_inline void process_describe_leader(struct event_process *process, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	__builtin_memset(process, 0, sizeof(*process));
	process->start_time_ns = BPF_CORE_READ(leader, start_boottime);
	process->exec_id = BPF_CORE_READ(leader, self_exec_id);
	process->mm = kernel_mm_id(BPF_CORE_READ(task, mm));
	process->start_stack = BPF_CORE_READ(task, mm, start_stack);
	BPF_CORE_READ_STR_INTO(&process->comm, leader, comm);
}

/*
 * Everything is taken from the group leader, which outlives its own exit for as long as a thread is left. Not inlined, for
 * its frame: who calls it has a whole failure on a stack of 512 bytes.
 */
static __noinline void process_describe(struct event_process *process)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	process_describe_leader(process, kernel_current());
	process->cgroup_id = bpf_get_current_cgroup_id();
	process->tgid = pid_tgid >> 32;
	process->tid = pid_tgid;
	process->uid = bpf_get_current_uid_gid();
	bpf_get_current_comm(process->thread_comm, sizeof(process->thread_comm));
}

/* What the filters say but for the cgroup. */
static __always_inline bool process_matches(const struct event_process *process)
{
	__u32 tgid = process->tgid;

	if (config.filter_followed && !bpf_map_lookup_elem(&followed, &tgid))
		return false;
	if (config.filter_uid && process->uid != config.uid)
		return false;
	return !config.filter_comm || filter_comm(config.comm, process->comm);
}

static __always_inline bool process_wanted(const struct event_process *process)
{
	return process_matches(process) && (!config.filter_cgroup || bpf_current_task_under_cgroup(&cgroup, 0) == 1);
}

#endif
