/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * census_mapping.h: what one mapping of a maps file is, and what maps proves to keep two neighbours apart. Counts nothing.
 */
#ifndef VMASNOOP_CENSUS_MAPPING_H
#define VMASNOOP_CENSUS_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/census.h"
#include "maps.h"

#define CENSUS_PAGE_BYTES 4096

/* A PROT_NONE mapping that is larger than this is address space held in reserve and not a guard. */
#define CENSUS_GUARD_BYTES_MAX (1024 * 1024)

/* What lies beyond a hole of this size is no neighbour for the eye: another part of the address space. */
#define CENSUS_FAR_BYTES (1ULL << 30)

/* X(NAME, name, text): the names are the log's. */
#define CENSUS_KINDS(X)                                       \
	X(ANONYMOUS, anonymous, "no file, no name")           \
	X(HEAP, heap, "[heap]: brk()")                        \
	X(STACK, stack, "[stack]: the first thread's")        \
	X(FILE, file, "files, and shared memory")             \
	X(NAMED, named, "[anon:NAME]: prctl(PR_SET_VMA)")     \
	X(SPECIAL, special, "[vdso], [vvar]: the kernel's")   \
	X(GUARD, guard, "PROT_NONE beside another, <= 1 MiB") \
	X(RESERVED, reserved, "PROT_NONE otherwise")

enum census_kind {
#define X(NAME, name, text) CENSUS_KIND_##NAME,
	CENSUS_KINDS(X)
#undef X
		CENSUS_KIND_COUNT
};

/*
 * X(NAME, name, text): why the kernel did not merge a mapping with the one above it, each proven by itself. Those up to flags
 * follow from maps (and smaps), the next ones from what the kernel tells root. driver, anon_vma_of_one and not_tried: only where
 * nothing else differs. not_visible: nothing that shows differs, and what it was is not known.
 */
#define CENSUS_REASONS(X)                                                           \
	X(HOLE, hole, "a hole between")                                             \
	X(SPECIAL_MAPPING, special_mapping, "one is [vdso], [vvar] ...")            \
	X(ANONYMOUS_AND_FILE, anonymous_and_file, "one has a file, the other none") \
	X(SHARING, sharing, "one is shared, one private")                           \
	X(PERMISSIONS, permissions, "permissions differ")                           \
	X(DIFFERENT_FILE, different_file, "of different files")                     \
	X(OFFSET, offset, "file offsets do not go on")                              \
	X(ANON_NAME, anon_name, "[anon:NAME] differs")                              \
	X(FLAGS, flags, "flags differ")                                             \
	X(ANON_VMA, anon_vma, "each written apart (anon_vma)")                      \
	X(NUMA_POLICY, numa_policy, "NUMA policies differ")                         \
	X(USERFAULTFD, userfaultfd, "userfaultfd differs")                          \
	X(DRIVER, driver, "its driver is told of each end")                         \
	X(ANON_VMA_OF_ONE, anon_vma_of_one, "only one was written (anon_vma)")      \
	X(NOT_TRIED, not_tried, "nothing differs: not tried since")                 \
	X(NOT_VISIBLE, not_visible, "nothing that shows differs")

enum census_reason {
#define X(NAME, name, text) CENSUS_REASON_##NAME,
	CENSUS_REASONS(X)
#undef X
		CENSUS_REASON_COUNT
};

struct census_mapping {
	uint64_t start; /* [start, end) */
	uint64_t end;
	uint64_t offset;
	uint64_t inode;
	uint64_t device; /* major and minor, 32 bits each */
	uint64_t flags; /* bits of vm_flag_codes.h */
	uint8_t perms; /* MAPS_* */
	bool flags_known;
	bool inside_known; /* what maps does not show */
	struct census_record inside;
	const char *name; /* unescaped, ends with a NUL; "": none */
	size_t name_length;
};

/* Not a VMA, so not counted by the kernel: the page of [vsyscall] is there for every process. */
bool census_is_gate(const struct maps_line *line);

/* Of a file, or of memory that the kernel treats as one: shared anonymous, memfd, SysV. */
bool census_has_file(const struct census_mapping *mapping);

enum census_kind census_kind_of(const struct census_mapping *mapping, bool touches_another);

/* 1 << REASON for each that is proven, else for not_visible alone. `low` ends where `high` starts or below. */
uint32_t census_reasons_between(const struct census_mapping *low, const struct census_mapping *high);

/* The flags that differ, beyond what permissions and sharing say already; 0 where one has none known. */
uint64_t census_flags_between(const struct census_mapping *low, const struct census_mapping *high);

/* For the eye they are alike: permissions, file or not, name. Where they lie, offsets and files of one name may differ. */
bool census_look_alike(const struct census_mapping *one, const struct census_mapping *other);

/* As maps has it: "rw-p". */
void census_format_perms(uint8_t perms, char ret[5]);

const char *census_kind_name(enum census_kind kind);
const char *census_kind_text(enum census_kind kind);
const char *census_reason_name(enum census_reason reason);
const char *census_reason_text(enum census_reason reason);

#endif
