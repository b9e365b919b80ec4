// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that fail because of a resource limit, far from vm.max_map_count and right at it. */
#define _GNU_SOURCE 1
#include "provoke.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

enum { NOBODY = 65534, SPARE_PAGES = 4, MORE_PAGES = 64 };

#define MORE (MORE_PAGES * PAGE)

static int set_limit(struct scene *scene, __rlimit_resource_t resource, unsigned long bytes)
{
	const struct rlimit limit = {bytes, bytes};

	return setrlimit(resource, &limit) ? scene_break(scene, "cannot set a limit: %s", strerror(errno)) : 0;
}

/* What the process has of it by now, and a little more. */
static int set_limit_here(struct scene *scene, __rlimit_resource_t resource, const char *name)
{
	long kilobytes = scene_read_number("/proc/self/status", name);

	if (kilobytes < 0)
		return scene_break(scene, "no %s in /proc/self/status", name);
	return set_limit(scene, resource, (unsigned long)kilobytes * 1024 + SPARE_PAGES * PAGE);
}

static int limit_space(struct scene *scene)
{
	return set_limit_here(scene, RLIMIT_AS, "VmSize:");
}

static int limit_data(struct scene *scene)
{
	return set_limit_here(scene, RLIMIT_DATA, "VmData:");
}

/* Less than the heap has already: brk() looks at that before anything else. */
static int limit_data_to_page(struct scene *scene)
{
	return set_limit(scene, RLIMIT_DATA, PAGE);
}

/* Of one who may not lock what he likes. */
static int limit_locked(struct scene *scene)
{
	int err = set_limit_here(scene, RLIMIT_MEMLOCK, "VmLck:");

	if (!err && geteuid() == 0 && setresuid(NOBODY, NOBODY, NOBODY))
		return scene_skip(scene, "cannot become another user: %s", strerror(errno));
	return err;
}

static int limit_locked_future(struct scene *scene)
{
	/* From here on what is mapped is locked. */
	if (mlockall(MCL_FUTURE))
		return scene_skip(scene, "cannot lock: %s", strerror(errno));
	return limit_locked(scene);
}

static int prepare_writable(struct scene *scene)
{
	return scene_map(scene, LONE, LONE_BYTES, PROT_READ | PROT_WRITE);
}

/* More of it than is spared. */
static int prepare_readable(struct scene *scene)
{
	return scene_map(scene, LONE, MORE, PROT_READ);
}

#define GROW_BY_MOVE CALL(mremap, LONE, LONE_BYTES, LONE_BYTES + MORE, MREMAP_MAYMOVE)
#define GROW_HERE    CALL(mremap, LONE, LONE_BYTES, LONE_BYTES + MORE)
#define WRITABLE     (PROT_READ | PROT_WRITE)

static const struct provocation space_rows[] = {
	{"as_mmap", .constrain = limit_space, .call = MMAP(0, MORE, WRITABLE, 0), FAILS(ENOMEM)},
	{"as_mmap_none", .constrain = limit_space, .call = MMAP(EMPTY, MORE, PROT_NONE, MAP_NORESERVE), FAILS(ENOMEM)},
	{"as_mmap_near", FILLED(1), limit_space, .call = MMAP(0, MORE, WRITABLE, 0), FAILS(ENOMEM)},
	{"as_mmap_at_limit", FILLED(0), limit_space, .call = MMAP(0, MORE, WRITABLE, 0), FAILS(ENOMEM)},
	{"as_mremap", .constrain = limit_space, .call = GROW_BY_MOVE, FAILS(ENOMEM)},
	{"as_mremap_here", .constrain = limit_space, .call = GROW_HERE, FAILS(ENOMEM)},
	{"as_mremap_near", FILLED(6), limit_space, .call = GROW_HERE, FAILS(ENOMEM)},
	{"as_brk", prepare_break, .constrain = limit_space, .call = CALL(brk, MORE), FAILS(ENOMEM)},
	{"as_brk_near", prepare_break, FILLED(1), limit_space, .call = CALL(brk, MORE), FAILS(ENOMEM)},
	{"as_brk_at_limit", prepare_break, FILLED(0), limit_space, .call = CALL(brk, MORE), FAILS(ENOMEM)},
	{"as_shmat", prepare_segment, .constrain = limit_space, .call = CALL(shmat, 0, 0), FAILS(ENOMEM)},
	{"as_shmat_near", prepare_segment, FILLED(1), limit_space, .call = CALL(shmat, 0, EMPTY), FAILS(ENOMEM)},
};
GROUP(rlimit_as, "rlimit_as", space_rows);

