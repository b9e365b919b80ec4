/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proof.h: reads what was in force when a call failed: struct event_proof. Concludes nothing from it: that is judge.h. What
 * loops is a global function, which the verifier follows once; it finds its call by the thread.
 */
#ifndef VMASNOOP_PROOF_H
#define VMASNOOP_PROOF_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "config.h"
#include "event.h"
#include "filter.h"
#include "judge.h"
#include "kernel.h"
#include "memcg.h"
#include "state.h"
#include "vma.h"

#define PROOF_MAPPINGS 64 /* of a range that are looked at */

/* include/uapi/asm-generic/resource.h, include/uapi/linux/capability.h, include/linux/ipc_namespace.h, ipc/util.h */
#define RLIMIT_DATA	 2
#define RLIMIT_MEMLOCK	 8
#define RLIMIT_AS	 9
#define CAP_IPC_LOCK	 14
#define IPC_SHM_IDS	 2
#define IPC_INDEX_BITS	 15
#define XARRAY_DEPTH	 3
#define XARRAY_SLOT_BITS 6

/* A call while it is described: for a stack it is too large. */
struct failing_call {
	struct event_failure failure;
	struct event_proof proof;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tid */
	__type(value, struct failing_call);
} failing SEC(".maps");

/* What the kernel's capable() asks: the capability in the initial user namespace. */
static __always_inline bool may_lock(struct task_struct *task)
{
	const struct cred *cred = BPF_CORE_READ(task, cred);
	__u64 capabilities = 0;

	bpf_probe_read_kernel(&capabilities, sizeof(capabilities),
			      (const char *)cred + bpf_core_field_offset(struct cred, cap_effective));
	return (capabilities >> CAP_IPC_LOCK & 1) && !BPF_CORE_READ(cred, user_ns, level);
}

static __always_inline void read_limits(struct task_struct *task, struct event_proof *p)
{
	const struct signal_struct *signal = BPF_CORE_READ(task, signal);

	p->as_bytes_max = BPF_CORE_READ(signal, rlim[RLIMIT_AS].rlim_cur);
	p->data_bytes_max = BPF_CORE_READ(signal, rlim[RLIMIT_DATA].rlim_cur);
	p->memlock_bytes_max = BPF_CORE_READ(signal, rlim[RLIMIT_MEMLOCK].rlim_cur);
	/* Where the soft one is 0, may_expand_vm() takes the hard one (f4fcd55841fc, for Valgrind). */
	if (!p->data_bytes_max) {
		p->data_bytes_max = BPF_CORE_READ(signal, rlim[RLIMIT_DATA].rlim_max);
		p->flags |= PROOF_DATA_IS_ZERO;
	}
	if (may_lock(task))
		p->flags |= PROOF_IPC_LOCK;
	if (BPF_CORE_READ(signal, oom_mm))
		p->flags |= PROOF_DYING;
}

static __always_inline void read_memory(const struct mm_struct *mm, struct event_proof *p)
{
	p->task_pages = BPF_CORE_READ(mm, task_size) / FILTER_PAGE_BYTES;
	p->total_pages = BPF_CORE_READ(mm, total_vm);
	p->data_pages = BPF_CORE_READ(mm, data_vm);
	p->locked_pages = BPF_CORE_READ(mm, locked_vm);
	p->brk = BPF_CORE_READ(mm, brk);
	p->start_brk = BPF_CORE_READ(mm, start_brk);
	p->image_data_bytes = BPF_CORE_READ(mm, end_data) - BPF_CORE_READ(mm, start_data);
	if (BPF_CORE_READ(mm, def_flags) & JUDGE_VM_LOCKED)
		p->flags |= PROOF_LOCKS_FUTURE;
	p->memory_pages = memory.pages;
	p->overcommit = memory.overcommit;
	memcg_describe(memcg_full(), p);
}

/* One mapping, of which so many pages are in the range. */
static __always_inline void read_mapping(struct event_proof *p, __u64 flags, __u64 pages)
{
	p->range_mapped += pages;
	if (flags & JUDGE_VM_LOCKED)
		p->range_locked += pages;
	if (!p->fixed_pages && !(flags & JUDGE_VM_WRITE)) {
		p->fixed_flags = flags;
		p->fixed_pages = pages;
	}
}

/* One mapping of the range [addr, end), that at `at`. Returns where the next one begins, 0: there is none, all was seen. */
__noinline __u64 proof_read_mapping(__u32 tid, __u64 addr, __u64 at, __u64 end)
{
	struct failing_call *call = bpf_map_lookup_elem(&failing, &tid);
	const __u64 mm = (__u64)BPF_CORE_READ(kernel_current(), mm);
	const struct vm_area_struct *vma = (void *)vma_find(mm, at);
	__u64 vma_end = BPF_CORE_READ(vma, vm_end), flags = BPF_CORE_READ(vma, vm_flags);
	struct event_proof *p;

	if (!call)
		return 0;
	p = &call->proof;
	if (!vma) {
		/* Not when another thread is at work on what is there: it shows as nothing for a moment. */
		if (vma_is_gap(mm, at, at + FILTER_PAGE_BYTES)) {
			p->hole = at;
			p->flags |= PROOF_WHOLE_RANGE;
		}
		return 0;
	}
	if (at == addr) {
		p->first_flags = flags;
		if (BPF_CORE_READ(vma, vm_start) < addr)
			p->flags |= PROOF_SPLITS_START;
	}
	read_mapping(p, flags, ((vma_end < end ? vma_end : end) - at) / FILTER_PAGE_BYTES);
	if (vma_end < end)
		return vma_end;
	p->flags |= PROOF_WHOLE_RANGE;
	if (vma_end > end)
		p->flags |= PROOF_SPLITS_END;
	if (at == addr)
		p->flags |= PROOF_ONE_MAPPING;
	return 0;
}

