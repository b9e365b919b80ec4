/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_proc.c: proc.c against real processes: this one, a thread of it, one that is gone, one whose leader is gone.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/proc.h"

/* The id of a process that was here a moment ago; nothing takes it again so soon. */
static pid_t gone_process(void)
{
	pid_t child = fork();

	if (!child)
		_exit(0);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	return child;
}

static void reads_the_path_of_the_executable(void **state)
{
	char expected[4096] = "", *exe = NULL;

	(void)state;
	assert_true(readlink("/proc/self/exe", expected, sizeof(expected) - 1) > 0);
	assert_int_equal(proc_read_exe(getpid(), &exe), 0);
	assert_string_equal(exe, expected);
	free(exe);
}

static void says_that_a_process_is_gone(void **state)
{
	pid_t gone = gone_process(), tgid = -7;
	char untouched, *text = &untouched;

	(void)state;
	assert_int_equal(proc_read_exe(gone, &text), -ESRCH);
	assert_int_equal(proc_read_cgroup(gone, &text), -ESRCH);
	assert_int_equal(proc_read_mapped_path(gone, 0x1000, 0x2000, &text), -ESRCH);
	assert_int_equal(proc_read_tgid(gone, &tgid), -ESRCH);
	assert_ptr_equal(text, &untouched);
	assert_int_equal(tgid, -7);
}

static void says_that_a_zombie_is_gone(void **state)
{
	siginfo_t info;
	char *exe;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	assert_int_equal(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(proc_read_exe(child, &exe), -ESRCH);
	waitpid(child, NULL, 0);
}

static void finds_the_cgroup_or_none(void **state)
{
	char line[4096], *cgroup = NULL, expected[4096] = "";
	FILE *file = fopen("/proc/self/cgroup", "r");
	int err = proc_read_cgroup(getpid(), &cgroup);

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "0::", 3))
			snprintf(expected, sizeof(expected), "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
	}
	fclose(file);
	if (!*expected) {
		assert_int_equal(err, -ENOENT);
		return;
	}
	assert_int_equal(err, 0);
	assert_string_equal(cgroup, expected);
	free(cgroup);
}

static void reads_the_path_of_a_mapped_file(void **state)
{
	size_t page_bytes = sysconf(_SC_PAGESIZE);
	int err, fd = memfd_create("mapped", MFD_CLOEXEC);
	char *addr, *path = NULL;

	(void)state;
	assert_int_equal(ftruncate(fd, page_bytes), 0);
	addr = mmap(NULL, page_bytes, PROT_READ, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(addr, MAP_FAILED);
	err = proc_read_mapped_path(getpid(), (uintptr_t)addr, (uintptr_t)addr + page_bytes, &path);
	if (!err)
		assert_string_equal(path, "/memfd:mapped (deleted)");
	else
		assert_int_equal(err, -EPERM); /* unprivileged */
	free(path);
	munmap(addr, page_bytes);
	assert_true(proc_read_mapped_path(getpid(), 0x1000, 0x2000, &path) == (err ? err : -ENOENT));
	close(fd);
}

static void *tell_tgid(void *arg)
{
	pid_t *ids = arg;

	ids[0] = syscall(SYS_gettid);
	assert_int_equal(proc_read_tgid(ids[0], &ids[1]), 0);
	return NULL;
}

static void finds_the_thread_group(void **state)
{
	pid_t ids[2] = {};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, tell_tgid, ids), 0);
	pthread_join(thread, NULL);
	assert_int_not_equal(ids[0], getpid());
	assert_int_equal(ids[1], getpid());
	assert_int_equal(proc_read_tgid(getpid(), &ids[0]), 0);
	assert_int_equal(ids[0], getpid());
}

static void reads_the_limit(void **state)
{
	uint32_t limit = 0;
	char text[32] = "", expected[32];
	FILE *file = fopen("/proc/sys/vm/max_map_count", "r");

	(void)state;
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_int_equal(proc_read_max_map_count(&limit), 0);
	snprintf(expected, sizeof(expected), "%u\n", limit);
	assert_string_equal(text, expected);
}

/* A namespace's file has the namespace's number as its inode. */
static void knows_the_initial_pid_namespace(void **state)
{
	struct stat status;

	(void)state;
	assert_int_equal(stat("/proc/self/ns/pid", &status), 0);
	assert_int_equal(proc_in_initial_pid_namespace(), status.st_ino == 0xEFFFFFFCU);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_path_of_the_executable),
		cmocka_unit_test(says_that_a_process_is_gone),
		cmocka_unit_test(says_that_a_zombie_is_gone),
		cmocka_unit_test(finds_the_cgroup_or_none),
		cmocka_unit_test(reads_the_path_of_a_mapped_file),
		cmocka_unit_test(finds_the_thread_group),
		cmocka_unit_test(reads_the_limit),
		cmocka_unit_test(knows_the_initial_pid_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
