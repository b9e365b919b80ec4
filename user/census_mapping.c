// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * census_mapping.c: see census_mapping.h. What may merge is is_mergeable_vma() and can_vma_merge_before/after(), mm/vma.c
 * (mm/mmap.c before 6.11); which name is shown is get_vma_name(), fs/proc/task_mmu.c.
 */
#include "census_mapping.h"

#include <string.h>

#include "vm_flag_codes.h"

#define PERMS_RWX (MAPS_READ | MAPS_WRITE | MAPS_EXEC)

/* These the kernel disregards when it merges: VM_SOFTDIRTY always, VM_MAYBE_GUARD where it exists. */
#define FLAGS_IGNORED (VM_FLAG_SOFT_DIRTY | VM_FLAG_MAYBE_GUARD)
/* These show in maps, too. */
#define FLAGS_IN_MAPS (VM_FLAG_READ | VM_FLAG_WRITE | VM_FLAG_EXEC | VM_FLAG_MAY_SHARE)

static bool begins_with(const char *name, size_t length, const char *beginning)
{
	size_t wanted = strlen(beginning);

	return length >= wanted && !memcmp(name, beginning, wanted);
}

bool census_is_gate(const struct maps_line *line)
{
	static const char name[] = "[vsyscall]";

	return line->name_length == sizeof(name) - 1 && !memcmp(line->name, name, sizeof(name) - 1);
}

bool census_has_file(const struct census_mapping *mapping)
{
	/* SysV memory has its id for an inode, which may be 0; device 0:0 is that of no file system. */
	return mapping->device || mapping->inode || mapping->name[0] == '/';
}

/* A name in brackets that the kernel gives to an anonymous mapping of the process's own. */
static bool is_anon_name(const struct census_mapping *mapping)
{
	return begins_with(mapping->name, mapping->name_length, "[anon:") ||
	       begins_with(mapping->name, mapping->name_length, "[anon_shmem:");
}

static bool is_heap(const struct census_mapping *mapping)
{
	return !strcmp(mapping->name, "[heap]");
}

/* "[stack:TID]" before 4.5. */
static bool is_stack(const struct census_mapping *mapping)
{
	return begins_with(mapping->name, mapping->name_length, "[stack");
}

static bool is_special(const struct census_mapping *mapping)
{
	return mapping->name_length && !census_has_file(mapping) && !is_anon_name(mapping) && !is_heap(mapping) &&
	       !is_stack(mapping);
}

enum census_kind census_kind_of(const struct census_mapping *mapping, bool touches_another)
{
	if (is_special(mapping))
		return CENSUS_KIND_SPECIAL;
	if (!census_has_file(mapping) && !(mapping->perms & PERMS_RWX))
		return touches_another && mapping->end - mapping->start <= CENSUS_GUARD_BYTES_MAX
			       ? CENSUS_KIND_GUARD
			       : CENSUS_KIND_RESERVED;
	if (is_heap(mapping))
		return CENSUS_KIND_HEAP;
	if (is_stack(mapping))
		return CENSUS_KIND_STACK;
	if (is_anon_name(mapping))
		return CENSUS_KIND_NAMED;
	return census_has_file(mapping) ? CENSUS_KIND_FILE : CENSUS_KIND_ANONYMOUS;
}

/*
 * "[heap]" and "[stack]" stand in the place of the anonymous name and tell where a mapping lies (around mm->start_brk,
 * mm->start_stack), not which flags it has: they neither prove nor exclude that the names differ.
 */
static bool shows_anon_name(const struct census_mapping *mapping)
{
	return !is_heap(mapping) && !is_stack(mapping);
}

static uint32_t reasons_of_files(const struct census_mapping *low, const struct census_mapping *high)
{
	uint32_t reasons = 0;

	/* A path is that of the open file: two paths are two open files, also where they lead to one inode. */
	if (low->device != high->device || low->inode != high->inode)
		reasons |= 1U << CENSUS_REASON_DIFFERENT_FILE;
	else if (strcmp(low->name, high->name))
		reasons |= 1U << (is_anon_name(low) || is_anon_name(high) ? CENSUS_REASON_ANON_NAME
									  : CENSUS_REASON_DIFFERENT_FILE);
	if (!(reasons & 1U << CENSUS_REASON_DIFFERENT_FILE) && low->offset + (low->end - low->start) != high->offset)
		reasons |= 1U << CENSUS_REASON_OFFSET;
	return reasons;
}

static uint32_t reasons_of_backing(const struct census_mapping *low, const struct census_mapping *high)
{
	/* They have VM_DONTEXPAND, which is in VM_SPECIAL: such a one is never merged. */
	if (is_special(low) || is_special(high))
		return 1U << CENSUS_REASON_SPECIAL_MAPPING;
	if (census_has_file(low) != census_has_file(high))
		return 1U << CENSUS_REASON_ANONYMOUS_AND_FILE;
	if (census_has_file(low))
		return reasons_of_files(low, high);
	if (shows_anon_name(low) && shows_anon_name(high) && strcmp(low->name, high->name))
		return 1U << CENSUS_REASON_ANON_NAME;
	return 0;
}

uint64_t census_flags_between(const struct census_mapping *low, const struct census_mapping *high)
{
	uint64_t ignored = FLAGS_IGNORED | FLAGS_IN_MAPS;

	if (!low->flags_known || !high->flags_known)
		return 0;
	/* "sh" goes with "ms" but for what was opened for reading only. */
	if ((low->perms ^ high->perms) & MAPS_SHARED)
		ignored |= VM_FLAG_SHARED;
	return (low->flags ^ high->flags) & ~ignored;
}

uint32_t census_reasons_between(const struct census_mapping *low, const struct census_mapping *high)
{
	uint32_t reasons;

	if (low->end != high->start)
		return 1U << CENSUS_REASON_HOLE;
	reasons = reasons_of_backing(low, high);
	if ((low->perms ^ high->perms) & MAPS_SHARED)
		reasons |= 1U << CENSUS_REASON_SHARING;
	if ((low->perms ^ high->perms) & PERMS_RWX)
		reasons |= 1U << CENSUS_REASON_PERMISSIONS;
	if (census_flags_between(low, high))
		reasons |= 1U << CENSUS_REASON_FLAGS;
	return reasons ?: 1U << CENSUS_REASON_NOT_VISIBLE;
}

bool census_look_alike(const struct census_mapping *one, const struct census_mapping *other)
{
	return one->perms == other->perms && one->name_length == other->name_length &&
	       census_has_file(one) == census_has_file(other) && !memcmp(one->name, other->name, one->name_length);
}

void census_format_perms(uint8_t perms, char ret[5])
{
	static const char set[] = "rwxs", unset[] = "---p";

	for (int i = 0; i < 4; i++)
		ret[i] = perms >> i & 1 ? set[i] : unset[i];
	ret[4] = '\0';
}

/* A name and what it means, for each. */
static const char *const kinds[][2] = {
#define X(NAME, name, text) [CENSUS_KIND_##NAME] = {#name, text},
	CENSUS_KINDS(X)
#undef X
};

static const char *const reasons[][2] = {
#define X(NAME, name, text) [CENSUS_REASON_##NAME] = {#name, text},
	CENSUS_REASONS(X)
#undef X
};

const char *census_kind_name(enum census_kind kind)
{
	return kinds[kind][0];
}

const char *census_kind_text(enum census_kind kind)
{
	return kinds[kind][1];
}

const char *census_reason_name(enum census_reason reason)
{
	return reasons[reason][0];
}

const char *census_reason_text(enum census_reason reason)
{
	return reasons[reason][1];
}
