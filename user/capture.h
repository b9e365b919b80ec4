/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capture.h: raw records in a file, before decoding, so that all that follows can be run again without a kernel or
 * privileges. A capture holds addresses and stack memory of other people's processes: it is created 0600 and says so.
 */
#ifndef VMASNOOP_CAPTURE_H
#define VMASNOOP_CAPTURE_H

#include <stddef.h>
#include <stdint.h>

#define CAPTURE_MAGIC	"vmasnoop capture"
#define CAPTURE_VERSION 3 /* 2: with slices; 3: with proofs, warnings and outcomes */

/* So that whoever opens one with a pager or an editor knows what it is. */
#define CAPTURE_NOTICE \
	"\nHolds memory of the stacks of traced programs, with whatever secrets are in it. Do not share.\n"

/* The head of the file. After it, records follow as the ring had them, each padded to 8 bytes. */
struct capture_head {
	char magic[16];
	uint32_t version;
	uint32_t max_map_count; /* when the capture began */
	int64_t realtime_offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
	int64_t boottime_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME */
	char notice[120]; /* CAPTURE_NOTICE, and zeros */
};

struct capture_writer;
struct event;

/* Fails with -EEXIST's kin of open(2); an existing file is overwritten only when it is a capture or empty (else -EEXIST). */
int capture_create(const char *path, const struct capture_head *head, struct capture_writer **ret);
int capture_write(struct capture_writer *writer, const struct event *event);

/* Flushes and closes; the first error of any write is returned here at the latest. */
int capture_close(struct capture_writer *writer);

struct capture_reader;

/* -EBADMSG: not a capture, or of a version that is not known. */
int capture_open(const char *path, struct capture_reader **ret);
const struct capture_head *capture_head(const struct capture_reader *reader);
void capture_reader_free(struct capture_reader *reader);

/*
 * The next record, valid until the next call. 1: there is one, 0: the end, -EBADMSG: the file is damaged from here on
 * (a torn end, a size that cannot be), or the errno of the read.
 */
int capture_next(struct capture_reader *reader, const void **data, size_t *size);

#endif
