/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waiter.h: what a run waits for: records in the ring, the second's tick, the end of its time, signals, the end of the
 * command or of the processes that were chosen. One call, one answer; acting on it is the command's.
 */
#ifndef VMASNOOP_WAITER_H
#define VMASNOOP_WAITER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum waiter_wake {
	WAKE_RING = 1 << 0,
	WAKE_TICK = 1 << 1,
	WAKE_TIME_UP = 1 << 2,
	WAKE_INTERRUPT = 1 << 3, /* SIGINT */
	WAKE_TERMINATE = 1 << 4, /* SIGTERM */
	WAKE_COMMAND_ENDED = 1 << 5,
	WAKE_PROCESSES_ENDED = 1 << 6, /* the last of them */
	WAKE_SYMBOLIZER = 1 << 7,
};

struct waiter;

/* Blocks SIGINT and SIGTERM for this process from here on: they come out of waiter_wait(). 0 or a negative errno. */
int waiter_new(struct waiter **ret);
void waiter_free(struct waiter *waiter);

int waiter_add_ring(struct waiter *waiter, int epoll_fd);
int waiter_add_symbolizer(struct waiter *waiter, int fd);
int waiter_add_duration(struct waiter *waiter, uint64_t duration_ns);
int waiter_add_command(struct waiter *waiter, int pidfd);

/* -ESRCH: there is no such process. */
int waiter_add_process(struct waiter *waiter, pid_t pid);

/* Waits for at least one of them: a mask of enum waiter_wake, or a negative errno. */
int waiter_wait(struct waiter *waiter);

/* Waits for `fd` (readable: WAKE_SYMBOLIZER) and the signals alone, for so long at most: a mask as above, 0: the time is up. */
int waiter_wait_briefly(struct waiter *waiter, int fd, uint64_t most_ns);

#endif
