/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.h: launches COMMAND so that it can be watched before its first instruction: it is forked at once and executed
 * when released. It stays in our process group and session, so the keys of the terminal reach it: from the release on
 * the caller ignores SIGINT and SIGQUIT, and ends when the command does.
 */
#ifndef VMASNOOP_COMMAND_H
#define VMASNOOP_COMMAND_H

#include <signal.h>
#include <sys/types.h>

/* Exit statuses for a command that did not run; 126 and 127 as shells have them. */
enum {
	COMMAND_EXIT_OURS = 125,
	COMMAND_EXIT_NOT_EXECUTABLE = 126,
	COMMAND_EXIT_NOT_FOUND = 127,
};

/* What we were started with and COMMAND gets back: ignored signals (nohup) stay so, all others are at their default. */
struct command_signals {
	sigset_t mask;
	sigset_t ignored;
};

/* To be called before the first change of a signal's disposition or of the mask. */
void command_signals_save(struct command_signals *ret);

struct command;

/*
 * Forks. All else that a process inherits (directory, limits, privileges, descriptors without CLOEXEC) is as it is now,
 * so this comes before we change any of it. `signals` may be NULL: as they are now. An ignored SIGCHLD is set to its
 * default in us, since it would lose the status. Returns 0 or a negative errno.
 */
int command_new(char *const argv[], const struct command_signals *signals, struct command **ret);

/* NULL is fine. Kills a command that was not released; one that runs is left running. */
void command_free(struct command *command);

pid_t command_pid(const struct command *command);

/* Becomes readable when the command has ended. Owned by the command. */
int command_pidfd(const struct command *command);

/*
 * Lets the command run. Returns 0 when the program has been executed (or a signal ended the command before: its status
 * tells), or the negative errno with which the kernel refused to execute it.
 */
int command_release(struct command *command);

/* The exit status that says why command_release() failed: 127 for -ENOENT, else 126. */
int command_refused_status(int err);

/* Waits for the end. *ret: the exit status, or 128 + the number of the signal that killed it. */
int command_wait(struct command *command, int *ret);

/* Gives up before the release: the command is gone, and never ran, when this returns. No harm after its end. */
void command_kill(struct command *command);

#endif
