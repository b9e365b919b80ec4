/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * readings.h: what /proc says of a process, read while it lives and anew when it may say something else by now: when that
 * is worth its time, and which modules a failure between two readings has. Keeps no processes, and reads none on a replay.
 */
#ifndef VMASNOOP_READINGS_H
#define VMASNOOP_READINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"
#include "modules.h"

/* What those of all processes have in common. All zeros but for the first three. */
struct readings {
	bool live; /* the processes are those of this machine, now */
	/* Modules about which nothing will be asked any more. May be NULL. */
	void (*forget)(void *context, const struct modules *modules);
	void *context;
	bool told; /* from here on hot processes tell when they map code */
	uint64_t losses; /* how often records were lost */
	uint64_t generation; /* the last that modules were given */
	size_t with_modules; /* the processes that have some */
};

/* Of one process: all zeros before the first. */
struct reading {
	char *exe; /* NULL: not known; likewise the others */
	char *cgroup;
	struct modules *modules;
	struct modules
		*between; /* of failures until until_ns: what the reading before says too; NULL: there was none */
	uint64_t from_ns; /* when the last one began: CLOCK_MONOTONIC */
	uint64_t until_ns; /* when the one ended that found the modules changed */
	uint64_t tried_ns; /* when that was tried last: CLOCK_MONOTONIC of the record */
	uint64_t doubted_from_ns; /* time spent since, because of doubts */
	uint64_t doubts_ns;
	uint64_t counted_from_ns; /* reads since, because it mapped code */
	unsigned int reads;
	bool done;
	bool is_contained; /* in a container, by its cgroup */
	bool stale; /* it mapped code since */
	bool watched; /* it tells when it maps code, while it is hot */
	bool lapsed; /* since the last one it may have been less than hot, and have told nothing */
	uint64_t hot_ns; /* of the last record that shows it hot */
	uint64_t losses; /* that there had been at the last one */
};

/* Releases all of it. */
void reading_fini(struct readings *readings, struct reading *reading);

/* Releases the modules, which hold files open: they are read again when they are needed. */
void reading_drop_modules(struct readings *readings, struct reading *reading);

/* The first one, because of a record of that time. Later ones are for the calls below. */
void reading_take(struct readings *readings, struct reading *reading, const struct event_process *raw,
		  uint64_t time_ns);

/* The process got hot; it maps code; it failed. */
void reading_note_hot(struct readings *readings, struct reading *reading, const struct event_hot *raw);
void reading_note_mapped(struct readings *readings, struct reading *reading, const struct event_mapped *raw);
void reading_note_failure(struct reading *reading, const struct event_failure *raw);

/* Records of any process were lost: what each one has told counts no longer. */
void readings_note_losses(struct readings *readings);

/* The stack of this failure is about to be asked for: reads anew what may be others by now. */
void reading_renew(struct readings *readings, struct reading *reading, const struct event_failure *raw);

/* The modules as they can have been at that time: two readings around it count both. Borrowed; NULL: not known. */
struct modules *reading_modules_at(const struct readings *readings, struct reading *reading, uint64_t time_ns);

/* The path of the file that the failing process has mapped there, NULL: it cannot be told, or is another process's by now. */
void reading_mapped_path(const struct event_failure *raw, char **ret);

#endif
