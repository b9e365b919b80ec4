/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject.h: runs one of fixtures/ to where it stops itself, takes what the kernel side would have taken (registers, the
 * stack's bytes, the addresses by frame pointers), reads its modules, and kills it.
 */
#ifndef VMASNOOP_TESTS_SUBJECT_H
#define VMASNOOP_TESTS_SUBJECT_H

#include <stdbool.h>

#include "../../user/symbolizer.h"

#define SUBJECT_ADDRS_MAX 127

struct subject {
	struct modules *modules;
	struct event_registers registers;
	struct raw_stack raw; /* whole: up to the end of the mapping */
	uint64_t addrs[SUBJECT_ADDRS_MAX];
	char *bytes[EVENT_SLICE_PIECES];
};

/* `program` is of the fixtures' directory, $FIXTURES; its stop is the delivery of SIGUSR2. Fails the test when it does not come. */
void subject_run(const char *program, const char *way, struct subject *ret);
void subject_free(struct subject *subject);

/* Where the fixture is, in a buffer of its own. */
const char *subject_path(const char *name);

/* symbolizer_options.open_debug_file for the fixtures: build-ids and links are looked for beside them, and in the system. */
int subject_open_debug_file(void *context, const struct debug_file_request *request);

#endif
