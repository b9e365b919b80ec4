/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watched.h: what the kernel side keeps of the processes that it watches call by call, hot ones that the filters want, and
 * of the places in them that make mappings. Values of maps that user space reads: bpf/origins.h fills them.
 */
#ifndef VMASNOOP_WATCHED_H
#define VMASNOOP_WATCHED_H

#include <linux/types.h>

#include "config.h"
#include "event.h"

/* By struct hot_key. All counts are of mappings, and the sum over its origins and unplaced is last - base. */
struct watched {
	struct event_process process; /* as it was when the watch began */
	__u64 mm; /* the address of its mm_struct, by which it is marked: see struct marks */
	__u64 since_ns; /* CLOCK_MONOTONIC */
	__s64 unplaced; /* changes of which it is not known where they came from, or whose place found no room */
	__u64 op_total; /* see struct event_ops */
	__u32 base; /* when the watch began */
	__u32 last; /* at the last look under the lock */
	__u32 gaps; /* how often calls may have gone unseen */
	__u32 reserved;
	struct event_op ops[EVENT_OPS_MAX];
};

/* By the key of the place, which no failure has and no other process. */
struct origin {
	struct hot_key process;
	__u64 plus;
	__u64 minus;
	__u64 calls;
	__u32 syscall; /* EVENT_SYSCALL_* */
	__u32 told; /* user space has its stack */
};

#endif
