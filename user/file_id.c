// SPDX-License-Identifier: GPL-2.0-or-later
/* file_id.c: see file_id.h. */
#include "file_id.h"

#include <sys/stat.h>

bool file_id_read(int fd, struct file_id *ret)
{
	struct stat status;

	if (fd < 0 || fstat(fd, &status))
		return false;
	*ret = (struct file_id){
		.device = status.st_dev,
		.inode = status.st_ino,
		.size_bytes = status.st_size,
		.modified_ns = status.st_mtim.tv_sec * 1000000000ULL + status.st_mtim.tv_nsec,
	};
	return true;
}

bool file_id_is(const struct file_id *id, const struct file_id *other)
{
	return id->device == other->device && id->inode == other->inode && id->size_bytes == other->size_bytes &&
	       id->modified_ns == other->modified_ns;
}
