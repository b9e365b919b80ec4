// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * extents.c: see extents.h. A sorted list in chunks, so that what is put into the middle moves a chunk's part and not all.
 */
#include "extents.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_EXTENTS  126 /* with the count two kilobytes */
#define FIRST_CAPACITY 4

struct extent {
	uint64_t start; /* [start, end) */
	uint64_t end;
};

struct extents_chunk {
	size_t count; /* never 0 */
	struct extent list[CHUNK_EXTENTS];
};

/* A place in the list: that of a range, or behind the last. */
struct place {
	size_t chunk;
	size_t index;
};

void extents_fini(struct extents *extents)
{
	for (size_t i = 0; i < extents->chunk_count; i++)
		free(extents->chunks[i]);
	free(extents->chunks);
	*extents = (struct extents){};
}

static struct extent *extent_at(const struct extents *extents, const struct place *place)
{
	return place->chunk < extents->chunk_count ? &extents->chunks[place->chunk]->list[place->index] : NULL;
}

/* The first range that ends at addr or above. */
static struct place find(const struct extents *extents, uint64_t addr)
{
	size_t low = 0, high = extents->chunk_count, middle;
	const struct extents_chunk *chunk;
	struct place place;

	while (low < high) {
		middle = low + (high - low) / 2;
		chunk = extents->chunks[middle];
		if (chunk->list[chunk->count - 1].end < addr)
			low = middle + 1;
		else
			high = middle;
	}
	place = (struct place){.chunk = low};
	if (low == extents->chunk_count)
		return place;
	chunk = extents->chunks[low];
	high = chunk->count - 1;
	for (low = 0; low < high;) {
		middle = low + (high - low) / 2;
		if (chunk->list[middle].end < addr)
			low = middle + 1;
		else
			high = middle;
	}
	place.index = low;
	return place;
}

static int make_room_for_chunk(struct extents *extents)
{
	size_t capacity = extents->capacity ? 2 * extents->capacity : FIRST_CAPACITY;
	struct extents_chunk **grown;

	if (extents->chunk_count < extents->capacity)
		return 0;
	grown = reallocarray(extents->chunks, capacity, sizeof(struct extents_chunk *));
	if (!grown)
		return -ENOMEM;
	extents->chunks = grown;
	extents->capacity = capacity;
	return 0;
}

static struct extents_chunk *insert_chunk(struct extents *extents, size_t at)
{
	struct extents_chunk *chunk = make_room_for_chunk(extents) ? NULL : malloc(sizeof(*chunk));

	if (!chunk)
		return NULL;
	chunk->count = 0;
	memmove(&extents->chunks[at + 1], &extents->chunks[at],
		(extents->chunk_count - at) * sizeof(struct extents_chunk *));
	extents->chunks[at] = chunk;
	extents->chunk_count++;
	return chunk;
}

static void remove_chunk(struct extents *extents, size_t at)
{
	free(extents->chunks[at]);
	extents->chunk_count--;
	memmove(&extents->chunks[at], &extents->chunks[at + 1],
		(extents->chunk_count - at) * sizeof(struct extents_chunk *));
}

/* Makes sure that one more range has room at the place, which may move with that. */
static int make_room(struct extents *extents, struct place *place)
{
	struct extents_chunk *chunk, *next;

	if (place->chunk == extents->chunk_count) {
		/* Behind the last: in the last chunk as long as it has room. */
		if (place->chunk && extents->chunks[place->chunk - 1]->count < CHUNK_EXTENTS) {
			place->chunk--;
			place->index = extents->chunks[place->chunk]->count;
			return 0;
		}
		return insert_chunk(extents, place->chunk) ? 0 : -ENOMEM;
	}
	chunk = extents->chunks[place->chunk];
	if (chunk->count < CHUNK_EXTENTS)
		return 0;
	next = insert_chunk(extents, place->chunk + 1);
	if (!next)
		return -ENOMEM;
	next->count = CHUNK_EXTENTS / 2;
	chunk->count -= next->count;
	memcpy(next->list, &chunk->list[chunk->count], next->count * sizeof(*next->list));
	if (place->index > chunk->count) {
		place->index -= chunk->count;
		place->chunk++;
	}
	return 0;
}

