// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * debug_files.c: see debug_files.h. Every path is resolved by openat2(2) below a root, which no link and no ".." leaves,
 * and looked at before it is opened: opening a FIFO waits, and opening a device may do things. Parses no file.
 */
#include "debug_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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
#include "symbolizer_wire.h"

#define DEBUG_DIRECTORY "/usr/lib/debug"

static int open_below(int root, const char *path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};

	return syscall(SYS_openat2, root, path, &how, sizeof(how));
}

/*
 * Who may have made it: root, or whoever made the module. Names and lines from a debug file are shared by all processes
 * that use the module, and a debug directory may be anybody's, in a root of his own.
 */
static bool is_trusted_for(const struct module *module, const struct stat *status)
{
	struct stat own;

	if (status->st_size <= 0 || (uint64_t)status->st_size > DEBUG_FILE_BYTES_MAX)
		return false;
	if (module->fd < 0 || fstat(module->fd, &own))
		return false;
	return (!status->st_uid || status->st_uid == own.st_uid) && regular_file_is_open_to(status, own.st_uid);
}

static int open_file(int root, const char *path, const struct module *module)
{
	_cleanup_close_ int path_fd = open_below(root, path, O_PATH);
	_cleanup_close_ int fd = -1;
	struct stat status;

	if (path_fd < 0)
		return -1;
	fd = regular_file_open(path_fd, &status);
	if (fd < 0 || !is_trusted_for(module, &status) || !regular_file_is_elf(fd))
		return -1;
	return cleanup_take_fd(&fd);
}

static int open_by_build_id(int root, const char *id, const struct module *module)
{
	char path[256];

	snprintf(path, sizeof(path), DEBUG_DIRECTORY "/.build-id/%.2s/%s.debug", id, id + 2);
	return root < 0 ? -1 : open_file(root, path, module);
}

static bool is_bare_name(const char *name)
{
	return !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strlen(name) <= NAME_MAX;
}

/* A link may name the very file that it is in, as when the debug file replaces it: that one says nothing new. */
static bool is_module_itself(const struct module *module, int fd)
{
	struct stat own, found;

	return module->fd >= 0 && !fstat(module->fd, &own) && !fstat(fd, &found) && own.st_dev == found.st_dev &&
	       own.st_ino == found.st_ino;
}

/* As gdb looks: beside the module, in .debug/ there, and in the same directory below /usr/lib/debug. */
static int open_by_link(int root, const struct module *module, const char *name)
{
	static const char *const formats[] = {"%.*s/%s", "%.*s/.debug/%s", DEBUG_DIRECTORY "%.*s/%s"};
	const char *slash = strrchr(module->path, '/');
	char path[PATH_MAX];

	if (root < 0 || !slash || module->path[0] != '/' || !is_bare_name(name))
		return -1;
	for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
		int fd, length = snprintf(path, sizeof(path), formats[i], (int)(slash - module->path), module->path,
					  name);

		if (length < 0 || (size_t)length >= sizeof(path))
			continue;
		fd = open_file(root, path, module);
		if (fd >= 0 && !is_module_itself(module, fd))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

/*
 * The path may lead anywhere (../../../.dwz/... from the debug file's directory, or an absolute one). Of it only what
 * lies below the debug directory counts; and that directory is then the root, so that no link within leads out of it.
 */
static int open_alternate(int root, const char *name, const struct module *module)
{
	_cleanup_close_ int directory = root < 0 ? -1 : open_below(root, DEBUG_DIRECTORY, O_PATH | O_DIRECTORY);
	const char *dwz = strstr(name, "/.dwz/");

	if (directory < 0)
		return -1;
	if (!strncmp(name, DEBUG_DIRECTORY "/", strlen(DEBUG_DIRECTORY "/")))
		return open_file(directory, name + strlen(DEBUG_DIRECTORY), module);
	if (!dwz && !strncmp(name, ".dwz/", strlen(".dwz/")))
		return open_file(directory, name, module);
	return dwz ? open_file(directory, dwz, module) : -1;
}

/* The alternate file has a build-id, too, and is found by it more often than by its name. */
static int open_by_either(int root, const struct debug_file_request *request)
{
	int fd = open_alternate(root, request->name, request->module);

	if (fd < 0 && request->build_id && wire_is_build_id(request->build_id))
		fd = open_by_build_id(root, request->build_id, request->module);
	return fd;
}

int debug_files_open_below(const struct debug_file_request *request, int own_root_fd)
{
	int root = modules_root_fd(request->modules), fd;

	if (strlen(request->name) >= PATH_MAX)
		return -1;
	switch (request->kind) {
	case DEBUG_FILE_BY_BUILD_ID:
		if (!wire_is_build_id(request->name))
			return -1;
		fd = open_by_build_id(root, request->name, request->module);
		return fd >= 0 ? fd : open_by_build_id(own_root_fd, request->name, request->module);
	case DEBUG_FILE_BY_LINK:
		return open_by_link(root, request->module, request->name);
	case DEBUG_FILE_ALTERNATE:
		return open_by_either(root, request);
	}
	return -1;
}

int debug_files_open(const struct debug_file_request *request)
{
	_cleanup_close_ int own_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return debug_files_open_below(request, own_root);
}
