// SPDX-License-Identifier: GPL-2.0-or-later
/* regular_file.c: see regular_file.h. Parses nothing. */
#include "regular_file.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int regular_file_open(int path_fd, struct stat *ret)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(path_fd)];
	struct stat status;

	if (fstat(path_fd, &status) || !S_ISREG(status.st_mode))
		return -1;
	if (ret)
		*ret = status;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

bool regular_file_is_open_to(const struct stat *status, uid_t user)
{
	return status->st_mode & S_IROTH || (user && status->st_uid == user);
}

bool regular_file_is_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, sizeof(magic), 0) == sizeof(magic) && !memcmp(magic, ELFMAG, SELFMAG);
}
