// SPDX-License-Identifier: GPL-2.0-or-later
/* What a run waits for wakes it, each by its name. Every wait is ended by the event itself. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "waiter.h"

#define HOUR_NS (3600 * 1000000000ULL)

static struct waiter *make(void)
{
	struct waiter *waiter = NULL;

	assert_int_equal(waiter_new(&waiter), 0);
	return waiter;
}

/* The next wake that is not only the second's tick: a slow machine may tick at any time. */
static int wait_for_event(struct waiter *waiter)
{
	int wakes;

	do {
		wakes = waiter_wait(waiter);
		assert_true(wakes > 0);
		wakes &= ~WAKE_TICK;
	} while (!wakes);
	return wakes;
}

static void test_signals(void **state)
{
	struct waiter *waiter = make();

	(void)state;
	kill(getpid(), SIGINT);
	assert_int_equal(wait_for_event(waiter), WAKE_INTERRUPT);
	kill(getpid(), SIGTERM);
	assert_int_equal(wait_for_event(waiter), WAKE_TERMINATE);
	/* Both, and one twice, before anybody looks. */
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGINT);
	kill(getpid(), SIGINT);
	assert_int_equal(wait_for_event(waiter), WAKE_INTERRUPT | WAKE_TERMINATE);
	waiter_free(waiter);
}

/* As with `-- COMMAND`, when the keys are the command's: an ignored signal still comes out. */
static void test_ignored_signals_come_out(void **state)
{
	struct waiter *waiter;

	(void)state;
	signal(SIGINT, SIG_IGN);
	waiter = make();
	kill(getpid(), SIGINT);
	assert_int_equal(wait_for_event(waiter), WAKE_INTERRUPT);
	waiter_free(waiter);
	signal(SIGINT, SIG_DFL);
}

static void test_tick(void **state)
{
	uint64_t before_ns = clock_now_ns(CLOCK_MONOTONIC);
	struct waiter *waiter = make();

	(void)state;
	assert_int_equal(waiter_wait(waiter), WAKE_TICK);
	assert_true(clock_now_ns(CLOCK_MONOTONIC) - before_ns >= 1000000000ULL);
	waiter_free(waiter);
}

static void test_duration(void **state)
{
	uint64_t before_ns = clock_now_ns(CLOCK_MONOTONIC);
	struct waiter *waiter = make();

	(void)state;
	assert_int_equal(waiter_add_duration(waiter, 20 * 1000000ULL), 0);
	assert_int_equal(wait_for_event(waiter), WAKE_TIME_UP);
	assert_true(clock_now_ns(CLOCK_MONOTONIC) - before_ns >= 20 * 1000000ULL);
	/* It is told once: whoever goes on waiting for something else does not spin. The next to come is the tick. */
	assert_int_equal(waiter_wait(waiter), WAKE_TICK);
	waiter_free(waiter);
}

static void test_duration_is_no_shorter_than_asked(void **state)
{
	struct waiter *waiter = make();

	(void)state;
	assert_int_equal(waiter_add_duration(waiter, HOUR_NS), 0);
	assert_int_equal(waiter_wait(waiter), WAKE_TICK);
	waiter_free(waiter);
	/* The longest that --duration takes. */
	waiter = make();
	assert_int_equal(waiter_add_duration(waiter, 999999999ULL * 1000000000ULL), 0);
	assert_int_equal(waiter_wait(waiter), WAKE_TICK);
	waiter_free(waiter);
}

