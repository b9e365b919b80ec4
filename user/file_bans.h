/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file_bans.h: files that a process hung or crashed in, and for how long they are not handed to another one. The first
 * time may have been the machine's fault, and lasts a while; the second one is for the rest of the run. Reads no clock.
 */
#ifndef VMASNOOP_FILE_BANS_H
#define VMASNOOP_FILE_BANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file_id.h"

#define FILE_BANS_MAX 64 /* the oldest one gives way */

struct file_ban {
	struct file_id id;
	const char *reason; /* static; NULL: a free entry */
	bool lines_only; /* its names are harmless: it is handed over, but lines are not to be looked for */
	uint64_t until_ns; /* UINT64_MAX: for the rest of the run. One that is over is remembered */
};

/* All zero but for `first_ns`: there are none. */
struct file_bans {
	uint64_t first_ns; /* how long the first one lasts */
	struct file_ban list[FILE_BANS_MAX];
	size_t count; /* ever */
};

void file_bans_strike(struct file_bans *bans, const struct file_id *id, const char *reason, bool lines_only,
		      uint64_t now_ns);

/* The ban that is in force, or NULL. */
const struct file_ban *file_bans_find(const struct file_bans *bans, const struct file_id *id, uint64_t now_ns);

#endif
