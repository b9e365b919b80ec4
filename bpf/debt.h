/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debt.h: what a failed munmap() left mapped is a debt, and each later call that unmaps or replaces the range pays. How the
 * hooks of calls tell of both; what is made of it is debt.bpf.c, and which ranges are owed user space knows.
 */
#ifndef VMASNOOP_DEBT_H
#define VMASNOOP_DEBT_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>

#include "event.h"
#include "filter.h"
#include "kernel.h"
#include "state.h"

/* How a hook knows that a range was paid for. */
enum debt_proof {
	DEBT_UNMAPPED, /* the call succeeded in unmapping it */
	DEBT_REPLACED, /* in mapping something in its place */
	DEBT_IF_GONE, /* not at all: it did if nothing is mapped there; with the lock still held */
};

/*
 * A munmap() failed in this memory and left something mapped; `after_unlock`: that was seen when the lock had been dropped.
 * Returns what event_failure.debt is to be. Global functions, all of them, so that the verifier follows each once.
 */
__u32 debt_open(__u64 mm_id, __u32 tgid, __u32 after_unlock);

/* Its record had no room. */
int debt_lose_failure(__u64 mm_id);

/* The current process released [addr, addr + length_bytes), by that call; or the munmap() that it is in did, its range. */
int debt_note_release(__u32 syscall, __u64 addr, __u64 length_bytes, __u32 proof);
int debt_note_munmap(__u32 proof);

/* Nobody uses that memory any more. */
int debt_note_end(__u64 mm_id);

/* The one test that everybody pays: is there a debtor at all. */
static __always_inline bool debt_is_owed(void)
{
	return switches.debtors;
}

/*
 * --- for the hooks of calls that succeeded, on their return: a MAP_FIXED mapping over the range (DEBT_REPLACED), what mremap()
 * moved away (DEBT_UNMAPPED; not with MREMAP_DONTUNMAP), and what it moved onto (DEBT_REPLACED) ---
 */
static __always_inline void debt_pay(__u32 syscall, __u64 addr, __u64 length_bytes, enum debt_proof proof)
{
	if (debt_is_owed())
		debt_note_release(syscall, addr, length_bytes, proof);
}

/* A core function of munmap(), mremap() or brk() returned, for the memory at `mm`. */
static __always_inline void debt_core_exit(const struct mm_struct *mm, __u64 addr, __u64 length_bytes, long ret)
{
	if (ret >= 0 && debt_is_owed() && mm == BPF_CORE_READ(kernel_current(), mm))
		debt_note_release(SYSCALL_NONE, addr, length_bytes, DEBT_UNMAPPED);
}

/* The lock of the memory at `mm` is being released, not by a process of its own: is that its end? */
static __always_inline void debt_foreign_release(const struct mm_struct *mm)
{
	if (debt_is_owed() && mm->mm_users.counter == 0)
		debt_note_end(kernel_mm_id_typed(mm));
}

#endif
