/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file_id.h: which file a descriptor is of, for what is known of a file beyond the time that it is open. Compares no
 * contents.
 */
#ifndef VMASNOOP_FILE_ID_H
#define VMASNOOP_FILE_ID_H

#include <stdbool.h>
#include <stdint.h>

/* A file may be replaced or its inode used again: all four make its identity. */
struct file_id {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t modified_ns;
};

/* False when there is none: -1, or a descriptor that says nothing. */
bool file_id_read(int fd, struct file_id *ret);
bool file_id_is(const struct file_id *id, const struct file_id *other);

#endif
