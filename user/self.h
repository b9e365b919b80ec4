/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * self.h: starts our own program once more, as another process of the tracer's, which has nothing of the tracer's memory
 * and only the descriptors that it is given. What it then is, a command word says: see main.c.
 */
#ifndef VMASNOOP_SELF_H
#define VMASNOOP_SELF_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* The first of the descriptors that it is given; below it are standard input, output and error, which lead nowhere. */
#define SELF_FIRST_FD 3

struct self_start {
	const char *word;
	const int *fds; /* become SELF_FIRST_FD and the next ones; each from self_high_fd() */
	size_t fd_count;
	const char *const
		*environment; /* variables that it inherits, up to NULL; one that ends in '_' means all such */
};

/* The program that we are, for O_PATH use: open before anything can take its place. Or a negative errno. */
int self_open(void);

/* A copy of fd that is not in the way of those that the process is given, or a negative errno. */
int self_high_fd(int fd);

/* A child of ours until it is reaped: meant by its pidfd, which never comes to mean another process. */
struct self_child {
	pid_t pid; /* for people and for tests */
	int pidfd; /* ours; readable (poll, epoll) when it has ended */
};

/* 0 or a negative errno. That the program could not be executed shows in the process's end alone. */
int self_start(int program, const struct self_start *start, struct self_child *ret);

/* Of one that has ended, and of one that was reaped, nothing comes. */
void self_kill(const struct self_child *child);

/* True when it has ended: *ret says how, or nothing when it is not known. Never waits. */
bool self_reap(const struct self_child *child, siginfo_t *ret);

/* Someone stopped it, by a signal. */
bool self_is_stopped(const struct self_child *child);

/* A pair of sockets for such a process: ours is non-blocking. 0 or a negative errno. */
int self_socket_pair(int *ours, int *theirs);

#endif
