// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that fail because of vm.max_map_count, and, at the same count or one less, some that just succeed. */
#define _GNU_SOURCE 1
#include "provoke.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

static const struct provocation map_rows[] = {
	{"munmap_middle", FILLED(0), .call = CALL(munmap, LONE_MIDDLE, PAGE), FAILS(ENOMEM)},
	{"munmap_middle_beyond", FILLED(-1), .call = CALL(munmap, LONE_MIDDLE, PAGE), FAILS(ENOMEM)},
	{"munmap_middle_last", FILLED(1), .call = CALL(munmap, LONE_MIDDLE, PAGE), FAILS(0)},
	{"munmap_sealed_middle", seal_lone, FILLED(0), .call = CALL(munmap, LONE_MIDDLE, PAGE),
	 SINCE(SEAL_BEHIND_LIMIT, EPERM, ENOMEM)},
	{"mmap_new", FILLED(-1), .call = MMAP(EMPTY, PAGE, PROT_READ, 0), FAILS(ENOMEM)},
	{"mmap_new_last", FILLED(0), .call = MMAP(EMPTY, PAGE, PROT_READ, 0), FAILS(0)},
	{"mmap_anywhere", FILLED(-1), .call = MMAP(0, PAGE, PROT_READ | PROT_WRITE, 0), FAILS(ENOMEM)},
	{"mmap_mergeable", FILLED(-1), .call = MMAP(LONE + LONE_BYTES, PAGE, PROT_READ, MAP_NORESERVE), FAILS(ENOMEM)},
	{"mmap_fixed_whole", FILLED(-1), .call = MMAP(LONE, LONE_BYTES, PROT_NONE, MAP_FIXED), FAILS(ENOMEM)},
	{"mmap_fixed_middle", FILLED(0), .call = MMAP(LONE_MIDDLE, PAGE, PROT_NONE, MAP_FIXED), FAILS(ENOMEM)},
	{"mmap_fixed_middle_beyond", FILLED(-1), .call = MMAP(LONE_MIDDLE, PAGE, PROT_NONE, MAP_FIXED), FAILS(ENOMEM)},
	{"mmap_fixed_head", FILLED(-1), .call = MMAP(LONE, PAGE, PROT_NONE, MAP_FIXED), FAILS(ENOMEM)},
	{"brk_grow", prepare_break, FILLED(-1), .call = CALL(brk, 64 * PAGE), FAILS(ENOMEM)},
	{"brk_grow_last", prepare_break, FILLED(0), .call = CALL(brk, 64 * PAGE), FAILS(0)},
	{"shmat", prepare_segment, FILLED(-1), .call = CALL(shmat, 0, EMPTY), FAILS(ENOMEM)},
	{"shmat_anywhere", prepare_segment, FILLED(-1), .call = CALL(shmat, 0, 0), FAILS(ENOMEM)},
	{"shmat_last", prepare_segment, FILLED(0), .call = CALL(shmat, 0, EMPTY), FAILS(0)},
};
GROUP(limit_map, "max_map_count", map_rows);

#define DONTDUMP(ADDR) CALL(madvise, (ADDR), PAGE, MADV_DONTDUMP)
#define AGAIN	       SINCE(MADVISE_SAYS_EAGAIN, ENOMEM, EAGAIN)

