// SPDX-License-Identifier: GPL-2.0-or-later
/* COMMAND runs when it is released and not before, its end is told as a shell tells it, and giving up leaves nothing. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "command.h"

#define SHELL(script) ((char *[]){"sh", "-c", script, NULL})

static struct command *launch(char *const argv[])
{
	struct command *command = NULL;

	assert_int_equal(command_new(argv, NULL, &command), 0);
	return command;
}

static int run(char *const argv[])
{
	struct command *command = launch(argv);
	int status = -1;

	assert_int_equal(command_release(command), 0);
	assert_int_equal(command_wait(command, &status), 0);
	assert_int_equal(command_wait(command, &status), 0);
	command_free(command);
	return status;
}

static void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_exit_status(void **state)
{
	(void)state;
	assert_int_equal(run(SHELL("exit 0")), 0);
	assert_int_equal(run(SHELL("exit 42")), 42);
	assert_no_child();
}

static void test_death_by_signal(void **state)
{
	(void)state;
	assert_int_equal(run(SHELL("kill -TERM $$")), 128 + SIGTERM);
	assert_int_equal(run(SHELL("kill -KILL $$")), 128 + SIGKILL);
}

static void assert_refused(const char *path, int err, int exit_status)
{
	struct command *command = launch((char *[]){(char *)path, NULL});
	int status = -1;

	assert_int_equal(command_release(command), err);
	assert_int_equal(command_refused_status(err), exit_status);
	assert_int_equal(command_wait(command, &status), 0);
	assert_int_equal(status, exit_status);
	command_free(command);
	assert_no_child();
}

static void test_not_found(void **state)
{
	(void)state;
	assert_refused("/nonexistent/program", -ENOENT, 127);
	assert_refused("vmasnoop-no-such-program", -ENOENT, 127);
	assert_refused("", -ENOENT, 127);
}

static void test_not_executable(void **state)
{
	char path[] = "/tmp/vmasnoop-test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	assert_refused(path, -EACCES, 126);
	unlink(path);
	assert_refused("/", -EACCES, 126);
}

static char read_state(pid_t pid)
{
	char path[64], state = '\0';
	FILE *stat;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	stat = fopen(path, "re");
	assert_non_null(stat);
	assert_int_equal(fscanf(stat, "%*d (%*[^)]) %c", &state), 1);
	fclose(stat);
	return state;
}

/* Until it has nothing more to do by itself: a child that does not wait for us has then run, or ended. */
static void await_idle(pid_t pid)
{
	while (read_state(pid) == 'R')
		sched_yield();
}

static void read_exe(pid_t pid, char *ret, size_t size)
{
	char link[64];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	length = readlink(link, ret, size - 1);
	assert_true(length > 0);
	ret[length] = '\0';
}

static void test_runs_when_released_and_not_before(void **state)
{
	char ours[4096], before[4096], after[4096], script[64];
	struct pollfd readable = {.events = POLLIN};
	struct command *command;
	int told[2], status;

	(void)state;
	assert_int_equal(pipe(told), 0);
	readable.fd = told[0];
	/* It stops, so that it can be looked at. */
	snprintf(script, sizeof(script), "printf x >&%d; kill -STOP $$", told[1]);
	command = launch(SHELL(script));
	await_idle(command_pid(command));
	read_exe(getpid(), ours, sizeof(ours));
	read_exe(command_pid(command), before, sizeof(before));
	assert_string_equal(before, ours);
	assert_int_equal(poll(&readable, 1, 0), 0);

	assert_int_equal(command_release(command), 0);
	read_exe(command_pid(command), after, sizeof(after));
	assert_string_not_equal(after, ours);
	assert_int_equal(poll(&readable, 1, -1), 1);
	kill(command_pid(command), SIGKILL);
	assert_int_equal(command_wait(command, &status), 0);
	assert_int_equal(status, 128 + SIGKILL);
	command_free(command);
	close(told[0]);
	close(told[1]);
}

static void test_pidfd_tells_the_end(void **state)
{
	struct command *command = launch(SHELL("exit 3"));
	struct pollfd ended = {.fd = command_pidfd(command), .events = POLLIN};
	int status = -1;

	(void)state;
	assert_int_equal(poll(&ended, 1, 0), 0);
	assert_int_equal(command_release(command), 0);
	assert_int_equal(poll(&ended, 1, -1), 1);
	assert_int_equal(command_wait(command, &status), 0);
	assert_int_equal(status, 3);
	command_free(command);
}

/* The write end of a pipe that the child inherits: the reader sees an 'x' if it ran, and EOF once it is gone. */
static struct command *launch_teller(const int told[2])
{
	char script[64];

	snprintf(script, sizeof(script), "printf x >&%d", told[1]);
	return launch(SHELL(script));
}

