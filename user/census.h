/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census.h: counts the mappings of one process: by kind, permissions and name, holes, guards, what keeps neighbours apart,
 * and runs of them. One pass in bounded memory. Reads no file: it is handed one mapping after the other.
 */
#ifndef VMASNOOP_CENSUS_H
#define VMASNOOP_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

#include "census_mapping.h"
#include "census_names.h"
#include "census_runs.h"
#include "census_strip.h"
#include "maps_reader.h"

#define CENSUS_PERMS_COUNT 16 /* by MAPS_* */

struct census_sum {
	uint64_t count; /* mappings */
	uint64_t bytes;
};

struct census_boundaries {
	uint64_t count; /* where this reason holds */
	uint64_t alone; /* and no other */
	uint64_t first; /* the lowest such place: where the upper mapping starts */
};

struct census_holes {
	uint64_t count;
	uint64_t bytes;
	uint64_t one_page; /* how many are exactly a page */
	uint64_t up_to_1_mib; /* how many are at most that */
	uint64_t largest_bytes;
};

struct census {
	struct census_sum total; /* as the kernel counts: without [vsyscall] */
	struct census_sum kinds[CENSUS_KIND_COUNT];
	struct census_sum perms[CENSUS_PERMS_COUNT];
	struct census_boundaries boundaries[CENSUS_REASON_COUNT];
	uint64_t flags[VM_FLAG_CODES_MAX]; /* at how many boundaries each flag differs */
	uint64_t flags_known; /* mappings whose flags are */
	struct census_holes holes;
	uint64_t guards_of_one_page;
	uint64_t changed; /* mappings that were there twice: the process changed them meanwhile */
	bool gate; /* [vsyscall] was there */
	struct census_names names;
	struct census_runs runs;
	struct census_strip strip;
};

struct census_taker;

/*
 * `live`: the mappings are those of a process that goes on meanwhile. What the kernel then shows twice, since it was merged
 * with what came before, is counted once and as `changed`. Otherwise such a list is no maps file.
 */
int census_taker_new(bool live, struct census_taker **ret);
void census_taker_free(struct census_taker *taker);

/*
 * The next one, and what of it maps does not show; NULL: not known. 0, -ENOMEM, or -ERANGE: it begins below the end of the one
 * before, or lies in no whole pages.
 */
int census_taker_add(struct census_taker *taker, const struct maps_entry *entry, const struct census_record *inside);

/* There are no more: what was counted, which is the taker's. 0 or -ENOMEM. */
int census_taker_end(struct census_taker *taker, const struct census **ret);

#endif
