/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census_runs.h: the longest runs of neighbours that look the same: each like the one before it (period 1), or two looks
 * in turns (period 2), as blocks with guards between them do. Small holes do not end a run. Where two runs meet they may
 * share a mapping or two.
 */
#ifndef VMASNOOP_CENSUS_RUNS_H
#define VMASNOOP_CENSUS_RUNS_H

#include <stddef.h>
#include <stdint.h>

#include "census_mapping.h"

#define CENSUS_RUNS_MAX	  10
#define CENSUS_PERIOD_MAX 2

struct census_look {
	enum census_kind kind;
	uint8_t perms;
	char *name;
};

struct census_run {
	uint64_t start; /* of the lowest */
	uint64_t end; /* of the highest */
	uint64_t count; /* mappings */
	uint64_t bytes; /* mapped, without holes */
	uint64_t reasons[CENSUS_REASON_COUNT]; /* at its boundaries, as in struct census */
	unsigned int period; /* of looks: 1 or 2 */
	struct census_look looks[CENSUS_PERIOD_MAX]; /* the lowest mapping's first; empty while it grows */
};

/* One mapping with what was found out about it. */
struct census_step {
	const struct census_mapping *mapping;
	enum census_kind kind;
};

struct census_runs {
	struct census_run growing[CENSUS_PERIOD_MAX]; /* by period - 1; count 0: none */
	struct census_run list[CENSUS_RUNS_MAX]; /* the longest first */
	size_t count;
};

void census_runs_fini(struct census_runs *runs);

/*
 * The next mapping, with the two below it: steps[0] is the new one; mapping is NULL where there is none. `reasons` keep
 * steps[1] and steps[0] apart. 0 or -ENOMEM.
 */
int census_runs_add(struct census_runs *runs, const struct census_step steps[3], uint32_t reasons);

/* There are no more: steps[1] is the last, steps[2] the one below it. */
int census_runs_end(struct census_runs *runs, const struct census_step steps[3]);

#endif