/* Goes through the mappings of [addr, end). */
__noinline int proof_read_range(__u32 tid, __u64 addr, __u64 end)
{
	__u64 at = addr;

	if (addr >= end)
		return 0;
	for (int i = 0; i < PROOF_MAPPINGS; i++) {
		at = proof_read_mapping(tid, addr, at, end);
		if (!at)
			break;
	}
	return 0;
}

/* The size of the segment of that id, or 0: an XArray's node has bit 1 set in its address, an item has not. */
__noinline __u64 segment_bytes(__u32 id)
{
	const struct ipc_namespace *ipc = BPF_CORE_READ(kernel_current(), nsproxy, ipc_ns);
	__u64 entry = (__u64)BPF_CORE_READ(ipc, ids[IPC_SHM_IDS].ipcs_idr.idr_rt.xa_head);
	const __u64 index = id & ((1 << IPC_INDEX_BITS) - 1);
	const struct shmid_kernel *segment;

	for (int depth = 0; depth < XARRAY_DEPTH && (entry & 3) == 2; depth++) {
		const struct xa_node *node = (const void *)(entry - 2);
		__u64 slot = index >> BPF_CORE_READ(node, shift) & ((1 << XARRAY_SLOT_BITS) - 1);

		bpf_probe_read_kernel(&entry, sizeof(entry),
				      (const char *)node + bpf_core_field_offset(struct xa_node, slots) +
					      slot * sizeof(entry));
	}
	segment = (const void *)entry;
	if (!entry || (entry & 3) || BPF_CORE_READ(segment, shm_perm.id) != (int)id)
		return 0;
	return BPF_CORE_READ(segment, shm_segsz);
}

/* Where the range of the call begins and ends whose mappings decide, or nothing: start == end. */
static __always_inline void decisive_range(const struct event_failure *f, const struct event_proof *p, __u64 *start,
					   __u64 *end)
{
	__u64 in_page = 0;

	*start = *end = f->addr;
	switch (f->syscall) {
	case SYSCALL_MMAP:
		if (!(p->args[3] & JUDGE_MAP_FIXED))
			return;
		break;
	case SYSCALL_MLOCK:
	case SYSCALL_MLOCK2:
	case SYSCALL_MUNLOCK:
		in_page = f->addr % FILTER_PAGE_BYTES;
		break;
	case SYSCALL_MREMAP:
		/* What a shrink unmaps; else the mapping that is to grow or move. */
		if (p->args[2] < p->args[1])
			*start += filter_page_align(p->args[2]);
		break;
	case SYSCALL_MLOCKALL:
	case SYSCALL_BRK:
	case SYSCALL_SHMAT:
	case SYSCALL_SHMDT:
		return;
	}
	*start -= in_page;
	*end = f->addr - in_page + filter_page_align(f->length_bytes + in_page);
}

static __always_inline bool growth_is_blocked(const struct event_failure *f, const struct event_proof *p, __u64 mm)
{
	__u64 start, end;

	if (f->syscall == SYSCALL_BRK) {
		/* As sys_brk(): a page behind the new end is to stay free. */
		start = filter_page_align(p->brk);
		end = filter_page_align(p->args[0]) + FILTER_PAGE_BYTES;
	} else if (f->syscall == SYSCALL_MREMAP) {
		if (p->flags & PROOF_SPLITS_END)
			return true;
		start = p->args[0] + filter_page_align(p->args[1]);
		end = p->args[0] + filter_page_align(p->args[2]);
	} else {
		return false;
	}
	return start < end && !vma_is_gap(mm, start, end);
}

/* `f` is described but for its verdict, and the arguments are in `p`. */
static __noinline void proof_read(struct event_failure *f, struct event_proof *p)
{
	struct task_struct *task = kernel_current();
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u64 start, end;

	read_limits(task, p);
	read_memory(mm, p);
	decisive_range(f, p, &start, &end);
	proof_read_range(bpf_get_current_pid_tgid(), start, end);
	if (p->hole && vma_is_gap((__u64)mm, p->hole, end))
		p->flags |= PROOF_REST_IS_FREE;
	if (f->syscall == SYSCALL_SHMAT)
		p->segment_bytes = segment_bytes(p->args[0]);
	if (growth_is_blocked(f, p, (__u64)mm))
		p->flags |= PROOF_BLOCKED;
}

#endif
