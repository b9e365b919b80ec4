// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls of all kinds that succeed, one after the other, in processes with few and with as many mappings as there may be. */
#define _GNU_SOURCE 1
#include "provoke.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

/* Up to three mappings more than there were. Each leaves what the next needs. */
static const struct call with_room[] = {
	CALL(mprotect, LONE_MIDDLE, PAGE, PROT_NONE),
	CALL(mprotect, LONE_MIDDLE, PAGE, PROT_READ),
	CALL(pkey_mprotect, LONE, PAGE, PROT_NONE, NO_KEY),
	CALL(pkey_mprotect, LONE, PAGE, PROT_READ, NO_KEY),
	CALL(madvise, LONE_MIDDLE, PAGE, MADV_DONTDUMP),
	CALL(madvise, LONE_MIDDLE, PAGE, MADV_DODUMP),
	CALL(mlock, LONE_MIDDLE, PAGE),
	CALL(munlock, LONE_MIDDLE, PAGE),
	CALL(mlock2, LONE_TAIL, PAGE, MLOCK_ONFAULT),
	CALL(munlock, LONE_TAIL, PAGE),
	MMAP(EMPTY, 4 * PAGE, PROT_READ, 0),
	CALL(mremap, EMPTY, 4 * PAGE, 4 * PAGE),
	CALL(mremap, EMPTY, 4 * PAGE, 5 * PAGE),
	CALL(mremap, EMPTY, 5 * PAGE, 3 * PAGE),
	CALL(mremap, EMPTY, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, EMPTY + 64 * PAGE),
	CALL(munmap, EMPTY + 64 * PAGE, 3 * PAGE),
	MMAP(LONE_MIDDLE, PAGE, PROT_NONE, MAP_FIXED),
	CALL(munmap, LONE_MIDDLE, PAGE),
	CALL(munmap, LONE, LONE_BYTES),
	CALL(munmap, LONE, LONE_BYTES),
};

/* None that needs a mapping more than there is; in the end there is one more, which mmap() may have. */
static const struct call without_room[] = {
	CALL(madvise, LONE_MIDDLE, PAGE, MADV_DONTNEED),
	CALL(madvise, LONE, LONE_BYTES, MADV_DONTDUMP),
	CALL(mlock, LONE, LONE_BYTES),
	CALL(munlock, LONE, LONE_BYTES),
	CALL(mprotect, LONE, LONE_BYTES, PROT_NONE),
	CALL(pkey_mprotect, LONE, LONE_BYTES, PROT_READ, NO_KEY),
	CALL(munmap, LONE, PAGE),
	CALL(munmap, LONE_TAIL, PAGE),
	CALL(mprotect, LONE, 0, PROT_NONE),
	MMAP(EMPTY, PAGE, PROT_READ, 0),
	CALL(munmap, LONE, LONE_BYTES),
	MMAP(EMPTY + 2 * PAGE, PAGE, PROT_READ, 0),
};

static int make_all(struct scene *scene, const struct call *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int error = call_make(&calls[i]);

		scene_note(scene, &calls[i], error);
		if (error)
			return scene_break(scene, "%s, the one with the number %zu: %s", calls[i].syscall, i,
					   strerror(error));
	}
	return 0;
}

/* The heap and a segment, which have addresses of their own. */
static int make_others(struct scene *scene)
{
	struct call grow = CALL(brk, 64 * PAGE), shrink = CALL(brk, 0), detach = CALL(shmdt, EMPTY);
	struct call attach = {"shmat", SYS_shmat, {scene->call.args[0], EMPTY}};
	const struct call *const calls[] = {&grow, &shrink, &attach, &detach};

	grow.args[0] += (unsigned long)sbrk(0);
	shrink.args[0] += (unsigned long)sbrk(0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int err = make_all(scene, calls[i], 1);

		if (err)
			return err;
	}
	return 0;
}

static int act_with_room(struct scene *scene)
{
	int err = make_others(scene);

	return err ? err : make_all(scene, with_room, sizeof(with_room) / sizeof(with_room[0]));
}

static int act_without_room(struct scene *scene)
{
	int err = make_others(scene);

	return err ? err : make_all(scene, without_room, sizeof(without_room) / sizeof(without_room[0]));
}

#define ROOM	prepare_segment, .act = act_with_room, .call = CALL(shmat, 0)
#define NO_ROOM prepare_segment, .act = act_without_room, .call = CALL(shmat, 0)

static const struct provocation harmless_rows[] = {
	{"harmless_few", ROOM, FAILS(0)},
	{"harmless_near", ROOM, FILLED(8), FAILS(0)},
	{"harmless_few_changes", NO_ROOM, FAILS(0)},
	{"harmless_at_limit", NO_ROOM, FILLED(0), FAILS(0)},
};
GROUP(harmless, "unknown", harmless_rows);
