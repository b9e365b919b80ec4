// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that ask for what cannot be: ranges with a hole, bad arguments, mappings that do not let themselves be changed. */
#define _GNU_SOURCE 1
#include "provoke.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

/* All that is mapped, and the hole amid it: the kernel changes it whole, without a split, and then finds the hole. */
#define ACROSS LONE, LONE_BYTES
/* From the midst of a mapping into the hole. */
#define INTO LONE_MIDDLE - 4 * PAGE, 6 * PAGE

static const struct provocation range_rows[] = {
	{"hole_mprotect", pierce_lone, .call = CALL(mprotect, ACROSS, PROT_NONE), FAILS(ENOMEM)},
	{"hole_mprotect_into", pierce_lone, .call = CALL(mprotect, INTO, PROT_NONE), FAILS(ENOMEM)},
	{"hole_mprotect_near", pierce_lone, FILLED(1), .call = CALL(mprotect, ACROSS, PROT_NONE), FAILS(ENOMEM)},
	{"hole_mprotect_at_limit", pierce_lone, FILLED(0), .call = CALL(mprotect, ACROSS, PROT_NONE), FAILS(ENOMEM)},
	{"hole_mprotect_nothing", .call = CALL(mprotect, EMPTY, PAGE, PROT_NONE), FAILS(ENOMEM)},
	{"hole_pkey_mprotect", pierce_lone, .call = CALL(pkey_mprotect, ACROSS, PROT_NONE, NO_KEY), FAILS(ENOMEM)},
	{"hole_madvise", pierce_lone, .call = CALL(madvise, ACROSS, MADV_DONTDUMP), FAILS(ENOMEM)},
	{"hole_madvise_discard", pierce_lone, .call = CALL(madvise, ACROSS, MADV_DONTNEED), FAILS(ENOMEM)},
	{"hole_madvise_at_limit", pierce_lone, FILLED(0), .call = CALL(madvise, ACROSS, MADV_DONTDUMP), FAILS(ENOMEM)},
	{"hole_mlock", pierce_lone, .call = CALL(mlock, ACROSS), FAILS(ENOMEM)},
	{"hole_mlock_into", pierce_lone, .call = CALL(mlock, INTO), FAILS(ENOMEM)},
	{"hole_mlock_near", pierce_lone, FILLED(1), .call = CALL(mlock, ACROSS), FAILS(ENOMEM)},
	{"hole_mlock_at_limit", pierce_lone, FILLED(0), .call = CALL(mlock, ACROSS), FAILS(ENOMEM)},
	{"hole_mlock2", pierce_lone, .call = CALL(mlock2, ACROSS, MLOCK_ONFAULT), FAILS(ENOMEM)},
	{"hole_munlock", pierce_lone, .call = CALL(munlock, ACROSS), FAILS(ENOMEM)},
	{"hole_munlock_at_limit", pierce_lone, FILLED(0), .call = CALL(munlock, ACROSS), FAILS(ENOMEM)},
};
GROUP(unmapped_range, "unmapped_range", range_rows);

/* Two huge pages at an address that the kernel chose; the call names a part of them. */
static int map_huge(struct scene *scene)
{
	long kilobytes = scene_read_number("/proc/meminfo", "Hugepagesize:");
	void *there;
	int err;

	if (!scene->ours)
		return scene_skip(scene, "vm.nr_hugepages is not ours to set");
	err = scene_write(scene, "/proc/sys/vm/nr_hugepages", "4");
	if (err)
		return err;
	there = mmap(NULL, (size_t)kilobytes * 2048, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB,
		     -1, 0);
	if (there == MAP_FAILED)
		return scene_skip(scene, "no huge pages to be had: %s", strerror(errno));
	scene->call.args[0] += (unsigned long)there;
	return 0;
}

static int find_vdso(struct scene *scene)
{
	unsigned long vdso = getauxval(AT_SYSINFO_EHDR);

	scene->call.args[0] = vdso;
	return vdso ? 0 : scene_skip(scene, "no vDSO");
}

#define UNALIGNED    LONE + 1
#define DOUBTFUL_KEY 99

