// SPDX-License-Identifier: GPL-2.0-or-later
/* symbolizer_spaces.c: see symbolizer_spaces.h. */
#include "symbolizer_spaces.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "cleanup.h"
#include "clock.h"
#include "file_bans.h"
#include "file_id.h"

#define FAILURES_MAX 3 /* of a space without a file to blame */
#define NO_ROOM	     "too_many_files"

struct file {
	struct file_id id;
	unsigned int users; /* spaces that were given; 0: the entry is free */
};

struct spaces {
	LIST_HEAD(, space) list;
	uint64_t last_id;
	struct file *files; /* by the index that the process knows them by */
	size_t file_count;
	size_t given; /* descriptors: files with users, and perf maps */
	size_t given_max;
	struct file_bans bans;
};

static uint64_t now_ns(void)
{
	return clock_now_ns(CLOCK_MONOTONIC);
}

/*
 * The process raises its limit to the hard one, which it has from us. Half of them are for what it makes of the files:
 * libdw holds copies for a time, and there are debug files.
 */
static size_t count_allowed(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_max / 2 > WIRE_FILES_MAX)
		return WIRE_FILES_MAX;
	return files.rlim_max / 2;
}

int spaces_new(uint64_t pause_ns, struct spaces **ret)
{
	struct spaces *spaces = calloc(1, sizeof(*spaces));

	if (!spaces)
		return -ENOMEM;
	LIST_INIT(&spaces->list);
	spaces->given_max = count_allowed();
	spaces->bans.first_ns = pause_ns;
	*ret = spaces;
	return 0;
}

static void space_free(struct space *space)
{
	LIST_REMOVE(space, entry);
	modules_free(space->modules);
	free(space->files);
	free(space->left_out);
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
	space->given = space->perf_map = false;
	free(cleanup_take(space->files));
}

void spaces_restart(struct spaces *spaces)
{
	struct space *space;

	LIST_FOREACH (space, &spaces->list, entry)
		space_take_back(space);
	for (size_t i = 0; i < spaces->file_count; i++)
		spaces->files[i].users = 0;
	spaces->given = 0;
}

/* ---- files ---- */

static bool has_room(const struct spaces *spaces)
{
	return spaces->given < spaces->given_max;
}

