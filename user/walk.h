/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk.h: a stack as addresses, each with the way it was found, before anything has a name: what unwinding and the
 * kernel's own walk found is put together here. Reads no memory and no file.
 */
#ifndef VMASNOOP_WALK_H
#define VMASNOOP_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stack.h"

#define WALK_FRAMES_MAX 1024

struct walk_frame {
	uint64_t addr;
	enum frame_method method;
	bool activation; /* addr was to be executed next: the innermost one, or interrupted by a signal; no return address */
};

struct walk {
	struct walk_frame frames[WALK_FRAMES_MAX]; /* innermost first */
	size_t count;
	bool complete; /* call-frame information says that there is nothing beyond the last one */
	bool truncated; /* it goes on, beyond what was copied or in more frames than are kept */
	const char *reason; /* of STACK_REASONS, when it is not complete; NULL: not known */
};

/* False when there is no room, and then the walk is truncated. */
bool walk_append(struct walk *walk, uint64_t addr, enum frame_method method, bool activation);

/*
 * Appends what the kernel found by frame pointers beyond the last frame, which must be among `addrs` (it is not when a
 * frame before it was found by call-frame information alone and no frame pointer leads over it).
 */
void walk_complete(struct walk *walk, const uint64_t *addrs, size_t count);

#endif
