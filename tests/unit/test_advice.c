// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is advised, from tables of stacks and of facts: what each allocator's stacks look like and what only resembles one,
 * the limit that is recommended, and when it is advised at all.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "advice.h"
#include "advised.h"
#include "records.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define FRAMES_MAX	12
#define LIBC		"/usr/lib/x86_64-linux-gnu/libc.so.6"
#define PROGRAM		"/opt/program"
#define NAMELESS	"-"

/* "function@file", innermost first; NAMELESS for a function without a name, no '@' for PROGRAM. */
struct stack_case {
	const char *frames[FRAMES_MAX];
	enum allocator allocator;
	enum allocator_part part;
	bool is_programs_own;
};

struct stack_room {
	struct frame frames[FRAMES_MAX];
	char symbols[FRAMES_MAX][128];
	size_t count;
};

static void stack_make(const char *const *list, struct stack_room *ret)
{
	memset(ret, 0, sizeof(*ret));
	while (ret->count < FRAMES_MAX && list[ret->count]) {
		struct frame *frame = &ret->frames[ret->count];
		char *symbol = ret->symbols[ret->count], *at;

		strcpy(symbol, list[ret->count]);
		at = strchr(symbol, '@');
		frame->module = at ? at + 1 : PROGRAM;
		if (at)
			*at = '\0';
		frame->symbol = strcmp(symbol, NAMELESS) ? symbol : NULL;
		ret->count++;
	}
}

