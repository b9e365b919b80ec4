/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hot.h: the test by which every hook tells processes with many mappings from all others. What is done about them is
 * hot.bpf.c.
 */
#ifndef VMASNOOP_HOT_H
#define VMASNOOP_HOT_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>

#include "kernel.h"
#include "splits.h"
#include "state.h"

/*
 * The current process has many mappings, and a call of it may have changed how many. A global function, so that the verifier
 * follows it once.
 */
int hot_observe(void);

/* How the current task holds its lock while it looks. */
enum {
	LOOK_READER,
	LOOK_WRITER,
	/* For writing, in 5.10, where nothing tells of the end of a call: within one that may go on to change mappings. */
	LOOK_SPLIT, /* at the end of __split_vma() */
	LOOK_UNMAP, /* at the end of __do_munmap() */
};

/*
 * The same with its lock held, and then it may also have had many mappings once: whom of those made which is seen as well.
 * Returns how many splits its call has made at least, by split_inferred().
 */
int hot_observe_locked(__u32 look);

/* Whether a process with that mm was hot at some time: see struct marks. */
static __always_inline bool hot_is_marked(__u64 mm)
{
	const __u64 *bucket = &marks.mms[marks_bucket(mm)];

	return bucket[0] == mm || bucket[1] == mm || bucket[2] == mm || bucket[3] == mm;
}

/* The one test that a process pays which neither fails nor nears the limit. */
static __always_inline void note_if_hot(__u32 count)
{
	if (count >= limit.hot_at)
		hot_observe();
}

static __always_inline void note_if_hot_locked(const struct mm_struct *mm, __u32 count, __u32 look)
{
	__u32 splits;

	if (count < limit.hot_at && (!marks.any || !hot_is_marked((__u64)mm)))
		return;
	splits = hot_observe_locked(look);
	/* With --splits others see to it, of all processes. */
	if (!config.split_hooked && !config.splits && splits)
		split_note(splits, count, 1);
}

static __always_inline void hot_fill_key(struct hot_key *key, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	key->mm = kernel_mm_id(BPF_CORE_READ(task, mm));
	key->start_time_ns = BPF_CORE_READ(leader, start_boottime);
	key->exec_id = BPF_CORE_READ(leader, self_exec_id);
	key->tgid = BPF_CORE_READ(task, tgid);
	key->reserved = 0;
}

#endif
