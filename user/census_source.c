// SPDX-License-Identifier: GPL-2.0-or-later
/* census_source.c: see census_source.h. */
#include "census_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "proc.h"

#define TRIES 3 /* to read a process that runs another program each time */

void census_source_fini(struct census_source *source)
{
	census_taker_free(source->taker);
	maps_reader_free(source->reader);
	census_records_free(source->records);
	*source = (struct census_source){.open_records = source->open_records};
}

/* What it tells is more; without it the census is one of maps alone. */
static void open_records(struct census_source *source, pid_t tid)
{
	int fd = source->open_records ? source->open_records(tid) : -ENOENT;

	if (fd >= 0)
		fd = census_records_new(fd, &source->records);
	source->records_err = source->open_records && fd < 0 ? fd : 0;
}

static const struct census_record *record_of(struct census_source *source, const struct maps_line *line)
{
	return source->records ? census_records_find(source->records, line->start, line->end) : NULL;
}

static int take(struct census_source *source, int fd, bool smaps, bool live)
{
	struct maps_entry entry;
	int more, err;

	err = maps_reader_new(fd, smaps, &source->reader) ?: census_taker_new(live, &source->taker);
	if (err)
		return err;
	while ((more = maps_reader_next(source->reader, &entry)) > 0) {
		err = census_taker_add(source->taker, &entry, record_of(source, &entry.line));
		if (err)
			return err;
	}
	return more ?: census_taker_end(source->taker, &source->census);
}

int census_source_read_file(struct census_source *source, int fd, bool smaps)
{
	census_source_fini(source);
	return take(source, fd, smaps, false);
}

static int read_thread(struct census_source *source, pid_t tid, bool smaps)
{
	_cleanup_close_ int fd = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, smaps ? "smaps" : "maps");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	census_source_fini(source);
	open_records(source, tid);
	return take(source, fd, smaps, true);
}

/* The list of a process that ends or runs another program meanwhile just ends, as if it were complete. */
static int read_whole(struct census_source *source, pid_t tid, bool smaps)
{
	uint64_t before, after;

	for (int i = 0; i < TRIES; i++) {
		int err = proc_read_start_stack(tid, &before) ?: read_thread(source, tid, smaps);

		err = err ?: proc_read_start_stack(tid, &after);
		if (err || (before == after && after))
			return err;
	}
	return -ESRCH;
}

/* Another thread, when the leader has exited. */
static int read_other_threads(struct census_source *source, pid_t tgid, bool smaps)
{
	_cleanup_closedir_ DIR *directory = NULL;
	const struct dirent *entry;
	char path[64];
	int err = -ESRCH;

	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	directory = opendir(path);
	/* cppcheck-suppress readdirCalled; one thread reads it */
	while (err == -ESRCH && directory && (entry = readdir(directory)) != NULL) {
		int tid = atoi(entry->d_name);

		if (tid > 0 && tid != tgid)
			err = read_whole(source, tid, smaps);
	}
	return err;
}

int census_source_read_process(struct census_source *source, pid_t tid, bool smaps)
{
	enum proc_nature nature;
	int err = proc_read_nature(tid, &nature);

	if (err)
		return err;
	if (nature == PROC_KERNEL_THREAD)
		return -ENODATA;
	return nature == PROC_ENDED ? read_other_threads(source, tid, smaps) : read_whole(source, tid, smaps);
}