static const struct stack_case cases[] = {
	/* glibc: with its debug file, as it is delivered, older, static. */
	{{"__munmap@" LIBC, "munmap_chunk@" LIBC, "free@" LIBC, "main"}, ALLOCATOR_GLIBC, PART_GLIBC_BLOCK, false},
	{{"__munmap@" LIBC, "free@" LIBC, "main"}, ALLOCATOR_GLIBC, PART_OTHER, false},
	{{"munmap@" LIBC, "-@" LIBC, "cfree@" LIBC, "main"}, ALLOCATOR_GLIBC, PART_OTHER, false},
	{{"-@" LIBC, "-@" LIBC, "free@" LIBC, "main"}, ALLOCATOR_GLIBC, PART_OTHER, false},
	{{"munmap@/lib64/libc-2.28.so", "free@/lib64/libc-2.28.so", "main"}, ALLOCATOR_GLIBC, PART_OTHER, false},
	{{"__munmap", "munmap_chunk", "__libc_free", "main"}, ALLOCATOR_GLIBC, PART_GLIBC_BLOCK, false},
	{{"__munmap@" LIBC, "heap_trim@" LIBC, "_int_free@" LIBC, "free@" LIBC, "worker"},
	 ALLOCATOR_GLIBC,
	 PART_GLIBC_ARENA,
	 false},
	{{"__mmap@" LIBC, "sysmalloc@" LIBC, "_int_malloc@" LIBC, "malloc@" LIBC}, ALLOCATOR_GLIBC, PART_OTHER, false},
	/* The C library's, but not its malloc(): a thread's stack. */
	{{"__munmap@" LIBC, "__nptl_free_stacks@" LIBC, "start_thread@" LIBC}, ALLOCATOR_NONE, PART_OTHER, false},
	{{"munmap@/lib/ld-musl-x86_64.so.1", "free@/lib/ld-musl-x86_64.so.1", "main"},
	 ALLOCATOR_NONE,
	 PART_OTHER,
	 false},
	/* free() of the program itself. */
	{{"__munmap@" LIBC, "free", "main"}, ALLOCATOR_NONE, PART_OTHER, true},

	{{"__munmap@" LIBC, "-@/usr/lib/libjemalloc.so.2", "-@/usr/lib/libjemalloc.so.2", "main"},
	 ALLOCATOR_JEMALLOC,
	 PART_OTHER,
	 false},
	{{"__munmap@" LIBC, "os_pages_unmap", "je_pages_unmap", "je_extent_dalloc_mmap", "je_arena_decay",
	  "je_free_default", "zfree", "freeObject"},
	 ALLOCATOR_JEMALLOC,
	 PART_OTHER,
	 false},
	{{"__munmap@" LIBC, "os_pages_unmap", "extent_dalloc_default_impl", "ehooks_default_dalloc_impl",
	  "_rjem_je_extent_dalloc_wrapper", "_rjem_sdallocx", "core::ptr::drop_in_place"},
	 ALLOCATOR_JEMALLOC,
	 PART_OTHER,
	 false},
	{{"__mmap@" LIBC, "pages_commit_impl", "je_pages_decommit", "je_extent_decommit_wrapper"},
	 ALLOCATOR_JEMALLOC,
	 PART_OTHER,
	 false},
	/* Names that anybody may have prove nothing, and that it is the program's own neither. */
	{{"__munmap@" LIBC, "arena_release", "region_free", "main"}, ALLOCATOR_NONE, PART_OTHER, false},
	/* It was only called back by one. */
	{{"__munmap@" LIBC, "my_hook", "je_extent_dalloc_wrapper", "main"}, ALLOCATOR_NONE, PART_OTHER, true},

	{{"__munmap@" LIBC, "_mi_prim_free", "mi_os_prim_free", "_mi_os_free_ex", "mi_free", "main"},
	 ALLOCATOR_MIMALLOC,
	 PART_OTHER,
	 false},
	{{"__mprotect@" LIBC, "_mi_prim_decommit", "_mi_os_purge_ex", "mi_arena_purge"},
	 ALLOCATOR_MIMALLOC,
	 PART_MIMALLOC_PURGE,
	 false},
	{{"__madvise@" LIBC, "unix_madvise", "_mi_prim_reset", "_mi_os_reset"},
	 ALLOCATOR_MIMALLOC,
	 PART_MIMALLOC_PURGE,
	 false},
	{{"__munmap@" LIBC, "-@/usr/lib/libmimalloc.so.2", "main"}, ALLOCATOR_MIMALLOC, PART_OTHER, false},
	/* MyISAM's. */
	{{"__munmap@" LIBC, "mi_munmap_file", "mi_close", "main"}, ALLOCATOR_NONE, PART_OTHER, false},

	{{"__mmap@" LIBC, "MmapSysAllocator::Alloc@/usr/lib/libtcmalloc_minimal.so.4",
	  "TCMalloc_SystemAlloc@/usr/lib/libtcmalloc_minimal.so.4"},
	 ALLOCATOR_TCMALLOC,
	 PART_TCMALLOC_GPERFTOOLS,
	 false},
	{{"__madvise@" LIBC, "TCMalloc_SystemRelease", "tcmalloc::PageHeap::DecommitSpan"},
	 ALLOCATOR_TCMALLOC,
	 PART_TCMALLOC_GPERFTOOLS,
	 false},
	{{"__munmap@" LIBC, "tcmalloc::tcmalloc_internal::SystemAllocator::MmapAligned"},
	 ALLOCATOR_TCMALLOC,
	 PART_OTHER,
	 false},

	{{"runtime.sysMunmap.abi0", "runtime.munmap", "runtime.sysFreeOS", "runtime.sysFree", "runtime.gcStart"},
	 ALLOCATOR_GO,
	 PART_OTHER,
	 false},
	{{"runtime.sysMmap.abi0", "runtime.mmap", "runtime.sysUnusedOS", "runtime.sysUnused"},
	 ALLOCATOR_GO,
	 PART_GO_DECOMMIT,
	 false},
	{{"__munmap@" LIBC, "x_cgo_munmap", "runtime.asmcgocall.abi0", "runtime.munmap.func1", "runtime.sysFreeOS"},
	 ALLOCATOR_GO,
	 PART_OTHER,
	 false},
	/* Go code that maps by itself. */
	{{"internal/runtime/syscall.Syscall6", "syscall.RawSyscall6", "syscall.Syscall",
	  "golang.org/x/sys/unix.(*mmapper).Munmap", "main.main"},
	 ALLOCATOR_NONE,
	 PART_OTHER,
	 true},

	{{"__munmap@" LIBC, "ZPhysicalMemoryBacking::unmap@/usr/lib/jvm/lib/server/libjvm.so",
	  "ZUnmapper::do_unmap_and_destroy_page@/usr/lib/jvm/lib/server/libjvm.so"},
	 ALLOCATOR_JVM,
	 PART_JVM_ZGC,
	 false},
	{{"__mmap@" LIBC, "os::pd_uncommit_memory@/usr/lib/jvm/lib/server/libjvm.so",
	  "os::uncommit_memory@/usr/lib/jvm/lib/server/libjvm.so"},
	 ALLOCATOR_JVM,
	 PART_JVM_UNCOMMIT,
	 false},
	{{"__munmap@" LIBC, "-@/usr/lib/jvm/lib/server/libjvm.so"}, ALLOCATOR_JVM, PART_OTHER, false},
	/* A mapped file of a Java program. */
	{{"__munmap@" LIBC, "Java_sun_nio_ch_UnixFileDispatcherImpl_unmap0@/usr/lib/jvm/lib/libnio.so",
	  "-@/usr/lib/jvm/lib/server/libjvm.so"},
	 ALLOCATOR_NONE,
	 PART_OTHER,
	 true},

	{{"__munmap@" LIBC, "unmap_every_second", "main"}, ALLOCATOR_NONE, PART_OTHER, true},
	/* Stripped: nothing is known of it. */
	{{"__munmap@" LIBC, NAMELESS, "main"}, ALLOCATOR_NONE, PART_OTHER, false},
	{{"__munmap@" LIBC}, ALLOCATOR_NONE, PART_OTHER, false},
	{{NULL}, ALLOCATOR_NONE, PART_OTHER, false},
};

