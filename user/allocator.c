// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * allocator.c: see allocator.h. The frames are gone through from the system call outwards: first the C library's entry of
 * the call, then what called it. One whose name, or file, only an allocator has proves it; one whose name may be an
 * allocator's as well as anybody's ("arena_purge") is passed over and proves nothing; at any other the search ends. So an
 * allocator further out that has only called the program back is not taken for the cause.
 *
 * The names are from the sources: glibc 2.36 malloc/malloc.c and arena.c; jemalloc 5.3 (its private names begin with je_,
 * behind the prefix that it was configured with); mimalloc 2.1 and 3.0 src/os.c and src/prim/unix/prim.c; gperftools 2.15
 * src/system-alloc.cc; google/tcmalloc, namespace tcmalloc::tcmalloc_internal; Go 1.9 to 1.25 src/runtime/mem*.go;
 * OpenJDK 11 to 24 src/hotspot/os/linux.
 */
#include "allocator.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#define FRAMES_MAX	16 /* that are looked at */
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const names[ALLOCATOR_COUNT] = {
#define X(NAME, name) [ALLOCATOR_##NAME] = #name,
	ALLOCATORS(X)
#undef X
};

const char *allocator_name(enum allocator allocator)
{
	return names[allocator];
}

/* One of the functions that make the call, in whichever library. */
static const char *const entries[] = {
	"munmap",
	"__munmap",
	"mmap",
	"mmap64",
	"__mmap",
	"__mmap64",
	"mremap",
	"__mremap",
	"mprotect",
	"__mprotect",
	"pkey_mprotect",
	"madvise",
	"__madvise",
	"brk",
	"__brk",
	"sbrk",
	"__sbrk",
	"syscall",
	"runtime.munmap",
	"runtime.sysMunmap",
	"runtime.mmap",
	"runtime.sysMmap",
	"runtime.madvise",
};

struct rule {
	const char *symbol; /* a function, or with a '*' at the end the beginning of its name; NULL: any, also none */
	const char *module; /* the beginning of the file's name; NULL: any */
	enum allocator allocator; /* ALLOCATOR_NONE: may be of one, and proves nothing */
	enum allocator_part part;
};

