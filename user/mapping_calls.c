// SPDX-License-Identifier: GPL-2.0-or-later
/* mapping_calls.c: see mapping_calls.h. The numbers are of x86-64, and of i386 for 32-bit calls: unistd_64.h, unistd_32.h. */
#include "mapping_calls.h"

#include <stddef.h>
#include <stdio.h>

#include "../bpf/event.h"

static const struct row {
	uint32_t number;
	uint32_t number_compat;
	struct mapping_call call;
} rows[] = {
	{9, 192, {"mmap", 0, 1}}, /* mmap2 */
	{9, 90, {"mmap", -1, -1}}, /* the old one: its arguments are in memory */
	{10, 125, {"mprotect", 0, 1}},
	{11, 91, {"munmap", 0, 1}},
	{12, 45, {"brk", 0, -1}},
	{25, 163, {"mremap", 0, 1}},
	{28, 219, {"madvise", 0, 1}},
	{30, 397, {"shmat", 1, -1}},
	{59, 11, {"execve", -1, -1}},
	{67, 398, {"shmdt", 0, -1}},
	{149, 150, {"mlock", 0, 1}},
	{150, 151, {"munlock", 0, 1}},
	{151, 152, {"mlockall", -1, -1}},
	{152, 153, {"munlockall", -1, -1}},
	{157, 172, {"prctl", -1, -1}},
	{158, 384, {"arch_prctl", -1, -1}},
	{206, 245, {"io_setup", -1, -1}},
	{207, 246, {"io_destroy", -1, -1}},
	{216, 257, {"remap_file_pages", 0, 1}},
	{237, 274, {"mbind", 0, 1}},
	{322, 358, {"execveat", -1, -1}},
	{325, 376, {"mlock2", 0, 1}},
	{329, 380, {"pkey_mprotect", 0, 1}},
	{450, 450, {"set_mempolicy_home_node", 0, 1}},
	{453, 453, {"map_shadow_stack", 0, 1}},
	{462, 462, {"mseal", 0, 1}},
	{16, 54, {"ioctl", -1, -1}},
	{56, 120, {"clone", -1, -1}},
	{57, 2, {"fork", -1, -1}},
	{58, 190, {"vfork", -1, -1}},
	{435, 435, {"clone3", -1, -1}},
};

const struct mapping_call *mapping_call_find(uint32_t syscall)
{
	uint32_t number = syscall & ~EVENT_SYSCALL_COMPAT;

	if (syscall == EVENT_SYSCALL_NONE)
		return NULL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (number == (syscall & EVENT_SYSCALL_COMPAT ? rows[i].number_compat : rows[i].number))
			return &rows[i].call;
	return NULL;
}

const char *mapping_call_name(uint32_t syscall, char ret[32])
{
	const struct mapping_call *call = mapping_call_find(syscall);

	if (call)
		return call->name;
	if (syscall == EVENT_SYSCALL_NONE)
		return "none";
	snprintf(ret, 32, "syscall %u", syscall & ~EVENT_SYSCALL_COMPAT);
	return ret;
}
