// SPDX-License-Identifier: GPL-2.0-or-later
/* census_runs.c: see census_runs.h. One run of each period grows; when it ends it is kept if it is among the longest. */
#include "census_runs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Shorter ones say nothing. */
static const uint64_t shortest[CENSUS_PERIOD_MAX] = {2, 4};

static void run_fini(struct census_run *run)
{
	for (size_t i = 0; i < CENSUS_PERIOD_MAX; i++)
		free(run->looks[i].name);
}

void census_runs_fini(struct census_runs *runs)
{
	for (size_t i = 0; i < runs->count; i++)
		run_fini(&runs->list[i]);
	memset(runs, 0, sizeof(*runs));
}

/* How it looked is seen from its last mappings, which are at hand: steps[1], and below it steps[2]. */
static int fill_looks(struct census_run *run, const struct census_step steps[3])
{
	for (unsigned int i = 0; i < run->period; i++) {
		/* In a run of two looks and an even count the lowest looks as the last but one. */
		const struct census_step *step = &steps[1 + (run->period == 2 && (run->count + i) % 2 == 0)];
		char *name = strdup(step->mapping->name);

		if (!name)
			return -ENOMEM;
		run->looks[i] = (struct census_look){step->kind, step->mapping->perms, name};
	}
	return 0;
}

static int keep(struct census_runs *runs, const struct census_run *run, const struct census_step steps[3])
{
	struct census_run kept = *run;
	size_t at = runs->count;

	if (run->count < shortest[run->period - 1])
		return 0;
	while (at > 0 && runs->list[at - 1].count < run->count)
		at--;
	if (at == CENSUS_RUNS_MAX)
		return 0;
	if (fill_looks(&kept, steps)) {
		run_fini(&kept);
		return -ENOMEM;
	}
	if (runs->count == CENSUS_RUNS_MAX)
		run_fini(&runs->list[--runs->count]);
	memmove(&runs->list[at + 1], &runs->list[at], (runs->count - at) * sizeof(runs->list[0]));
	runs->list[at] = kept;
	runs->count++;
	return 0;
}

static void begin(struct census_run *run, unsigned int period, const struct census_mapping *first)
{
	memset(run, 0, sizeof(*run));
	run->period = period;
	run->start = first->start;
	run->end = first->end;
	run->bytes = first->end - first->start;
	run->count = 1;
}

static void extend(struct census_run *run, const struct census_mapping *next, uint32_t reasons)
{
	run->count++;
	run->end = next->end;
	run->bytes += next->end - next->start;
	for (; reasons; reasons &= reasons - 1)
		run->reasons[__builtin_ctz(reasons)]++;
}

int census_runs_add(struct census_runs *runs, const struct census_step steps[3], uint32_t reasons)
{
	struct census_run *same = &runs->growing[0], *turns = &runs->growing[1];
	const struct census_mapping *next = steps[0].mapping;
	bool near = steps[1].mapping && next->start - steps[1].mapping->end < CENSUS_FAR_BYTES;
	bool alike = near && census_look_alike(steps[1].mapping, next);
	int err = 0;

	if (alike) {
		extend(same, next, reasons);
	} else {
		if (same->count)
			err = keep(runs, same, steps);
		begin(same, 1, next);
	}
	if (near && !alike && turns->count && census_look_alike(steps[2].mapping, next)) {
		extend(turns, next, reasons);
		return err;
	}
	if (turns->count)
		err = err ?: keep(runs, turns, steps);
	turns->count = 0;
	if (near && !alike) {
		begin(turns, 2, steps[1].mapping);
		extend(turns, next, reasons);
	}
	return err;
}

int census_runs_end(struct census_runs *runs, const struct census_step steps[3])
{
	int err = 0;

	for (size_t i = 0; i < CENSUS_PERIOD_MAX; i++) {
		if (runs->growing[i].count)
			err = err ?: keep(runs, &runs->growing[i], steps);
		runs->growing[i].count = 0;
	}
	return err;
}
