/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vma.h: find the VMA that holds an address, by our own bounded walk of the kernel's tree, without a lock.
 * bpf_find_vma() answers -EBUSY under the lock, which is just where we are, and is not there before 5.17. The result is
 * checked by its range and owner; what it is used for is not decided here.
 */
#ifndef VMASNOOP_VMA_H
#define VMASNOOP_VMA_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/*
 * The maple tree's nodes (lib/maple_tree.c, include/linux/maple_tree.h; unchanged from 6.1 to 7.2): 256-byte aligned,
 * the low byte of a pointer to one holds its type. A leaf or range node has 15 pivots and 16 slots, an allocation-range
 * node 9 and 10. Slot i holds the addresses up to and including pivot i; a zero pivot after the first ends the node.
 */
#define MAPLE_NODE_MASK	    0xffULL
#define MAPLE_TYPE_SHIFT    3
#define MAPLE_TYPE_MASK	    0xfULL
#define MAPLE_LEAF_64	    1
#define MAPLE_RANGE_64	    2
#define MAPLE_ARANGE_64	    3
#define MAPLE_RANGE_PIVOTS  15
#define MAPLE_ARANGE_PIVOTS 9
#define MAPLE_DEPTH_MAX	    12 /* 10 children a node at the least hold 2^32 VMAs in far fewer */

/* A red-black tree of n nodes is at most 2 log2(n + 1) deep: enough for 2^24 VMAs. */
#define RB_DEPTH_MAX 48

static __always_inline __u32 maple_type(__u64 entry)
{
	return entry >> MAPLE_TYPE_SHIFT & MAPLE_TYPE_MASK;
}

static __always_inline __u32 maple_pivots(__u64 entry)
{
	return maple_type(entry) == MAPLE_ARANGE_64 ? MAPLE_ARANGE_PIVOTS : MAPLE_RANGE_PIVOTS;
}

/* The word of that index of a node. */
static __always_inline __u64 maple_word(__u64 entry, __u32 index)
{
	const __u64 *words = (void *)(entry & ~MAPLE_NODE_MASK);
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), words + index);
	return word;
}

/* The slot that holds addr. One pivot at a time: a copy of all would not fit on the stack beside the callers' frames. */
static __always_inline __u32 maple_slot(__u64 entry, __u64 addr)
{
	__u32 pivots = maple_pivots(entry), slot = 0;

	for (__u32 i = 0; i < MAPLE_RANGE_PIVOTS && i < pivots; i++) {
		__u64 pivot = maple_word(entry, 1 + i);

		if (addr <= pivot || (i && !pivot))
			break;
		slot = i + 1;
	}
	return slot;
}

/*
 * What a node, `entry`, has at addr: a node below it, a VMA, or nothing. These two are global functions, so that the verifier
 * follows them once and not for each level; weak, since more than one object file has them.
 */
__weak __noinline __u64 maple_at(__u64 entry, __u64 addr)
{
	return maple_word(entry, 1 + maple_pivots(entry) + maple_slot(entry, addr));
}

/* The last address of what a node has at addr; 0: the node's own. */
__weak __noinline __u64 maple_last(__u64 entry, __u64 addr)
{
	__u32 slot = maple_slot(entry, addr);

	return slot < maple_pivots(entry) ? maple_word(entry, 1 + slot) : 0;
}

/*
 * What is at addr, a VMA or nothing; *last, where it is asked for, becomes the address up to which it is, if that is not the end
 * of all.
 */
static __always_inline __u64 maple_find(const struct mm_struct *mm, __u64 addr, __u64 *last)
{
	__u64 entry = (__u64)BPF_CORE_READ((const struct mm_struct___maple *)mm, mm_mt.ma_root), end;

	/* Bit 1 of the root marks a node (mte_mk_root()); else the tree is that one VMA, or empty. */
	if ((entry & 3) != 2)
		return entry;
	for (int depth = 0; depth < MAPLE_DEPTH_MAX; depth++) {
		__u32 type = maple_type(entry);

		if (type < MAPLE_LEAF_64 || type > MAPLE_ARANGE_64)
			break;
		end = last ? maple_last(entry, addr) : 0;
		if (end)
			*last = end;
		entry = maple_at(entry, addr);
		if (type == MAPLE_LEAF_64)
			return entry;
	}
	if (last)
		*last = 0;
	return 0;
}

