// SPDX-License-Identifier: GPL-2.0-or-later
/* symbolizer_spaces.c: see symbolizer_spaces.h. */
#include "symbolizer_spaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"

#define BANS_MAX     64 /* the oldest one gives way */
#define FAILURES_MAX 3 /* of a space without a file to blame */

/* A file may be replaced or its inode used again: all of these make its identity. */
struct file_id {
	uint64_t device;
	uint64_t inode;
	uint64_t size_bytes;
	uint64_t modified_ns;
};

struct file {
	struct file_id id;
	unsigned int users; /* spaces that were given; 0: the entry is free */
};

struct ban {
	struct file_id id;
	const char *reason; /* NULL: no ban */
};

struct spaces {
	LIST_HEAD(, space) list;
	uint64_t last_id;
	struct file *files; /* by the index that the process knows them by */
	size_t file_count;
	struct ban bans[BANS_MAX];
	size_t ban_count; /* ever */
};

int spaces_new(struct spaces **ret)
{
	struct spaces *spaces = calloc(1, sizeof(*spaces));

	if (!spaces)
		return -ENOMEM;
	LIST_INIT(&spaces->list);
	*ret = spaces;
	return 0;
}

static void space_free(struct space *space)
{
	LIST_REMOVE(space, entry);
	modules_free(space->modules);
	free(space->files);
	free(space);
}

void spaces_free(struct spaces *spaces)
{
	if (!spaces)
		return;
	while (!LIST_EMPTY(&spaces->list))
		space_free(LIST_FIRST(&spaces->list));
	free(spaces->files);
	free(spaces);
}

struct space *spaces_find(struct spaces *spaces, struct modules *modules)
{
	struct space *space;

	LIST_FOREACH (space, &spaces->list, entry)
		if (space->modules == modules && !space->forgotten)
			return space;
	space = calloc(1, sizeof(*space));
	if (!space)
		return NULL;
	space->id = ++spaces->last_id;
	space->modules = modules_ref(modules);
	LIST_INSERT_HEAD(&spaces->list, space, entry);
	return space;
}

void spaces_forget(struct spaces *spaces, const struct modules *modules)
{
	struct space *space;

	LIST_FOREACH (space, &spaces->list, entry)
		if (space->modules == modules)
			space->forgotten = true;
}

static void space_take_back(struct space *space)
{
	space->given = false;
	free(cleanup_take(space->files));
}

void spaces_restart(struct spaces *spaces)
{
	struct space *space;

	LIST_FOREACH (space, &spaces->list, entry)
		space_take_back(space);
	for (size_t i = 0; i < spaces->file_count; i++)
		spaces->files[i].users = 0;
}

/* ---- files ---- */

static bool identify(int fd, struct file_id *ret)
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

static const char *find_ban(const struct spaces *spaces, const struct file_id *id)
{
	for (size_t i = 0; i < BANS_MAX; i++)
		if (spaces->bans[i].reason && !memcmp(&spaces->bans[i].id, id, sizeof(*id)))
			return spaces->bans[i].reason;
	return NULL;
}

/* The entry of that file, or a free one, of which there is always one unless there is no memory. */
static int find_entry(struct spaces *spaces, const struct file_id *id, size_t *ret)
{
	size_t at = spaces->file_count;
	struct file *files;

	for (size_t i = 0; i < spaces->file_count; i++) {
		if (spaces->files[i].users && !memcmp(&spaces->files[i].id, id, sizeof(*id))) {
			*ret = i;
			return 0;
		}
		if (!spaces->files[i].users && at == spaces->file_count)
			at = i;
	}
	if (at == spaces->file_count) {
		if (at >= WIRE_FILES_MAX)
			return -ENOSPC;
		files = reallocarray(spaces->files, at + 1, sizeof(*files));
		if (!files)
			return -ENOMEM;
		spaces->files = files;
		spaces->files[at] = (struct file){};
		spaces->file_count++;
	}
	*ret = at;
	return 0;
}

