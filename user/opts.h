/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opts.h: the command line as values. One table says which options there are; parsing and --help follow from it. Prints
 * nothing but the help, and opens nothing: what the values mean for the machine is for others to find out.
 */
#ifndef VMASNOOP_OPTS_H
#define VMASNOOP_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "../bpf/config.h"
#include "rung.h"

/* The commands whose options these are; a bit each. */
enum opts_command {
	OPTS_TRACE = 1 << 0, /* vmasnoop [OPTIONS] [-- COMMAND [ARG..]] */
	OPTS_REPLAY = 1 << 1, /* vmasnoop replay CAPTURE [OPTIONS] */
	OPTS_CENSUS = 1 << 2, /* vmasnoop census PID|--maps FILE [OPTIONS] */
};

/* The strings are argv's own. */
struct opts {
	pid_t *pids; /* without repetitions; census: one, or none with maps */
	size_t pid_count;
	const char *comm; /* at most 15 bytes, or NULL */
	const char *cgroup; /* the path as given, or NULL */
	const char *output; /* file, or NULL: stdout */
	const char *folded; /* file for the origins of mappings as folded stacks, or NULL */
	const char *capture; /* file to write raw records to, or NULL */
	const char *input; /* replay: the capture to read */
	const char *maps; /* census: a saved maps file, "-": standard input, or NULL */
	char **command; /* ends with NULL, as execvp() wants it; NULL: none */
	uint64_t errno_wanted[CONFIG_ERRNO_WORDS]; /* as in struct config; all 0: none was named */
	uint64_t duration_ns; /* 0: no end */
	uint64_t max_events; /* 0: no end */
	uint64_t recorder_ops; /* calls that the flight recorder keeps of each hot process; 0: none */
	uint64_t limit; /* census: vm.max_map_count where the maps file is from; 0: not known */
	uint64_t stack_bytes; /* of a user stack that are copied at most: 0 (none), 4096, 16384 or 65536 */
	enum rung hook;
	uint8_t warn_percent[CONFIG_WARN_MAX]; /* ascending, the rest 0 */
	uint8_t warn_count;
	uid_t uid; /* valid when filter_uid is */
	int ready_fd; /* an open descriptor, or -1; still without CLOEXEC if it came so */
	unsigned int verbose;
	bool filter_uid;
	bool all;
	bool json;
	bool no_user_stack;
	bool no_kernel_stack;
	bool debuginfod;
	bool smaps;
	bool splits;
	bool quiet;
	bool help; /* this one and version end the parsing: the rest of the command line was not looked at */
	bool version;
};

/*
 * Parses argv (argv[0] is not looked at). Returns 0, -EINVAL or -ENOMEM, and then `error` holds one line, without a
 * newline, that says what is wrong and what to do. Uses getopt's state: for one thread at a time.
 */
int opts_parse(enum opts_command command, int argc, char **argv, struct opts *ret, char *error, size_t error_size);
void opts_fini(struct opts *opts);

void opts_print_help(enum opts_command command, FILE *out);

#endif
