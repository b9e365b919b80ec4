/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census_source.h: takes the census of a living process, or of a saved maps file. Says what went wrong, and leaves the
 * words to the command.
 */
#ifndef VMASNOOP_CENSUS_SOURCE_H
#define VMASNOOP_CENSUS_SOURCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "census.h"
#include "census_records.h"

struct census_source {
	/* Set by the caller. Opens what census_records.h reads, or returns a negative errno; NULL: only maps is read. */
	int (*open_records)(pid_t tid);
	int records_err; /* why there are none; 0: there are, or they were not wanted */
	struct maps_reader *reader;
	struct census_taker *taker;
	struct census_records *records;
	const struct census *census;
};

/*
 * Of the process that `tid` is a thread of. 0 or a negative errno: -ESRCH: it is gone, or went meanwhile; -EACCES; -ENODATA: a
 * kernel thread. That a leader has exited hides nothing.
 */
int census_source_read_process(struct census_source *source, pid_t tid, bool smaps);

/* Of a file, whose descriptor stays the caller's. -EBADMSG, -ENODATA: see maps_reader.h; -ERANGE: see census.h. */
int census_source_read_file(struct census_source *source, int fd, bool smaps);

void census_source_fini(struct census_source *source);

#endif
