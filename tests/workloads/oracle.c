// SPDX-License-Identifier: GPL-2.0-or-later
/* Keeps and writes the oracle of a workload. Does not decide what a failure is. */
#define _GNU_SOURCE 1
#include "oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE_BYTES = 160 };

int oracle_open(const char *path, int *ret_fd)
{
	int fd = STDOUT_FILENO;

	if (path) {
		/* O_APPEND: forked children share the file and each line goes to its end. */
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
		if (fd < 0)
			return -errno;
	}
	*ret_fd = fd;
	return 0;
}

int oracle_init(struct oracle *oracle, int fd, size_t capacity)
{
	/* mmap(), not malloc(): a freed or resized big block would move glibc's mmap threshold. */
	void *list = mmap(NULL, capacity * sizeof(*oracle->failures), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (list == MAP_FAILED)
		return -errno;
	memset(oracle, 0, sizeof(*oracle));
	oracle->fd = fd;
	oracle->capacity = capacity;
	oracle->failures = list;
	return 0;
}

void oracle_add_calls(struct oracle *oracle, size_t calls)
{
	atomic_fetch_add(&oracle->totals.calls, calls);
}

static void add(struct oracle *oracle, const struct oracle_failure *failure)
{
	size_t slot = atomic_fetch_add(&oracle->totals.failed, 1);

	if (slot >= oracle->capacity)
		abort();
	oracle->failures[slot] = *failure;
	oracle->failures[slot].pid = getpid();
	if (failure->error == ENOMEM && strcmp(failure->syscall, "munmap") == 0)
		atomic_fetch_add(&oracle->totals.bytes, failure->length);
}

void oracle_add_failure_of(struct oracle *oracle, pid_t tid, const char *syscall, const void *addr, size_t length,
			   int error)
{
	add(oracle,
	    &(struct oracle_failure){.syscall = syscall, .addr = addr, .length = length, .error = error, .tid = tid});
}

void oracle_add_failure(struct oracle *oracle, const char *syscall, const void *addr, size_t length, int error)
{
	oracle_add_failure_of(oracle, gettid(), syscall, addr, length, error);
}

void oracle_add_verdict(struct oracle *oracle, const char *syscall, const void *addr, size_t length, int error,
			const char *verdict)
{
	add(oracle, &(struct oracle_failure){
			    .syscall = syscall,
			    .addr = addr,
			    .length = length,
			    .verdict = verdict,
			    .error = error,
			    .tid = gettid(),
		    });
}

static const char *errno_name(int error)
{
	switch (error) {
	case ENOMEM:
		return "ENOMEM";
	case EINVAL:
		return "EINVAL";
	case EPERM:
		return "EPERM";
	case EAGAIN:
		return "EAGAIN";
	case EINTR:
		return "EINTR";
	case EACCES:
		return "EACCES";
	default:
		return "EOTHER";
	}
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

int oracle_write_failures(struct oracle *oracle)
{
	/* Whole lines only per write(), so that processes sharing the file do not mix theirs. */
	static char text[64 * 1024];
	size_t failed = atomic_load(&oracle->totals.failed);
	size_t used = 0;

	for (size_t i = 0; i < failed; i++) {
		const struct oracle_failure *failure = &oracle->failures[i];
		int err;

		used += (size_t)snprintf(text + used, LINE_BYTES, "failed %s 0x%lx %zu %s pid %d tid %d%s%s\n",
					 failure->syscall, (unsigned long)failure->addr, failure->length,
					 errno_name(failure->error), failure->pid, failure->tid,
					 failure->verdict ? " verdict " : "", failure->verdict ? failure->verdict : "");
		if (i + 1 < failed && used + LINE_BYTES <= sizeof(text))
			continue;
		err = write_all(oracle->fd, text, used);
		if (err)
			return err;
		used = 0;
	}
	return 0;
}

int oracle_write_total(int fd, const struct oracle_totals *totals)
{
	char line[LINE_BYTES];
	int length = snprintf(line, sizeof(line), "total %zu failed of %zu calls, %zu bytes\n",
			      atomic_load(&totals->failed), atomic_load(&totals->calls), atomic_load(&totals->bytes));

	return write_all(fd, line, (size_t)length);
}
