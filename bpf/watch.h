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

static __always_inline void watch_release(__u32 count)
{
	note_if_hot(count);
}

#endif
