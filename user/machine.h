/* SPDX-License-Identifier: GPL-2.0-or-later */
/* machine.h: what advice needs to know of the machine that we run on. What the tracing needs is feature.h's. */
#ifndef VMASNOOP_MACHINE_H
#define VMASNOOP_MACHINE_H

#include <stdbool.h>

#include "kernel_sizes.h"

#define OVERCOMMIT_UNKNOWN (-1)
#define OVERCOMMIT_NEVER   2

struct machine {
	struct kernel_sizes sizes;
	int overcommit; /* vm.overcommit_memory: 0, 1, 2 or OVERCOMMIT_UNKNOWN */
	bool has_guard_regions; /* madvise(MADV_GUARD_INSTALL) works here */
};

/* Of a machine of which nothing is known: a replay's. */
void machine_unknown(struct machine *ret);

/* Takes some 10 ms, of which most is for the kernel's types. */
void machine_read(struct machine *ret);

/* What may be another now: vm.overcommit_memory. */
void machine_renew(struct machine *machine);

#endif
