/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hot.h: the test by which every hook tells processes with many mappings from all others. What is done about them is
 * hot.bpf.c.
 */
#ifndef VMASNOOP_HOT_H
#define VMASNOOP_HOT_H

#include "vmlinux.h"

#include "kernel.h"
#include "state.h"

/*
 * The current process has many mappings, and a call of it may have changed how many. A global function, so that the verifier
 * follows it once.
 */
int hot_observe(void);

/* The one test that a process pays which neither fails nor nears the limit. */
static __always_inline void note_if_hot(__u32 count)
{
	if (count >= limit.hot_at)
		hot_observe();
}

#endif
