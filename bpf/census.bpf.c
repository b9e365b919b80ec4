// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * census.bpf.c: what the kernel holds against merging each mapping of one task, by the iterator over the VMAs of tasks (5.12,
 * 3d7d562c0d14): it goes through them under mmap_lock and lets go of it in between. An object of its own, so that the
 * tracer does not load it. It judges nothing.
 */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "census.h"

const volatile __s32 wanted_tid = 0; /* in the initial PID namespace */

/* Since 6.1 (f0d74c4da1f0) the iterator goes through one task when it is told so; before, through all of them. */
static __always_inline bool is_wanted(const struct task_struct *task)
{
	return bpf_core_field_exists(union bpf_iter_link_info___task, task) || task->pid == wanted_tid;
}

static __always_inline void copy_policy(const struct vm_area_struct *vma, struct census_record *record)
{
	const struct vm_area_struct___policy *with_policy = (const void *)vma;
	const struct mempolicy *policy;

	if (!bpf_core_field_exists(with_policy->vm_policy))
		return;
	policy = with_policy->vm_policy;
	record->policy = (__u64)policy;
	if (!policy)
		return;
	record->policy_mode = policy->mode | (__u32)policy->flags << 16;
	if (bpf_core_field_exists(policy->nodes))
		record->policy_nodes = policy->nodes.bits[0];
}

static __always_inline void copy_optional(const struct vm_area_struct *vma, struct census_record *record)
{
	const struct vm_area_struct___name *with_name = (const void *)vma;
	const struct vm_area_struct___userfaultfd *with_userfaultfd = (const void *)vma;

	if (bpf_core_field_exists(with_name->anon_name))
		record->anon_name = (__u64)with_name->anon_name;
	if (bpf_core_field_exists(with_userfaultfd->vm_userfaultfd_ctx.ctx))
		record->userfaultfd = (__u64)with_userfaultfd->vm_userfaultfd_ctx.ctx;
}

static __always_inline __u32 bits_of(const struct vm_area_struct *vma)
{
	const struct vm_area_struct___anon *anon = (const void *)vma;
	const struct vm_operations_struct___close *ops = (const void *)vma->vm_ops;
	__u32 bits = 0;

	/* What has an anon_vma has an entry. */
	if (anon->anon_vma && anon->anon_vma_chain.next == anon->anon_vma_chain.prev)
		bits |= CENSUS_IS_SINGULAR;
	if (ops && ops->close)
		bits |= CENSUS_HAS_CLOSE;
	return bits;
}

SEC("iter/task_vma")
int list_mappings(struct bpf_iter__task_vma *ctx)
{
	const struct vm_area_struct *vma = ctx->vma;
	const struct task_struct *task = ctx->task;
	struct census_record record = {};

	if (!task || !vma || !is_wanted(task))
		return 0;
	record.start = vma->vm_start;
	record.end = vma->vm_end;
	record.flags = vma->vm_flags;
	record.page_offset = vma->vm_pgoff;
	record.file = (__u64)vma->vm_file;
	record.anon_vma = (__u64)((const struct vm_area_struct___anon *)vma)->anon_vma;
	record.bits = bits_of(vma);
	copy_policy(vma, &record);
	copy_optional(vma, &record);
	/* One for which there is no room is asked for anew. */
	bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
