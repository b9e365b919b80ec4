/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch.h: what is done whenever the current process releases its mmap_lock, for the processes that are worth it. Called
 * with the lock still held, so that counts are exact; by whichever hook sees the release: that of munmap.bpf.c where it is
 * there anyway, else those of watch.bpf.c.
 */
#ifndef VMASNOOP_WATCH_H
#define VMASNOOP_WATCH_H

#include "vmlinux.h"

#include "hot.h"

/* `writes`: the lock was held for writing. */
static __always_inline void watch_release(const struct mm_struct *mm, __u32 count, bool writes)
{
	note_if_hot_locked(mm, count, writes ? LOOK_WRITER : LOOK_READER);
	if (config.splits && !config.split_hooked)
		split_look(writes);
}

#endif