static const struct provocation request_rows[] = {
	{"bad_munmap", .call = CALL(munmap, UNALIGNED, PAGE), FAILS(EINVAL)},
	{"bad_munmap_nothing", .call = CALL(munmap, LONE, 0), FAILS(EINVAL)},
	{"bad_munmap_at_limit", FILLED(0), .call = CALL(munmap, UNALIGNED, PAGE), FAILS(EINVAL)},
	{"bad_mmap_nothing", .call = MMAP(0, 0, PROT_READ, 0), FAILS(EINVAL)},
	{"bad_mmap_fixed", .call = MMAP(EMPTY + 1, PAGE, PROT_READ, MAP_FIXED), FAILS(EINVAL)},
	{"bad_mremap", .call = CALL(mremap, UNALIGNED, PAGE, 2 * PAGE), FAILS(EINVAL)},
	{"bad_mremap_to_nothing", .call = CALL(mremap, LONE, PAGE, 0), FAILS(EINVAL)},
	{"bad_mremap_at_limit", FILLED(0), .call = CALL(mremap, UNALIGNED, PAGE, 2 * PAGE), FAILS(EINVAL)},
	{"bad_mprotect", .call = CALL(mprotect, UNALIGNED, PAGE, PROT_NONE), FAILS(EINVAL)},
	{"bad_mprotect_at_limit", FILLED(0), .call = CALL(mprotect, UNALIGNED, PAGE, PROT_NONE), FAILS(EINVAL)},
	{"bad_pkey_mprotect", .call = CALL(pkey_mprotect, LONE, PAGE, PROT_NONE, DOUBTFUL_KEY), FAILS(EINVAL)},
	{"bad_madvise", .call = CALL(madvise, LONE, PAGE, 9999), FAILS(EINVAL)},
	{"bad_madvise_unaligned", .call = CALL(madvise, UNALIGNED, PAGE, MADV_DONTDUMP), FAILS(EINVAL)},
	{"bad_mlock2", .call = CALL(mlock2, LONE, PAGE, 99), FAILS(EINVAL)},
	{"bad_mlock_length", .call = CALL(mlock, LONE, ~0UL - LONE), FAILS(EINVAL)},
	{"bad_munlock_length", .call = CALL(munlock, LONE, ~0UL - LONE), FAILS(EINVAL)},
	{"bad_mlockall", .call = CALL(mlockall, 0), FAILS(EINVAL)},
	{"bad_shmat", prepare_segment, .call = CALL(shmat, 0, EMPTY + 1), FAILS(EINVAL)},
	{"bad_shmat_taken", prepare_segment, .call = CALL(shmat, 0, LONE), FAILS(EINVAL)},
	{"sealed_munmap", seal_lone, .call = CALL(munmap, LONE, LONE_BYTES), FAILS(EPERM)},
	{"sealed_munmap_near", seal_lone, FILLED(1), .call = CALL(munmap, LONE_MIDDLE, PAGE), FAILS(EPERM)},
	{"sealed_mmap", seal_lone, .call = MMAP(LONE, LONE_BYTES, PROT_NONE, MAP_FIXED), FAILS(EPERM)},
	{"sealed_mremap", seal_lone, .call = CALL(mremap, LONE, LONE_BYTES, 2 * LONE_BYTES, MREMAP_MAYMOVE),
	 FAILS(EPERM)},
	{"sealed_mprotect", seal_lone, .call = CALL(mprotect, LONE, LONE_BYTES, PROT_NONE), FAILS(EPERM)},
	{"sealed_madvise", seal_lone, .call = CALL(madvise, LONE, LONE_BYTES, MADV_DONTNEED), FAILS(EPERM)},
	{"huge_munmap_part", map_huge, .call = CALL(munmap, 0, PAGE), FAILS(EINVAL)},
	{"huge_mprotect_part", map_huge, .call = CALL(mprotect, PAGE, PAGE, PROT_NONE), FAILS(EINVAL)},
	{"vdso_munmap_part", find_vdso, .call = CALL(munmap, 0, PAGE), SINCE(VDSO_STAYS_WHOLE, 0, EINVAL)},
};
GROUP(bad_request, "bad_request", request_rows);
