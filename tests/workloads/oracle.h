/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The oracle: what a workload knows about its own failing calls, kept in memory while it runs and
 * written as text at the end. tests/oracle/compare holds it against what vmasnoop flagged.
 *
 *   failed SYSCALL 0xADDR LENGTH ERRNO pid P tid T [verdict VERDICT]    one line per failure
 *   total FAILED failed of CALLS calls, BYTES bytes                     the last line
 *
 * BYTES are those of the munmap() calls that failed with ENOMEM: what was not released.
 * Nothing here allocates after oracle_init(): at the limit an allocation could fail or hide one.
 */
#ifndef WORKLOADS_ORACLE_H
#define WORKLOADS_ORACLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

struct oracle_failure {
	const char *syscall;
	const void *addr;
	size_t length;
	const char *verdict; /* the only right one, or NULL */
	int error;
	pid_t pid;
	pid_t tid;
};

struct oracle_totals {
	atomic_size_t failed;
	atomic_size_t calls;
	atomic_size_t bytes;
};

struct oracle {
	int fd;
	size_t capacity;
	struct oracle_failure *failures;
	struct oracle_totals totals;
};

/* path NULL: standard output. Returns 0 or -errno. */
int oracle_open(const char *path, int *ret_fd);

/* Room for capacity failures; fd is borrowed. Returns 0 or -errno. */
int oracle_init(struct oracle *oracle, int fd, size_t capacity);

void oracle_add_calls(struct oracle *oracle, size_t calls);

/* Safe from many threads at once; pid and tid are the caller's. */
void oracle_add_failure(struct oracle *oracle, const char *syscall, const void *addr, size_t length, int error);

/* As above for a failure that the workload knows the cause of. */
void oracle_add_verdict(struct oracle *oracle, const char *syscall, const void *addr, size_t length, int error,
			const char *verdict);

/* As the first for a failure that the thread tid met earlier. */
void oracle_add_failure_of(struct oracle *oracle, pid_t tid, const char *syscall, const void *addr, size_t length,
			   int error);

/* Both return 0 or -errno. */
int oracle_write_failures(struct oracle *oracle);
int oracle_write_total(int fd, const struct oracle_totals *totals);

#endif
