/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The main of the workloads that bring their process to the limit and write down what failed there, alone or as a crew:
 * options, the limit, the oracle, the threads and their steps. What is done in a step is the workload's.
 */
#ifndef WORKLOADS_WORK_H
#define WORKLOADS_WORK_H

#include <stddef.h>

#include "fill.h"
#include "oracle.h"

/* First the crew's part, by all threads at once, then the main thread's, while the others wait. Either may be NULL. */
struct work_step {
	/* Does the shares numbered first, first + step, ... */
	void (*by_crew)(size_t first, size_t step);
	/* Returns 0, or what ends the workload, said on stderr. */
	int (*by_main)(void);
};

struct work {
	const struct work_step *steps;
	size_t step_count;
	int (*report)(void); /* returns the exit status */
	size_t *blocks; /* how many: what -b says, or what it has when the work begins; NULL: no -b */
	size_t blocks_most;
};

/* Ready when the first step begins. */
extern struct fill work_fill;
extern struct oracle work_oracle;

/* Returns the exit status. */
int work_main(int argc, char **argv, const struct work *work);

/* Writes the oracle. Returns 0, or -1, said on stderr. */
int work_write_oracle(void);

#endif
