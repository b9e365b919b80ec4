// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The parts that scenes are made of. A child uses no stdio and no heap: at the limit they would make calls that fail and
 * that no oracle knows.
 */
#define _GNU_SOURCE 1
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "../fill.h"

int scene_skip(struct scene *scene, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(scene->outcome->reason, sizeof(scene->outcome->reason), format, args);
	va_end(args);
	return SKIPPED;
}

int scene_break(struct scene *scene, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(scene->outcome->reason, sizeof(scene->outcome->reason), format, args);
	va_end(args);
	return 1;
}

int scene_map(struct scene *scene, unsigned long addr, size_t length, int protection)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *there = mmap((void *)addr, length, protection,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if ((unsigned long)there == addr)
		return 0;
	return scene_break(scene, "cannot map %zu bytes at 0x%lx: %s", length, addr,
			   there == MAP_FAILED ? strerror(errno) : "another address came");
}

int scene_map_lone(struct scene *scene)
{
	return scene_map(scene, LONE, LONE_BYTES, PROT_READ);
}

/* One mprotect() of a page amid others adds two mappings, one of the last page adds one. */
static int protect_pages(struct scene *scene, long missing)
{
	size_t pairs = (size_t)missing / 2;
	size_t pages = 2 * pairs + 3;
	int err = scene_map(scene, POOL, pages * PAGE, PROT_NONE);
	char *pool = (char *)POOL; /* NOLINT(performance-no-int-to-ptr) */

	for (size_t i = 0; !err && i < pairs; i++)
		err = mprotect(pool + (2 * i + 1) * PAGE, PAGE, PROT_READ);
	if (!err && missing % 2)
		err = mprotect(pool + (pages - 1) * PAGE, PAGE, PROT_READ);
	return err < 0 ? scene_break(scene, "cannot fill the process: %s", strerror(errno)) : err;
}

int scene_fill(struct scene *scene, int headroom)
{
	long limit = fill_read_limit();
	/* Beyond the limit leads only mmap(). */
	long target = headroom < 0 ? limit : limit - headroom;
	long missing = target - fill_count_mappings();
	int err;

	if (limit < 0 || limit > 4000000)
		return scene_break(scene, "vm.max_map_count is %ld", limit);
	if (missing < 1)
		return scene_break(scene, "%ld mappings too many, at a limit of %ld", -missing, limit);
	err = protect_pages(scene, missing - 1);
	if (!err && headroom < 0)
		err = scene_map(scene, POOL - 2 * PAGE, PAGE, PROT_READ);
	if (err)
		return err;
	if (fill_count_mappings() != limit - headroom)
		return scene_break(scene, "%ld mappings, not %ld", fill_count_mappings(), limit - headroom);
	return 0;
}

long scene_read_number(const char *path, const char *name)
{
	static char text[16384];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length;
	char *line;

	if (fd < 0)
		return -1;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	for (line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			return strtol(line + strlen(name), NULL, 10);
	return -1;
}

int scene_write(struct scene *scene, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;
	int error = errno;

	if (fd >= 0)
		close(fd);
	return written ? 0 : scene_skip(scene, "cannot write '%s': %s", path, strerror(error));
}

int call_make(const struct call *call)
{
	const unsigned long *args = call->args;
	long result = syscall(call->number, args[0], args[1], args[2], args[3], args[4], args[5]);

	if (call->number == SYS_brk)
		return (unsigned long)result == args[0] ? 0 : ENOMEM;
	return result == -1 ? errno : 0;
}

void scene_note(struct scene *scene, const struct call *call, int error)
{
	unsigned long addr = call->args[0];
	size_t length = call->args[1];

	oracle_add_calls(scene->oracle, 1);
	if (!error)
		return;
	if (call->number == SYS_shmat)
		addr = call->args[1];
	if (call->number == SYS_mlockall)
		addr = 0;
	if (call->number == SYS_shmat || call->number == SYS_mlockall || call->number == SYS_brk)
		length = 0;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	oracle_add_verdict(scene->oracle, call->syscall, (const void *)addr, length, error, scene->group->verdict);
}

static bool kernel_is_at_least(long major, long minor)
{
	struct utsname name;
	char *end;
	long own;

	uname(&name);
	own = strtol(name.release, &end, 10);
	return own > major || (own == major && *end == '.' && strtol(end + 1, NULL, 10) >= minor);
}

/* No call that succeeds tells the first ones; the last does by another's failure. */
bool change_is_here(enum change change, bool mremap_asks_first)
{
	switch (change) {
	case MADVISE_SAYS_EAGAIN:
		return kernel_is_at_least(5, 17);
	case VDSO_STAYS_WHOLE:
		return kernel_is_at_least(5, 15);
	case SEAL_BEHIND_LIMIT:
		return kernel_is_at_least(6, 12);
	case MREMAP_ASKS_FIRST:
		return mremap_asks_first;
	case NO_CHANGE:
		break;
	}
	return true;
}
