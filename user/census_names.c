// SPDX-License-Identifier: GPL-2.0-or-later
/* census_names.c: see census_names.h. A hash table of indexes into a list. */
#include "census_names.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

void census_names_fini(struct census_names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free((char *)names->list[i].name);
	free(names->list);
	free(names->slots);
	memset(names, 0, sizeof(*names));
}

/* Another one in each run, so that nobody can choose names that lie in one place. */
static uint32_t seed_of_run(void)
{
	const void *random = (const void *)getauxval(AT_RANDOM);
	uint32_t seed = 2166136261U;

	if (random)
		memcpy(&seed, random, sizeof(seed));
	return seed;
}

/* FNV-1a, and the end of MurmurHash3: names that differ in a number only would lie side by side. */
static uint32_t hash_of(enum census_kind kind, const char *name, size_t length)
{
	static uint32_t seed;
	uint32_t hash;

	if (!seed)
		seed = seed_of_run();
	hash = seed ^ (uint32_t)kind;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (uint8_t)name[i]) * 16777619U;
	hash = (hash ^ hash >> 16) * 0x85ebca6bU;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35U;
	return hash ^ hash >> 16;
}

static bool is_of(const struct census_name *name, enum census_kind kind, const struct census_mapping *mapping)
{
	return name->kind == kind && name->length == mapping->name_length &&
	       !memcmp(name->name, mapping->name, name->length);
}

/* The slot of this name, or the empty one where it belongs. */
static size_t find_slot(const struct census_names *names, uint32_t hash, enum census_kind kind,
			const struct census_mapping *mapping)
{
	size_t slot = hash & (names->slot_count - 1);

	for (; names->slots[slot]; slot = (slot + 1) & (names->slot_count - 1)) {
		const struct census_name *name = &names->list[names->slots[slot] - 1];

		if (name->hash == hash && is_of(name, kind, mapping))
			break;
	}
	return slot;
}

/* Room for one more in the list, and slots at most half full. */
static int grow(struct census_names *names)
{
	size_t capacity = names->capacity ? 2 * names->capacity : 64;
	struct census_name *list;
	uint32_t *slots;

	if (names->count < names->capacity)
		return 0;
	list = reallocarray(names->list, capacity, sizeof(*list));
	if (!list)
		return -ENOMEM;
	names->list = list;
	slots = calloc(2 * capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(names->slots);
	names->slots = slots;
	names->slot_count = 2 * capacity;
	names->capacity = capacity;
	for (size_t i = 0; i < names->count; i++) {
		size_t slot = list[i].hash & (names->slot_count - 1);

		while (slots[slot])
			slot = (slot + 1) & (names->slot_count - 1);
		slots[slot] = (uint32_t)i + 1;
	}
	return 0;
}

static bool has_room(const struct census_names *names, size_t length)
{
	return names->count < CENSUS_NAMES_MAX && names->name_bytes + length + 1 <= CENSUS_NAMES_BYTES_MAX;
}

/* Puts a name that is not in the list behind it. */
static int append(struct census_names *names, uint32_t hash, enum census_kind kind,
		  const struct census_mapping *mapping)
{
	int err = grow(names);
	char *copy;

	if (err)
		return err;
	copy = malloc(mapping->name_length + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, mapping->name, mapping->name_length + 1);
	names->slots[find_slot(names, hash, kind, mapping)] = (uint32_t)names->count + 1;
	names->list[names->count] =
		(struct census_name){.name = copy, .length = mapping->name_length, .kind = kind, .hash = hash};
	names->last = names->count++;
	names->name_bytes += mapping->name_length + 1;
	return 0;
}

int census_names_add(struct census_names *names, enum census_kind kind, const struct census_mapping *mapping)
{
	uint64_t bytes = mapping->end - mapping->start;

	/* Mappings of one name often follow each other. */
	if (!names->count || !is_of(&names->list[names->last], kind, mapping)) {
		uint32_t hash = hash_of(kind, mapping->name, mapping->name_length);
		uint32_t found = names->slot_count ? names->slots[find_slot(names, hash, kind, mapping)] : 0;
		int err = 0;

		if (found) {
			names->last = found - 1;
		} else if (has_room(names, mapping->name_length)) {
			err = append(names, hash, kind, mapping);
		} else {
			names->beyond_count++;
			names->beyond_bytes += bytes;
			return 0;
		}
		if (err)
			return err;
	}
	names->list[names->last].count++;
	names->list[names->last].bytes += bytes;
	return 0;
}

static int compare(const void *left, const void *right)
{
	const struct census_name *a = left, *b = right;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	if (a->bytes != b->bytes)
		return a->bytes < b->bytes ? 1 : -1;
	return strcmp(a->name, b->name);
}

void census_names_sort(struct census_names *names)
{
	if (names->count)
		qsort(names->list, names->count, sizeof(*names->list), compare);
}
