/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_spaces.h: what the symbolizer's process was given: the modules of processes ("spaces") and their files, each
 * file once, and no more of them than it can hold; and which it is not given for what happened in them. Asks nothing.
 */
#ifndef VMASNOOP_SYMBOLIZER_SPACES_H
#define VMASNOOP_SYMBOLIZER_SPACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "modules.h"
#include "stack.h"
#include "symbolizer_process.h"

struct space {
	uint64_t id;
	struct modules *modules; /* a reference */
	uint32_t *
		files; /* of each module, while `given`, perhaps with WIRE_NAMES_ONLY; WIRE_NO_FILE: it was not given */
	const char **
		left_out; /* of each module, when it was given last: why its file was not. NULL: it was, or there is none */
	bool perf_map; /* given, too */
	bool perf_map_left_out; /* when it was given last */
	uint64_t renew_ns; /* while `given`: when what was left out may be given after all; UINT64_MAX: never */
	unsigned int asks; /* that are about it and not answered */
	const char *hopeless; /* a reason: the process did not come to an end with it, and no file is known to blame */
	uint64_t hopeless_until_ns;
	unsigned int failures;
	bool given; /* to the process that runs now */
	bool forgotten;
	LIST_ENTRY(space) entry;
};

struct spaces;

/* What was blamed once, and what there was no room for, is left out for `pause_ns`. */
int spaces_new(uint64_t pause_ns, struct spaces **ret);
void spaces_free(struct spaces *spaces);

/* The space of these modules, new if need be. NULL: no memory. */
struct space *spaces_find(struct spaces *spaces, struct modules *modules);
void spaces_forget(struct spaces *spaces, const struct modules *modules);

/* Another process runs, which has been given nothing. */
void spaces_restart(struct spaces *spaces);

/* Gives the process the space, and its files, unless it has them. *files is raised by how many went. */
int spaces_give(struct spaces *spaces, struct space *space, struct symbolizer_process *process, uint64_t *files);

/* Drops what is forgotten and asked about no more, here and, if there is one, in the process. Not within an ask. */
int spaces_collect(struct spaces *spaces, struct symbolizer_process *process);

/*
 * The process hung or crashed in this space (a reason says which), with the file of the module of that number, from 1; 0,
 * or what is no number of a module: it is not known in which, or it was not the file's fault. `with_lines`: the names were
 * there by then, it was about the lines.
 */
void spaces_blame(struct spaces *spaces, struct space *space, uint32_t module, bool with_lines, const char *reason);

/* Why it is not worth to ask about this one now; NULL: it is. */
const char *space_is_hopeless(const struct space *space);

/* Frames without a name in what the process was not given: the reason is why it was not. */
void space_explain(const struct space *space, struct stack *stack);

#endif
