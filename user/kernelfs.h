/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernelfs.h: files of the kernel's own file systems (tracefs, debugfs), whether or not this machine mounts them. */
#ifndef VMASNOOP_KERNELFS_H
#define VMASNOOP_KERNELFS_H

#include <stddef.h>

/* Opens `path` in a file system of that type, with O_CLOEXEC. A descriptor, or a negative errno as below. */
int kernelfs_open(const char *type, const char *path, int flags);

/*
 * Reads the first line of `path` in a file system of that type, without its newline. Returns 0 or a negative errno:
 * -ENOENT there is no such file, -EPERM or -EACCES: no privilege, or the kernel is locked down.
 */
int kernelfs_read_line(const char *type, const char *path, char *line, size_t size);

#endif
