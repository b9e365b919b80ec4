/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debuginfod.h: debug files from the servers in DEBUGINFOD_URLS, fetched by a process of its own without privileges:
 * neither the tracer nor the symbolizer's process speaks HTTP. Nothing here waits. One fetch at a time.
 */
#ifndef VMASNOOP_DEBUGINFOD_H
#define VMASNOOP_DEBUGINFOD_H

#include <stdbool.h>

/* The command word of that process. Not for people. */
#define DEBUGINFOD_HELPER_WORD "debuginfod-process"

struct debuginfod;

/* `program` is borrowed: from self_open(). */
int debuginfod_new(int program, struct debuginfod **ret);
void debuginfod_free(struct debuginfod *debuginfod);

/* Readable (poll, epoll) when debuginfod_take() has something to do. */
int debuginfod_fd(const struct debuginfod *debuginfod);

/* Starts to fetch. -EAGAIN: no use, the servers did not answer a moment ago; or another negative errno. */
int debuginfod_fetch(struct debuginfod *debuginfod, const char *build_id);

/* True when the fetch has come to its end, within a bounded time: *fd is the file, open for reading, or -1. */
bool debuginfod_take(struct debuginfod *debuginfod, int *fd);

/* argv[0] is the word. */
int cmd_debuginfod_helper(int argc, char **argv);

#endif