/* The ring is an epoll set of libbpf's: so is its stand-in. */
static void test_ring(void **state)
{
	struct epoll_event readable = {.events = EPOLLIN};
	struct waiter *waiter = make();
	int ring = epoll_create1(EPOLL_CLOEXEC), ends[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(epoll_ctl(ring, EPOLL_CTL_ADD, ends[0], &readable), 0);
	assert_int_equal(waiter_add_ring(waiter, ring), 0);
	assert_int_equal(write(ends[1], "x", 1), 1);
	assert_int_equal(wait_for_event(waiter), WAKE_RING);
	assert_int_equal(wait_for_event(waiter), WAKE_RING);
	/* Once it was consumed it is silent. */
	assert_int_equal(read(ends[0], &byte, 1), 1);
	kill(getpid(), SIGINT);
	assert_int_equal(wait_for_event(waiter), WAKE_INTERRUPT);
	waiter_free(waiter);
	close(ring);
	close(ends[0]);
	close(ends[1]);
}

/* A child that lives until `hold` is closed in us. */
static pid_t start_child(int hold[2])
{
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(hold, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		close(hold[1]);
		_exit(read(hold[0], &byte, 1) ? 1 : 0);
	}
	close(hold[0]);
	return pid;
}

static void end_child(pid_t pid, const int hold[2])
{
	close(hold[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_last_of_the_processes(void **state)
{
	struct waiter *waiter = make();
	int first_hold[2], second_hold[2];
	pid_t first = start_child(first_hold), second = start_child(second_hold);

	(void)state;
	/* The second child has the first one's write end too: it ends second, but it need not be reaped for it. */
	assert_int_equal(waiter_add_process(waiter, first), 0);
	assert_int_equal(waiter_add_process(waiter, second), 0);
	kill(first, SIGKILL);
	end_child(first, first_hold);
	kill(getpid(), SIGINT);
	assert_int_equal(wait_for_event(waiter), WAKE_INTERRUPT);
	end_child(second, second_hold);
	assert_int_equal(wait_for_event(waiter), WAKE_PROCESSES_ENDED);
	waiter_free(waiter);
}

/* It ended, and nobody has waited for it yet: it will not fail any more calls. */
static void test_zombie_counts_as_ended(void **state)
{
	struct waiter *waiter = make();
	int hold[2];
	pid_t pid = start_child(hold);
	siginfo_t info;

	(void)state;
	assert_int_equal(waiter_add_process(waiter, pid), 0);
	close(hold[1]);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(wait_for_event(waiter), WAKE_PROCESSES_ENDED);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	waiter_free(waiter);
}

static void test_process_that_is_gone(void **state)
{
	struct waiter *waiter = make();
	int hold[2];
	pid_t pid = start_child(hold);

	(void)state;
	end_child(pid, hold);
	assert_int_equal(waiter_add_process(waiter, pid), -ESRCH);
	assert_int_equal(waiter_add_process(waiter, 0), -EINVAL);
	/* What was refused does not count among those that are waited for. */
	pid = start_child(hold);
	assert_int_equal(waiter_add_process(waiter, pid), 0);
	end_child(pid, hold);
	assert_int_equal(wait_for_event(waiter), WAKE_PROCESSES_ENDED);
	waiter_free(waiter);
}

static void test_many_processes_at_once(void **state)
{
	enum { CHILDREN = 40 }; /* more than one epoll_wait() takes */
	struct waiter *waiter = make();
	int holds[CHILDREN][2];
	pid_t pids[CHILDREN];

	(void)state;
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = start_child(holds[i]);
		assert_int_equal(waiter_add_process(waiter, pids[i]), 0);
	}
	for (int i = 0; i < CHILDREN; i++) {
		kill(pids[i], SIGKILL);
		end_child(pids[i], holds[i]);
	}
	assert_int_equal(wait_for_event(waiter), WAKE_PROCESSES_ENDED);
	waiter_free(waiter);
}

static void test_command(void **state)
{
	struct waiter *waiter = make();
	int hold[2];
	pid_t pid = start_child(hold);
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	(void)state;
	assert_true(pidfd >= 0);
	assert_int_equal(waiter_add_command(waiter, pidfd), 0);
	kill(getpid(), SIGTERM);
	assert_int_equal(wait_for_event(waiter), WAKE_TERMINATE);
	end_child(pid, hold);
	assert_int_equal(wait_for_event(waiter), WAKE_COMMAND_ENDED);
	waiter_free(waiter);
	close(pidfd);
}

static void test_no_descriptor_is_left(void **state)
{
	int before = dup(0), after, hold[2];
	struct waiter *waiter;
	pid_t pid;

	(void)state;
	close(before);
	pid = start_child(hold);
	waiter = make();
	waiter_add_duration(waiter, HOUR_NS);
	waiter_add_process(waiter, pid);
	waiter_free(waiter);
	waiter_free(NULL);
	end_child(pid, hold);
	after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_ignored_signals_come_out),
		cmocka_unit_test(test_tick),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_duration_is_no_shorter_than_asked),
		cmocka_unit_test(test_ring),
		cmocka_unit_test(test_last_of_the_processes),
		cmocka_unit_test(test_zombie_counts_as_ended),
		cmocka_unit_test(test_process_that_is_gone),
		cmocka_unit_test(test_many_processes_at_once),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_no_descriptor_is_left),
	};

	return cmocka_run_group_tests_name("waiter", tests, NULL, NULL);
}
