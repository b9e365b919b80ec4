// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * debt.bpf.c: who owes: memory in which a munmap() failed, from that moment on, before another call can succeed; and each
 * later call that may pay, and how memory and process end. It keeps no ranges: user space does, by the records.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "config.h"
#include "debt.h"
#include "emit.h"
#include "event.h"
#include "filter.h"
#include "kernel.h"
#include "mask.h"
#include "process.h"
#include "state.h"
#include "vma.h"

/* include/linux/sched/signal.h: group_exit_code is how all threads end. */
#define SIGNAL_GROUP_EXIT 0x00000004

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* kernel_mm_id() */
	__type(value, struct debtor);
} debtors SEC(".maps");

struct debtor_process {
	__u64 mm_id;
	__u64 start_time_ns; /* another process with its id is none of ours, should its end have been missed */
};

/* The processes that failed last in it, of which the memory is no longer known when they are seen to exit (before 6.16). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* tgid */
	__type(value, struct debtor_process);
} debtor_processes SEC(".maps");

/* What was paid for and told: a process that maps and unmaps the same range all the time is told of once. */
struct settled_key {
	__u64 mm;
	__u64 addr;
};

struct settled {
	__u64 length_bytes;
	__u64 failures; /* of the debtor when it was told: after one more there may be something to pay again */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct settled_key);
	__type(value, struct settled);
} settled SEC(".maps");

static __always_inline __u8 debt_of(const struct debtor *debtor)
{
	return DEBT_OPEN | (debtor->failure_lost ? DEBT_FAILURE_LOST : 0) |
	       (debtor->payment_lost ? DEBT_PAYMENT_LOST : 0);
}

static __always_inline __u64 current_start_time(void)
{
	return BPF_CORE_READ(kernel_current(), group_leader, start_boottime);
}

static __always_inline void note_process(struct debtor *debtor, __u64 mm_id, __u32 tgid)
{
	const struct debtor_process process = {.mm_id = mm_id, .start_time_ns = current_start_time()};

	/* Another thread of it may be here as well. */
	if (!bpf_map_update_elem(&debtor_processes, &tgid, &process, BPF_NOEXIST)) {
		__sync_fetch_and_add(&switches.debtors, 1);
	} else if (bpf_map_update_elem(&debtor_processes, &tgid, &process, BPF_EXIST)) {
		emit_loss(LOSS_OUTCOME_LOST);
		return;
	}
	debtor->tgid = tgid;
}

static __always_inline struct debtor *debtor_of(__u64 mm_id)
{
	struct debtor *debtor = bpf_map_lookup_elem(&debtors, &mm_id);
	struct debtor fresh = {};

	if (debtor)
		return debtor;
	if (!bpf_map_update_elem(&debtors, &mm_id, &fresh, BPF_NOEXIST))
		__sync_fetch_and_add(&switches.debtors, 1);
	return bpf_map_lookup_elem(&debtors, &mm_id);
}

/*
 * Seen after the lock was dropped, another thread may have paid already. While the returns of other calls are not looked at, mmap()
 * and mremap() may pay unseen. And where no hook sees the end of memory, that of a vfork child is not the end of its memory, which
 * is its parent's.
 */
static __always_inline bool is_doubtful(__u32 after_unlock)
{
	struct task_struct *task = kernel_current();
	bool borrowed = BPF_CORE_READ(task, vfork_done);

	if (!switches.calls_armed || (after_unlock && BPF_CORE_READ(task, signal, nr_threads) > 1))
		return true;
	return borrowed && (after_unlock || !config.memory_end_seen);
}

__u32 debt_open(__u64 mm_id, __u32 tgid, __u32 after_unlock)
{
	struct debtor *debtor = debtor_of(mm_id);

	if (!debtor) {
		emit_loss(LOSS_OUTCOME_LOST);
		return 0;
	}
	__sync_fetch_and_add(&debtor->failures, 1);
	if (debtor->tgid != tgid)
		note_process(debtor, mm_id, tgid);
	return debt_of(debtor) | (is_doubtful(after_unlock) ? DEBT_DOUBTFUL : 0);
}

