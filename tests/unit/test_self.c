/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_self.c: processes of our own program: meant by what never comes to mean another one, and seen to be stopped and to
 * have ended. This program, started again, is such a process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "self.h"

#define STATUS 42

static struct self_child start(const char *word)
{
	const struct self_start start = {.word = word};
	struct self_child child = {.pidfd = -1};
	int program = self_open();

	assert_true(program >= 0);
	assert_int_equal(self_start(program, &start, &child), 0);
	assert_true(child.pid > 0 && child.pidfd >= 0);
	assert_true(fcntl(child.pidfd, F_GETFD) & FD_CLOEXEC);
	close(program);
	return child;
}

static siginfo_t wait_for_end(const struct self_child *child)
{
	struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
	siginfo_t info;

	assert_int_equal(poll(&ended, 1, 30000), 1);
	assert_true(self_reap(child, &info));
	return info;
}

static void ends(void **state)
{
	struct self_child child = start("ends");
	siginfo_t info = wait_for_end(&child);

	(void)state;
	assert_int_equal(info.si_pid, child.pid);
	assert_int_equal(info.si_code, CLD_EXITED);
	assert_int_equal(info.si_status, STATUS);
	/* Reaped already: how it ended is not known any more. */
	assert_true(self_reap(&child, &info));
	assert_int_equal(info.si_pid, 0);
	close(child.pidfd);
}

static void is_killed(void **state)
{
	struct self_child child = start("pauses");
	siginfo_t info;

	(void)state;
	assert_false(self_reap(&child, &info));
	self_kill(&child);
	info = wait_for_end(&child);
	assert_int_equal(info.si_code, CLD_KILLED);
	assert_int_equal(info.si_status, SIGKILL);
	close(child.pidfd);
}

static void is_stopped(void **state)
{
	struct self_child child = start("pauses");
	siginfo_t info;

	(void)state;
	assert_false(self_is_stopped(&child));
	kill(child.pid, SIGSTOP);
	assert_int_equal(waitid(P_PID, child.pid, &info, WSTOPPED | WNOWAIT), 0);
	assert_true(self_is_stopped(&child));
	assert_true(self_is_stopped(&child));
	self_kill(&child);
	wait_for_end(&child);
	assert_false(self_is_stopped(&child));
	close(child.pidfd);
}

/* A child with this very PID, which takes privileges; -1: it cannot be had. */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid, .set_tid_size = 1};
	pid_t got = syscall(SYS_clone3, &args, sizeof(args));

	if (!got) {
		for (;;)
			syscall(SYS_pause);
	}
	return got;
}

/* Its number is another process's by now: that one ends of what it was sent after, and not of a SIGKILL. */
static void never_another_process(void **state)
{
	struct self_child child = start("ends");
	siginfo_t info;
	pid_t pid;
	int status;

	(void)state;
	wait_for_end(&child);
	pid = fork_as(child.pid);
	if (pid < 0) {
		close(child.pidfd);
		skip();
	}
	assert_int_equal(pid, child.pid);
	self_kill(&child);
	assert_true(self_reap(&child, &info));
	assert_int_equal(info.si_pid, 0);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	close(child.pidfd);
}

/* As some programs start others: the kernel reaps all children at once. */
static void with_sigchld_ignored(void **state)
{
	struct self_child child;
	siginfo_t info;

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	child = start("ends");
	info = wait_for_end(&child);
	assert_int_equal(info.si_pid, 0);
	self_kill(&child);
	close(child.pidfd);
	signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
		cmocka_unit_test(is_killed),
		cmocka_unit_test(is_stopped),
		cmocka_unit_test(never_another_process),
		cmocka_unit_test(with_sigchld_ignored),
	};

	if (argc == 2 && !strcmp(argv[1], "ends"))
		return STATUS;
	while (argc == 2 && !strcmp(argv[1], "pauses"))
		pause();
	return cmocka_run_group_tests_name("self", tests, NULL, NULL);
}
