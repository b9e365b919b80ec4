/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What was flagged: the failures in vmasnoop's event log, each one checked as it is read. */
#ifndef ORACLE_FLAGGED_H
#define ORACLE_FLAGGED_H

#include <stdbool.h>

#include <jansson.h>
#include <stddef.h>

#include "calls.h"
#include "differences.h"

enum { EXPECTED_SYMBOLS_MOST = 16 };

struct expected_symbols {
	const char *names[EXPECTED_SYMBOLS_MOST];
	size_t count;
};

/* What every failure record must say; NULL, 0 and count 0 demand nothing. */
struct expected {
	const char *syscall; /* records of other calls are left out */
	const struct call_list
		*of; /* records of processes that made none of these calls are left out, but for totals */
	const char *verdict;
	const char *evidence;
	long limit;
	bool allow_unknown;
	bool allow_lost;
	bool allow_missed; /* calls that no hook saw, as long as they are counted */
	bool ignore_missed; /* those are others */
	struct expected_symbols user_symbols; /* whole names, innermost first */
	struct expected_symbols kernel_symbols; /* parts of names */
};

struct flagged {
	struct call_list calls;
	size_t unknown_verdicts;
	json_int_t hook_missed;
};

/* False: the log cannot be read, said on stderr. What is wrong in it goes to differences. */
bool flagged_read(const char *path, const struct expected *expected, struct differences *differences,
		  struct flagged *ret);

#endif