/* *ret stays WIRE_NO_FILE for what is not open or banned. */
static int give_file(struct spaces *spaces, int fd, struct symbolizer_process *process, uint32_t *ret, uint64_t *files)
{
	struct file_id id;
	size_t index;
	int err;

	if (!identify(fd, &id) || find_ban(spaces, &id))
		return 0;
	err = find_entry(spaces, &id, &index);
	if (err)
		return err == -ENOSPC ? 0 : err;
	if (!spaces->files[index].users) {
		err = symbolizer_process_send_number(process, WIRE_FILE, index, fd);
		if (err)
			return err;
		++*files;
	}
	spaces->files[index].id = id;
	spaces->files[index].users++;
	*ret = index;
	return 0;
}

/* The mappings of one file are neighbours mostly, and share its descriptor. */
static int give_files(struct spaces *spaces, struct space *space, struct symbolizer_process *process, uint64_t *files)
{
	size_t count;
	const struct module *list = modules_list(space->modules, &count);
	int err = 0;

	space->files = calloc(count + 1, sizeof(*space->files));
	if (!space->files)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		space->files[i] = WIRE_NO_FILE;
	for (size_t i = 0; i < count && !err; i++) {
		if (i && list[i].fd == list[i - 1].fd && space->files[i - 1] != WIRE_NO_FILE) {
			space->files[i] = space->files[i - 1];
			spaces->files[space->files[i]].users++;
		} else {
			err = give_file(spaces, list[i].fd, process, &space->files[i], files);
		}
	}
	return err;
}

int spaces_give(struct spaces *spaces, struct space *space, struct symbolizer_process *process, uint64_t *files)
{
	_cleanup_(wire_buffer_fini) struct wire_buffer buffer = {};
	int err;

	if (space->given)
		return 0;
	space->given = true;
	err = give_files(spaces, space, process, files);
	if (!err)
		err = wire_encode_space(&buffer, space->id, space->modules, space->files);
	if (!err)
		err = symbolizer_process_send(process, WIRE_SPACE, &buffer, modules_perf_map_fd(space->modules));
	return err;
}

static int take_back(struct spaces *spaces, struct space *space, struct symbolizer_process *process)
{
	size_t count;
	int err = symbolizer_process_send_number(process, WIRE_DROP_SPACE, space->id, -1);

	modules_list(space->modules, &count);
	for (size_t i = 0; i < count && !err; i++) {
		uint32_t index = space->files[i];

		if (index != WIRE_NO_FILE && !--spaces->files[index].users)
			err = symbolizer_process_send_number(process, WIRE_DROP_FILE, index, -1);
	}
	space_take_back(space);
	return err;
}

int spaces_collect(struct spaces *spaces, struct symbolizer_process *process)
{
	struct space *space = LIST_FIRST(&spaces->list), *next;
	int err = 0;

	for (; space && !err; space = next) {
		next = LIST_NEXT(space, entry);
		if (!space->forgotten || space->asks)
			continue;
		if (space->given && process)
			err = take_back(spaces, space, process);
		space_free(space);
	}
	return err;
}

/* ---- blame ---- */

void spaces_blame(struct spaces *spaces, struct space *space, uint32_t module, const char *reason)
{
	size_t count;
	const struct module *list = modules_list(space->modules, &count);
	struct ban ban = {.reason = reason};

	if (module && module <= count && identify(list[module - 1].fd, &ban.id) && !find_ban(spaces, &ban.id))
		spaces->bans[spaces->ban_count++ % BANS_MAX] = ban;
	else if (++space->failures >= FAILURES_MAX)
		space->hopeless = reason;
}

void spaces_explain(const struct spaces *spaces, const struct space *space, struct stack *stack)
{
	for (size_t i = 0; spaces->ban_count && i < stack->count; i++) {
		struct frame *frame = &stack->frames[i];
		const struct module *module = modules_find(space->modules, frame->addr - (i > 0));
		struct file_id id;
		const char *reason;

		if (frame->symbol || !module || !identify(module->fd, &id))
			continue;
		reason = find_ban(spaces, &id);
		if (reason)
			frame->reason = reason;
	}
}
