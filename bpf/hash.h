/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hash.h: from many numbers one, by which places are told apart. What goes into it is for others to say. */
#ifndef VMASNOOP_HASH_H
#define VMASNOOP_HASH_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

static __always_inline __u64 hash_add(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

#endif
