/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What happened: the failures in an oracle file (format: tests/workloads/oracle.h). */
#ifndef ORACLE_HAPPENED_H
#define ORACLE_HAPPENED_H

#include <stdbool.h>

#include "calls.h"

/* syscall and errno_name restrict what is taken; NULL takes all. An error is said on stderr. */
bool happened_read(const char *path, const char *syscall, const char *errno_name, struct call_list *ret);

#endif
