/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census_strip.h: the address space for the eye: what of it is used, in a few regions with far holes between them, each as
 * a row of cells. In memory that does not grow: a region that gets long gets coarser cells, and of too many regions the
 * nearest become one.
 */
#ifndef VMASNOOP_CENSUS_STRIP_H
#define VMASNOOP_CENSUS_STRIP_H

#include <stddef.h>
#include <stdint.h>

#include "census_mapping.h"

#define CENSUS_REGIONS_MAX 8
#define CENSUS_CELLS_MAX   256

struct census_cell {
	uint64_t bytes[CENSUS_KIND_COUNT];
	uint64_t count; /* mappings that begin in it */
};

struct census_region {
	uint64_t start; /* of its lowest mapping */
	uint64_t end; /* of its highest */
	uint64_t count; /* mappings */
	uint64_t bytes; /* mapped */
	unsigned int shift; /* a cell is the addresses that are the same above so many bits */
	uint64_t first; /* cells[0] begins at first << shift */
	struct census_cell cells[CENSUS_CELLS_MAX];
};

struct census_strip {
	struct census_region regions[CENSUS_REGIONS_MAX + 1]; /* by address */
	size_t count;
};

/* Above all that was added before. */
void census_strip_add(struct census_strip *strip, const struct census_mapping *mapping, enum census_kind kind);

struct census_row {
	char kinds[CENSUS_CELLS_MAX + 1]; /* the letter of the kind with the most bytes, '.' for a hole */
	char counts[CENSUS_CELLS_MAX + 1]; /* how many mappings begin there: CENSUS_STRIP_LEGEND */
	uint64_t cell_bytes;
};

/* Draws it in at most `columns` letters, at least 2, with cells as fine as fit. */
void census_strip_draw(const struct census_region *region, size_t columns, struct census_row *ret);

/* The letter of a kind in the drawing. */
char census_strip_letter(enum census_kind kind);

#define CENSUS_STRIP_LEGEND ". 1  : 2  + 10  * 100  # 1000  @ 10000"

#endif
