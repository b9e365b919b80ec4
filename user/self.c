// SPDX-License-Identifier: GPL-2.0-or-later
/* self.c: see self.h. */
#include "self.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "sanitizer.h"

#define HIGH_FD	      16 /* above all that a process is given */
#define VARIABLES_MAX 64
#define WAIT_PIDFD    ((idtype_t)3) /* P_PIDFD, which glibc has since 2.36 and Linux since 5.4 */

int self_high_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);

	return high < 0 ? -errno : high;
}

int self_open(void)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : self_high_fd(fd);
}

int self_socket_pair(int *ours, int *theirs)
{
	_cleanup_close_ int low = -1, own = -1;
	int sockets[2], high;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		return -errno;
	own = sockets[0];
	low = sockets[1];
	if (fcntl(own, F_SETFL, O_NONBLOCK))
		return -errno;
	high = self_high_fd(low);
	if (high < 0)
		return high;
	*theirs = high;
	*ours = cleanup_take_fd(&own);
	return 0;
}

static bool is_wanted(const char *variable, const char *const *wanted)
{
	for (; *wanted; wanted++) {
		size_t length = strlen(*wanted);

		if (!strncmp(variable, *wanted, length) && (variable[length] == '=' || (*wanted)[length - 1] == '_'))
			return true;
	}
	return false;
}

/* The loader must find the same libraries again, and the sanitizers their options. */
static void choose_environment(const char *const *wanted, char *chosen[VARIABLES_MAX + 1])
{
	static const char *const always[] = {"LD_LIBRARY_PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", NULL};
	size_t count = 0;

	for (char **variable = environ; variable && *variable && count < VARIABLES_MAX; variable++)
		if (is_wanted(*variable, always) || (wanted && is_wanted(*variable, wanted)))
			chosen[count++] = *variable;
	chosen[count] = NULL;
}

/* The keys of the terminal and a request to end are the tracer's business: its end is the process's. */
static void settle_signals(void)
{
	struct sigaction action = {0};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++) {
		bool ignored = sig == SIGINT || sig == SIGQUIT || sig == SIGTERM || sig == SIGHUP || sig == SIGPIPE;

		action.sa_handler = ignored ? SIG_IGN : SIG_DFL;
		sigaction(sig, &action, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing here may allocate: it runs in a fork. */
static void __attribute__((noreturn))
run_child(int program, const struct self_start *start, int null, char *const environment[])
{
	char *const argv[] = {(char *)"vmasnoop", (char *)(uintptr_t)start->word, NULL};

	settle_signals();
	setsid();
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(EXIT_FAILURE);
	if (!IS_SANITIZED && dup2(null, STDERR_FILENO) < 0)
		_exit(EXIT_FAILURE);
	for (size_t i = 0; i < start->fd_count; i++)
		if (dup2(start->fds[i], SELF_FIRST_FD + (int)i) < 0)
			_exit(EXIT_FAILURE);
	syscall(SYS_execveat, program, "", argv, environment, AT_EMPTY_PATH);
	_exit(EXIT_FAILURE);
}

/*
 * A fork that gives the child's pidfd with it: by its number alone it could be reaped, where SIGCHLD is ignored, and the
 * number be another process's before a pidfd is opened. Linux 5.2; clone3() is refused by some containers' seccomp.
 */
static pid_t fork_with_pidfd(int *pidfd)
{
	return syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
}

/* All signals are blocked around the fork, so that no handler of ours runs in the child. */
int self_start(int program, const struct self_start *start, struct self_child *ret)
{
	_cleanup_close_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char *environment[VARIABLES_MAX + 1];
	struct self_child child = {.pidfd = -1};
	sigset_t all, before;
	int err;

	if (null < 0)
		return -errno;
	choose_environment(start->environment, environment);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	child.pid = fork_with_pidfd(&child.pidfd);
	if (!child.pid)
		run_child(program, start, null, environment);
	err = child.pid < 0 ? -errno : 0;
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (!err)
		*ret = child;
	return err;
}

void self_kill(const struct self_child *child)
{
	syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0);
}

bool self_reap(const struct self_child *child, siginfo_t *ret)
{
	*ret = (siginfo_t){};
	/* With SIGCHLD ignored the kernel has reaped it, and how it ended is not known. */
	return waitid(WAIT_PIDFD, child->pidfd, ret, WEXITED | WNOHANG) || ret->si_pid;
}

bool self_is_stopped(const struct self_child *child)
{
	siginfo_t info = {};

	return !waitid(WAIT_PIDFD, child->pidfd, &info, WSTOPPED | WNOHANG | WNOWAIT) && info.si_pid;
}
