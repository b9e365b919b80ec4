/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel_sizes.h: what a mapping costs in kernel memory, from the sizes that a kernel's BTF tells. Reads no other file. */
#ifndef VMASNOOP_KERNEL_SIZES_H
#define VMASNOOP_KERNEL_SIZES_H

#include <stdint.h>

struct btf;

/* In bytes, for one mapping. */
struct kernel_sizes {
	uint32_t mapping; /* its vm_area_struct and its share of the tree; 0: not known */
	uint32_t anonymous; /* and this once a page of it was written, where it has no file */
};

void kernel_sizes_from_btf(const struct btf *btf, struct kernel_sizes *ret);

/* Of the kernel that runs. All zeros where it tells nothing. */
void kernel_sizes_read(struct kernel_sizes *ret);

#endif
