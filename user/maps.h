/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps.h: one line of /proc/PID/maps as values. By hand, since a process may have a million of them. Reads no file: see
 * maps_reader.h.
 */
#ifndef VMASNOOP_MAPS_H
#define VMASNOOP_MAPS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest that a line can be: a path whose every byte is a newline, shown as \012, and what stands before it. */
#define MAPS_LINE_BYTES (4 * PATH_MAX + 256)

/* Of what stands as "rwxs"; the last is 'p' where the bit is not set. */
#define MAPS_READ   0x1
#define MAPS_WRITE  0x2
#define MAPS_EXEC   0x4
#define MAPS_SHARED 0x8

struct maps_line {
	uint64_t start; /* [start, end) */
	uint64_t end;
	uint64_t offset; /* in bytes, of the file; 0 where there is none */
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint8_t perms; /* MAPS_* */
	char *name; /* within the line, as it stands there; empty: none */
	size_t name_length;
};

/* `line` without its newline. 0, or -EBADMSG: it is none, or its range is empty; *ret is then undefined. */
int maps_parse_line(char *line, size_t length, struct maps_line *ret);

/*
 * Undoes \012 in place and returns the new length; a NUL follows if it got shorter. Newlines are the only bytes that the
 * kernel escapes (seq_file_path(m, file, "\n")), and a backslash is not: a literal \012 in a path cannot be told apart.
 */
size_t maps_unescape(char *name, size_t length);

#endif
