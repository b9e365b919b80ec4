// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * census_mapping.c: see census_mapping.h. What may merge is is_mergeable_vma(), is_mergeable_anon_vma() and
 * can_vma_merge_before/after(), mm/vma.c (mm/mmap.c before 6.11); which name is shown is get_vma_name(), fs/proc/task_mmu.c.
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

/* ---- what the kernel tells root ---- */

/* include/linux/mm.h; the same from 5.12 to 7.2, but that VM_MAYBE_GUARD was VM_DENYWRITE before 5.15. */
#define VM_ACCESS      0x7ULL
#define VM_SHARING     0x88ULL /* VM_SHARED, VM_MAYSHARE */
#define VM_MAYBE_GUARD 0x800ULL
#define VM_ACCOUNT     0x100000ULL
#define VM_SOFTDIRTY   0x8000000ULL
#define VM_SPECIAL     0x10044400ULL /* VM_IO, VM_DONTEXPAND, VM_PFNMAP, VM_MIXEDMAP: never merged */

/* Permissions and sharing are told by themselves; what is writable is accounted for, what is not may not be. */
static bool flags_differ_inside(const struct census_record *low, const struct census_record *high)
{
	uint64_t differ = low->flags ^ high->flags, ignored = VM_MAYBE_GUARD | VM_SOFTDIRTY | VM_ACCESS | VM_SHARING;

	if (differ & (VM_ACCESS | VM_SHARING))
		ignored |= VM_ACCOUNT | VM_ACCESS << 4; /* VM_MAYREAD and its kin: of what a file was opened for */
	return differ & ~ignored;
}

/*
 * Both have one, and not the same; or only one has, and shares it by fork(): its anon_vma_chain has more than one entry. Neither is
 * merged by any kernel, whichever of the two is changed.
 */
static bool anon_vmas_differ(const struct census_record *low, const struct census_record *high)
{
	const struct census_record *written = low->anon_vma ? low : high;

	if (low->anon_vma == high->anon_vma)
		return false;
	return (low->anon_vma && high->anon_vma) || !(written->bits & CENSUS_IS_SINGULAR);
}

/* As mpol_equal() compares them, as far as the first 64 nodes go. */
static bool policies_differ(const struct census_record *low, const struct census_record *high)
{
	if (low->policy == high->policy)
		return false;
	return !low->policy || !high->policy || low->policy_mode != high->policy_mode ||
	       low->policy_nodes != high->policy_nodes;
}

static uint32_t reasons_inside(const struct census_mapping *lower, const struct census_mapping *higher)
{
	const struct census_record *low = &lower->inside, *high = &higher->inside;
	uint32_t reasons = 0;

	if (!lower->inside_known || !higher->inside_known)
		return 0;
	if ((low->flags | high->flags) & VM_SPECIAL)
		reasons |= 1U << CENSUS_REASON_SPECIAL_MAPPING;
	if (flags_differ_inside(low, high))
		reasons |= 1U << CENSUS_REASON_FLAGS;
	if (low->file && high->file && low->file != high->file)
		reasons |= 1U << CENSUS_REASON_DIFFERENT_FILE;
	else if (low->file == high->file &&
		 low->page_offset + (low->end - low->start) / CENSUS_PAGE_BYTES != high->page_offset)
		reasons |= 1U << CENSUS_REASON_OFFSET;
	if (anon_vmas_differ(low, high))
		reasons |= 1U << CENSUS_REASON_ANON_VMA;
	if (policies_differ(low, high))
		reasons |= 1U << CENSUS_REASON_NUMA_POLICY;
	if (low->userfaultfd != high->userfaultfd)
		reasons |= 1U << CENSUS_REASON_USERFAULTFD;
	return reasons;
}

/*
 * Of two that differ in nothing so far. Where only one has been written, the kernel merges when the other is changed or mapped;
 * when the written one is changed 6.18 and 7.2 do, 6.1 and 6.12 do not (seen). Names that are told apart in the kernel may still be the same to read: those
 * that maps shows were compared, others are not known.
 */
static enum census_reason reason_of_alike(const struct census_mapping *lower, const struct census_mapping *higher)
{
	const struct census_record *low = &lower->inside, *high = &higher->inside;

	if (!lower->inside_known || !higher->inside_known)
		return CENSUS_REASON_NOT_VISIBLE;
	if (low->anon_name != high->anon_name && (!shows_anon_name(lower) || !shows_anon_name(higher)))
		return CENSUS_REASON_NOT_VISIBLE;
	if ((low->bits | high->bits) & CENSUS_HAS_CLOSE)
		return CENSUS_REASON_DRIVER;
	return low->anon_vma != high->anon_vma ? CENSUS_REASON_ANON_VMA_OF_ONE : CENSUS_REASON_NOT_TRIED;
}

uint32_t census_reasons_between(const struct census_mapping *low, const struct census_mapping *high)
{
	uint32_t reasons;

	if (low->end != high->start)
		return 1U << CENSUS_REASON_HOLE;
	reasons = reasons_of_backing(low, high) | reasons_inside(low, high);
	if ((low->perms ^ high->perms) & MAPS_SHARED)
		reasons |= 1U << CENSUS_REASON_SHARING;
	if ((low->perms ^ high->perms) & PERMS_RWX)
		reasons |= 1U << CENSUS_REASON_PERMISSIONS;
	if (census_flags_between(low, high))
		reasons |= 1U << CENSUS_REASON_FLAGS;
	return reasons ?: 1U << reason_of_alike(low, high);
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
