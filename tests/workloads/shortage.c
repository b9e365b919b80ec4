// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: munmap() fails with ENOMEM far below vm.max_map_count, because the kernel gets no
 * memory for the split: the process is alone in a memory cgroup (v2) whose memory.max is set to 0,
 * and is never chosen by the OOM killer. With memory.max back at "max" the same call succeeds.
 * Exit status 77: this machine cannot do that.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fill.h"
#include "memory_cgroup.h"
#include "oracle.h"

enum {
	SKIPPED = 77,
	/* The kernel keeps up to a page of charged memory in stock: some splits succeed. */
	TRIES = 64,
	REGION_PAGES = 2 * TRIES + 1,
};

struct attempt {
	char *failed_page; /* NULL: nothing failed */
	int error;
	int retry_error;
	size_t calls;
};

static int make_cgroup(char *directory, size_t size)
{
	int err = memory_cgroup_make(directory, size);

	if (err)
		fprintf(stderr, "shortage: cannot make a memory cgroup (v2): %s\n", strerror(-err));
	return err ? SKIPPED : 0;
}

/*
 * Unmaps every second page with memory.max at `most` until a call fails, then sets it to "max" and
 * calls again. No page may be touched for the first time in between: its fault would never end.
 */
static NAMED_FRAME void unmap_in_shortage(int memory_max, const char *most, size_t most_bytes, char *region,
					  size_t page_bytes, struct attempt *ret)
{
	struct attempt attempt = {0};

	if (write(memory_max, most, most_bytes) < 0)
		return;
	for (size_t i = 1; i < REGION_PAGES - 1; i += 2) {
		char *page = region + i * page_bytes;

		attempt.calls++;
		if (munmap(page, page_bytes) == 0)
			continue;
		attempt.error = errno;
		attempt.failed_page = page;
		break;
	}
	if (write(memory_max, "max", 3) < 0)
		attempt.calls = 0;
	if (attempt.failed_page) {
		attempt.calls++;
		attempt.retry_error = munmap(attempt.failed_page, page_bytes) ? errno : 0;
	}
	*ret = attempt;
}

static int report(struct oracle *oracle, const struct attempt *attempt, size_t page_bytes)
{
	oracle_add_calls(oracle, attempt->calls);
	if (attempt->failed_page)
		oracle_add_failure(oracle, "munmap", attempt->failed_page, page_bytes, attempt->error);
	if (attempt->retry_error)
		oracle_add_failure(oracle, "munmap", attempt->failed_page, page_bytes, attempt->retry_error);
	if (oracle_write_failures(oracle) || oracle_write_total(oracle->fd, &oracle->totals)) {
		fprintf(stderr, "shortage: cannot write the oracle\n");
		return 1;
	}
	fprintf(stderr, "shortage: %zu of %zu munmap() calls failed\n", oracle->totals.failed, oracle->totals.calls);
	if (attempt->error == ENOMEM && !attempt->retry_error)
		return 0;
	fprintf(stderr, "shortage: %s\n",
		attempt->failed_page ? "not ENOMEM first and success later" : "no call failed");
	return 1;
}

static int map_regions(size_t page_bytes, char **ret_rehearsal, char **ret_region)
{
	/* Different protections: the two do not merge. */
	char *rehearsal =
		mmap(NULL, REGION_PAGES * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *region = mmap(NULL, REGION_PAGES * page_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (rehearsal == MAP_FAILED || region == MAP_FAILED)
		return -1;
	*ret_rehearsal = rehearsal;
	*ret_region = region;
	return 0;
}

static int be_short(const char *cgroup, int oracle_fd)
{
	size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	struct attempt attempt = {0};
	struct oracle oracle;
	char *rehearsal, *region;
	int err, memory_max;

	err = memory_cgroup_enter(cgroup, &memory_max);
	if (err) {
		fprintf(stderr, "shortage: cannot enter '%s': %s\n", cgroup, strerror(-err));
		return SKIPPED;
	}
	/* Keeps what this process uses in memory while memory.max evicts what it can. */
	if (oracle_init(&oracle, oracle_fd, 4) || mlockall(MCL_CURRENT) ||
	    map_regions(page_bytes, &rehearsal, &region)) {
		fprintf(stderr, "shortage: cannot prepare memory: %s\n", strerror(errno));
		return 1;
	}
	unmap_in_shortage(memory_max, "max", 3, rehearsal, page_bytes, &attempt);
	if (attempt.failed_page || attempt.calls == 0) {
		fprintf(stderr, "shortage: the rehearsal failed: %s\n", strerror(attempt.error));
		return 1;
	}
	unmap_in_shortage(memory_max, "0", 1, region, page_bytes, &attempt);
	return report(&oracle, &attempt, page_bytes);
}

/* In a child, so that the cgroup is empty and can be removed afterwards. */
static int run(const char *cgroup, int oracle_fd)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(be_short(cgroup, oracle_fd));
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		fprintf(stderr, "shortage: cannot fork: %s\n", strerror(errno));
		return 1;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "shortage: ended by signal %d\n", WTERMSIG(status));
	return 1;
}

int main(int argc, char **argv)
{
	const char *path = NULL, *given = NULL;
	char cgroup[PATH_MAX];
	int option, err, fd, result;

	while ((option = getopt(argc, argv, "c:o:")) != -1) {
		if (option == 'c')
			given = optarg;
		else if (option == 'o')
			path = optarg;
		if (option == '?')
			break;
	}
	if (option == '?' || optind < argc) {
		fprintf(stderr, "usage: shortage [-c CGROUPDIR] [-o ORACLE]\n");
		return 2;
	}
	err = oracle_open(path, &fd);
	if (err) {
		fprintf(stderr, "shortage: cannot write '%s': %s\n", path, strerror(-err));
		return 1;
	}
	if (given)
		return run(given, fd);
	result = make_cgroup(cgroup, sizeof(cgroup));
	if (result)
		return result;
	result = run(cgroup, fd);
	if (rmdir(cgroup))
		fprintf(stderr, "shortage: cannot remove '%s': %s\n", cgroup, strerror(errno));
	return result;
}
