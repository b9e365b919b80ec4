/* SPDX-License-Identifier: GPL-2.0-or-later */
/* render_census.h: what is said of a census, as one record of the log and as a page for people. */
#ifndef VMASNOOP_RENDER_CENSUS_H
#define VMASNOOP_RENDER_CENSUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "census.h"
#include "sink.h"

struct render_census {
	uint64_t time_ns; /* CLOCK_REALTIME, when it was read */
	const char *file; /* the saved maps, "-": standard input; NULL: of a process */
	pid_t tgid; /* these four of a process */
	const char *comm;
	const char *exe; /* NULL: not known */
	uint64_t start_time_ns; /* CLOCK_REALTIME */
	uint64_t limit; /* vm.max_map_count; 0: not known */
	bool smaps;
	const struct census *census;
	const struct vm_flag_codes *codes;
	size_t columns; /* that lines for people may take */
};

/* 0, or the negative errno with which the sink could not write the record. */
int render_census(struct sink *sink, const struct render_census *input);

#endif
