/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps_reader.h: the mappings that a maps or smaps file lists, one after the other, in memory that does not grow with the
 * file. Judges lines, not what they say together: order and overlaps are census.h's.
 */
#ifndef VMASNOOP_MAPS_READER_H
#define VMASNOOP_MAPS_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "maps.h"
#include "vm_flag_codes.h"

struct maps_entry {
	struct maps_line line; /* its name is valid until the next call */
	uint64_t flags; /* of smaps, as bits of the reader's codes */
	bool flags_known;
};

struct maps_reader;

/* The descriptor stays the caller's. 0 or -ENOMEM. */
int maps_reader_new(int fd, bool smaps, struct maps_reader **ret);
void maps_reader_free(struct maps_reader *reader);

/*
 * 1: *ret is the next mapping. 0: there is none. Else a negative errno: of reading; -EBADMSG: the line that
 * maps_reader_line() tells is garbled; -ENODATA: it is the last one and was cut off.
 */
int maps_reader_next(struct maps_reader *reader, struct maps_entry *ret);

/* The line that was read last, counted from 1. */
uint64_t maps_reader_line(const struct maps_reader *reader);

/* The line that is garbled is one of smaps, and smaps was not asked for. */
bool maps_reader_met_smaps(const struct maps_reader *reader);

const struct vm_flag_codes *maps_reader_codes(const struct maps_reader *reader);

#endif
