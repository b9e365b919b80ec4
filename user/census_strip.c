// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * census_strip.c: see census_strip.h. Cells lie at multiples of their size, a power of two, so that two of them make one of
 * the next size, and cells of two regions fit into each other.
 */
#include "census_strip.h"

#include <string.h>

#define PAGE_SHIFT 12

static uint64_t last_cell(const struct census_region *region, unsigned int shift)
{
	return (region->end - 1) >> shift;
}

static void add_cell(struct census_cell *cell, const struct census_cell *other)
{
	for (int kind = 0; kind < CENSUS_KIND_COUNT; kind++)
		cell->bytes[kind] += other->bytes[kind];
	cell->count += other->count;
}

/* To cells of 1 << shift bytes, which is no less than it is. */
static void coarsen(struct census_region *region, unsigned int shift)
{
	uint64_t first = region->start >> shift, count = last_cell(region, region->shift) - region->first + 1;

	if (shift == region->shift)
		return;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t to = ((region->first + i) >> (shift - region->shift)) - first;
		struct census_cell cell = region->cells[i];

		/* `to` is never above i: what is overwritten was taken already. */
		memset(&region->cells[i], 0, sizeof(cell));
		add_cell(&region->cells[to], &cell);
	}
	region->first = first;
	region->shift = shift;
}

/* The finest cells of which `most` cover [start, end). */
static unsigned int shift_for(uint64_t start, uint64_t end, uint64_t most, unsigned int least)
{
	unsigned int shift = least;

	while (((end - 1) >> shift) - (start >> shift) >= most)
		shift++;
	return shift;
}

static void extend(struct census_region *region, uint64_t end)
{
	unsigned int shift = shift_for(region->start, end, CENSUS_CELLS_MAX, region->shift);

	coarsen(region, shift);
	region->end = end;
}

/* `high` becomes the upper part of `low`. */
static void absorb(struct census_region *low, struct census_region *high)
{
	unsigned int least = low->shift > high->shift ? low->shift : high->shift;
	unsigned int shift = shift_for(low->start, high->end, CENSUS_CELLS_MAX, least);
	uint64_t count;

	coarsen(low, shift);
	coarsen(high, shift);
	count = last_cell(high, shift) - high->first + 1;
	for (uint64_t i = 0; i < count; i++)
		add_cell(&low->cells[high->first + i - low->first], &high->cells[i]);
	low->end = high->end;
	low->count += high->count;
	low->bytes += high->bytes;
}

/* Joins the two neighbours with the smallest hole between them. */
static void join_nearest(struct census_strip *strip)
{
	struct census_region *regions = strip->regions;
	size_t best = 1;

	for (size_t i = 2; i < strip->count; i++)
		if (regions[i].start - regions[i - 1].end < regions[best].start - regions[best - 1].end)
			best = i;
	absorb(&regions[best - 1], &regions[best]);
	strip->count--;
	memmove(&regions[best], &regions[best + 1], (strip->count - best) * sizeof(regions[0]));
}

static struct census_region *region_for(struct census_strip *strip, const struct census_mapping *mapping)
{
	struct census_region *last = strip->count ? &strip->regions[strip->count - 1] : NULL;

	if (last && mapping->start - last->end < CENSUS_FAR_BYTES)
		return last;
	last = &strip->regions[strip->count++];
	memset(last, 0, sizeof(*last));
	last->start = mapping->start;
	last->end = mapping->start + 1;
	last->shift = PAGE_SHIFT;
	last->first = mapping->start >> PAGE_SHIFT;
	return last;
}

void census_strip_add(struct census_strip *strip, const struct census_mapping *mapping, enum census_kind kind)
{
	struct census_region *region = region_for(strip, mapping);
	uint64_t at = mapping->start;

	extend(region, mapping->end);
	region->count++;
	region->bytes += mapping->end - mapping->start;
	region->cells[(at >> region->shift) - region->first].count++;
	while (at < mapping->end) {
		uint64_t cell = at >> region->shift;
		/* The last byte of the cell, so that the end of the address space is no 0. */
		uint64_t last = cell << region->shift | ((1ULL << region->shift) - 1);
		uint64_t end = last < mapping->end - 1 ? last + 1 : mapping->end;

		region->cells[cell - region->first].bytes[kind] += end - at;
		at = end;
	}
	if (strip->count > CENSUS_REGIONS_MAX)
		join_nearest(strip);
}

char census_strip_letter(enum census_kind kind)
{
	static const char letters[CENSUS_KIND_COUNT] = {
		[CENSUS_KIND_ANONYMOUS] = 'a', [CENSUS_KIND_HEAP] = 'h',    [CENSUS_KIND_STACK] = 's',
		[CENSUS_KIND_FILE] = 'f',      [CENSUS_KIND_NAMED] = 'n',   [CENSUS_KIND_SPECIAL] = 'k',
		[CENSUS_KIND_GUARD] = 'g',     [CENSUS_KIND_RESERVED] = 'r'};

	return letters[kind];
}

static char draw_kind(const struct census_cell *cell)
{
	int most = 0;

	for (int kind = 1; kind < CENSUS_KIND_COUNT; kind++)
		if (cell->bytes[kind] > cell->bytes[most])
			most = kind;
	return cell->bytes[most] ? census_strip_letter((enum census_kind)most) : '.';
}

static char draw_count(uint64_t count)
{
	static const char marks[] = ":+*#@";
	uint64_t bound = 10;
	size_t mark = 0;

	if (count < 2)
		return count ? '.' : ' ';
	for (; mark + 2 < sizeof(marks) && count >= bound; mark++)
		bound *= 10;
	return marks[mark];
}

void census_strip_draw(const struct census_region *region, size_t columns, struct census_row *ret)
{
	struct census_region coarse = *region;
	size_t most = columns < CENSUS_CELLS_MAX ? columns : CENSUS_CELLS_MAX, count;

	coarsen(&coarse, shift_for(region->start, region->end, most < 2 ? 2 : most, region->shift));
	count = last_cell(&coarse, coarse.shift) - coarse.first + 1;
	for (size_t i = 0; i < count; i++) {
		ret->kinds[i] = draw_kind(&coarse.cells[i]);
		ret->counts[i] = draw_count(coarse.cells[i].count);
	}
	ret->kinds[count] = '\0';
	while (count && ret->counts[count - 1] == ' ')
		count--;
	ret->counts[count] = '\0';
	ret->cell_bytes = 1ULL << coarse.shift;
}
