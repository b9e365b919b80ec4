/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census.h: what vmasnoop census reads of each mapping that /proc/PID/maps does not show. Included by both sides; written one
 * after the other to a file, in the order of the addresses. Addresses of the kernel's own are to be compared and never told.
 */
#ifndef VMASNOOP_BPF_CENSUS_H
#define VMASNOOP_BPF_CENSUS_H

#include <linux/types.h>

#define CENSUS_IS_SINGULAR 0x1U /* anon_vma_chain has one entry: not shared by fork() */
#define CENSUS_HAS_CLOSE   0x2U /* vm_ops->close is set */

struct census_record {
	__u64 start; /* [start, end) */
	__u64 end;
	__u64 flags; /* vm_flags */
	__u64 page_offset;
	__u64 file; /* struct file; this and the next ones are 0 where there is none, or where this kernel has no such thing */
	__u64 anon_vma;
	__u64 anon_name;
	__u64 userfaultfd;
	__u64 policy; /* struct mempolicy, and what is in it: */
	__u64 policy_nodes; /* the first 64 */
	__u32 policy_mode; /* and the flags of the mode in the upper half */
	__u32 bits; /* CENSUS_* */
};

#endif
