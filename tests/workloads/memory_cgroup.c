// SPDX-License-Identifier: GPL-2.0-or-later
/* Makes and enters a memory cgroup. Does not decide when memory is short. */
#define _GNU_SOURCE 1
#include "memory_cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_text(const char *directory, const char *name, const char *text)
{
	char path[PATH_MAX];
	int fd, err;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	close(fd);
	return err;
}

/* The mount point of the cgroup2 hierarchy, or false. */
static bool find_cgroup2(char *mount, size_t size)
{
	static char line[PATH_MAX + 512];
	FILE *file = fopen("/proc/self/mountinfo", "re");
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file)) {
		char point[PATH_MAX];

		found = strstr(line, " - cgroup2 ") && sscanf(line, "%*s %*s %*s %*s %4095s", point) == 1;
		if (found)
			snprintf(mount, size, "%s", point);
	}
	if (file)
		fclose(file);
	return found;
}

int memory_cgroup_make(char *directory, size_t size)
{
	char mount[PATH_MAX];

	if (!find_cgroup2(mount, sizeof(mount)))
		return -ENODEV;
	/* EINVAL or ENOENT: the controller is not there, or belongs to a hierarchy of version 1. */
	if (write_text(mount, "cgroup.subtree_control", "+memory"))
		return -ENODEV;
	if ((size_t)snprintf(directory, size, "%s/vmasnoop-test.%d", mount, getpid()) >= size)
		return -ENAMETOOLONG;
	return mkdir(directory, 0755) ? -errno : 0;
}

int memory_cgroup_enter(const char *directory, int *ret_memory_max)
{
	char path[PATH_MAX];
	int fd, err;

	if ((size_t)snprintf(path, sizeof(path), "%s/memory.max", directory) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = write_text("/proc/self", "oom_score_adj", "-1000");
	if (!err)
		err = write_text(directory, "cgroup.procs", "0");
	if (err) {
		close(fd);
		return err;
	}
	*ret_memory_max = fd;
	return 0;
}
