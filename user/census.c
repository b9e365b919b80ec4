// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * census.c: see census.h. A mapping is judged when the one above it is known: whether it is a guard depends on both
 * neighbours. So there are four at hand: the one that just came, the one that is judged, and the two below it.
 */
#include "census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define AT_HAND 4
#define MIB	(1024 * 1024)

struct slot {
	struct census_mapping mapping;
	enum census_kind kind;
	char name[MAPS_LINE_BYTES + 1];
};

struct census_taker {
	struct census census;
	bool live;
	uint64_t came; /* mappings that came; the last is slots[(came - 1) % AT_HAND] */
	uint64_t end; /* of the last */
	struct slot slots[AT_HAND];
};

int census_taker_new(bool live, struct census_taker **ret)
{
	struct census_taker *taker = calloc(1, sizeof(*taker));

	if (!taker)
		return -ENOMEM;
	taker->live = live;
	*ret = taker;
	return 0;
}

void census_taker_free(struct census_taker *taker)
{
	if (!taker)
		return;
	census_names_fini(&taker->census.names);
	census_runs_fini(&taker->census.runs);
	free(taker);
}

/* The one that came `back` before the last; NULL: there is none. */
static struct slot *slot_back(struct census_taker *taker, uint64_t back)
{
	return back < taker->came ? &taker->slots[(taker->came - 1 - back) % AT_HAND] : NULL;
}

static void count(struct census_sum *sum, uint64_t bytes)
{
	sum->count++;
	sum->bytes += bytes;
}

static void count_hole(struct census_holes *holes, uint64_t bytes)
{
	holes->count++;
	holes->bytes += bytes;
	holes->one_page += bytes == CENSUS_PAGE_BYTES;
	holes->up_to_1_mib += bytes <= MIB;
	if (bytes > holes->largest_bytes)
		holes->largest_bytes = bytes;
}

/* Returns the reasons. */
static uint32_t count_boundary(struct census *census, const struct census_mapping *low,
			       const struct census_mapping *high)
{
	uint32_t reasons = census_reasons_between(low, high);
	uint64_t flags = reasons & 1U << CENSUS_REASON_FLAGS ? census_flags_between(low, high) : 0;

	if (reasons & 1U << CENSUS_REASON_HOLE)
		count_hole(&census->holes, high->start - low->end);
	for (uint32_t left = reasons; left; left &= left - 1) {
		struct census_boundaries *boundaries = &census->boundaries[__builtin_ctz(left)];

		if (!boundaries->count++)
			boundaries->first = high->start;
		boundaries->alone += !(reasons & (reasons - 1));
	}
	for (; flags; flags &= flags - 1)
		census->flags[__builtin_ctzll(flags)]++;
	return reasons;
}

static bool has_listed_name(enum census_kind kind, const struct census_mapping *mapping)
{
	return mapping->name_length && kind != CENSUS_KIND_HEAP && kind != CENSUS_KIND_STACK;
}

static struct census_step step_of(const struct slot *slot)
{
	return slot ? (struct census_step){&slot->mapping, slot->kind} : (struct census_step){};
}

/* The one that came `back` before the last: all that is above it is at hand. */
static int judge(struct census_taker *taker, uint64_t back)
{
	struct slot *slot = slot_back(taker, back), *above = back ? slot_back(taker, back - 1) : NULL;
	struct slot *below = slot_back(taker, back + 1);
	const struct census_mapping *mapping = &slot->mapping;
	uint64_t bytes = mapping->end - mapping->start;
	struct census *census = &taker->census;
	bool touches =
		(above && above->mapping.start == mapping->end) || (below && below->mapping.end == mapping->start);
	uint32_t reasons;
	int err = 0;

	slot->kind = census_kind_of(mapping, touches);
	count(&census->total, bytes);
	count(&census->kinds[slot->kind], bytes);
	count(&census->perms[mapping->perms], bytes);
	census->flags_known += mapping->flags_known;
	census->guards_of_one_page += slot->kind == CENSUS_KIND_GUARD && bytes == CENSUS_PAGE_BYTES;
	census_strip_add(&census->strip, mapping, slot->kind);
	if (has_listed_name(slot->kind, mapping))
		err = census_names_add(&census->names, slot->kind, mapping);
	reasons = below ? count_boundary(census, &below->mapping, mapping) : 0;
	return err
		       ?: census_runs_add(&census->runs,
					  (struct census_step[]){step_of(slot), step_of(below),
								 step_of(slot_back(taker, back + 2))},
					  reasons);
}

static void fill(struct slot *slot, const struct maps_entry *entry, const struct census_record *inside, uint64_t start)
{
	const struct maps_line *line = &entry->line;

	memcpy(slot->name, line->name, line->name_length);
	slot->name[line->name_length] = '\0';
	slot->mapping = (struct census_mapping){
		.start = start,
		.end = line->end,
		/* What of a file is at `start`. */
		.offset = line->offset + (start - line->start),
		.inode = line->inode,
		.device = (uint64_t)line->dev_major << 32 | line->dev_minor,
		.flags = entry->flags,
		.perms = line->perms,
		.flags_known = entry->flags_known,
		.name = slot->name,
		.name_length = maps_unescape(slot->name, line->name_length),
		/* Of a mapping that grew downwards meanwhile it may be something else. */
		.inside_known = inside && start == line->start,
	};
	if (slot->mapping.inside_known)
		slot->mapping.inside = *inside;
}

int census_taker_add(struct census_taker *taker, const struct maps_entry *entry, const struct census_record *inside)
{
	const struct maps_line *line = &entry->line;
	uint64_t start = line->start;

	if ((start | line->end) % CENSUS_PAGE_BYTES)
		return -ERANGE;
	if (census_is_gate(line)) {
		taker->census.gate = true;
		return 0;
	}
	if (taker->came && start < taker->end) {
		if (!taker->live)
			return -ERANGE;
		taker->census.changed++;
		if (line->end <= taker->end)
			return 0;
		start = taker->end;
	}
	taker->end = line->end;
	fill(&taker->slots[taker->came++ % AT_HAND], entry, inside, start);
	return taker->came > 1 ? judge(taker, 1) : 0;
}

int census_taker_end(struct census_taker *taker, const struct census **ret)
{
	struct census *census = &taker->census;
	int err = taker->came ? judge(taker, 0) : 0;

	if (!err && taker->came)
		err = census_runs_end(
			&census->runs,
			(struct census_step[]){{}, step_of(slot_back(taker, 0)), step_of(slot_back(taker, 1))});
	if (err)
		return err;
	census_names_sort(&census->names);
	*ret = census;
	return 0;
}
