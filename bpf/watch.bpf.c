// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * watch.bpf.c: see mmap_lock released, on the rungs that do not see it anyway. Attached when there is a process to watch, and
 * not before: page faults take the lock as well before 6.4, and the event is there since 5.11 only.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "kernel.h"
#include "state.h"
#include "watch.h"

static __always_inline void on_release(struct mm_struct *mm, bool write)
{
	if (mm == BPF_CORE_READ(kernel_current(), mm))
		watch_release(mm, kernel_vma_count_typed(mm), write);
}

/* (mm, write) since 6.13. */
SEC("tp_btf/mmap_lock_released")
int BPF_PROG(watch_released, struct mm_struct *mm, bool write)
{
	on_release(mm, write);
	return 0;
}

/* (mm, memcg_path, write), 5.11 to 6.12. */
SEC("tp_btf/mmap_lock_released")
int BPF_PROG(watch_released_with_path, struct mm_struct *mm, const char *memcg_path, bool write)
{
	on_release(mm, write);
	return 0;
}

/* Through perf, for kernels that preempt programs: see munmap.bpf.c. */
SEC("tp/mmap_lock/mmap_lock_released")
int watch_released_event(struct trace_event_raw_mmap_lock *ctx)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	const struct mm_struct *released = ctx->mm;
	const bool write = ctx->write;

	if (mm && mm == released)
		watch_release(mm, kernel_vma_count(mm), write);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
