/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_sandbox.c: what a process cannot do any more in the sandbox, tried from within. Each trial is a child of its own;
 * its exit status is what it found.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sandbox.h"

#define NOBODY	  65534
#define KEPT_FD	  8
#define REFUSED	  90 /* the sandbox itself said no */
#define TRIALS_OK 0

static uint32_t gaps;
static int passed_fd; /* of /proc/self/status, from before */

/* The line number of the first check that does not hold. */
#define CHECK(condition)                 \
	do {                             \
		if (!(condition))        \
			return __LINE__; \
	} while (0)

/* In a child: exit statuses are too narrow for line numbers, so it says more by a pipe. */
static int try_in_sandbox(int (*trial)(void), bool privileged)
{
	int ends[2], found = -1;
	pid_t child;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		const struct sandbox_options options = {.keep_fd = KEPT_FD};
		int status = open("/proc/self/status", O_RDONLY);

		passed_fd = KEPT_FD - 1;
		if (dup2(ends[1], 2) < 0 || dup2(status, passed_fd) < 0)
			_exit(1);
		if (!privileged &&
		    (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
			_exit(1);
		found = sandbox_enter(&options, &gaps) ? REFUSED : trial();
		_exit(write(2, &found, sizeof(found)) != sizeof(found));
	}
	close(ends[1]);
	if (read(ends[0], &found, sizeof(found)) != sizeof(found))
		found = -1;
	close(ends[0]);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return found;
}

static bool refused(long result, int err)
{
	return result < 0 && errno == err;
}

static int opens_nothing(void)
{
	struct stat status;
	char link[8];

	CHECK(refused(open("/etc/passwd", O_RDONLY), EACCES));
	CHECK(refused(open("/", O_RDONLY | O_DIRECTORY), EACCES));
	CHECK(refused(open(".", O_PATH), EACCES));
	CHECK(refused(open("/new", O_WRONLY | O_CREAT, 0600), EACCES));
	CHECK(refused(creat("new", 0600), EACCES));
	CHECK(refused(syscall(SYS_stat, "/etc/passwd", &status), EACCES));
	CHECK(refused(syscall(SYS_readlink, "/proc/self/exe", link, sizeof(link)), EACCES));
	CHECK(refused(access("/etc/passwd", F_OK), EACCES));
	CHECK(refused(mkdir("/new", 0700), EPERM));
	CHECK(refused(unlink("/new"), EPERM));
	CHECK(refused(chroot("/"), EPERM));
	return TRIALS_OK;
}

static int reaches_nobody(void)
{
	int pair[2];

	CHECK(refused(socket(AF_INET, SOCK_STREAM, 0), EPERM));
	CHECK(refused(socket(AF_UNIX, SOCK_STREAM, 0), EPERM));
	CHECK(refused(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), EPERM));
	CHECK(refused(fork(), EPERM));
	CHECK(refused(kill(getppid(), 0), EPERM));
	CHECK(refused(syscall(SYS_ptrace, 0, 0, 0, 0), EPERM));
	CHECK(refused(syscall(SYS_bpf, 0, 0, 0), EPERM));
	CHECK(refused(syscall(SYS_execveat, passed_fd, "", NULL, NULL, AT_EMPTY_PATH), EPERM));
	CHECK(refused(write(STDOUT_FILENO, "", 0), EPERM));
	return TRIALS_OK;
}

static int runs_nothing_new(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(page != MAP_FAILED);
	CHECK(refused((long)mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EPERM));
	CHECK(refused(mprotect(page, 4096, PROT_READ | PROT_EXEC), EPERM));
	CHECK(!mprotect(page, 4096, PROT_READ));
	CHECK(!munmap(page, 4096));
	return TRIALS_OK;
}

