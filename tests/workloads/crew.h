/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A crew: worker threads that go through the phases of a workload together with the main thread.
 * Workers never end: an ending thread may unmap its stack, a call that the oracle would not know.
 */
#ifndef WORKLOADS_CREW_H
#define WORKLOADS_CREW_H

#include <pthread.h>
#include <stddef.h>

#define CREW_MOST 1024

struct crew {
	size_t size;
	pthread_barrier_t barrier;
	pthread_t threads[CREW_MOST];
};

struct crew_member {
	struct crew *crew;
	size_t number;
};

/* Starts size threads in work(struct crew_member *). Returns 0 or -errno, said on stderr. */
int crew_start(struct crew *crew, size_t size, void *(*work)(void *));

/* The end of a phase: returns when all workers and the main thread have called it. */
void crew_meet(struct crew *crew);

/* The last call of a worker: waits for the process to end. */
_Noreturn void crew_park(void);

/* The number in text, from 1 to CREW_MOST, or 0. */
size_t crew_parse_size(const char *text);

#endif
