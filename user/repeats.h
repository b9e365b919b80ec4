/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * repeats.h: the failures of a flood, put together: one record a second for all that came from one place of a process, for
 * one cause. Which failures these are is model_admit()'s decision. Shows nothing: pending.c queues what is due.
 */
#ifndef VMASNOOP_REPEATS_H
#define VMASNOOP_REPEATS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "event.h"

/* What stands for the failures of one place. Part of the owner's own record, which knows how to free it. */
struct repeat {
	TAILQ_ENTRY(repeat) by_age;
	const struct event_failure *first; /* lives as long as this */
};

TAILQ_HEAD(repeat_list, repeat);

struct repeats {
	void *tree;
	struct repeat_list list; /* the oldest first */
	unsigned int count;
};

void repeats_init(struct repeats *repeats);

/* That of the failures that are like this one, or NULL. */
struct repeat *repeats_find(struct repeats *repeats, const struct event_failure *failure);

/* `repeat->first` is set, and nothing like it is there. 0 or -ENOMEM. */
int repeats_add(struct repeats *repeats, struct repeat *repeat);

/*
 * The oldest, taken out, when at now_ns (CLOCK_MONOTONIC) it has stood for a second's failures or there are too many; else
 * NULL. With UINT64_MAX any is due.
 */
struct repeat *repeats_take_due(struct repeats *repeats, uint64_t now_ns);

#endif