static const struct provocation data_rows[] = {
	{"data_mmap", .constrain = limit_data, .call = MMAP(0, MORE, WRITABLE, 0), FAILS(ENOMEM)},
	{"data_mmap_readable", .constrain = limit_data, .call = MMAP(0, MORE, PROT_READ, 0), FAILS(0)},
	{"data_mmap_at_limit", FILLED(0), limit_data, .call = MMAP(0, MORE, WRITABLE, 0), FAILS(ENOMEM)},
	{"data_mmap_page", .constrain = limit_data_to_page, .call = MMAP(0, MORE, WRITABLE, 0), FAILS(ENOMEM)},
	{"data_mremap", prepare_writable, .constrain = limit_data, .call = GROW_BY_MOVE, FAILS(ENOMEM)},
	{"data_mprotect", prepare_readable, .constrain = limit_data, .call = CALL(mprotect, LONE, MORE, WRITABLE),
	 FAILS(ENOMEM)},
	{"data_mprotect_at_limit", prepare_readable, FILLED(0), limit_data,
	 .call = CALL(mprotect, LONE, MORE, WRITABLE), FAILS(ENOMEM)},
	{"data_pkey_mprotect", prepare_readable, .constrain = limit_data,
	 .call = CALL(pkey_mprotect, LONE, MORE, WRITABLE, NO_KEY), FAILS(ENOMEM)},
	{"data_brk", prepare_break, .constrain = limit_data, .call = CALL(brk, MORE), FAILS(ENOMEM)},
	{"data_brk_page", prepare_break, .constrain = limit_data_to_page, .call = CALL(brk, MORE), FAILS(ENOMEM)},
	{"data_brk_at_limit", prepare_break, FILLED(0), limit_data, .call = CALL(brk, MORE), FAILS(ENOMEM)},
};
GROUP(rlimit_data, "rlimit_data", data_rows);

static const struct provocation locked_rows[] = {
	{"locked_mlock", .constrain = limit_locked, .call = CALL(mlock, LONE, LONE_BYTES), FAILS(ENOMEM)},
	{"locked_mlock_near", FILLED(1), limit_locked, .call = CALL(mlock, LONE, LONE_BYTES), FAILS(ENOMEM)},
	{"locked_mlock_at_limit", FILLED(0), limit_locked, .call = CALL(mlock, LONE, LONE_BYTES), FAILS(ENOMEM)},
	{"locked_mlock2", .constrain = limit_locked, .call = CALL(mlock2, LONE, LONE_BYTES, MLOCK_ONFAULT),
	 FAILS(ENOMEM)},
	{"locked_mlockall", .constrain = limit_locked, .call = CALL(mlockall, MCL_CURRENT), FAILS(ENOMEM)},
	{"locked_mmap", .constrain = limit_locked, .call = MMAP(EMPTY, MORE, PROT_READ, MAP_LOCKED), FAILS(EAGAIN)},
	{"locked_mmap_near", FILLED(1), limit_locked, .call = MMAP(EMPTY, MORE, PROT_READ, MAP_LOCKED), FAILS(EAGAIN)},
	{"locked_mmap_future", .constrain = limit_locked_future, .call = MMAP(EMPTY, MORE, PROT_READ, 0),
	 FAILS(EAGAIN)},
	{"locked_brk_future", prepare_break, .constrain = limit_locked_future, .call = CALL(brk, MORE), FAILS(ENOMEM)},
	{"locked_mremap", lock_lone, .constrain = limit_locked, .call = GROW_BY_MOVE, FAILS(EAGAIN)},
	{"locked_mremap_near", lock_lone, FILLED(6), limit_locked, .call = GROW_HERE, FAILS(EAGAIN)},
};
GROUP(rlimit_memlock, "rlimit_memlock", locked_rows);
