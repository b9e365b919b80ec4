// SPDX-License-Identifier: GPL-2.0-or-later
/* modules_between.c: see modules_between.h. */
#include "modules_between.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- whether they are the same ---- */

static bool is_same_file(const struct module *a, const struct module *b)
{
	return a->inode == b->inode && a->device == b->device && (a->inode || !strcmp(a->path, b->path)) &&
	       a->start - a->file_offset == b->start - b->file_offset;
}

static bool is_same_module(const struct module *a, const struct module *b)
{
	return is_same_file(a, b) && a->start == b->start && a->end == b->end && (a->fd < 0) == (b->fd < 0);
}

static bool are_open_to_same(int a, int b)
{
	struct stat of_a, of_b;

	if (a < 0 || b < 0)
		return a < 0 && b < 0;
	return !fstat(a, &of_a) && !fstat(b, &of_b) && of_a.st_ino == of_b.st_ino && of_a.st_dev == of_b.st_dev;
}

bool modules_are_same(const struct modules *a, const struct modules *b)
{
	size_t count, other_count;
	const struct module *list = modules_list(a, &count), *other = modules_list(b, &other_count);

	if (count != other_count || modules_are_partial(a) != modules_are_partial(b))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!is_same_module(&list[i], &other[i]))
			return false;
	return are_open_to_same(modules_root_fd(a), modules_root_fd(b)) &&
	       are_open_to_same(modules_perf_map_fd(a), modules_perf_map_fd(b));
}

/* ---- a moment between them ---- */

struct making {
	struct module *list;
	int *sources; /* of each: the descriptor that its own is a copy of */
	size_t count;
};

/* The first of the list that lies within [start, end), at least in part; NULL: none does. */
static const struct module *find_within(const struct modules *modules, uint64_t start, uint64_t end)
{
	size_t low = 0, high;
	const struct module *list = modules_list(modules, &high);
	const size_t count = high;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list[middle].end <= start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && list[low].start < end ? &list[low] : NULL;
}

static bool is_contradicted(const struct module *module, const struct modules *other)
{
	size_t count;
	const struct module *list = modules_list(other, &count);
	const struct module *at = find_within(other, module->start, module->end);

	for (; at && at < list + count && at->start < module->end; at++)
		if (!is_same_file(module, at))
			return true;
	return false;
}

/* Modules of one file share a descriptor, here as there. */
static int copy_fd(const struct making *making, int source)
{
	if (source < 0)
		return -1;
	for (size_t i = making->count; i-- > 0;)
		if (making->sources[i] == source)
			return making->list[i].fd;
	return fcntl(source, F_DUPFD_CLOEXEC, 0);
}

static int add(struct making *making, const struct module *module, bool replaced)
{
	struct module *to = &making->list[making->count];

	*to = *module;
	to->path = strdup(replaced ? MODULES_REPLACED : module->path);
	if (!to->path)
		return -ENOMEM;
	making->sources[making->count] = replaced ? -1 : module->fd;
	to->fd = copy_fd(making, making->sources[making->count]);
	if (replaced)
		to->inode = to->device = to->file_offset = 0;
	making->count++;
	return 0;
}

static int add_all(struct making *making, const struct modules *before, const struct modules *after)
{
	size_t count;
	const struct module *list = modules_list(after, &count);
	int err = 0;

	for (size_t i = 0; !err && i < count; i++)
		err = add(making, &list[i], is_contradicted(&list[i], before));
	list = modules_list(before, &count);
	for (size_t i = 0; !err && i < count && making->count < MODULES_MAX; i++)
		if (!find_within(after, list[i].start, list[i].end))
			err = add(making, &list[i], false);
	return err;
}

static int copy_one(int first, int second)
{
	int source = first >= 0 ? first : second;

	return source < 0 ? -1 : fcntl(source, F_DUPFD_CLOEXEC, 0);
}

static bool has_all(const struct modules *before, const struct modules *after)
{
	size_t count;
	const struct module *list = modules_list(before, &count);

	for (size_t i = 0; i < count; i++)
		if (!find_within(after, list[i].start, list[i].end) || is_contradicted(&list[i], after))
			return false;
	return true;
}

int modules_between(const struct modules *before, struct modules *after, struct modules **ret)
{
	struct making making = {};
	struct modules *modules;
	size_t before_count, after_count;
	int err;

	if (has_all(before, after)) {
		*ret = modules_ref(after);
		return 0;
	}
	modules_list(before, &before_count);
	modules_list(after, &after_count);
	making.list = calloc(before_count + after_count + 1, sizeof(*making.list));
	making.sources = calloc(before_count + after_count + 1, sizeof(*making.sources));
	err = making.list && making.sources ? add_all(&making, before, after) : -ENOMEM;
	free(making.sources);
	/* It owns the list from here on, whole or not. */
	if (modules_from_list(making.list, making.count, &modules))
		return -ENOMEM;
	if (err) {
		modules_free(modules);
		return err;
	}
	modules_set_root_fd(modules, copy_one(modules_root_fd(after), modules_root_fd(before)));
	modules_set_perf_map_fd(modules, copy_one(modules_perf_map_fd(after), modules_perf_map_fd(before)));
	*ret = modules;
	return 0;
}