/* The first that holds counts. */
static const struct rule rules[] = {
	/* Names that malloc() has in glibc alone, also in a static program. */
	{"munmap_chunk", NULL, ALLOCATOR_GLIBC, PART_GLIBC_BLOCK},
	{"mremap_chunk", NULL, ALLOCATOR_GLIBC, PART_GLIBC_BLOCK},
	{"sysmalloc_mmap", NULL, ALLOCATOR_GLIBC, PART_GLIBC_BLOCK},
	{"heap_trim", NULL, ALLOCATOR_GLIBC, PART_GLIBC_ARENA},
	{"sysmalloc", NULL, ALLOCATOR_GLIBC, PART_OTHER},
	{"_int_free", NULL, ALLOCATOR_GLIBC, PART_OTHER},
	{"_int_malloc", NULL, ALLOCATOR_GLIBC, PART_OTHER},
	{"_int_realloc", NULL, ALLOCATOR_GLIBC, PART_OTHER},
	{"delete_heap", "libc", ALLOCATOR_GLIBC, PART_GLIBC_ARENA},
	{"shrink_heap", "libc", ALLOCATOR_GLIBC, PART_GLIBC_ARENA},
	{"grow_heap", "libc", ALLOCATOR_GLIBC, PART_GLIBC_ARENA},
	{"new_heap", "libc", ALLOCATOR_GLIBC, PART_GLIBC_ARENA},
	{"alloc_new_heap", "libc", ALLOCATOR_GLIBC, PART_GLIBC_ARENA},
	{"_int_new_arena", "libc", ALLOCATOR_GLIBC, PART_GLIBC_ARENA},
	{"free", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"cfree", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"__libc_free", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"realloc", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"__libc_realloc", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"malloc", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"__libc_malloc", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"calloc", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"__libc_calloc", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"_mid_memalign*", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"posix_memalign", "libc", ALLOCATOR_GLIBC, PART_OTHER},
	{"aligned_alloc", "libc", ALLOCATOR_GLIBC, PART_OTHER},

	{NULL, "libjemalloc", ALLOCATOR_JEMALLOC, PART_OTHER},
	{"je_*", NULL, ALLOCATOR_JEMALLOC, PART_OTHER},
	{"_rjem_*", NULL, ALLOCATOR_JEMALLOC, PART_OTHER},
	{"os_pages_*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"pages_*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"extent_*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"ehooks_*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"ecache_*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"arena_*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"base_*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"pac_*", NULL, ALLOCATOR_NONE, PART_OTHER},

	{"_mi_prim_free", NULL, ALLOCATOR_MIMALLOC, PART_OTHER},
	{"_mi_os_free*", NULL, ALLOCATOR_MIMALLOC, PART_OTHER},
	{"_mi_prim_alloc*", NULL, ALLOCATOR_MIMALLOC, PART_OTHER},
	{"_mi_prim_*", NULL, ALLOCATOR_MIMALLOC, PART_MIMALLOC_PURGE},
	{"_mi_*", NULL, ALLOCATOR_MIMALLOC, PART_OTHER},
	{NULL, "libmimalloc", ALLOCATOR_MIMALLOC, PART_OTHER},
	{"mi_*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"unix_*", NULL, ALLOCATOR_NONE, PART_OTHER},

	{NULL, "libtcmalloc", ALLOCATOR_TCMALLOC, PART_TCMALLOC_GPERFTOOLS},
	{"TCMalloc_System*", NULL, ALLOCATOR_TCMALLOC, PART_TCMALLOC_GPERFTOOLS},
	{"tcmalloc::tcmalloc_internal::*", NULL, ALLOCATOR_TCMALLOC, PART_OTHER},
	{"tcmalloc::*", NULL, ALLOCATOR_NONE, PART_OTHER},

	{"runtime.sysUnusedOS*", NULL, ALLOCATOR_GO, PART_GO_DECOMMIT},
	{"runtime.sysUsedOS*", NULL, ALLOCATOR_GO, PART_GO_DECOMMIT},
	{"runtime.sys*", NULL, ALLOCATOR_GO, PART_OTHER},
	{"runtime.*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"x_cgo_m*", NULL, ALLOCATOR_NONE, PART_OTHER},
	{"_cgo_*", NULL, ALLOCATOR_NONE, PART_OTHER},

	{NULL, "libjvm.so", ALLOCATOR_JVM, PART_OTHER},
};

static const char *file_name(const struct frame *frame)
{
	const char *slash = frame->module ? strrchr(frame->module, '/') : NULL;

	return slash ? slash + 1 : frame->module;
}

static bool begins_with(const char *text, const char *beginning)
{
	return !strncmp(text, beginning, strlen(beginning));
}

/* "libc.so.6", and "libc-2.31.so" before glibc 2.34. */
static bool is_libc(const char *file)
{
	return file && (begins_with(file, "libc.so") || begins_with(file, "libc-2."));
}

static bool is_c_runtime(const char *file)
{
	return file && (is_libc(file) || begins_with(file, "ld-") || begins_with(file, "libpthread"));
}

static bool symbol_fits(const char *pattern, const char *symbol)
{
	size_t length = strlen(pattern);

	if (!symbol)
		return false;
	if (pattern[length - 1] == '*')
		return !strncmp(symbol, pattern, length - 1);
	return !strcmp(symbol, pattern);
}

static bool module_fits(const char *beginning, const char *file)
{
	return !strcmp(beginning, "libc") ? is_libc(file) : file && begins_with(file, beginning);
}

static const struct rule *rule_of(const struct frame *frame)
{
	const char *file = file_name(frame);

	for (size_t i = 0; i < COUNT_OF(rules); i++)
		if ((!rules[i].symbol || symbol_fits(rules[i].symbol, frame->symbol)) &&
		    (!rules[i].module || module_fits(rules[i].module, file)))
			return &rules[i];
	return NULL;
}

/* A name of the call itself; innermost, a stripped C library's may be missing. */
static bool is_entry(const struct frame *frame, bool innermost)
{
	if (!frame->symbol)
		return innermost && is_c_runtime(file_name(frame));
	for (size_t i = 0; i < COUNT_OF(entries); i++)
		if (!strcmp(frame->symbol, entries[i]))
			return true;
	/* Go's have the name of their calling convention behind them. */
	return begins_with(frame->symbol, "runtime.") && strstr(frame->symbol, ".abi0");
}

/* Which of its collectors: told by the classes of the frames that are the JVM's own. */
static enum allocator_part part_of_jvm(const struct frame *frames, size_t count)
{
	enum allocator_part part = PART_OTHER;

	for (size_t i = 0; i < count && rule_of(&frames[i]) && rule_of(&frames[i])->allocator == ALLOCATOR_JVM; i++) {
		const char *symbol = frames[i].symbol ?: "";

		/* "ZPhysicalMemoryManager::unmap"; the one of before JDK 21 that is kept beside it begins with X. */
		if (strstr(symbol, "::") && (symbol[0] == 'Z' || symbol[0] == 'X') && isupper((unsigned char)symbol[1]))
			return PART_JVM_ZGC;
		if (symbol_fits("os::uncommit_memory*", symbol) || symbol_fits("os::pd_uncommit_memory*", symbol))
			part = PART_JVM_UNCOMMIT;
	}
	return part;
}

static void judge(const struct frame *frames, size_t count, struct allocator_finding *ret)
{
	for (size_t i = 0; i < count && i < FRAMES_MAX; i++) {
		const struct rule *rule = rule_of(&frames[i]);

		/* Within a stripped C library: whose it is, the next one tells. */
		if (!rule && !frames[i].symbol && is_libc(file_name(&frames[i])))
			continue;
		if (!rule)
			return;
		if (rule->allocator == ALLOCATOR_NONE)
			continue;
		ret->allocator = rule->allocator;
		ret->part = rule->allocator == ALLOCATOR_JVM ? part_of_jvm(frames + i, count - i) : rule->part;
		return;
	}
}

void allocator_find(const struct frame *frames, size_t count, struct allocator_finding *ret)
{
	size_t first = 0;

	*ret = (struct allocator_finding){};
	while (first < count && is_entry(&frames[first], !first))
		first++;
	if (first == count)
		return;
	judge(frames + first, count - first, ret);
	ret->is_programs_own =
		frames[first].symbol && !rule_of(&frames[first]) && !is_c_runtime(file_name(&frames[first]));
}