static void test_allocators(void **state)
{
	struct allocator_finding found;
	struct stack_room stack;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		stack_make(cases[i].frames, &stack);
		allocator_find(stack.frames, stack.count, &found);
		if (found.allocator != cases[i].allocator || found.part != cases[i].part ||
		    found.is_programs_own != cases[i].is_programs_own)
			fail_msg("case %zu (%s, %s): allocator %d part %d own %d", i, cases[i].frames[0],
				 cases[i].frames[1], found.allocator, found.part, found.is_programs_own);
	}
}

/* A frame whose file is not known either, as of a process that is gone. */
static void test_frames_without_anything(void **state)
{
	const struct frame frames[2] = {{.addr = 0x1000}, {.addr = 0x2000}};
	struct allocator_finding found;

	(void)state;
	allocator_find(frames, COUNT_OF(frames), &found);
	assert_int_equal(found.allocator, ALLOCATOR_NONE);
	assert_false(found.is_programs_own);
}

static const struct machine machine = {
	.sizes = {.mapping = 224, .anonymous = 160},
	.overcommit = 0,
	.has_guard_regions = true,
};

static const struct event_vma anonymous = {.kind = VMA_ANONYMOUS, .start = 0x10000, .end = 0x90000};

/* A munmap() out of the middle of an anonymous mapping, at the usual limit. */
static struct advice_facts facts_of(const struct stack_room *stack)
{
	return (struct advice_facts){
		.verdict = VERDICT_MAX_MAP_COUNT,
		.vma_count = 65530,
		.vma_limit = 65530,
		.machine = &machine,
		.syscall = SYSCALL_MUNMAP,
		.interior = true,
		.addr = 0x20000,
		.length_bytes = 0x21000,
		.vma = &anonymous,
		.frames = stack ? stack->frames : NULL,
		.frame_count = stack ? stack->count : 0,
	};
}

