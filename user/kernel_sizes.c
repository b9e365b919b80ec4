// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernel_sizes.c: see kernel_sizes.h.
 *
 * One mapping is one vm_area_struct, its lock where that is allocated apart (struct vma_lock, 6.4 to 6.14), and a slot of
 * the maple tree (6.1 and later; before, the tree's node is part of the vm_area_struct). A leaf has 16 slots in 256 bytes
 * and is between half and quite full; a hole between mappings takes a slot as well. So a mapping takes at most about the
 * 8th part of a leaf: measured on 6.18 with 60,000 mappings, one node had 7.2 of them with a hole beside each, 11.3 after
 * splits in random order and 13.6 after splits in order. A page that was written brings an anon_vma and an anon_vma_chain;
 * neighbours may share the former, and a fork() adds to both. Page tables, and what the slab allocator adds, are not
 * counted.
 */
#include "kernel_sizes.h"

#include <string.h>

#include <bpf/btf.h>

enum { SIZE_VMA, SIZE_VMA_LOCK, SIZE_ANON_VMA, SIZE_ANON_VMA_CHAIN, SIZE_MAPLE_NODE, SIZE_MAPLE_LEAF, SIZE_COUNT };

static const char *const names[SIZE_COUNT] = {
	[SIZE_VMA] = "vm_area_struct",	  [SIZE_VMA_LOCK] = "vma_lock",
	[SIZE_ANON_VMA] = "anon_vma",	  [SIZE_ANON_VMA_CHAIN] = "anon_vma_chain",
	[SIZE_MAPLE_NODE] = "maple_node", [SIZE_MAPLE_LEAF] = "maple_range_64",
};

/* How many elements the array of that name in a structure has, 0: there is none. */
static uint32_t elements_of(const struct btf *btf, const struct btf_type *type, const char *array)
{
	const struct btf_member *members = btf_members(type);

	for (uint32_t i = 0; i < btf_vlen(type); i++) {
		const struct btf_type *member = btf__type_by_id(btf, members[i].type);

		if (!strcmp(btf__name_by_offset(btf, members[i].name_off), array) && member && btf_is_array(member))
			return btf_array(member)->nelems;
	}
	return 0;
}

/* One pass: a look-up by name goes through all types each time. */
void kernel_sizes_from_btf(const struct btf *btf, struct kernel_sizes *ret)
{
	uint32_t sizes[SIZE_COUNT] = {}, slots = 0;

	for (uint32_t id = 1; id < btf__type_cnt(btf); id++) {
		const struct btf_type *type = btf__type_by_id(btf, id);
		const char *name;

		if (!btf_is_struct(type))
			continue;
		name = btf__name_by_offset(btf, type->name_off);
		for (int i = 0; i < SIZE_COUNT; i++)
			if (!sizes[i] && !strcmp(name, names[i])) {
				sizes[i] = type->size;
				/* A pivot stands between every two slots. */
				slots = i == SIZE_MAPLE_LEAF ? elements_of(btf, type, "pivot") + 1 : slots;
			}
	}
	*ret = (struct kernel_sizes){};
	if (!sizes[SIZE_VMA])
		return;
	ret->mapping = sizes[SIZE_VMA] + sizes[SIZE_VMA_LOCK];
	if (slots >= 2)
		ret->mapping += sizes[SIZE_MAPLE_NODE] / (slots / 2);
	ret->anonymous = sizes[SIZE_ANON_VMA] + sizes[SIZE_ANON_VMA_CHAIN];
}

void kernel_sizes_read(struct kernel_sizes *ret)
{
	struct btf *btf = btf__parse("/sys/kernel/btf/vmlinux", NULL);

	*ret = (struct kernel_sizes){};
	if (btf)
		kernel_sizes_from_btf(btf, ret);
	btf__free(btf);
}
