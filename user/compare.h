/* SPDX-License-Identifier: GPL-2.0-or-later */
/* compare.h: the order of keys, for tsearch(). Chained with ?: the first field that differs decides. */
#ifndef VMASNOOP_COMPARE_H
#define VMASNOOP_COMPARE_H

#include <stdint.h>

static inline int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

#endif