static void test_giving_up_leaves_nothing(void **state)
{
	struct command *command;
	int told[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(told), 0);
	command = launch_teller(told);
	await_idle(command_pid(command));
	command_kill(command);
	assert_no_child();
	command_kill(command);
	command_free(command);
	command_free(launch_teller(told));
	command_free(NULL);
	assert_no_child();
	close(told[1]);
	assert_int_equal(read(told[0], &byte, 1), 0);
	close(told[0]);
}

static void test_tracer_dies_before_release(void **state)
{
	int told[2];
	char byte;
	pid_t tracer;

	(void)state;
	assert_int_equal(pipe(told), 0);
	tracer = fork();
	assert_true(tracer >= 0);
	if (tracer == 0) {
		await_idle(command_pid(launch_teller(told)));
		_exit(0);
	}
	close(told[1]);
	assert_int_equal(read(told[0], &byte, 1), 0);
	close(told[0]);
	assert_int_equal(waitpid(tracer, NULL, 0), tracer);
}

static void test_tracer_death_after_release_is_survived(void **state)
{
	int told[2], go[2], status;
	char script[96], byte = 0;
	pid_t tracer;

	(void)state;
	assert_int_equal(pipe(told), 0);
	assert_int_equal(pipe(go), 0);
	snprintf(script, sizeof(script), "read line <&%d; printf x >&%d", go[0], told[1]);
	tracer = fork();
	assert_true(tracer >= 0);
	if (tracer == 0)
		_exit(command_release(launch(SHELL(script))) ? 1 : 0);
	assert_int_equal(waitpid(tracer, &status, 0), tracer);
	assert_int_equal(status, 0);
	close(told[1]);
	assert_int_equal(write(go[1], "\n", 1), 1);
	assert_int_equal(read(told[0], &byte, 1), 1);
	assert_int_equal(byte, 'x');
	close(told[0]);
	close(go[0]);
	close(go[1]);
}

static void test_killed_before_release(void **state)
{
	struct command *command = launch(SHELL("exit 0"));
	struct pollfd ended = {.fd = command_pidfd(command), .events = POLLIN};
	int status = -1;

	(void)state;
	kill(command_pid(command), SIGINT);
	assert_int_equal(poll(&ended, 1, -1), 1);
	assert_int_equal(command_release(command), 0);
	assert_int_equal(command_wait(command, &status), 0);
	assert_int_equal(status, 128 + SIGINT);
	command_free(command);
}

static int run_with(const struct command_signals *signals, char *const argv[])
{
	struct command *command = NULL;
	int status = -1;

	assert_int_equal(command_new(argv, signals, &command), 0);
	assert_int_equal(command_release(command), 0);
	assert_int_equal(command_wait(command, &status), 0);
	command_free(command);
	return status;
}

static void test_signals_are_given_back(void **state)
{
	struct command_signals saved;
	sigset_t blocked;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	command_signals_save(&saved);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, NULL);

	/* A signal that is blocked or ignored does not end the shell, which then ends with 7. */
	assert_int_equal(run_with(&saved, SHELL("kill -PIPE $$; exit 7")), 128 + SIGPIPE);
	assert_int_equal(run_with(&saved, SHELL("kill -INT $$; exit 7")), 128 + SIGINT);
	assert_int_equal(run_with(&saved, SHELL("kill -TERM $$; exit 7")), 128 + SIGTERM);
	assert_int_equal(run_with(&saved, SHELL("kill -HUP $$; exit 7")), 7);

	sigprocmask(SIG_UNBLOCK, &blocked, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
}

static void test_inherits_no_descriptor_of_ours(void **state)
{
	(void)state;
	/* 0, 1, 2 and the one that lists them: whatever the test was started with is not the command's affair. */
	for (int fd = 3; fd < 256; fd++)
		close(fd);
	assert_int_equal(run(SHELL("test \"$(ls /proc/self/fd | wc -l)\" -eq 4")), 0);
}

static void test_same_group_and_session(void **state)
{
	struct command *command = launch(SHELL("exit 0"));

	(void)state;
	assert_int_equal(getpgid(command_pid(command)), getpgrp());
	assert_int_equal(getsid(command_pid(command)), getsid(0));
	command_free(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exit_status),
		cmocka_unit_test(test_death_by_signal),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_not_executable),
		cmocka_unit_test(test_runs_when_released_and_not_before),
		cmocka_unit_test(test_pidfd_tells_the_end),
		cmocka_unit_test(test_giving_up_leaves_nothing),
		cmocka_unit_test(test_tracer_dies_before_release),
		cmocka_unit_test(test_tracer_death_after_release_is_survived),
		cmocka_unit_test(test_killed_before_release),
		cmocka_unit_test(test_signals_are_given_back),
		cmocka_unit_test(test_inherits_no_descriptor_of_ours),
		cmocka_unit_test(test_same_group_and_session),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
