// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that fail because there is no room: overcommit, the address space, the pool of huge pages. */
#define _GNU_SOURCE 1
#include "provoke.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "calls.h"

#define TEBIBYTE  (1UL << 40)
#define WRITABLE  (PROT_READ | PROT_WRITE)
#define ARGS_MOST 6
/* In a row's arguments: the size that is too much. */
#define TOO_MUCH (~0UL - 1)

static const char overcommit_path[] = "/proc/sys/vm/overcommit_memory";

static void complete_call(struct scene *scene, unsigned long bytes)
{
	for (size_t i = 0; i < ARGS_MOST; i++)
		if (scene->call.args[i] == TOO_MUCH)
			scene->call.args[i] = bytes;
}

/* More than there ever is: refused in mode 0 and mode 2. */
static int exceed_memory(struct scene *scene)
{
	struct sysinfo info;

	if (scene_read_number(overcommit_path, "") == 1)
		return scene_skip(scene, "vm.overcommit_memory is 1 here");
	sysinfo(&info);
	complete_call(scene, ((info.totalram + info.totalswap) * info.mem_unit & ~(PAGE - 1)) + TEBIBYTE);
	return 0;
}

/* No more than there is, and mode 0 lets it pass. */
static int exceed_commitment(struct scene *scene)
{
	int err;

	if (!scene->ours)
		return scene_skip(scene, "vm.overcommit_memory is not ours to set");
	err = scene_write(scene, overcommit_path, "2");
	if (!err)
		complete_call(scene,
			      ((unsigned long)scene_read_number("/proc/meminfo", "CommitLimit:") & ~3UL) * 1024 + PAGE);
	return err;
}

/* Not with MAP_NORESERVE, which is for good. */
static int map_accounted(struct scene *scene, unsigned long addr, size_t length, int protection)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *there = mmap((void *)addr, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return there == MAP_FAILED ? scene_break(scene, "cannot map %zu bytes: %s", length, strerror(errno)) : 0;
}

static int map_writable(struct scene *scene)
{
	return map_accounted(scene, LONE, LONE_BYTES, WRITABLE);
}

static int map_too_much_readable(struct scene *scene)
{
	int err = exceed_memory(scene);

	return err ? err : map_accounted(scene, BULK, scene->call.args[1], PROT_READ);
}

static int prepare_huge_break(struct scene *scene)
{
	int err = exceed_memory(scene);

	return err ? err : prepare_break(scene);
}

#define MOVE_TOO_MUCH CALL(mremap, LONE, LONE_BYTES, TOO_MUCH, MREMAP_MAYMOVE)

static const struct provocation overcommit_rows[] = {
	{"overcommit_mmap", .constrain = exceed_memory, .call = MMAP(0, TOO_MUCH, WRITABLE, 0), FAILS(ENOMEM)},
	{"overcommit_mmap_none", .constrain = exceed_memory, .call = MMAP(0, TOO_MUCH, PROT_NONE, 0), FAILS(0)},
	{"overcommit_mmap_near", FILLED(1), exceed_memory, .call = MMAP(0, TOO_MUCH, WRITABLE, 0), FAILS(ENOMEM)},
	{"overcommit_mmap_at_limit", FILLED(0), exceed_memory, .call = MMAP(0, TOO_MUCH, WRITABLE, 0), FAILS(ENOMEM)},
	{"overcommit_mmap_mode_2", .constrain = exceed_commitment, .call = MMAP(0, TOO_MUCH, WRITABLE, 0),
	 FAILS(ENOMEM)},
	{"overcommit_mremap", map_writable, .constrain = exceed_memory, .call = MOVE_TOO_MUCH, FAILS(ENOMEM)},
	{"overcommit_mremap_near", map_writable, FILLED(6), exceed_memory, .call = MOVE_TOO_MUCH, FAILS(ENOMEM)},
	{"overcommit_mprotect", map_too_much_readable, .call = CALL(mprotect, BULK, TOO_MUCH, WRITABLE), FAILS(ENOMEM)},
	{"overcommit_mprotect_at_limit", map_too_much_readable, FILLED(0),
	 .call = CALL(mprotect, BULK, TOO_MUCH, WRITABLE), FAILS(ENOMEM)},
	{"overcommit_brk", prepare_huge_break, .call = CALL(brk, TOO_MUCH), FAILS(ENOMEM)},
	{"overcommit_brk_at_limit", prepare_huge_break, FILLED(0), .call = CALL(brk, TOO_MUCH), FAILS(ENOMEM)},
};
GROUP(overcommit, "overcommit", overcommit_rows);

