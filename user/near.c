// SPDX-License-Identifier: GPL-2.0-or-later
/* near.c: see near.h. In floating point: a record may hold any numbers, and nothing here may overflow. */
#include "near.h"

#include <stdint.h>

#include "../bpf/filter.h"

/* Mappings per second since then, which is at least a nanosecond ago. */
static double rate(const struct event_near *near, uint64_t since_ns, uint32_t count)
{
	double seconds = (double)(near->header.time_ns - since_ns) / (double)NSEC_PER_SEC;

	return ((double)near->vma_count - (double)count) / seconds;
}

void near_read_growth(const struct event_near *near, struct near_growth *ret)
{
	const uint64_t now_ns = near->header.time_ns;

	*ret = (struct near_growth){};
	if (near->already || near->first_ns >= now_ns || near->recent_ns >= now_ns)
		return;
	/* The very look at which it was first seen. */
	if (near->vma_count == near->first_count && near->peak == near->first_count)
		return;
	ret->known = true;
	ret->per_second = rate(near, near->recent_ns, near->recent_count);
	ret->per_second_since_hot = rate(near, near->first_ns, near->first_count);
	ret->ends = near->vma_count > near->recent_count;
	if (ret->ends && near->vma_count < near->vma_limit)
		ret->eta_seconds = (double)(near->vma_limit - near->vma_count) / ret->per_second;
}
