/* SPDX-License-Identifier: GPL-2.0-or-later */
/* splits.h: how many splits each process has made, by call, and who made most. Knows nothing of single ones. */
#ifndef VMASNOOP_SPLITS_H
#define VMASNOOP_SPLITS_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"

struct splits_row {
	struct split_key key;
	struct split_sum sum;
};

/* All zeros: none. */
struct splits {
	struct splits_row *rows;
	size_t count;
	size_t room;
};

void splits_fini(struct splits *splits);

/* Adds what was counted. 0 or -ENOMEM. */
int splits_add(struct splits *splits, const struct split_key *key, const struct split_sum *sum);

/* Adds what a record says. 0 or -ENOMEM. */
int splits_add_event(struct splits *splits, const struct event_split *event);

/* One row for each key, those with the most splits first. */
void splits_sort(struct splits *splits);

uint64_t splits_sum(const struct splits *splits);

#endif
