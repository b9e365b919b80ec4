// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup.c: see cgroup.h. */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define CGROUP_ROOT_INODE 1 /* kernfs gives its root node the first id: fs/kernfs/dir.c, kernfs_create_root() */

static int open_if_root(const char *path)
{
	int fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) || status.st_ino != CGROUP_ROOT_INODE) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

int cgroup_open_root(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent *entry;
	int fd = -ENOENT;

	if (!mounts)
		return -errno;
	while (fd < 0 && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2"))
			fd = open_if_root(entry->mnt_dir);
	endmntent(mounts);
	return fd;
}