static int insert(struct extents *extents, struct place place, uint64_t start, uint64_t end)
{
	struct extents_chunk *chunk;

	if (make_room(extents, &place))
		return -ENOMEM;
	chunk = extents->chunks[place.chunk];
	memmove(&chunk->list[place.index + 1], &chunk->list[place.index],
		(chunk->count - place.index) * sizeof(*chunk->list));
	chunk->list[place.index] = (struct extent){start, end};
	chunk->count++;
	extents->count++;
	return 0;
}

/* The place is that of the next range then. */
static void erase(struct extents *extents, struct place *place)
{
	struct extents_chunk *chunk = extents->chunks[place->chunk];

	chunk->count--;
	extents->count--;
	memmove(&chunk->list[place->index], &chunk->list[place->index + 1],
		(chunk->count - place->index) * sizeof(*chunk->list));
	if (place->index < chunk->count)
		return;
	place->index = 0;
	if (chunk->count)
		place->chunk++;
	else
		remove_chunk(extents, place->chunk);
}

int extents_add(struct extents *extents, uint64_t start, uint64_t end, uint64_t *added)
{
	struct place place = find(extents, start);
	struct extent *extent = extent_at(extents, &place);
	uint64_t had = 0;

	*added = 0;
	if (start >= end)
		return 0;
	if (!extent || extent->start > end) {
		if (insert(extents, place, start, end))
			return -ENOMEM;
		extents->bytes += *added = end - start;
		return 0;
	}
	/* The first that it touches becomes all of it, the others go. */
	had = extent->end - extent->start;
	if (extent->start < start)
		start = extent->start;
	if (extent->end > end)
		end = extent->end;
	for (;;) {
		struct place next = {place.chunk, place.index + 1};

		if (next.index == extents->chunks[next.chunk]->count)
			next = (struct place){.chunk = next.chunk + 1};
		extent = extent_at(extents, &next);
		if (!extent || extent->start > end)
			break;
		had += extent->end - extent->start;
		if (extent->end > end)
			end = extent->end;
		erase(extents, &next);
	}
	*extent_at(extents, &place) = (struct extent){start, end};
	extents->bytes += *added = end - start - had;
	return 0;
}

int extents_remove(struct extents *extents, uint64_t start, uint64_t end, uint64_t *removed)
{
	struct place place;
	struct extent *extent;
	uint64_t bytes = extents->bytes;

	*removed = 0;
	if (start >= end)
		return 0;
	place = find(extents, start + 1);
	extent = extent_at(extents, &place);
	if (extent && extent->start < start && extent->end > end) {
		struct extent behind = {end, extent->end};
		struct place next = {place.chunk, place.index + 1};

		if (insert(extents, next, behind.start, behind.end))
			return -ENOMEM;
		/* It has not moved but where its chunk was split behind it: its place is before the new one's. */
		place = find(extents, start + 1);
		extent_at(extents, &place)->end = start;
		extents->bytes -= *removed = end - start;
		return 0;
	}
	if (extent && extent->start < start) {
		extents->bytes -= extent->end - start;
		extent->end = start;
		place = find(extents, start + 1);
		extent = extent_at(extents, &place);
	}
	while (extent && extent->start < end && extent->end <= end) {
		extents->bytes -= extent->end - extent->start;
		erase(extents, &place);
		extent = extent_at(extents, &place);
	}
	if (extent && extent->start < end) {
		extents->bytes -= end - extent->start;
		extent->start = end;
	}
	*removed = bytes - extents->bytes;
	return 0;
}

bool extents_cover(const struct extents *extents, uint64_t start, uint64_t end)
{
	struct place place = find(extents, end);
	const struct extent *extent = extent_at(extents, &place);

	return start < end && extent && extent->start <= start;
}

bool extents_get(const struct extents *extents, size_t number, uint64_t *start, uint64_t *end)
{
	for (size_t i = 0; i < extents->chunk_count; i++) {
		const struct extents_chunk *chunk = extents->chunks[i];

		if (number < chunk->count) {
			*start = chunk->list[number].start;
			*end = chunk->list[number].end;
			return true;
		}
		number -= chunk->count;
	}
	return false;
}
