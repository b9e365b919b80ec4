/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk.c: puts a stack of addresses together from what was unwound and what the kernel found. Knows no module.
 */
#include "walk.h"

bool walk_append(struct walk *walk, uint64_t addr, enum frame_method method, bool activation)
{
	if (walk->count == WALK_FRAMES_MAX) {
		walk->truncated = true;
		walk->reason = "truncated";
		return false;
	}
	walk->frames[walk->count++] = (struct walk_frame){.addr = addr, .method = method, .activation = activation};
	return true;
}

/* How many frames before the last one are the same as those before addrs[at]. */
static size_t common_length(const struct walk *walk, const uint64_t *addrs, size_t at)
{
	size_t length = 0;

	while (length < walk->count && length <= at &&
	       walk->frames[walk->count - 1 - length].addr == addrs[at - length])
		length++;
	return length;
}

/* Recursion has the last address many times over: it is where most of what goes before agrees, too. */
void walk_complete(struct walk *walk, const uint64_t *addrs, size_t count)
{
	size_t best = 0, longest = 0;

	for (size_t i = 0; i < count; i++) {
		size_t length = common_length(walk, addrs, i);

		if (length > longest) {
			longest = length;
			best = i;
		}
	}
	for (size_t i = best + 1; longest && i < count; i++)
		if (!walk_append(walk, addrs[i], METHOD_FRAME_POINTER, false))
			return;
}