/* The entry of that file, or a free one. -ENOSPC: there is no room for one more. */
static int find_entry(struct spaces *spaces, const struct file_id *id, size_t *ret)
{
	size_t at = spaces->file_count;
	struct file *files;

	for (size_t i = 0; i < spaces->file_count; i++) {
		if (spaces->files[i].users && file_id_is(&spaces->files[i].id, id)) {
			*ret = i;
			return 0;
		}
		if (!spaces->files[i].users && at == spaces->file_count)
			at = i;
	}
	if (!has_room(spaces))
		return -ENOSPC;
	if (at == spaces->file_count) {
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

static void renew_at(struct space *space, uint64_t at_ns)
{
	if (at_ns < space->renew_ns)
		space->renew_ns = at_ns;
}

/* The entry to give it by. *left_out says why it is not to be given now, and then -ENOENT is returned. */
static int admit(struct spaces *spaces, struct space *space, const struct file_id *id, size_t *ret, bool *names_only,
		 const char **left_out)
{
	const struct file_ban *ban = file_bans_find(&spaces->bans, id, now_ns());
	int err;

	if (ban)
		renew_at(space, ban->until_ns);
	if (ban && !ban->lines_only) {
		*left_out = ban->reason;
		return -ENOENT;
	}
	*names_only = ban;
	err = find_entry(spaces, id, ret);
	if (err != -ENOSPC)
		return err;
	*left_out = NO_ROOM;
	renew_at(space, now_ns() + spaces->bans.first_ns);
	return -ENOENT;
}

static int give_file(struct spaces *spaces, struct space *space, size_t module, int fd,
		     struct symbolizer_process *process, uint64_t *files)
{
	struct file_id id;
	bool names_only;
	size_t index;
	int err;

	if (!file_id_read(fd, &id))
		return 0;
	err = admit(spaces, space, &id, &index, &names_only, &space->left_out[module]);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (!spaces->files[index].users) {
		err = symbolizer_process_send_number(process, WIRE_FILE, index, fd);
		if (err)
			return err;
		++*files;
		spaces->given++;
	}
	spaces->files[index].id = id;
	spaces->files[index].users++;
	space->files[module] = index | (names_only ? WIRE_NAMES_ONLY : 0);
	return 0;
}

/* The mappings of one file are neighbours mostly, and share its descriptor. */
static int give_files(struct spaces *spaces, struct space *space, struct symbolizer_process *process, uint64_t *files)
{
	size_t count;
	const struct module *list = modules_list(space->modules, &count);
	int err = 0;

	free(space->left_out);
	space->files = calloc(count + 1, sizeof(*space->files));
	space->left_out = calloc(count + 1, sizeof(*space->left_out));
	if (!space->files || !space->left_out)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		space->files[i] = WIRE_NO_FILE;
	for (size_t i = 0; i < count && !err; i++) {
		if (i && list[i].fd == list[i - 1].fd && space->files[i - 1] != WIRE_NO_FILE) {
			space->files[i] = space->files[i - 1];
			spaces->files[space->files[i] & ~WIRE_NAMES_ONLY].users++;
		} else {
			err = give_file(spaces, space, i, list[i].fd, process, files);
		}
	}
	return err;
}

/* The descriptor to send along, or -1. */
static int give_perf_map(struct spaces *spaces, struct space *space)
{
	int fd = modules_perf_map_fd(space->modules);

	space->perf_map_left_out = fd >= 0 && !has_room(spaces);
	if (space->perf_map_left_out)
		renew_at(space, now_ns() + spaces->bans.first_ns);
	if (fd < 0 || space->perf_map_left_out)
		return -1;
	space->perf_map = true;
	spaces->given++;
	return fd;
}

static int take_back(struct spaces *spaces, struct space *space, struct symbolizer_process *process)
{
	size_t count;
	int err = symbolizer_process_send_number(process, WIRE_DROP_SPACE, space->id, -1);

	modules_list(space->modules, &count);
	for (size_t i = 0; i < count && !err; i++) {
		uint32_t index = space->files[i];

		if (index == WIRE_NO_FILE)
			continue;
		index &= ~WIRE_NAMES_ONLY;
		if (--spaces->files[index].users)
			continue;
		spaces->given--;
		err = symbolizer_process_send_number(process, WIRE_DROP_FILE, index, -1);
	}
	spaces->given -= space->perf_map;
	space_take_back(space);
	return err;
}

int spaces_give(struct spaces *spaces, struct space *space, struct symbolizer_process *process, uint64_t *files)
{
	_cleanup_(wire_buffer_fini) struct wire_buffer buffer = {};
	int err = 0;

	if (space->given && (space->renew_ns == UINT64_MAX || now_ns() < space->renew_ns))
		return 0;
	if (space->given)
		err = take_back(spaces, space, process);
	space->given = true;
	space->renew_ns = UINT64_MAX;
	if (!err)
		err = give_files(spaces, space, process, files);
	if (!err)
		err = wire_encode_space(&buffer, space->id, space->modules, space->files);
	if (!err)
		err = symbolizer_process_send(process, WIRE_SPACE, &buffer, give_perf_map(spaces, space));
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

/* Whether a ban has kept it from what it is blamed for, which it then cannot have done. */
static bool was_kept_from(const struct file_ban *ban, bool with_lines)
{
	return ban && (with_lines || !ban->lines_only);
}

void spaces_blame(struct spaces *spaces, struct space *space, uint32_t module, bool with_lines, const char *reason)
{
	size_t count;
	const struct module *list = modules_list(space->modules, &count);
	struct file_id id;

	if (module && module <= count && file_id_read(list[module - 1].fd, &id) &&
	    !was_kept_from(file_bans_find(&spaces->bans, &id, now_ns()), with_lines)) {
		file_bans_strike(&spaces->bans, &id, reason, with_lines, now_ns());
	} else if (++space->failures >= FAILURES_MAX) {
		space->hopeless = reason;
		space->hopeless_until_ns = now_ns() + spaces->bans.first_ns;
		space->failures = 0;
	}
}

const char *space_is_hopeless(const struct space *space)
{
	return space->hopeless && now_ns() < space->hopeless_until_ns ? space->hopeless : NULL;
}

/* What nobody mapped from a file may be in the perf map. */
static const char *why_left_out(const struct space *space, const struct frame *frame)
{
	const struct module *module = modules_find(space->modules, frame->addr - !frame->activation);
	size_t count;

	if (module)
		return space->left_out[module - modules_list(space->modules, &count)];
	return space->perf_map_left_out ? NO_ROOM : NULL;
}

void space_explain(const struct space *space, struct stack *stack)
{
	for (size_t i = 0; space->left_out && i < stack->count; i++) {
		struct frame *frame = &stack->frames[i];

		if (!frame->symbol)
			frame->reason = why_left_out(space, frame) ?: frame->reason;
	}
}
