/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census_records.h: finds what the kernel's list says of each mapping of a maps file that is read beside it. Both go upwards,
 * so one record is held at a time.
 */
#ifndef VMASNOOP_CENSUS_RECORDS_H
#define VMASNOOP_CENSUS_RECORDS_H

#include <stdint.h>

#include "../bpf/census.h"

struct census_records;

/* Takes over the descriptor, which struct census_record can be read from. 0 or a negative errno; it is then closed. */
int census_records_new(int fd, struct census_records **ret);
void census_records_free(struct census_records *records);

/*
 * The record of the mapping [start, end), valid until the next call; NULL: there is none, as where the process changed its
 * mappings meanwhile. `start` is above that of the call before.
 */
const struct census_record *census_records_find(struct census_records *records, uint64_t start, uint64_t end);

#endif
