/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modules.h: the files that a process executes from: its executable file mappings, read from /proc while it lives, each
 * file opened then, so that exit, exec and unlink lose nothing. Knows no symbols: see symbolizer.h.
 */
#ifndef VMASNOOP_MODULES_H
#define VMASNOOP_MODULES_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define MODULES_MAX 4096 /* mappings kept of one process: the lowest ones */

struct module {
	uint64_t start; /* of the mapping: [start, end) */
	uint64_t end;
	uint64_t file_offset; /* in bytes, of the mapping's first byte */
	uint64_t inode; /* 0 for the vDSO */
	dev_t device;
	char *path; /* as /proc gives it, or "[vdso]"; " (deleted)" is kept */
	int fd; /* open for reading, or -1; modules of one file share it. Of "[vdso]": a memfd with its image */
	bool names_only; /* reading its lines and inlined calls took too long: they are not looked for */
};

struct modules;

/*
 * Reads the modules of the process that thread `tid` belongs to. Any living thread will do, also one whose group leader
 * has exited. Returns 0, -ESRCH when it is gone, or another negative errno.
 */
int modules_read(pid_t tid, struct modules **ret);

/* They are shared: another reference, and the end of one. */
struct modules *modules_ref(struct modules *modules);
void modules_free(struct modules *modules);

/* Reads them from the text of a maps file, as modules_read() does before 6.11, and opens none: each fd is -1. */
int modules_parse(FILE *maps, struct modules **ret);

/* The process ended while they were read: what is missing may have been there. */
bool modules_are_partial(const struct modules *modules);

/* The module that holds addr, or NULL. */
const struct module *modules_find(const struct modules *modules, uint64_t addr);

/* All of them, by address. */
const struct module *modules_list(const struct modules *modules, size_t *count);

/*
 * Beside the mappings, what naming needs of the process later, when it may be gone; -1 where there is none. Both are
 * borrowed. The root directory, for O_PATH use, in which separate debug files are looked for; and the file in which a JIT
 * names its code, /tmp/perf-PID.map with the PID in the process's own namespace, a regular file of its user or of root.
 */
int modules_root_fd(const struct modules *modules);
int modules_perf_map_fd(const struct modules *modules);

/* Takes over `fd`: for a list that was made otherwise. */
void modules_set_root_fd(struct modules *modules, int fd);
void modules_set_perf_map_fd(struct modules *modules, int fd);

/* A number by which lists of one process that differ are told apart; 0 until it is set. */
uint64_t modules_generation(const struct modules *modules);
void modules_set_generation(struct modules *modules, uint64_t generation);

/* The process it was made of was not complete: see modules_are_partial(). */
void modules_mark_partial(struct modules *modules);

/* Wraps a list that was made otherwise (tests, a capture); takes ownership of `list` and all in it. */
int modules_from_list(struct module *list, size_t count, struct modules **ret);

#endif
