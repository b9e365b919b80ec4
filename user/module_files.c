// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * module_files.c: see module_files.h. The process is a stranger: what its maps name may be a device, a FIFO, or a path
 * that leads elsewhere, so nothing is opened before it is known to be a regular file.
 */
#include "module_files.h"

#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "regular_file.h"
#include "vdso.h"

#define FILES_MAX	   512 /* files opened of one process */
#define PERF_MAP_BYTES_MAX (256 << 20)

#define PROC_PATH_BYTES 96 /* "/proc/TID/map_files/START-END", with numbers at their widest */

/* Reaches deleted files and those of other mount namespaces; asks for CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN. */
static int open_map_file(pid_t tid, const struct module *module)
{
	_cleanup_close_ int path_fd = -1;
	char path[PROC_PATH_BYTES];

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, tid, module->start, module->end);
	path_fd = open(path, O_PATH | O_CLOEXEC);
	return path_fd < 0 ? -1 : regular_file_open(path_fd, NULL);
}

int module_files_open_root(pid_t tid)
{
	char path[PROC_PATH_BYTES];

	snprintf(path, sizeof(path), "/proc/%d/root", tid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/*
 * By name, which now may lead to another file: only the same inode will do, no link leads out of the root, and it must be
 * one that everybody may read, since on a file system of one's own one has any inode.
 */
static int open_in_root(int root, const struct module *module)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	_cleanup_close_ int path_fd = -1, fd = -1;
	struct stat status;

	if (root < 0)
		return -1;
	path_fd = syscall(SYS_openat2, root, module->path, &how, sizeof(how));
	fd = path_fd < 0 ? -1 : regular_file_open(path_fd, &status);
	if (fd < 0 || status.st_ino != module->inode || !regular_file_is_open_to(&status, 0))
		return -1;
	return cleanup_take_fd(&fd);
}

static void open_mapped(struct module *list, size_t list_count, pid_t tid, int root)
{
	const struct module *opened[FILES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < list_count; i++) {
		struct module *module = &list[i];
		size_t same = 0;

		if (!module->inode)
			continue;
		while (same < count && (opened[same]->inode != module->inode || opened[same]->device != module->device))
			same++;
		if (same < count) {
			module->fd = opened[same]->fd;
			continue;
		}
		if (count == FILES_MAX)
			continue;
		module->fd = open_map_file(tid, module);
		if (module->fd < 0)
			module->fd = open_in_root(root, module);
		if (module->fd >= 0)
			opened[count++] = module;
	}
}

/* ---- the vDSO ---- */

static void open_vdso(struct module *list, size_t count, pid_t tid)
{
	bool of_32_bit;
	uint64_t addr = vdso_find(tid, &of_32_bit);

	for (size_t i = 0; i < count; i++) {
		struct module *module = &list[i];

		/* Of more than one of them, one is where the kernel put it. */
		if (!module->inode && !strcmp(module->path, "[vdso]") && module->start == addr)
			module->fd = vdso_open_image(of_32_bit, module->end - module->start);
	}
}

/* ---- the perf map ---- */

struct identity {
	pid_t namespace_tgid;
	uid_t uid;
};

/* "NStgid: 4711 12 1": in every PID namespace from ours on, its own is the last one. "Uid: real effective saved fs". */
static bool read_identity(pid_t tid, struct identity *ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[PROC_PATH_BYTES], line[1024];
	bool has_uid = false, has_tgid = false;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *last = strrchr(line, '\t');

		if (!strncmp(line, "NStgid:", 7) && last)
			has_tgid = sscanf(last, "%d", &ret->namespace_tgid) == 1;
		if (!strncmp(line, "Uid:", 4))
			has_uid = sscanf(line + 4, "%*u %u", &ret->uid) == 1;
	}
	return has_uid && has_tgid;
}

/* /tmp may be a link in a root of its own; the file in it may not, nor another name for some other file. */
static int find_perf_map(int root, pid_t namespace_tgid)
{
	struct open_how directory_how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
					 .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	_cleanup_close_ int directory = syscall(SYS_openat2, root, "tmp", &directory_how, sizeof(directory_how));
	char name[32];

	snprintf(name, sizeof(name), "perf-%d.map", namespace_tgid);
	return directory < 0 ? -1 : (int)syscall(SYS_openat2, directory, name, &how, sizeof(how));
}

int module_files_open_perf_map(int root, pid_t tid)
{
	_cleanup_close_ int path_fd = -1;
	struct identity identity;
	struct stat status;

	if (root < 0 || !read_identity(tid, &identity))
		return -1;
	path_fd = find_perf_map(root, identity.namespace_tgid);
	if (path_fd < 0 || fstat(path_fd, &status) || (status.st_uid && status.st_uid != identity.uid))
		return -1;
	if (status.st_nlink != 1 || status.st_size > PERF_MAP_BYTES_MAX)
		return -1;
	if (identity.uid && !regular_file_is_open_to(&status, identity.uid))
		return -1;
	return regular_file_open(path_fd, NULL);
}

void module_files_open(struct module *list, size_t count, pid_t tid, int root)
{
	open_mapped(list, count, tid, root);
	open_vdso(list, count, tid);
}
