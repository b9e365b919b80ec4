/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * summary.h: the figures of a whole run: failures by process and verdict, and what was lost, by cause. From the exact
 * totals of the kernel side when live; from the records when replayed.
 */
#ifndef VMASNOOP_SUMMARY_H
#define VMASNOOP_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"
#include "debts.h"
#include "splits.h"
#include "tracer.h"

struct summary {
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t duration_ns;
	int64_t boottime_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME */
	struct tracer_total *totals;
	size_t count;
	struct tracer_losses losses;
	bool losses_unknown; /* of a capture: it does not tell what its run lost */
	uint64_t warnings; /* crossings of a threshold of --warn */
	struct event_near nearest; /* the one with the least head-room, if there was any */
	struct splits splits; /* by process and cause; of hot processes only, or with --splits of all */
	struct debt_sums debts; /* what failures came to */
	uint64_t output_errors; /* records that could not be written */
	uint64_t bad_records; /* records that could not be decoded */
};

void summary_fini(struct summary *summary);

uint64_t summary_failures(const struct summary *summary);
uint64_t summary_bytes(const struct summary *summary);

/* All that was lost, misses that the kernel does not count left out. */
uint64_t summary_lost(const struct summary *summary);

/* Adds one failure, where there are no totals of the kernel side. 0 or -ENOMEM. */
int summary_add(struct summary *summary, const struct event_failure *failure);

/* Counts a warning. */
void summary_add_warning(struct summary *summary, const struct event_near *near);

/* "ring_full" and what it means. */
const char *summary_loss_name(enum loss_cause cause);
const char *summary_loss_text(enum loss_cause cause);

#endif
