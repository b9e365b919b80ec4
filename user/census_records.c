// SPDX-License-Identifier: GPL-2.0-or-later
/* census_records.c: see census_records.h. */
#include "census_records.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* An iterator hands out what it has gathered under the lock: 8 pages at most. */
#define BUFFER_BYTES 32768

/*
 * The iterator over one task does not end: once through, each read of it brings what the last one brought (seen with 6.18:
 * bpf_seq_read() begins anew where it last let go of the lock). So many in a row that are not above the ones before, more than
 * one read can bring, are the end.
 */
#define REPEATS_MAX 1024

struct census_records {
	FILE *file;
	bool held; /* `record` is one */
	bool ended;
	uint64_t from; /* it begins here or above */
	struct census_record record;
	char buffer[BUFFER_BYTES];
};

int census_records_new(int fd, struct census_records **ret)
{
	struct census_records *records = calloc(1, sizeof(*records));

	if (records)
		records->file = fdopen(fd, "r");
	if (!records || !records->file) {
		close(fd);
		free(records);
		return -ENOMEM;
	}
	setvbuf(records->file, records->buffer, _IOFBF, sizeof(records->buffer));
	*ret = records;
	return 0;
}

void census_records_free(struct census_records *records)
{
	if (!records)
		return;
	fclose(records->file);
	free(records);
}

static void take_next(struct census_records *records)
{
	int repeats = 0;

	records->held = false;
	while (!records->ended && !records->held) {
		if (fread_unlocked(&records->record, sizeof(records->record), 1, records->file) != 1)
			records->ended = true;
		else if (records->record.start >= records->from)
			records->held = true;
		else if (++repeats > REPEATS_MAX)
			records->ended = true;
	}
	records->from = records->record.start + 1;
}

const struct census_record *census_records_find(struct census_records *records, uint64_t start, uint64_t end)
{
	while (!records->ended && (!records->held || records->record.start < start))
		take_next(records);
	return records->held && records->record.start == start && records->record.end == end ? &records->record : NULL;
}