int debt_lose_failure(__u64 mm_id)
{
	struct debtor *debtor = bpf_map_lookup_elem(&debtors, &mm_id);

	if (debtor)
		debtor->failure_lost = 1;
	return 0;
}

static __always_inline bool is_settled(const struct settled_key *key, __u64 length_bytes, __u64 failures)
{
	struct settled *known = bpf_map_lookup_elem(&settled, key);

	return known && known->failures == failures && known->length_bytes >= length_bytes;
}

static __noinline void report_paid(struct debtor *debtor, const struct settled_key *key, const struct settled *paid,
				   __u32 syscall, __u32 uncertain)
{
	struct event_process process;
	struct event_paid *record;

	process_describe(&process);
	record = emit_reserve_again(struct event_paid);
	if (!record) {
		debtor->payment_lost = 1;
		emit_loss(LOSS_OUTCOME_LOST);
		return;
	}
	record->process = process;
	record->addr = key->addr;
	record->length_bytes = paid->length_bytes;
	record->syscall = syscall;
	record->debt = debt_of(debtor);
	/* A failure from here on is told of after this. */
	record->uncertain = uncertain || *(volatile __u64 *)&debtor->failures != paid->failures;
	record->reserved[0] = record->reserved[1] = 0;
	bpf_map_update_elem(&settled, key, paid, BPF_ANY);
	emit_submit(record, &record->header, EVENT_PAID, sizeof(*record));
}

int debt_note_release(__u32 syscall, __u64 addr, __u64 length_bytes, __u32 proof)
{
	__u64 mm = (__u64)BPF_CORE_READ(kernel_current(), mm);
	struct settled_key key = {.addr = addr};
	struct settled paid = {.length_bytes = filter_page_align(length_bytes)};
	struct debtor *debtor;
	struct kernel_call call = {};
	bool gone;

	key.mm = kernel_mm_id((void *)mm);
	debtor = bpf_map_lookup_elem(&debtors, &key.mm);
	if (!debtor)
		return 0;
	paid.failures = *(volatile __u64 *)&debtor->failures;
	if (is_settled(&key, paid.length_bytes, paid.failures))
		return 0;
	/*
	 * Where it is gone now, all that failed before has been paid, and what fails later comes behind this. Where it is not, the
	 * lock was dropped meanwhile, and another thread has mapped something there.
	 */
	gone = proof != DEBT_REPLACED && vma_is_gap(mm, addr, addr + paid.length_bytes);
	if (proof == DEBT_IF_GONE && !gone)
		return 0;
	if (syscall == SYSCALL_NONE) {
		kernel_current_call(&call);
		syscall = call.syscall;
	}
	report_paid(debtor, &key, &paid, syscall, proof == DEBT_UNMAPPED && !gone);
	return 0;
}

int debt_note_munmap(__u32 proof)
{
	__u64 mm_id = kernel_mm_id(BPF_CORE_READ(kernel_current(), mm));
	struct kernel_call call = {};

	if (!bpf_map_lookup_elem(&debtors, &mm_id))
		return 0;
	kernel_current_call(&call);
	if (call.syscall != SYSCALL_MUNMAP || (proof == DEBT_IF_GONE && !call.inside))
		return 0;
	return debt_note_release(SYSCALL_MUNMAP, call.addr, call.length_bytes, proof);
}

static __always_inline void forget(void *map, const void *key)
{
	if (!bpf_map_delete_elem(map, key))
		__sync_fetch_and_add(&switches.debtors, -1);
}