static const struct provocation change_rows[] = {
	{"mprotect_middle", FILLED(0), .call = CALL(mprotect, LONE_MIDDLE, PAGE, PROT_NONE), FAILS(ENOMEM)},
	{"mprotect_middle_second", FILLED(1), .call = CALL(mprotect, LONE_MIDDLE, PAGE, PROT_NONE), FAILS(ENOMEM)},
	{"mprotect_middle_beyond", FILLED(-1), .call = CALL(mprotect, LONE_MIDDLE, PAGE, PROT_NONE), FAILS(ENOMEM)},
	{"mprotect_head", FILLED(0), .call = CALL(mprotect, LONE, PAGE, PROT_NONE), FAILS(ENOMEM)},
	{"mprotect_head_last", FILLED(1), .call = CALL(mprotect, LONE, PAGE, PROT_NONE), FAILS(0)},
	{"mprotect_tail", FILLED(0), .call = CALL(mprotect, LONE_TAIL, PAGE, PROT_NONE), FAILS(ENOMEM)},
	{"pkey_mprotect_middle", FILLED(0), .call = CALL(pkey_mprotect, LONE_MIDDLE, PAGE, PROT_NONE, NO_KEY),
	 FAILS(ENOMEM)},
	{"pkey_mprotect_second", FILLED(1), .call = CALL(pkey_mprotect, LONE_MIDDLE, PAGE, PROT_NONE, NO_KEY),
	 FAILS(ENOMEM)},
	{"madvise_middle", FILLED(0), .call = DONTDUMP(LONE_MIDDLE), AGAIN},
	{"madvise_middle_second", FILLED(1), .call = DONTDUMP(LONE_MIDDLE), AGAIN},
	{"madvise_head", FILLED(0), .call = DONTDUMP(LONE), AGAIN},
	{"mlock_middle", FILLED(0), .call = CALL(mlock, LONE_MIDDLE, PAGE), FAILS(ENOMEM)},
	{"mlock_middle_second", FILLED(1), .call = CALL(mlock, LONE_MIDDLE, PAGE), FAILS(ENOMEM)},
	{"mlock_head", FILLED(0), .call = CALL(mlock, LONE, PAGE), FAILS(ENOMEM)},
	{"mlock2_middle", FILLED(0), .call = CALL(mlock2, LONE_MIDDLE, PAGE, MLOCK_ONFAULT), FAILS(ENOMEM)},
	{"mlock2_tail", FILLED(0), .call = CALL(mlock2, LONE_TAIL, PAGE, MLOCK_ONFAULT), FAILS(ENOMEM)},
	{"munlock_middle", lock_lone, FILLED(0), .call = CALL(munlock, LONE_MIDDLE, PAGE), FAILS(ENOMEM)},
	{"munlock_middle_second", lock_lone, FILLED(1), .call = CALL(munlock, LONE_MIDDLE, PAGE), FAILS(ENOMEM)},
};
GROUP(limit_change, "max_map_count", change_rows);

/* From 7.1 on each mremap() fails with less than four mappings to spare; before that it depends on what it does. */
#define ASKED(BEFORE) SINCE(MREMAP_ASKS_FIRST, BEFORE, ENOMEM)
#define SPARED(ERROR) SINCE(MREMAP_ASKS_FIRST, ERROR, 0)
#define SHRINK	      CALL(mremap, LONE + 4 * PAGE, 4 * PAGE, PAGE)
#define SHRINK_TAIL   CALL(mremap, LONE, LONE_BYTES, LONE_BYTES - PAGE)
#define STAY	      CALL(mremap, LONE, LONE_BYTES, LONE_BYTES)
#define GROW	      CALL(mremap, LONE, LONE_BYTES, LONE_BYTES + PAGE)
#define MOVE	      CALL(mremap, LONE, LONE_BYTES, 2 * LONE_BYTES, MREMAP_MAYMOVE)
#define PLACE	      CALL(mremap, LONE, LONE_BYTES, LONE_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, EMPTY)
#define LEAVE	      CALL(mremap, LONE, LONE_BYTES, LONE_BYTES, MREMAP_MAYMOVE | MREMAP_DONTUNMAP)

static const struct provocation mremap_rows[] = {
	{"mremap_stay", FILLED(3), .call = STAY, ASKED(0)}, /* the first: it shows what the others must do */
	{"mremap_shrink", FILLED(0), .call = SHRINK, FAILS(ENOMEM)},
	{"mremap_shrink_3", FILLED(3), .call = SHRINK, ASKED(0)},
	{"mremap_shrink_4", FILLED(4), .call = SHRINK, FAILS(0)},
	{"mremap_shrink_tail", FILLED(0), .call = SHRINK_TAIL, ASKED(0)},
	{"mremap_stay_4", FILLED(4), .call = STAY, FAILS(0)},
	{"mremap_grow_here", FILLED(3), .call = GROW, ASKED(0)},
	{"mremap_move", block_lone, FILLED(3), .call = MOVE, FAILS(ENOMEM)},
	{"mremap_move_0", block_lone, FILLED(0), .call = MOVE, FAILS(ENOMEM)},
	{"mremap_move_4", block_lone, FILLED(4), .call = MOVE, FAILS(0)},
	{"mremap_place", FILLED(3), .call = PLACE, FAILS(ENOMEM)},
	{"mremap_place_5", FILLED(5), .call = PLACE, SPARED(ENOMEM)},
	{"mremap_place_6", FILLED(6), .call = PLACE, FAILS(0)},
	{"mremap_leave", FILLED(4), .call = LEAVE, FAILS(ENOMEM)},
	{"mremap_leave_5", FILLED(5), .call = LEAVE, SPARED(ENOMEM)},
	{"mremap_leave_6", FILLED(6), .call = LEAVE, FAILS(0)},
};
GROUP(limit_mremap, "max_map_count", mremap_rows);
