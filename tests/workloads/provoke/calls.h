/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How calls are written in the tables, and the preparations that tables share. */
#ifndef PROVOKE_CALLS_H
#define PROVOKE_CALLS_H

#include <sys/mman.h>
#include <sys/syscall.h>

#include "provoke.h"

/* Of headers older than the kernels that the tests run on. */
#ifndef __NR_mseal
#define __NR_mseal 462
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define NO_KEY	      (~0UL)
#define NO_DESCRIPTOR (~0UL)

/* clang-format would take the braces apart. */
/* clang-format off */
#define CALL(NAME, ...) {#NAME, SYS_##NAME, {__VA_ARGS__}}
#define MMAP(ADDR, LENGTH, PROTECTION, FLAGS) \
	CALL(mmap, (ADDR), (LENGTH), (PROTECTION), MAP_PRIVATE | MAP_ANONYMOUS | (FLAGS), NO_DESCRIPTOR)
/* clang-format on */

int lock_lone(struct scene *scene);
/* With a mapping right behind it. */
int block_lone(struct scene *scene);
/* With a hole in its middle. */
int pierce_lone(struct scene *scene);
int seal_lone(struct scene *scene);
/* The call's address is relative to the end of the heap, which exists. */
int prepare_break(struct scene *scene);
/* The call's segment is one of 16 pages, gone when the process is. */
int prepare_segment(struct scene *scene);

#endif
