/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapping_calls.h: the names of the syscalls that change mappings, from their numbers, and what their arguments are. */
#ifndef VMASNOOP_MAPPING_CALLS_H
#define VMASNOOP_MAPPING_CALLS_H

#include <stdbool.h>
#include <stdint.h>

struct mapping_call {
	const char *name;
	int addr; /* which of the first two arguments is the address of the range, -1: none */
	int length; /* which is its length, -1: none */
};

/* `syscall` is EVENT_SYSCALL_*. NULL: it is none of those. */
const struct mapping_call *mapping_call_find(uint32_t syscall);

/* "munmap", "syscall 303", or "none" where it was not within one. `ret` has room for what is not in the list. */
const char *mapping_call_name(uint32_t syscall, char ret[32]);

#endif
