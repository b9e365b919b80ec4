/* SPDX-License-Identifier: GPL-2.0-or-later */
/* census_iterator.h: opens the kernel's list of what maps does not show of a task's mappings. Reads it not: see census_records.h. */
#ifndef VMASNOOP_CENSUS_ITERATOR_H
#define VMASNOOP_CENSUS_ITERATOR_H

#include <sys/types.h>

/*
 * A descriptor to read struct census_record from, the caller's; or a negative errno: -EPERM: no privilege, or the kernel
 * refuses it; -ESRCH: there is no such task, or this kernel has no such iterator.
 */
int census_iterator_open(pid_t tid);

#endif
