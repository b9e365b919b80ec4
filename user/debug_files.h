/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debug_files.h: finds the separate debug file that the symbolizer's process asks for. What is asked comes from a hostile
 * file by way of a process that parsed it: only names of one shape, below few directories, in the process's own root.
 */
#ifndef VMASNOOP_DEBUG_FILES_H
#define VMASNOOP_DEBUG_FILES_H

#include "symbolizer.h"

#define DEBUG_FILE_BYTES_MAX (8ULL << 30)

/* A descriptor, open for reading, of a regular file; or -1. */
int debug_files_open(const struct debug_file_request *request);

/* The same with another directory for the tracer's own root, in which only build-ids are looked for. */
int debug_files_open_below(const struct debug_file_request *request, int own_root_fd);

#endif
