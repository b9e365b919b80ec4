// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * split.bpf.c: see __split_vma() fail, and what it adds to the mappings of a process with many; count splits by who made
 * them, and tell of each with --splits. It never tests
 * vm.max_map_count (its callers do, before it), so ENOMEM from it is an allocation that failed, and that is how the two are
 * told apart. It runs before the core's own exit, within the same call: it leaves word for it, and reports no failure itself.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "emit.h"
#include "filter.h"
#include "hot.h"
#include "kernel.h"
#include "process.h"
#include "recorder.h"
#include "splits.h"
#include "state.h"

/* What a split began with, by tid, with --splits. */
struct split_begun {
	__u64 vma; /* its address in the kernel */
	__u64 start;
	__u64 end;
	__u64 addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct split_begun);
} splitting SEC(".maps");

/*
 * With --splits, where they are inferred: how many mappings a process had when its lock was last released, by kernel_mm_id().
 * One that is pushed out by others begins anew.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, __u32);
} split_bases SEC(".maps");

/* Of those that are not followed nothing more is asked. */
static __always_inline bool split_may_be_wanted(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	return !config.filter_followed || bpf_map_lookup_elem(&followed, &tgid);
}

static __always_inline void split_begin(const struct vm_area_struct *vma, __u64 addr)
{
	struct split_begun begun = {.vma = (__u64)vma, .addr = addr};
	__u32 tid = bpf_get_current_pid_tgid();

	if (!split_may_be_wanted())
		return;
	begun.start = BPF_CORE_READ(vma, vm_start);
	begun.end = BPF_CORE_READ(vma, vm_end);
	/* No room: then the split has no range. */
	bpf_map_update_elem(&splitting, &tid, &begun, BPF_ANY);
}

static __always_inline void split_forget(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	bpf_map_delete_elem(&splitting, &tid);
}

/* Of the current split, now that it is done; one whose entry was missed may find that of another one. */
static __always_inline void fill_range(struct event_split *record)
{
	__u32 tid = bpf_get_current_pid_tgid();
	const struct split_begun *begun = bpf_map_lookup_elem(&splitting, &tid);
	const struct vm_area_struct *vma;
	__u64 start, end;

	if (!begun)
		return;
	vma = (const void *)begun->vma;
	start = BPF_CORE_READ(vma, vm_start);
	end = BPF_CORE_READ(vma, vm_end);
	/* It is one of the two halves. */
	if ((start != begun->addr || end != begun->end) && (start != begun->start || end != begun->addr))
		return;
	record->addr = begun->addr;
	record->start = begun->start;
	record->end = begun->end;
	record->has_range = 1;
}

static __noinline void tell_split(const struct split_key *key, const struct event_process *process, __u32 count,
				  __u32 vma_count)
{
	struct event_split *record = emit_reserve_split(struct event_split);

	if (!record)
		return;
	record->process = *process;
	record->addr = record->start = record->end = 0;
	record->syscall = key->syscall;
	record->splits = count;
	record->vma_count = vma_count;
	record->has_range = 0;
	record->inferred = key->inferred;
	record->reserved[0] = record->reserved[1] = 0;
	if (!key->inferred)
		fill_range(record);
	emit_submit(record, &record->header, EVENT_SPLIT, sizeof(*record));
}

/* Not inlined, for its frame. */
static __noinline void fill_split_key(struct split_key *key, __u32 inferred)
{
	struct task_struct *leader = BPF_CORE_READ(kernel_current(), group_leader);
	struct kernel_syscall call;

	kernel_current_syscall(&call);
	key->start_time_ns = BPF_CORE_READ(leader, start_boottime);
	key->exec_id = BPF_CORE_READ(leader, self_exec_id);
	key->tgid = bpf_get_current_pid_tgid() >> 32;
	key->syscall = recorder_syscall(&call);
	key->inferred = inferred;
	key->reserved = 0;
}