/* What it says of itself, read through what it was passed. */
static int has_no_privileges(void)
{
	static const char *const lines[] = {
		"Uid:\t65534\t65534\t65534\t65534",
		"Gid:\t65534\t65534\t65534\t65534",
		"Groups:\t \n",
		"CapInh:\t0000000000000000",
		"CapPrm:\t0000000000000000",
		"CapEff:\t0000000000000000",
		"CapBnd:\t0000000000000000",
		"CapAmb:\t0000000000000000",
		"NoNewPrivs:\t1",
		"Seccomp:\t2",
	};
	static char text[8192];

	CHECK(pread(passed_fd, text, sizeof(text) - 1, 0) > 0);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		CHECK(strstr(text, lines[i]));
	CHECK(!gaps);
	CHECK(fcntl(KEPT_FD + 1, F_GETFD) < 0);
	return TRIALS_OK;
}

/* Without privileges of its own much is the same; what is not it says. */
static int has_no_privileges_either(void)
{
	static char text[8192];

	CHECK(pread(passed_fd, text, sizeof(text) - 1, 0) > 0);
	CHECK(strstr(text, "CapEff:\t0000000000000000"));
	CHECK(strstr(text, "NoNewPrivs:\t1"));
	CHECK(strstr(text, "Seccomp:\t2"));
	CHECK(!(gaps & (SANDBOX_SECCOMP | SANDBOX_LIMITS | SANDBOX_DESCRIPTORS)));
	return opens_nothing();
}

static int may_still_work(void)
{
	struct stat status;
	char byte;

	CHECK(pread(passed_fd, &byte, 1, 0) == 1);
	CHECK(!fstat(passed_fd, &status));
	CHECK(fcntl(passed_fd, F_DUPFD_CLOEXEC, 0) >= 0);
	free(malloc(1 << 20));
	return TRIALS_OK;
}

static void holds(void **state)
{
	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(try_in_sandbox(opens_nothing, true), TRIALS_OK);
	assert_int_equal(try_in_sandbox(reaches_nobody, true), TRIALS_OK);
	assert_int_equal(try_in_sandbox(runs_nothing_new, true), TRIALS_OK);
	assert_int_equal(try_in_sandbox(has_no_privileges, true), TRIALS_OK);
	assert_int_equal(try_in_sandbox(may_still_work, true), TRIALS_OK);
}

static void holds_without_privilege(void **state)
{
	(void)state;
	assert_int_equal(try_in_sandbox(has_no_privileges_either, false), TRIALS_OK);
	assert_int_equal(try_in_sandbox(reaches_nobody, false), TRIALS_OK);
	assert_int_equal(try_in_sandbox(may_still_work, false), TRIALS_OK);
}

/* Says that it is in, and stays until it is killed. */
static int stays(void)
{
	const int in = TRIALS_OK;

	CHECK(write(STDERR_FILENO, &in, sizeof(in)) == sizeof(in));
	for (;;)
		poll(NULL, 0, -1);
}

/* Seen from outside, where nothing but the directory itself is in the way. */
static void sees_an_empty_directory(void **state)
{
	const struct sandbox_options options = {.keep_fd = KEPT_FD};
	char path[64], made[80];
	struct dirent **entries;
	int ends[2], found = -1;
	pid_t child;

	(void)state;
	if (geteuid())
		skip();
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (!child)
		_exit(dup2(ends[1], STDERR_FILENO) < 0 || sandbox_enter(&options, &gaps) || stays());
	assert_int_equal(read(ends[0], &found, sizeof(found)), sizeof(found));
	assert_int_equal(found, TRIALS_OK);
	snprintf(path, sizeof(path), "/proc/%d/root", child);
	assert_int_equal(scandir(path, &entries, NULL, alphasort), 0); /* not even . and .. */
	free(entries);
	snprintf(made, sizeof(made), "%s/new", path);
	assert_int_equal(open(made, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(mkdir(made, 0700), -1);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

static void gaps_have_texts(void **state)
{
	(void)state;
	for (size_t bit = 0; bit < SANDBOX_GAP_COUNT; bit++)
		assert_non_null(sandbox_gap_text(bit));
	assert_null(sandbox_gap_text(SANDBOX_GAP_COUNT));
	assert_null(sandbox_gap_text(SIZE_MAX));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds),
		cmocka_unit_test(holds_without_privilege),
		cmocka_unit_test(sees_an_empty_directory),
		cmocka_unit_test(gaps_have_texts),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
