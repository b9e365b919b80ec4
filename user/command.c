// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * command.c: see command.h. One socket pair does all the talking: a byte to the child releases it, an errno from it says
 * that execvp() failed, and its closing on exec says that it did not. The child takes our end's closing for our death.
 */
#include "command.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

struct command {
	pid_t pid;
	int pidfd;
	int socket;
	int status; /* valid when reaped */
	bool released;
	bool reaped;
};

void command_signals_save(struct command_signals *ret)
{
	struct sigaction action;

	sigprocmask(SIG_SETMASK, NULL, &ret->mask);
	sigemptyset(&ret->ignored);
	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
			sigaddset(&ret->ignored, sig);
	}
}

static void restore_signals(const struct command_signals *signals)
{
	struct sigaction action = {0};

	/* SIGKILL, SIGSTOP and libc's own two refuse, and need nothing. */
	for (int sig = 1; sig < NSIG; sig++) {
		action.sa_handler = sigismember(&signals->ignored, sig) == 1 ? SIG_IGN : SIG_DFL;
		sigaction(sig, &action, NULL);
	}
	sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

/* For the time until the release: the kernel kills us when the tracer dies, also if a fork of it holds its socket. */
static void die_with(pid_t tracer)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != tracer)
		_exit(COMMAND_EXIT_OURS);
}

static ssize_t receive(int fd, void *buffer, size_t size)
{
	ssize_t got;

	do {
		got = recv(fd, buffer, size, 0);
	} while (got < 0 && errno == EINTR);
	return got;
}

static void __attribute__((noreturn))
run_child(char *const argv[], const struct command_signals *signals, pid_t tracer, int fd)
{
	char release;
	int err;

	restore_signals(signals);
	die_with(tracer);
	if (receive(fd, &release, sizeof(release)) != sizeof(release))
		_exit(COMMAND_EXIT_OURS);
	/* It would survive the exec. */
	prctl(PR_SET_PDEATHSIG, 0);
	execvp(argv[0], argv);
	err = errno;
	send(fd, &err, sizeof(err), MSG_NOSIGNAL);
	_exit(command_refused_status(-err));
}

static void keep_children_waitable(void)
{
	struct sigaction action;

	if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN)
		signal(SIGCHLD, SIG_DFL);
}

/* All signals are blocked around the fork, so that no handler of ours runs in the child. */
static pid_t fork_child(char *const argv[], const struct command_signals *signals, const int fds[2])
{
	pid_t tracer = getpid(), pid;
	sigset_t all, before;
	int err;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		run_child(argv, signals, tracer, fds[1]);
	}
	err = errno;
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = err;
	return pid;
}

/* The child, and the ways to talk to it and to see it end. What was made is in *command, also on failure. */
static int start(struct command *command, char *const argv[], const struct command_signals *signals)
{
	_cleanup_close_ int child_socket = -1;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
		return -errno;
	command->socket = fds[0];
	child_socket = fds[1];
	command->pid = fork_child(argv, signals, fds);
	if (command->pid < 0)
		return -errno;
	command->pidfd = syscall(SYS_pidfd_open, command->pid, 0);
	return command->pidfd < 0 ? -errno : 0;
}

CLEANUP_DEFINE(cleanup_command, struct command *, command_free)

int command_new(char *const argv[], const struct command_signals *signals, struct command **ret)
{
	_cleanup_(cleanup_command) struct command *command = malloc(sizeof(*command));
	struct command_signals now;
	int err;

	if (!command)
		return -ENOMEM;
	*command = (struct command){.pid = -1, .pidfd = -1, .socket = -1};
	command_signals_save(&now);
	keep_children_waitable();
	err = start(command, argv, signals ? signals : &now);
	if (err)
		return err;
	*ret = cleanup_take(command);
	return 0;
}

void command_free(struct command *command)
{
	if (!command)
		return;
	if (command->pid > 0 && !command->released)
		command_kill(command);
	if (command->pidfd >= 0)
		close(command->pidfd);
	if (command->socket >= 0)
		close(command->socket);
	free(command);
}

pid_t command_pid(const struct command *command)
{
	return command->pid;
}

int command_pidfd(const struct command *command)
{
	return command->pidfd;
}

static int reap(struct command *command)
{
	int status;

	if (command->reaped)
		return 0;
	while (waitpid(command->pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	command->reaped = true;
	command->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return 0;
}

int command_release(struct command *command)
{
	int err;

	assert(!command->released);
	command->released = true;
	/* Neither a send that fails nor silence is an error: a signal, Ctrl-C say, may have ended the child before. */
	if (send(command->socket, "", 1, MSG_NOSIGNAL) != 1)
		return 0;
	if (receive(command->socket, &err, sizeof(err)) != sizeof(err))
		return 0;
	/* The child is on its way out, and its status is the same as command_refused_status(). */
	reap(command);
	return -err;
}

int command_refused_status(int err)
{
	return err == -ENOENT ? COMMAND_EXIT_NOT_FOUND : COMMAND_EXIT_NOT_EXECUTABLE;
}

int command_wait(struct command *command, int *ret)
{
	int err;

	assert(command->released);
	err = reap(command);
	if (err)
		return err;
	*ret = command->status;
	return 0;
}

void command_kill(struct command *command)
{
	if (command->reaped)
		return;
	command->released = true;
	/* Not reaped yet, so the number is still the child's. */
	kill(command->pid, SIGKILL);
	reap(command);
}