static __always_inline struct vm_area_struct *rb_vma(__u64 node)
{
	return (void *)(node - bpf_core_field_offset(struct vm_area_struct___rb, vm_rb));
}

/* Where the search for addr goes on from a node: a child of it, or none, or the node itself, which is what was looked for. */
__weak __noinline __u64 rb_turn(__u64 node, __u64 addr)
{
	const struct vm_area_struct *vma;

	/* Before 6.8 the verifier follows every global function, called or not. */
	if (!bpf_core_field_exists(struct vm_area_struct___rb, vm_rb))
		return node;
	vma = rb_vma(node);
	if (addr >= BPF_CORE_READ(vma, vm_end))
		return (__u64)BPF_CORE_READ((struct rb_node *)node, rb_right);
	if (addr < BPF_CORE_READ(vma, vm_start))
		return (__u64)BPF_CORE_READ((struct rb_node *)node, rb_left);
	return node;
}

static __always_inline __u64 rb_find(const struct mm_struct *mm, __u64 addr)
{
	__u64 node = (__u64)BPF_CORE_READ((const struct mm_struct___rb *)mm, mm_rb.rb_node), next;

	for (int depth = 0; depth < RB_DEPTH_MAX && node; depth++) {
		next = rb_turn(node, addr);
		if (next == node)
			return (__u64)rb_vma(node);
		node = next;
	}
	return 0;
}

/* The mapping, where it is one of `mm` and holds `addr`, or 0. Not a part of vma_find(), for its frame. */
__weak __noinline __u64 vma_if_holds(__u64 vma_address, __u64 mm, __u64 addr)
{
	const struct vm_area_struct *vma = (const void *)vma_address;

	if (!vma || (__u64)BPF_CORE_READ(vma, vm_mm) != mm)
		return 0;
	if (addr < BPF_CORE_READ(vma, vm_start) || addr >= BPF_CORE_READ(vma, vm_end))
		return 0;
	return vma_address;
}

/*
 * The address of the vm_area_struct of `mm` (a struct mm_struct *) that holds the user address `addr`, or 0 where there is
 * none, or where the tree changed under the walk. Under the lock it is exact. A global function, so that the verifier
 * follows the walk once, and not again for each way that leads here; weak, since more than one object file has it.
 */
__weak __noinline __u64 vma_find(__u64 mm_address, __u64 addr)
{
	const struct mm_struct *mm = (const void *)mm_address;
	struct vm_area_struct *vma;

	if (bpf_core_field_exists(struct mm_struct___maple, mm_mt))
		vma = (void *)maple_find(mm, addr, NULL);
	else
		vma = (void *)rb_find(mm, addr);
	return vma_if_holds((__u64)vma, mm_address, addr);
}

static __always_inline bool rb_is_gap(const struct mm_struct *mm, __u64 start, __u64 end)
{
	const struct mm_struct___rb *tree = (const void *)mm;
	struct rb_node *node = BPF_CORE_READ(tree, mm_rb.rb_node);
	__u64 next = ~0ULL; /* where the first mapping begins that ends above start */

	for (int depth = 0; depth < RB_DEPTH_MAX && node; depth++) {
		const struct vm_area_struct *vma = rb_vma((__u64)node);

		if (BPF_CORE_READ(vma, vm_end) > start) {
			next = BPF_CORE_READ(vma, vm_start);
			node = BPF_CORE_READ(node, rb_left);
		} else {
			node = BPF_CORE_READ(node, rb_right);
		}
	}
	return next >= end;
}

/* In the maple tree nothing is an entry like any other, and no two of them are neighbours. */
static __always_inline bool maple_is_gap(const struct mm_struct *mm, __u64 start, __u64 end)
{
	__u64 last = ~0ULL;

	return !maple_find(mm, start, &last) && last >= end - 1;
}

/* Whether nothing in [start, end) is mapped. Global and weak, likewise. */
__weak __noinline int vma_is_gap(__u64 mm_address, __u64 start, __u64 end)
{
	const struct mm_struct *mm = (const void *)mm_address;

	if (bpf_core_field_exists(struct mm_struct___maple, mm_mt))
		return maple_is_gap(mm, start, end);
	return rb_is_gap(mm, start, end);
}

#endif
