// SPDX-License-Identifier: GPL-2.0-or-later
/* The preparations that tables share: variants of the lone mapping, the heap, a shared segment. */
#define _GNU_SOURCE 1
#include "calls.h"

#include <errno.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
#define POINTER(ADDR) ((void *)(ADDR))

int lock_lone(struct scene *scene)
{
	int err = scene_map_lone(scene);

	if (!err && mlock(POINTER(LONE), LONE_BYTES))
		return scene_skip(scene, "cannot lock: %s", strerror(errno));
	return err;
}

int block_lone(struct scene *scene)
{
	int err = scene_map_lone(scene);

	return err ? err : scene_map(scene, LONE + LONE_BYTES, PAGE, PROT_NONE);
}

int pierce_lone(struct scene *scene)
{
	int err = scene_map_lone(scene);

	if (!err && munmap(POINTER(LONE_MIDDLE), PAGE))
		return scene_break(scene, "cannot make a hole: %s", strerror(errno));
	return err;
}

int seal_lone(struct scene *scene)
{
	int err = scene_map_lone(scene);

	if (!err && syscall(__NR_mseal, LONE, LONE_BYTES, 0))
		return scene_skip(scene, "no mseal(): %s", strerror(errno));
	return err;
}

int prepare_break(struct scene *scene)
{
	int err = scene_map_lone(scene);

	if (!err && sbrk((intptr_t)(4 * PAGE)) == POINTER(-1))
		return scene_break(scene, "no heap: %s", strerror(errno));
	scene->call.args[0] += (unsigned long)sbrk(0);
	return err;
}

int prepare_segment(struct scene *scene)
{
	int id = shmget(IPC_PRIVATE, LONE_BYTES, IPC_CREAT | 0600);
	void *there;

	if (id < 0)
		return scene_skip(scene, "no shared segment: %s", strerror(errno));
	/* One that is attached lives until nobody has it any more, and can be attached again. */
	there = shmat(id, POINTER(SECOND), 0);
	shmctl(id, IPC_RMID, NULL);
	if (there == POINTER(-1))
		return scene_break(scene, "cannot attach a segment: %s", strerror(errno));
	scene->call.args[0] = (unsigned long)id;
	return scene_map_lone(scene);
}