static __noinline struct split_sum *begin_splits(const struct split_key *key, const struct event_process *process)
{
	struct split_sum fresh = {};

	__builtin_memcpy(fresh.comm, process->comm, sizeof(fresh.comm));
	bpf_map_update_elem(&split_sums, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&split_sums, key);
}

int split_note(__u32 count, __u32 vma_count, __u32 inferred)
{
	struct event_process process;
	struct split_key key;
	struct split_sum *sum;

	if (!split_may_be_wanted())
		return 0;
	fill_split_key(&key, inferred);
	sum = bpf_map_lookup_elem(&split_sums, &key);
	if (!sum || config.splits) {
		process_describe(&process);
		if (!process_wanted(&process))
			return 0;
		sum = sum ?: begin_splits(&key, &process);
	}
	if (sum)
		__sync_fetch_and_add(&sum->splits, count);
	else
		emit_loss(LOSS_SPLITS_FULL);
	if (config.splits)
		tell_split(&key, &process, count, vma_count);
	return 0;
}

__u32 split_inferred(__u32 syscall, __u32 delta)
{
	__u32 makes = syscall & EVENT_SYSCALL_COMPAT ? kernel_compat_call_makes(syscall & ~EVENT_SYSCALL_COMPAT)
						     : kernel_call_makes(syscall);

	return delta > makes ? delta - makes : 0;
}

int split_look(__u32 writes)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	__u32 count = kernel_vma_count(mm), before, splits;
	__u64 id = kernel_mm_id(mm);
	struct kernel_syscall call;
	__u32 *base;

	if (!split_may_be_wanted())
		return 0;
	kernel_current_syscall(&call);
	/* Who holds the lock for reading has changed nothing, but for a call that has just downgraded it. */
	if (!writes && (!call.inside || !kernel_syscall_downgrades(&call)))
		return 0;
	base = bpf_map_lookup_elem(&split_bases, &id);
	if (!base) {
		bpf_map_update_elem(&split_bases, &id, &count, BPF_ANY);
		return 0;
	}
	before = *base;
	*base = count;
	if (count <= before)
		return 0;
	splits = split_inferred(recorder_syscall(&call), count - before);
	if (splits)
		split_note(splits, count, 1);
	return 0;
}

static __always_inline void on_split_failure(__u32 errno_code)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct call_state state = {.split_errno = errno_code};
	struct kernel_call call = {};
	__u64 args[EVENT_ARGS];

	kernel_current_call(&call);
	state.syscall = call.syscall;
	if (call.syscall != SYSCALL_NONE) {
		state.addr = call.addr;
		state.length_bytes = call.length_bytes;
	} else {
		state.syscall = kernel_read_call(args);
		if (state.syscall == SYSCALL_NONE)
			return;
		state.addr = args[0];
		state.length_bytes = args[1];
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

static __always_inline void count_split(__u32 count, int ret)
{
	if (ret < 0)
		on_split_failure(-ret);
	else if (config.splits || count >= limit.hot_at)
		split_note(1, count, 0);
	if (config.splits)
		split_forget();
}

static __always_inline void on_split_exit(__u32 count, int ret)
{
	count_split(count, ret);
	if (ret >= 0 && count >= limit.hot_at)
		on_split_of_hot();
}

/* Where nothing tells when the lock is released: whatever is seen under it counts. */
static __always_inline void on_split_exit_locked(int ret)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);

	__u32 count = kernel_vma_count(mm);

	count_split(count, ret);
	note_if_hot_locked(mm, count, LOOK_SPLIT);
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

/* --- with --splits: the mapping as it was --- */

SEC("fentry/__split_vma")
int BPF_PROG(split_entry_fentry, void *mm_or_vmi, struct vm_area_struct *vma, unsigned long addr)
{
	split_begin(vma, addr);
	return 0;
}

SEC("kprobe/__split_vma")
int BPF_KPROBE(split_entry_kprobe, void *mm_or_vmi, struct vm_area_struct *vma, unsigned long addr)
{
	split_begin(vma, addr);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