int debt_note_end(__u64 mm_id)
{
	struct debtor *debtor = bpf_map_lookup_elem(&debtors, &mm_id);
	struct event_ended *record;

	if (!debtor)
		return 0;
	record = emit_reserve_again(struct event_ended);
	/* No room: user space finds it in the map when tracing ends, if no later hook of the same end tells. */
	if (!record) {
		debtor->ended = 1;
		return 0;
	}
	__builtin_memset(&record->process, 0, sizeof(record->process));
	record->process.mm = mm_id;
	record->exit_code = 0;
	record->end = END_MEMORY;
	record->with_memory = 1;
	record->debt = debt_of(debtor);
	record->reserved = 0;
	forget(&debtors, &mm_id);
	emit_submit(record, &record->header, EVENT_ENDED, sizeof(*record));
	return 0;
}

static __always_inline __u32 exit_code_of(struct task_struct *task)
{
	if (BPF_CORE_READ(task, signal, flags) & SIGNAL_GROUP_EXIT)
		return BPF_CORE_READ(task, signal, group_exit_code);
	return BPF_CORE_READ(task, group_leader, exit_code);
}

static __noinline void report_end(const struct event_process *process, struct debtor *debtor, __u32 exit_code,
				  __u32 end)
{
	/* Where no hook sees the memory's own end, it ends with its process. */
	bool ended = debtor && !config.memory_end_seen;
	__u64 mm_id = process->mm;
	struct event_ended *record = emit_reserve_again(struct event_ended);

	if (!record) {
		emit_loss(LOSS_OUTCOME_LOST);
		if (ended)
			debtor->ended = 1;
		return;
	}
	record->process = *process;
	record->exit_code = exit_code;
	record->end = end;
	record->with_memory = ended;
	record->debt = debtor ? debt_of(debtor) : DEBT_OPEN;
	record->reserved = 0;
	if (ended)
		forget(&debtors, &mm_id);
	emit_submit(record, &record->header, EVENT_ENDED, sizeof(*record));
}

/* The current process exits, by its last thread, or has just become another program. */
static __noinline void on_end(__u32 end)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, exit_code = 0;
	struct debtor_process *known = bpf_map_lookup_elem(&debtor_processes, &tgid);
	struct event_process process;
	bool is_other;

	if (!known)
		return;
	process_describe(&process);
	process.mm = known->mm_id;
	is_other = known->start_time_ns != process.start_time_ns;
	forget(&debtor_processes, &tgid);
	if (is_other)
		return;
	if (end == END_EXIT)
		exit_code = exit_code_of(kernel_current());
	report_end(&process, bpf_map_lookup_elem(&debtors, &process.mm), exit_code, end);
}

static __always_inline void on_exit(void)
{
	if (debt_is_owed() && BPF_CORE_READ(kernel_current(), signal, live.counter) == 0)
		on_end(END_EXIT);
}

static __always_inline void on_exec(void)
{
	if (debt_is_owed())
		on_end(END_EXEC);
}

SEC("tp_btf/sched_process_exit")
int process_exit(void *ctx)
{
	on_exit();
	return 0;
}

SEC("tp_btf/sched_process_exec")
int process_exec(void *ctx)
{
	on_exec();
	return 0;
}

/* Through perf, for kernels that preempt programs: see munmap.bpf.c. */
SEC("tp/sched/sched_process_exit")
int process_exit_event(void *ctx)
{
	on_exit();
	return 0;
}

SEC("tp/sched/sched_process_exec")
int process_exec_event(void *ctx)
{
	on_exec();
	return 0;
}

/*
 * The end of memory, beside a core hook: exit_mmap(mm), which whoever used it last calls. mmap_lock_released sees it too,
 * from 5.17 on (64591e8605d6).
 */
SEC("fexit/exit_mmap")
int BPF_PROG(memory_end_fexit, struct mm_struct *mm)
{
	if (debt_is_owed())
		debt_note_end(kernel_mm_id_typed(mm));
	return 0;
}

SEC("kprobe")
int BPF_KPROBE(memory_end_kprobe, struct mm_struct *mm)
{
	if (debt_is_owed())
		debt_note_end(kernel_mm_id(mm));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
