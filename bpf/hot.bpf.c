// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hot.bpf.c: processes with many mappings: that there is one, that it maps code, that it crosses a threshold of --warn.
 * Whatever changes the number of mappings comes here by note_if_hot(); the hooks that are for nothing else are at the
 * bottom. Judges no failure.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "config.h"
#include "emit.h"
#include "event.h"
#include "filter.h"
#include "hot.h"
#include "judge.h"
#include "kernel.h"
#include "origins.h"
#include "process.h"
#include "state.h"
#include "task.h"

#define RATE_NS (NSEC_PER_SEC / 2) /* from one count that is kept to the next: the older of two is up to a second old */

/* What a process with many mappings did so far. */
struct hot_process {
	__u64 first_ns; /* CLOCK_MONOTONIC, as are the others */
	__u64 older_ns;
	__u64 newer_ns;
	__u32 first_count;
	__u32 older_count;
	__u32 newer_count;
	__u32 peak;
	__u32 rearmed; /* how often a threshold was armed anew */
	__u32 told; /* the thresholds that were: see filter_warning() */
	__u32 wanted; /* user space was told: it is one that the filters want */
	__u32 unseen; /* see lose_calls() */
};

/* An entry pushed out by newer ones costs one more record of each kind, no more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct hot_key);
	__type(value, struct hot_process);
} hot SEC(".maps");

/* Those of which user space was told that they mapped code, and has not taken note yet: it takes them out. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct hot_key);
	__type(value, __u8);
} mapped SEC(".maps");

/*
 * Who tells of a crossing: two threads may see one at once, since a successful munmap() comes here without the lock. The
 * first to make its entry does.
 */
struct crossing {
	struct hot_key process;
	__u32 percent;
	__u32 rearmed;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct crossing);
	__type(value, __u8);
} crossings SEC(".maps");

/*
 * A hot process maps code: what user space knows of its modules is no longer all. Told once, until user space has taken
 * note of it: programs that generate code map it all the time.
 */
static __noinline void report_mapped(const struct hot_key *key)
{
	struct event_process process;
	struct event_mapped *record;
	__u8 yes = 1;

	if (!config.user_stack || !kernel_call_maps_code() || bpf_map_lookup_elem(&mapped, key))
		return;
	process_describe(&process);
	if (!process_wanted(&process))
		return;
	/* No room: the next mapping tells. */
	record = emit_reserve_again(struct event_mapped);
	if (!record)
		return;
	bpf_map_update_elem(&mapped, key, &yes, BPF_ANY);
	record->process = process;
	emit_submit(record, &record->header, EVENT_MAPPED, sizeof(*record));
}

/* Returns 1: told, 0: nobody wants it, or -1 when there was no room to tell, and then the next call of the process will. */
static __noinline int report_hot(struct task_struct *task, __u32 count)
{
	struct event_process process;
	struct event_hot *record;

	task_describe(&process, task);
	if (!task_wanted(&process, task))
		return 0;
	record = emit_reserve(struct event_hot);
	if (!record)
		return -1;
	record->process = process;
	record->vma_count = count;
	record->vma_limit = limit.now;
	emit_submit(record, &record->header, EVENT_HOT, sizeof(*record));
	return 1;
}

static __always_inline void fill_near(struct event_near *record, const struct hot_process *process, __u32 count)
{
	record->first_ns = process->first_ns;
	record->recent_ns = process->older_ns;
	record->first_count = process->first_count;
	record->recent_count = process->older_count;
	record->vma_count = count;
	record->vma_limit = limit.now;
	record->peak = process->peak;
	record->reserved[0] = record->reserved[1] = 0;
}

/* Returns 0, or -1 when there was no room, likewise. `crossing` is who and what. */
static __noinline int report_near(const struct crossing *crossing, const struct hot_process *known,
				  struct task_struct *task, __u32 count, __u32 already)
{
	struct event_process process;
	struct event_near *record;
	__u8 yes = 1;

	task_describe(&process, task);
	if (!task_wanted(&process, task))
		return 0;
	record = emit_reserve_again(struct event_near);
	if (!record)
		return -1;
	if (bpf_map_update_elem(&crossings, crossing, &yes, BPF_NOEXIST)) {
		emit_discard(record);
		return 0;
	}
	record->process = process;
	fill_near(record, known, count);
	record->percent = crossing->percent;
	record->already = already;
	emit_submit(record, &record->header, EVENT_NEAR, sizeof(*record));
	return 0;
}

static __always_inline void keep_count(struct hot_process *process, __u32 count)
{
	__u64 now_ns = bpf_ktime_get_ns();

	if (count > process->peak)
		process->peak = count;
	if (now_ns - process->newer_ns < RATE_NS)
		return;
	process->older_ns = process->newer_ns;
	process->older_count = process->newer_count;
	process->newer_ns = now_ns;
	process->newer_count = count;
}

