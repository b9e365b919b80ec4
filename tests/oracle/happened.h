/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened: the failures in an oracle file (format: tests/workloads/oracle.h). */
#ifndef ORACLE_HAPPENED_H
#define ORACLE_HAPPENED_H

#include <stdbool.h>

#include "calls.h"

/* Restricts what is taken; NULL and false take all. */
struct happened_filter {
	const char *syscall;
	const char *errno_names; /* separated by commas */
	bool shortages_only; /* without what is wrong with the call itself */
};

/* An error is said on stderr. */
bool happened_read(const char *path, const struct happened_filter *filter, struct call_list *ret);

#endif