/* A mapping not far behind the heap. */
static int block_break(struct scene *scene)
{
	int err = prepare_break(scene);
	unsigned long there = ((unsigned long)sbrk(0) + 32 * PAGE) & ~(PAGE - 1);

	return err ? err : scene_map(scene, there, PAGE, PROT_NONE);
}

#define UNRESERVED   (MAP_NORESERVE)
#define MOVE_FAR     CALL(mremap, LONE, LONE_BYTES, 120 * TEBIBYTE, MREMAP_MAYMOVE)
#define GROW_BLOCKED CALL(mremap, LONE, LONE_BYTES, 2 * LONE_BYTES)

static const struct provocation space_rows[] = {
	/* More than the address space, more than its largest hole, and more than what can be named in 32 bits. */
	{"space_mmap_all", .call = MMAP(0, 128 * TEBIBYTE, PROT_NONE, UNRESERVED), FAILS(ENOMEM)},
	{"space_mmap_hole", .call = MMAP(0, 120 * TEBIBYTE, PROT_NONE, UNRESERVED), FAILS(ENOMEM)},
	{"space_mmap_low", .call = MMAP(0, 2UL << 30, PROT_NONE, UNRESERVED | MAP_32BIT), FAILS(ENOMEM)},
	{"space_mmap_near", FILLED(1), .call = MMAP(0, 120 * TEBIBYTE, PROT_NONE, UNRESERVED), FAILS(ENOMEM)},
	{"space_mmap_at_limit", FILLED(0), .call = MMAP(0, 120 * TEBIBYTE, PROT_NONE, UNRESERVED), FAILS(ENOMEM)},
	{"space_mremap_blocked", block_lone, .call = GROW_BLOCKED, FAILS(ENOMEM)},
	{"space_mremap_blocked_near", block_lone, FILLED(6), .call = GROW_BLOCKED, FAILS(ENOMEM)},
	{"space_mremap_far", .call = MOVE_FAR, FAILS(ENOMEM)},
	{"space_brk_blocked", block_break, .call = CALL(brk, 64 * PAGE), FAILS(ENOMEM)},
	{"space_brk_blocked_at_limit", block_break, FILLED(0), .call = CALL(brk, 64 * PAGE), FAILS(ENOMEM)},
};
GROUP(no_address_space, "no_address_space", space_rows);

/* More huge pages than the pool has and may get. */
static int exceed_pool(struct scene *scene)
{
	long pages = scene_read_number("/proc/sys/vm/nr_hugepages", "");
	long surplus = scene_read_number("/proc/sys/vm/nr_overcommit_hugepages", "");
	long kilobytes = scene_read_number("/proc/meminfo", "Hugepagesize:");

	if (pages < 0 || surplus < 0 || kilobytes < 0)
		return scene_skip(scene, "this kernel has no huge pages");
	complete_call(scene, (unsigned long)(pages + surplus + 1) * (unsigned long)kilobytes * 1024);
	return 0;
}

static const struct provocation pool_rows[] = {
	{"pool_mmap", .constrain = exceed_pool, .call = MMAP(0, TOO_MUCH, WRITABLE, MAP_HUGETLB), FAILS(ENOMEM)},
	{"pool_mmap_near", FILLED(1), exceed_pool, .call = MMAP(0, TOO_MUCH, WRITABLE, MAP_HUGETLB), FAILS(ENOMEM)},
	{"pool_mmap_at_limit", FILLED(0), exceed_pool, .call = MMAP(0, TOO_MUCH, WRITABLE, MAP_HUGETLB), FAILS(ENOMEM)},
};
GROUP(hugetlb_pool, "hugetlb_pool", pool_rows);
