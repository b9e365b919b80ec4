// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that fail because the memory cgroup is at its maximum: the kernel gets no memory for a mapping. Some succeed
 * before that, because the kernel keeps up to a page of charged memory in stock.
 */
#define _GNU_SOURCE 1
#include "provoke.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../memory_cgroup.h"
#include "calls.h"

enum { TRIES = 64, STRIDE_PAGES = 8, REGION_PAGES = (TRIES + 1) * STRIDE_PAGES };

/*
 * Makes the call at one place after the other, with memory.max at `most`, until it fails. Leaves the last call in the
 * scene. No page may be touched for the first time in between: its fault would never end.
 */
static int make_calls(struct scene *scene, int memory_max, const char *most)
{
	size_t length = strlen(most);
	int error = 0;

	if (write(memory_max, most, length) < 0)
		return scene_break(scene, "cannot write memory.max: %s", strerror(errno));
	for (size_t i = 0; i < TRIES; i++) {
		error = call_make(&scene->call);
		if (error)
			break;
		scene->call.args[0] += STRIDE_PAGES * PAGE;
	}
	if (write(memory_max, "max", 3) < 0)
		return scene_break(scene, "cannot write memory.max: %s", strerror(errno));
	scene->outcome->error = error;
	return 0;
}

static int act_in_shortage(struct scene *scene)
{
	const unsigned long addr = scene->call.args[0];
	int memory_max, err;

	if (!*scene->cgroup)
		return scene_skip(scene, "no memory controller of cgroup v2");
	err = memory_cgroup_enter(scene->cgroup, &memory_max);
	if (err)
		return scene_skip(scene, "cannot enter '%s': %s", scene->cgroup, strerror(-err));
	/* Keeps what this process uses in memory while memory.max evicts what it can. */
	if (mlockall(MCL_CURRENT))
		return scene_skip(scene, "cannot lock: %s", strerror(errno));
	/* What is mapped now belongs to the cgroup. The call is rehearsed beside it. */
	err = scene_map(scene, SECOND, REGION_PAGES * PAGE, PROT_READ);
	if (!err)
		err = scene_map(scene, LONE, REGION_PAGES * PAGE, PROT_READ);
	if (err)
		return err;
	scene->call.args[0] = addr - LONE + SECOND;
	err = make_calls(scene, memory_max, "max");
	if (err || scene->outcome->error)
		return err ? err : scene_break(scene, "the rehearsal failed: %s", strerror(scene->outcome->error));
	scene->call.args[0] = addr;
	err = make_calls(scene, memory_max, "0");
	if (!err)
		scene_note(scene, &scene->call, scene->outcome->error);
	return err;
}

static int prepare_nothing(struct scene *scene)
{
	(void)scene;
	return 0;
}

/* In the gap between the two regions, both for the rehearsal and for the call. */
#define BEHIND LONE + 2 * REGION_PAGES *PAGE
#define SHORT  prepare_nothing, .act = act_in_shortage

static const struct provocation short_rows[] = {
	{"memcg_munmap", SHORT, .call = CALL(munmap, LONE + PAGE, PAGE), FAILS(ENOMEM)},
	{"memcg_munmap_tail", SHORT, .call = CALL(munmap, LONE + PAGE, 7 * PAGE), FAILS(ENOMEM)},
	{"memcg_mprotect", SHORT, .call = CALL(mprotect, LONE + PAGE, PAGE, PROT_NONE), FAILS(ENOMEM)},
	{"memcg_pkey_mprotect", SHORT, .call = CALL(pkey_mprotect, LONE + PAGE, PAGE, PROT_NONE, NO_KEY),
	 FAILS(ENOMEM)},
	{"memcg_madvise", SHORT, .call = CALL(madvise, LONE + PAGE, PAGE, MADV_DONTDUMP), FAILS(EAGAIN)},
	{"memcg_mmap", SHORT, .call = MMAP(BEHIND, PAGE, PROT_READ, MAP_NORESERVE | MAP_FIXED_NOREPLACE),
	 FAILS(ENOMEM)},
	{"memcg_mmap_fixed", SHORT, .call = MMAP(LONE + PAGE, PAGE, PROT_NONE, MAP_FIXED), FAILS(ENOMEM)},
	{"memcg_mremap", SHORT, .call = CALL(mremap, LONE + PAGE, 4 * PAGE, PAGE), FAILS(ENOMEM)},
	{"memcg_mlock2", SHORT, .call = CALL(mlock2, LONE + PAGE, PAGE, MLOCK_ONFAULT), FAILS(ENOMEM)},
};
GROUP(memcg_limit, "memcg_limit", short_rows);
