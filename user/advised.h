/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * advised.h: what is kept of a process for advice: how far it came, and what it was advised already. The advice itself is
 * given when its stack is known: see advice.h.
 */
#ifndef VMASNOOP_ADVISED_H
#define VMASNOOP_ADVISED_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "machine.h"
#include "near.h"

/* Of all processes: the machine, read when it is first needed. All zeros but for the first. */
struct advised_machine {
	bool live; /* it is this one */
	bool known;
	struct machine machine;
};

/* Of one process: all zeros before the first. */
struct advised {
	uint32_t peak; /* mappings */
	struct near_growth growth; /* as the last near_limit told it */
	uint64_t growth_ns; /* when: CLOCK_MONOTONIC */
	uint64_t verdicts; /* 1 << verdict: failures with it have been advised */
	bool near;
};

/* How old what a near_limit told of the growth may be when a failure tells it. */
#define ADVISED_GROWTH_NS 10000000000ULL

/* What goes along with a failure or a near_limit until it is shown. */
struct advice_basis {
	bool wanted; /* it is the first of its kind of this process */
	bool is_contained;
	uint32_t peak;
	struct near_growth growth;
	struct machine machine;
};

void advised_note_failure(struct advised *advised, struct advised_machine *machine, bool is_contained,
			  const struct event_failure *raw, struct advice_basis *ret);
void advised_note_near(struct advised *advised, struct advised_machine *machine, bool is_contained,
		       const struct event_near *raw, const struct near_growth *growth, struct advice_basis *ret);

#endif
