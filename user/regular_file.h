/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * regular_file.h: opens files that a stranger named. What is handed on to the symbolizer's process must be a file that
 * the stranger could have read as well: names, links and mounts are his, and we are root.
 */
#ifndef VMASNOOP_REGULAR_FILE_H
#define VMASNOOP_REGULAR_FILE_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

/*
 * Opens for reading what `path_fd` (O_PATH) only names, if it is a regular file; *ret is its status, and may be NULL.
 * Merely opening a device can do harm (a tape rewinds, a watchdog starts), so the look comes first, and it is the very
 * same file that is then opened. -1: it is none, or cannot be opened.
 */
int regular_file_open(int path_fd, struct stat *ret);

/* Everybody may read it, or it belongs to this user, who is not root. */
bool regular_file_is_open_to(const struct stat *status, uid_t user);

/* It begins as an ELF file does. */
bool regular_file_is_elf(int fd);

#endif