/* Not inlined, for its frame: what it is called before needs much of the stack. */
static __noinline __u32 warning(__u32 count, __u32 *told)
{
	return filter_warning(&config, count, limit.now, told);
}

/* It was faster than user space is, which looks at the returns of other calls than munmap() from the first hot process on. */
static __always_inline void lose_calls(struct hot_process *process)
{
	if (process->unseen || !process->wanted)
		return;
	process->unseen = 1;
	emit_loss(LOSS_CALLS_UNSEEN);
}

/*
 * What was told is read before the count is: whoever is preempted in between, or has no lock, may hold an old count against
 * thresholds that were not told then, and takes none for one that the count has fallen below since.
 */
static __noinline void count_of(const struct hot_key *key, struct hot_process *process, struct task_struct *task,
				__u32 already)
{
	const __u32 told_before = *(volatile __u32 *)&process->told;
	const __u32 count = kernel_vma_count(BPF_CORE_READ(task, mm));
	struct crossing crossing = {.process = *key};
	__u32 told = told_before;

	keep_count(process, count);
	if (!switches.calls_armed && !already && count + JUDGE_MREMAP_SPARE >= limit.now)
		lose_calls(process);
	crossing.percent = warning(count, &told);
	if (told_before & ~told)
		process->rearmed++;
	crossing.rearmed = process->rearmed;
	if (crossing.percent && report_near(&crossing, process, task, count, already))
		return;
	process->told = told;
}

static __noinline struct hot_process *begin(const struct hot_key *key, struct task_struct *task, __u32 count)
{
	struct hot_process fresh = {};
	int told = report_hot(task, count);

	if (told > 0)
		switches.hot = 1;
	/* One that is not wanted is noted as well, so that it is not looked at again and again. */
	if (told < 0)
		return NULL;
	fresh.wanted = told;
	fresh.first_ns = fresh.older_ns = fresh.newer_ns = bpf_ktime_get_ns();
	fresh.first_count = fresh.older_count = fresh.newer_count = fresh.peak = count;
	bpf_map_update_elem(&hot, key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&hot, key);
}

static __always_inline struct hot_process *observe(struct hot_key *key, struct task_struct *task, struct mm_struct *mm)
{
	/* Read once more: the caller's may be another process's memory. */
	__u32 count = kernel_vma_count(mm);
	struct hot_process *process;

	hot_fill_key(key, task);
	process = bpf_map_lookup_elem(&hot, key);
	if (process)
		report_mapped(key);
	else if (count >= limit.hot_at)
		process = begin(key, task, count);
	if (process)
		count_of(key, process, task, 0);
	return process;
}

int hot_observe(void)
{
	struct task_struct *task = kernel_current();
	struct hot_key key;

	observe(&key, task, BPF_CORE_READ(task, mm));
	return 0;
}

int hot_observe_locked(__u32 look)
{
	struct task_struct *task = kernel_current();
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	struct hot_process *process;
	struct hot_key key;
	int splits;

	process = observe(&key, task, mm);
	if (!process || !process->wanted)
		return 0;
	splits = origins_look(&key, mm, look);
	if (splits >= 0)
		return splits;
	/* Not tried again with each call. */
	process->wanted = 0;
	emit_loss(LOSS_WATCH_FULL);
	return 0;
}

/*
 * --- what grows a process: perf_event_mmap(vma) runs under the lock, once the mapping is in place, for mmap(), mprotect() and
 * brk() alike. Other calls that grow it are seen by the hooks of munmap.bpf.c and split.bpf.c; on the tracepoint rung
 * mmap_lock_released sees all of them. ---
 */

SEC("fentry/perf_event_mmap")
int BPF_PROG(mapping_fentry, struct vm_area_struct *vma)
{
	note_if_hot(kernel_vma_count_typed(vma->vm_mm));
	return 0;
}

SEC("kprobe/perf_event_mmap")
int mapping_kprobe(void *ctx)
{
	note_if_hot(kernel_vma_count(BPF_CORE_READ(kernel_current(), mm)));
	return 0;
}

/* 5.10: mmap_region(), which returns under the lock, and nothing else tells when that is released. */
static __always_inline void on_mapped(void)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);

	note_if_hot_locked(mm, kernel_vma_count(mm), LOOK_WRITER);
}

SEC("fexit/mmap_region")
int mapping_fexit(void *ctx)
{
	on_mapped();
	return 0;
}

SEC("kretprobe/mmap_region")
int mapping_kretprobe(void *ctx)
{
	on_mapped();
	return 0;
}

/* --- those that were there before: asked once, for each thread of the machine, when all hooks are at work --- */

SEC("iter/task")
int find_hot(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct hot_process *process;
	struct hot_key key;
	__u32 count;

	if (!task)
		return 0;
	count = kernel_vma_count(BPF_CORE_READ(task, mm));
	if (count < limit.hot_at)
		return 0;
	hot_fill_key(&key, task);
	process = bpf_map_lookup_elem(&hot, &key) ?: begin(&key, task, count);
	if (process)
		count_of(&key, process, task, 1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
