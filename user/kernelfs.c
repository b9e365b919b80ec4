// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kernelfs.c: see kernelfs.h. The file system is mounted for us alone, at no place in the tree (fsmount(2), Linux 5.2):
 * nothing is left behind, and where an administrator has mounted it does not matter.
 */
#include "kernelfs.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "cleanup.h"

static int mount_detached(const char *type)
{
	_cleanup_close_ int context = fsopen(type, FSOPEN_CLOEXEC);
	int mount;

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0))
		return -errno;
	mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return mount < 0 ? -errno : mount;
}

int kernelfs_open(const char *type, const char *path, int flags)
{
	_cleanup_close_ int mount = mount_detached(type);
	int file;

	if (mount < 0)
		return mount;
	file = openat(mount, path, flags | O_CLOEXEC);
	return file < 0 ? -errno : file;
}

int kernelfs_read_line(const char *type, const char *path, char *line, size_t size)
{
	_cleanup_close_ int file = kernelfs_open(type, path, O_RDONLY);
	ssize_t length;

	if (file < 0)
		return file;
	length = read(file, line, size - 1);
	if (length < 0)
		return -errno;
	line[length] = 0;
	line[strcspn(line, "\n")] = 0;
	return 0;
}