static void test_limit(void **state)
{
	const struct {
		uint32_t count, limit, peak;
		bool known;
		double per_second;
		uint64_t wanted;
	} table[] = {
		{65530, 65530, 65530, false, 0, 131072},
		{65530, 65530, 0, false, 0, 131072},
		{2000, 2000, 2000, false, 0, 4096},
		{52424, 65530, 70000, false, 0, 262144}, /* the limit was higher before */
		{52424, 65530, 52424, true, 10, 131072}, /* 36,000 more in an hour are less than twice the limit */
		{52424, 65530, 52424, true, 50, 262144},
		{52424, 65530, 52424, true, 1e6, 1048576},
		{52424, 65530, 52424, true, -1e6, 131072},
		{1048576, 1048576, 1048576, true, 1e6, 2097152},
		{600000000, 1500000000, 0, false, 0, INT_MAX},
		{600000000, INT_MAX, 0, false, 0, 0},
		{UINT32_MAX, UINT32_MAX, UINT32_MAX, true, 1e300, 0}, /* whatever a capture says */
		{0, 0, 0, false, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct advice_facts facts = facts_of(NULL);

		facts.vma_count = table[i].count;
		facts.vma_limit = table[i].limit;
		facts.peak = table[i].peak;
		facts.growth_known = table[i].known;
		facts.per_second = table[i].per_second;
		if (advice_limit(&facts) != table[i].wanted)
			fail_msg("case %zu: %llu", i, (unsigned long long)advice_limit(&facts));
	}
}

static const struct advice *find(const struct advice *list, size_t count, enum advice_code code)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].code == code)
			return &list[i];
	return NULL;
}

static void test_raise_limit(void **state)
{
	struct advice_facts facts = facts_of(NULL);
	struct advice list[ADVICE_COUNT] = {};
	size_t count = advice_give(&facts, list);
	struct machine unknown;

	(void)state;
	assert_int_equal(count, 2);
	assert_int_equal(list[0].code, ADVICE_RAISE_LIMIT);
	assert_string_equal(list[0].text,
			    "sysctl vm.max_map_count=131072 (peak 65530, limit 65530; up to 48 MiB of kernel "
			    "memory for a process that uses all)");
	assert_string_equal(list[0].setting, "vm.max_map_count");
	assert_int_equal(list[0].value, 131072);
	assert_int_equal(list[0].bytes, 131072 * 384);
	assert_int_equal(list[1].code, ADVICE_PERSIST);
	assert_string_equal(list[1].text,
			    "for good: echo vm.max_map_count=131072 >/etc/sysctl.d/zz-max-map-count.conf");
	facts.growth_known = true;
	facts.per_second = 5000;
	advice_give(&facts, list);
	assert_non_null(strstr(list[0].text, "vm.max_map_count=1048576 ("));
	assert_non_null(strstr(list[0].text, "; at +5000/s that lasts 3 min)"));
	/* Of a replay. */
	machine_unknown(&unknown);
	facts = facts_of(NULL);
	facts.machine = &unknown;
	advice_give(&facts, list);
	assert_string_equal(list[0].text, "sysctl vm.max_map_count=131072 (peak 65530, limit 65530)");
	assert_int_equal(list[0].bytes, 0);
}

/* What has a file has no anonymous memory to be kept track of. */
static void test_cost_of_files(void **state)
{
	const struct event_vma file = {.kind = VMA_FILE};
	struct advice_facts facts = facts_of(NULL);
	struct advice list[ADVICE_COUNT] = {};

	(void)state;
	facts.vma = &file;
	advice_give(&facts, list);
	assert_int_equal(list[0].bytes, 131072 * 224);
}

