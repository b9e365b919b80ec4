/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h: the kernel side's clocks against the wall's. */
#ifndef VMASNOOP_CLOCK_H
#define VMASNOOP_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_now_ns(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

/* To add to a time of clock `id` to get CLOCK_REALTIME; it changes when the wall's clock is set. */
static inline int64_t clock_offset_ns(clockid_t id)
{
	return (int64_t)(clock_now_ns(CLOCK_REALTIME) - clock_now_ns(id));
}

#endif
