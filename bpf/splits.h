/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * splits.h: who splits mappings and by which call: seen where __split_vma() is hooked, else inferred from what a call changes
 * in the number of mappings. All of it is in split.bpf.c, in global functions, which the verifier follows once.
 */
#ifndef VMASNOOP_SPLITS_H
#define VMASNOOP_SPLITS_H

#include "vmlinux.h"

/* The current process has made so many splits, and has vma_count mappings now: counted, and told of with --splits. */
int split_note(__u32 count, __u32 vma_count, __u32 inferred);

/*
 * How many splits a call (EVENT_SYSCALL_*) has made at least that left so many mappings more. One that cut a mapping and removed
 * a part made more.
 */
__u32 split_inferred(__u32 syscall, __u32 delta);

/* With --splits, where they are inferred: the current process is about to release its lock, held for writing or for reading. */
int split_look(__u32 writes);

#endif
