/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * config.h: what user space tells the kernel side. struct config is read-only data, set before the programs are
 * loaded, so that the verifier prunes what is switched off; what follows it changes while they run.
 */
#ifndef VMASNOOP_CONFIG_H
#define VMASNOOP_CONFIG_H

#include <linux/types.h>

#define CONFIG_ERRNO_WORDS 4 /* bits for errno 0..255, a power of two; the kernel's last is 133 */
#define CONFIG_COMM_BYTES  16
#define CONFIG_WARN_MAX	   8

struct config {
	__u64 errno_wanted[CONFIG_ERRNO_WORDS]; /* bit E is set: failures with errno E are reported */
	__u64 cgroup_id; /* of --cgroup, for what is asked of other tasks than the current one */
	__u32 uid;
	__u32 slice_max_bytes; /* of a user stack: a size class, or 0: none is copied */
	char comm[CONFIG_COMM_BYTES];
	__u8 warn_percent[CONFIG_WARN_MAX]; /* the thresholds of --warn, of the limit, ascending */
	_Bool filter_followed; /* only processes in the followed map */
	_Bool filter_uid;
	_Bool filter_comm; /* the leader's name equals comm */
	_Bool filter_cgroup;
	_Bool user_stack;
	_Bool kernel_stack;
	_Bool return_only; /* no hook under the lock: the one on the return has its duties too */
	_Bool return_is_native; /* the hook on the return does not see 32-bit calls */
	_Bool split_hooked; /* __split_vma is watched: a failed split leaves word of itself */
	__u8 warn_count; /* 0: nobody is warned */
	_Bool shortages_only; /* a call that asked for what cannot be is no failure */
	_Bool memory_end_seen; /* a hook sees the end of a process's memory, apart from the process's own */
	__u8 recorder_ops; /* that the flight recorder keeps of each hot process, up to EVENT_OPS_MAX; 0: it is off */
	_Bool splits; /* every split is told of, of all processes */
	_Bool unused[2];
};

/*
 * vm.max_map_count as last seen. A cgroup/sysctl program sees a write just before the kernel takes it, so for a moment
 * before and the new value both may be the one that judged a call: `before` and `changed_ns` keep the old one.
 */
struct limit_state {
	__u64 changed_ns; /* CLOCK_MONOTONIC; 0: never */
	__u32 now;
	__u32 before; /* the value that the last write replaced */
	__u32 hot_at; /* a process with this many mappings is hot */
	__u32 polled; /* 1: no program sees the writes, user space reads the value once a second */
};

/* What the machine has for all processes. Read by user space once a second; vm.overcommit_memory is followed as the limit is. */
struct memory_state {
	__u64 pages; /* RAM and swap */
	__u32 overcommit; /* vm.overcommit_memory */
	__u32 reserved;
};

/* A hot process: one exec of it, and its memory. */
struct hot_key {
	__u64 mm; /* kernel_mm_id() */
	__u64 start_time_ns;
	__u64 exec_id;
	__u32 tgid;
	__u32 reserved;
};

/* What is known of a stack key. User space sets `words` when two slices of it unwind to different stacks. */
struct stack_place {
	__u32 seen; /* failures */
	__u32 words; /* not 0: STACK_KEY_WORDS words of the stack go into the key as well */
	__u32 owed; /* a slice found no room: the next failure takes one */
	__u32 sliced; /* one slice of it at least was sent */
};

#define STACK_KEY_WORDS 32

/* Memory in which a munmap() failed. */
struct debtor {
	__u64 failures;
	__u32 tgid; /* of the last process that failed in it */
	/* Each of these is set and never cleared. What was lost had no room in the ring. */
	__u32 failure_lost;
	__u32 payment_lost;
	__u32 ended; /* and that it did had no room */
};

/*
 * The processes that are, or once were, hot: their calls are looked at however few mappings they have by now, so that none
 * is missed between two looks. By mm, in buckets; one that finds no room in its bucket takes another one's.
 */
#define MARK_BUCKETS	256
#define MARK_BUCKET_MMS 4

struct marks {
	__u64 mms[MARK_BUCKETS * MARK_BUCKET_MMS];
	__u32 any; /* there is one, or was */
	__u32 turn; /* of the bucket's room: who goes next */
};

static inline __u32 marks_bucket(__u64 mm)
{
	return (mm >> 6 ^ mm >> 14) % MARK_BUCKETS * MARK_BUCKET_MMS;
}

struct switches {
	__u32 debtors; /* the entries of the two maps of bpf/debt.bpf.c: while there is none, nothing else is looked at */
	__u32 return_armed; /* hooks under the lock leave word for the one on munmap's return: set before it is attached */
	__u32 return_attached; /* it is attached: set after */
	__u32 hot; /* a process that is wanted is hot, or was */
	__u32 calls_armed; /* the returns of the calls other than munmap() are looked at; from the start: set before they are */
};

#endif