static void test_container(void **state)
{
	struct advice_facts facts = facts_of(NULL);
	struct advice list[ADVICE_COUNT] = {};

	(void)state;
	assert_null(find(list, advice_give(&facts, list), ADVICE_SET_ON_HOST));
	facts.is_contained = true;
	assert_non_null(find(list, advice_give(&facts, list), ADVICE_SET_ON_HOST));
	facts.vma_limit = INT_MAX;
	assert_int_equal(advice_give(&facts, list), 0);
}

static void expect_setting(const struct advice *found, const char *setting, size_t number)
{
	if (!found->setting != !setting || (setting && strcmp(found->setting, setting)))
		fail_msg("case %zu: %s, %s", number, found->setting, found->text);
}

/*
 * What a glibc without names does is told by the call: a threshold from a length of 0 would give each block a mapping. Settings that
 * avoid munmap() say nothing of other calls, and Go's is one of mmap().
 */
static void test_settings_by_call(void **state)
{
	const struct {
		const char *frames[3];
		uint32_t syscall;
		uint64_t length_bytes;
		const char *setting;
	} table[] = {
		{{"-@" LIBC, "malloc@" LIBC}, SYSCALL_BRK, 0, NULL},
		{{"-@" LIBC, "malloc@" LIBC}, SYSCALL_MPROTECT, 0x21000, "glibc.malloc.arena_max"},
		{{"-@" LIBC, "malloc@" LIBC}, SYSCALL_MMAP, 0x8000000, "glibc.malloc.arena_max"},
		{{"-@" LIBC, "malloc@" LIBC}, SYSCALL_MMAP, 0x4000000, "glibc.malloc.arena_max"},
		{{"-@" LIBC, "malloc@" LIBC}, SYSCALL_MMAP, 0x21000, "glibc.malloc.mmap_threshold"},
		{{"-@" LIBC, "malloc@" LIBC}, SYSCALL_MREMAP, 0x21000, "glibc.malloc.mmap_threshold"},
		{{"mmap@" LIBC, "je_x"}, SYSCALL_MMAP, 0x1000, NULL},
		{{"runtime.sysUnusedOS"}, SYSCALL_MADVISE, 0x1000, NULL},
		{{"runtime.sysUnusedOS"}, SYSCALL_MMAP, 0x1000, "GODEBUG=harddecommit"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct advice list[ADVICE_COUNT] = {};
		struct stack_room stack;
		struct advice_facts facts;
		const struct advice *found;

		stack_make(table[i].frames, &stack);
		facts = facts_of(&stack);
		facts.syscall = table[i].syscall;
		facts.length_bytes = table[i].length_bytes;
		found = find(list, advice_give(&facts, list), ADVICE_ALLOCATOR);
		assert_non_null(found);
		expect_setting(found, table[i].setting, i);
	}
}

static void test_settings(void **state)
{
	const struct {
		const char *frames[4];
		uint64_t addr, length_bytes;
		const char *setting, *words;
		uint64_t value;
	} table[] = {
		{{"munmap@" LIBC, "free@" LIBC}, 0x20000, 0x21000, "glibc.malloc.mmap_threshold", "=262144 ", 262144},
		{{"munmap@" LIBC, "free@" LIBC}, 0x20000, 0x20000, "glibc.malloc.mmap_threshold", "=262144 ", 262144},
		{{"munmap@" LIBC, "free@" LIBC},
		 0x20000,
		 0x1fff000,
		 "glibc.malloc.mmap_threshold",
		 "=33554432 ",
		 33554432},
		{{"munmap@" LIBC, "free@" LIBC}, 0x20000, 0x2000000, "glibc.malloc.mmap_max", "=0 (M_MMAP_MAX)", 0},
		{{"munmap@" LIBC, "free@" LIBC}, 0x4000000, 0x4000000, "glibc.malloc.arena_max", "M_ARENA_MAX", 0},
		{{"munmap@" LIBC, "heap_trim@" LIBC}, 0x20000, 0x1000, "glibc.malloc.arena_max", "M_ARENA_MAX", 0},
		{{"munmap@" LIBC, "je_x"}, 0x20000, 0x1000, "opt.retain", "jemalloc", 0},
		{{"mprotect@" LIBC, "_mi_prim_decommit"}, 0x20000, 0x1000, "MIMALLOC_PURGE_DELAY", "mimalloc", 0},
		{{"munmap@" LIBC, "_mi_prim_free"}, 0x20000, 0x1000, NULL, "mimalloc", 0},
		{{"munmap@" LIBC, "TCMalloc_SystemAlloc"}, 0x20000, 0x1000, NULL, "tcmalloc (gperftools)", 0},
		{{"munmap@" LIBC, "tcmalloc::tcmalloc_internal::X"}, 0x20000, 0x1000, NULL, "tcmalloc, whose", 0},
		{{"runtime.munmap", "runtime.sysFreeOS"}, 0x20000, 0x1000, NULL, "the Go runtime", 0},
		{{"munmap@" LIBC, "ZX::y@/j/libjvm.so"}, 0x20000, 0x1000, "-XX:-ZUncommit", "ZGC", 0},
		{{"mmap@" LIBC, "os::pd_uncommit_memory@/j/libjvm.so"}, 0x20000, 0x1000, "-Xms", "the JVM", 0},
		{{"munmap@" LIBC, "-@/j/libjvm.so"}, 0x20000, 0x1000, NULL, "the JVM", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct advice list[ADVICE_COUNT] = {};
		const struct advice *found;
		struct advice_facts facts;
		struct stack_room stack;
		size_t count;

		stack_make(table[i].frames, &stack);
		facts = facts_of(&stack);
		facts.addr = table[i].addr;
		facts.length_bytes = table[i].length_bytes;
		count = advice_give(&facts, list);
		found = find(list, count, ADVICE_ALLOCATOR);
		assert_non_null(found);
		assert_int_not_equal(found->allocator, ALLOCATOR_NONE);
		assert_int_equal(found->value, table[i].value);
		expect_setting(found, table[i].setting, i);
		if (!strstr(found->text, table[i].words))
			fail_msg("case %zu: %s", i, found->text);
		/* The last word is there: nothing was cut off. */
		assert_true(strlen(found->text) < sizeof(found->text) - 1);
		assert_null(find(list, count, ADVICE_GUARD_MAPPINGS));
	}
}

static void test_overcommit(void **state)
{
	static const char *const jemalloc[] = {"mmap@" LIBC, "je_pages_decommit", NULL};
	static const char *const glibc[] = {"munmap@" LIBC, "free@" LIBC, NULL};
	struct machine never = machine;
	struct advice list[ADVICE_COUNT] = {};
	struct advice_facts facts;
	struct stack_room stack;

	(void)state;
	stack_make(jemalloc, &stack);
	facts = facts_of(&stack);
	for (never.overcommit = OVERCOMMIT_UNKNOWN; never.overcommit <= OVERCOMMIT_NEVER; never.overcommit++) {
		facts.machine = &never;
		assert_int_equal(find(list, advice_give(&facts, list), ADVICE_OVERCOMMIT) != NULL,
				 never.overcommit == OVERCOMMIT_NEVER);
	}
	never.overcommit = OVERCOMMIT_NEVER;
	stack_make(glibc, &stack);
	assert_null(find(list, advice_give(&facts, list), ADVICE_OVERCOMMIT));
}

static void test_guards(void **state)
{
	static const char *const own[] = {"munmap@" LIBC, "unmap_every_second", "main", NULL};
	struct machine old = machine;
	struct event_vma vma = anonymous;
	struct advice list[ADVICE_COUNT] = {};
	const struct advice *found;
	struct advice_facts facts;
	struct stack_room stack;

	(void)state;
	stack_make(own, &stack);
	facts = facts_of(&stack);
	facts.vma = &vma;
	found = find(list, advice_give(&facts, list), ADVICE_GUARD_MAPPINGS);
	assert_non_null(found);
	assert_non_null(strstr(found->text, "MADV_GUARD_INSTALL"));
	assert_true(strlen(found->text) < sizeof(found->text) - 1);
	old.has_guard_regions = false;
	facts.machine = &old;
	found = find(list, advice_give(&facts, list), ADVICE_GUARD_MAPPINGS);
	assert_non_null(found);
	assert_null(strstr(found->text, "MADV_GUARD_INSTALL"));
	facts.interior = false;
	assert_null(find(list, advice_give(&facts, list), ADVICE_GUARD_MAPPINGS));
	facts.interior = true;
	vma.kind = VMA_FILE;
	assert_null(find(list, advice_give(&facts, list), ADVICE_GUARD_MAPPINGS));
	vma.kind = VMA_ANONYMOUS;
	facts.syscall = SYSCALL_NONE;
	assert_null(find(list, advice_give(&facts, list), ADVICE_GUARD_MAPPINGS));
}

static void test_other_verdicts(void **state)
{
	struct advice_facts facts = facts_of(NULL);
	struct advice list[ADVICE_COUNT] = {};

	(void)state;
	for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
		facts.verdict = (enum verdict)verdict;
		assert_int_equal(advice_give(&facts, list) != 0, verdict == VERDICT_MAX_MAP_COUNT);
	}
}

/* Once for each verdict of a process, and for its first warning. */
static void test_advised_once(void **state)
{
	struct advised_machine replayed = {};
	struct event_failure_full full;
	struct advised advised = {};
	struct advice_basis basis;
	struct near_growth growth = {.known = true, .per_second = 7};
	struct event_near near;

	(void)state;
	records_near(&near);
	near.peak = 70000;
	advised_note_near(&advised, &replayed, true, &near, &growth, &basis);
	assert_true(basis.wanted && basis.is_contained && basis.growth.known);
	assert_int_equal(basis.peak, 70000);
	assert_int_equal(basis.machine.overcommit, OVERCOMMIT_UNKNOWN);
	advised_note_near(&advised, &replayed, true, &near, &growth, &basis);
	assert_false(basis.wanted);
	records_failure(&full);
	full.failure.header.time_ns = near.header.time_ns + ADVISED_GROWTH_NS;
	advised_note_failure(&advised, &replayed, false, &full.failure, &basis);
	assert_true(basis.wanted && basis.growth.known && !basis.is_contained);
	assert_int_equal(basis.peak, 70000);
	advised_note_failure(&advised, &replayed, false, &full.failure, &basis);
	assert_false(basis.wanted);
	records_make_kernel_memory(&full.failure);
	advised_note_failure(&advised, &replayed, false, &full.failure, &basis);
	assert_true(basis.wanted);
	/* Of another process, long after it was told how fast it grew; and with a verdict that there is not. */
	advised.verdicts = 0;
	records_failure(&full);
	full.failure.header.time_ns = near.header.time_ns + ADVISED_GROWTH_NS + 1;
	advised_note_failure(&advised, &replayed, false, &full.failure, &basis);
	assert_true(basis.wanted && !basis.growth.known);
	full.failure.verdict = UINT16_MAX;
	advised_note_failure(&advised, &replayed, false, &full.failure, &basis);
	assert_true(basis.wanted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocators),     cmocka_unit_test(test_frames_without_anything),
		cmocka_unit_test(test_limit),	       cmocka_unit_test(test_raise_limit),
		cmocka_unit_test(test_cost_of_files),  cmocka_unit_test(test_container),
		cmocka_unit_test(test_settings),       cmocka_unit_test(test_settings_by_call),
		cmocka_unit_test(test_overcommit),     cmocka_unit_test(test_guards),
		cmocka_unit_test(test_other_verdicts), cmocka_unit_test(test_advised_once),
	};

	return cmocka_run_group_tests_name("advice", tests, NULL, NULL);
}
