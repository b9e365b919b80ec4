/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mask.h: conditions as values, without branches. The verifier of 5.10 follows both sides of each branch in a loop through
 * every further round, and gives up.
 */
#ifndef VMASNOOP_MASK_H
#define VMASNOOP_MASK_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

/* All ones when it is 0, else 0. */
static __always_inline __u64 mask_if_zero(__u64 value)
{
	value = ((value >> 1) | (value & 1)) - 1;
	barrier_var(value);
	return (__u64)((__s64)value >> 63);
}

/* All ones when a < b, else 0; for user addresses, which have no sign. */
static __always_inline __u64 mask_if_below(__u64 a, __u64 b)
{
	__u64 difference = a - b;

	barrier_var(difference);
	return (__u64)((__s64)difference >> 63);
}

#endif
