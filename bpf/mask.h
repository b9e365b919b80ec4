/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mask.h: values that verifiers do not follow. Conditions without branches: that of 5.10 follows both sides of each branch
 * in a loop through every further round, and gives up. And values of which it is not to know what they are.
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

/* All ones when it is an error, else 0. */
static __always_inline __u64 mask_if_negative(__s64 value)
{
	value >>= 63;
	barrier_var(value);
	return (__u64)value;
}

/* All ones when a < b, else 0; for user addresses, which have no sign. */
static __always_inline __u64 mask_if_below(__u64 a, __u64 b)
{
	__u64 difference = a - b;

	barrier_var(difference);
	return (__u64)((__s64)difference >> 63);
}

/*
 * The value, of which the verifier knows nothing from here on: a global function may return anything. Before 6.4 a branch
 * on a constant that came through a call makes the verifier keep apart all states that differ in any number at all
 * (mark_all_scalars_precise(), where it cannot trace the constant back through the call): it takes four times as long. Weak,
 * since more than one object file has it.
 */
__weak __noinline __u64 mask_unknown(__u64 value)
{
	barrier_var(value);
	return value;
}

#endif
