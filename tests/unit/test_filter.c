// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel side's decisions, compiled natively: what is wanted, and what a failure proves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../bpf/filter.h"
#include "records.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define LIMIT 100
#define FLOOR 60
#define ANY   0xff

/* One bit for each value that a row is about. */
enum { E_NONE = 1, E_EPERM = 2, E_EAGAIN = 4, E_ENOMEM = 8, E_EINVAL = 16 };
enum { OUTSIDE = 1, INTERIOR = 2 };
enum { BELOW_FLOOR = 1, AT_FLOOR = 2, BELOW_LIMIT = 4, AT_LIMIT = 8, ABOVE_LIMIT = 16 };
enum { NO_SPLIT = 1, SPLIT_ENOMEM = 2, SPLIT_EINVAL = 4 };
enum { NO_EVIDENCE = 1, UNDER_LOCK = 2, AFTER_UNLOCK = 4 };
enum { NO_VMA = 1, ANONYMOUS = 2, MAPPED_FILE = 4 };

static const __u32 errnos[] = {0, ERRNO_EPERM, 11, ERRNO_ENOMEM, ERRNO_EINVAL};
static const __u8 interiors[] = {0, 1};
static const __u32 counts[] = {FLOOR - 1, FLOOR, LIMIT - 1, LIMIT, LIMIT + 1};
static const __u32 splits[] = {0, ERRNO_ENOMEM, ERRNO_EINVAL};
static const __u8 evidences[] = {0, EVIDENCE_UNDER_LOCK, EVIDENCE_AFTER_UNLOCK};
static const __u32 kinds[] = {VMA_UNKNOWN, VMA_ANONYMOUS, VMA_FILE};

#define UNDER_LIMIT (BELOW_FLOOR | AT_FLOOR | BELOW_LIMIT)
#define NOT_ENOMEM  (NO_SPLIT | SPLIT_EINVAL)
#define UNLOCKED    (NO_EVIDENCE | AFTER_UNLOCK)
#define A_VMA	    (ANONYMOUS | MAPPED_FILE)

/* The whole of the logic: every combination is in exactly one row. */
static const struct row {
	__u8 errno_code, interior, count, split, evidence, kind;
	enum verdict verdict;
} rows[] = {
	{E_EPERM | E_EINVAL, ANY, ANY, ANY, ANY, ANY, VERDICT_BAD_REQUEST},
	{E_NONE | E_EAGAIN, ANY, ANY, ANY, ANY, ANY, VERDICT_UNKNOWN},
	{E_ENOMEM, ANY, ANY, SPLIT_ENOMEM, ANY, ANY, VERDICT_KERNEL_MEMORY},
	{E_ENOMEM, INTERIOR, AT_LIMIT | ABOVE_LIMIT, NOT_ENOMEM, ANY, ANY, VERDICT_MAX_MAP_COUNT},
	{E_ENOMEM, OUTSIDE, ANY, NOT_ENOMEM, UNDER_LOCK, A_VMA, VERDICT_KERNEL_MEMORY},
	{E_ENOMEM, INTERIOR, BELOW_FLOOR, NOT_ENOMEM, UNDER_LOCK, A_VMA, VERDICT_KERNEL_MEMORY},
	/* The limit was lowered or raised within the last second: either may have judged. */
	{E_ENOMEM, INTERIOR, AT_FLOOR | BELOW_LIMIT, NOT_ENOMEM, UNDER_LOCK, A_VMA, VERDICT_UNKNOWN},
	{E_ENOMEM, OUTSIDE, ANY, NOT_ENOMEM, UNLOCKED, ANY, VERDICT_UNKNOWN},
	{E_ENOMEM, OUTSIDE, ANY, NOT_ENOMEM, UNDER_LOCK, NO_VMA, VERDICT_UNKNOWN},
	{E_ENOMEM, INTERIOR, UNDER_LIMIT, NOT_ENOMEM, UNLOCKED, ANY, VERDICT_UNKNOWN},
	{E_ENOMEM, INTERIOR, UNDER_LIMIT, NOT_ENOMEM, UNDER_LOCK, NO_VMA, VERDICT_UNKNOWN},
};

/* A combination: the index of the value of each. */
struct choice {
	size_t errno_code, interior, count, split, evidence, kind;
};

static bool row_has(const struct row *row, const struct choice *c)
{
	return row->errno_code >> c->errno_code & 1 && row->interior >> c->interior & 1 && row->count >> c->count & 1 &&
	       row->split >> c->split & 1 && row->evidence >> c->evidence & 1 && row->kind >> c->kind & 1;
}

static void check_choice(const struct choice *c)
{
	struct event_failure f = {
		.errno_code = errnos[c->errno_code],
		.interior = interiors[c->interior],
		.vma_count = counts[c->count],
		.vma_limit = LIMIT,
		.limit_floor = FLOOR,
		.limit_ceiling = LIMIT,
		.split_errno = splits[c->split],
		.evidence = evidences[c->evidence],
		.vma.kind = kinds[c->kind],
	};
	size_t matches = 0;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (!row_has(&rows[i], c))
			continue;
		matches++;
		assert_int_equal(filter_munmap_verdict(&f), rows[i].verdict);
	}
	assert_int_equal(matches, 1);
}

static void test_verdict_of_every_combination(void **state)
{
	const size_t sizes[] = {COUNT_OF(errnos), COUNT_OF(interiors), COUNT_OF(counts),
				COUNT_OF(splits), COUNT_OF(evidences), COUNT_OF(kinds)};
	size_t total = 1;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(sizes); i++)
		total *= sizes[i];
	for (size_t n = 0; n < total; n++) {
		size_t at[COUNT_OF(sizes)], rest = n;

		for (size_t i = 0; i < COUNT_OF(sizes); rest /= sizes[i], i++)
			at[i] = rest % sizes[i];
		check_choice(&(struct choice){at[0], at[1], at[2], at[3], at[4], at[5]});
	}
}

/* Lowered a moment ago: the old limit may have judged, and to it the count did not reach. */
static void test_verdict_below_the_ceiling(void **state)
{
	struct event_failure f = {
		.errno_code = ERRNO_ENOMEM,
		.interior = 1,
		.vma_count = LIMIT,
		.vma_limit = LIMIT,
		.limit_floor = LIMIT,
		.limit_ceiling = LIMIT + 1,
		.evidence = EVIDENCE_UNDER_LOCK,
		.vma.kind = VMA_ANONYMOUS,
	};
	const __u64 now = 100 * NSEC_PER_SEC;

	(void)state;
	assert_int_equal(filter_munmap_verdict(&f), VERDICT_UNKNOWN);
	f.vma_count++;
	assert_int_equal(filter_munmap_verdict(&f), VERDICT_MAX_MAP_COUNT);
	assert_int_equal(filter_limit_ceiling(now - 1, 50, 100, now), 100);
	assert_int_equal(filter_limit_ceiling(now - 1, 100, 50, now), 100);
	assert_int_equal(filter_limit_ceiling(now - LIMIT_SETTLES_NS, 50, 100, now), 50);
	assert_int_equal(filter_limit_ceiling(0, 50, 100, now), 50);
}

static void test_verdict_of_the_makers(void **state)
{
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	assert_int_equal(filter_munmap_verdict(&full.failure), full.failure.verdict);
	records_make_kernel_memory(&full.failure);
	assert_int_equal(filter_munmap_verdict(&full.failure), full.failure.verdict);
	records_failure(&full);
	records_make_bad_request(&full.failure);
	assert_int_equal(filter_munmap_verdict(&full.failure), full.failure.verdict);
	records_failure(&full);
	records_make_unknown_after_unlock(&full.failure);
	assert_int_equal(filter_munmap_verdict(&full.failure), full.failure.verdict);
}

static void test_errno(void **state)
{
	struct config config = {};

	(void)state;
	for (__u32 code = 0; code < CONFIG_ERRNO_WORDS * 64; code++)
		assert_false(filter_errno(&config, code));
	config.errno_wanted[0] = 1ULL << ERRNO_ENOMEM;
	config.errno_wanted[2] = 1ULL << (133 - 128); /* EHWPOISON, the last */
	for (__u32 code = 0; code < CONFIG_ERRNO_WORDS * 64; code++)
		assert_int_equal(filter_errno(&config, code), code == ERRNO_ENOMEM || code == 133);
	/* Whatever comes, no word beyond the mask is read. */
	filter_errno(&config, UINT32_MAX);
}

static void test_comm(void **state)
{
	const struct {
		const char *want, *have;
		bool equal;
	} cases[] = {
		{"b", "b", true},
		{"b", "bb", false},
		{"bb", "b", false},
		{"", "", true},
		{"", "b", false},
		{"b", "", false},
		{"B", "b", false},
		{"fifteen bytes..", "fifteen bytes..", true},
		{"fifteen bytes..", "fifteen bytes.!", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char want[CONFIG_COMM_BYTES] = "", have[CONFIG_COMM_BYTES];

		strncpy(want, cases[i].want, sizeof(want) - 1);
		memset(have, 'x', sizeof(have)); /* what is behind the NUL is not looked at */
		memcpy(have, cases[i].have, strlen(cases[i].have) + 1);
		assert_int_equal(filter_comm(want, have), cases[i].equal);
	}
}

static void test_comm_without_an_end(void **state)
{
	char want[CONFIG_COMM_BYTES], have[CONFIG_COMM_BYTES];

	(void)state;
	memset(want, 'x', sizeof(want));
	memset(have, 'x', sizeof(have));
	assert_true(filter_comm(want, have));
	have[sizeof(have) - 1] = 'y';
	assert_false(filter_comm(want, have));
}

static void test_hot_at(void **state)
{
	const struct config nobody = {}, usual = {.warn_percent = {80, 90, 95}, .warn_count = 3};

	(void)state;
	assert_int_equal(filter_hot_at(&nobody, 65530), 4095);
	assert_int_equal(filter_hot_at(&nobody, 16000), 1000);
	assert_int_equal(filter_hot_at(&nobody, 16016), 1001);
	assert_int_equal(filter_hot_at(&nobody, 2000), 1000);
	assert_int_equal(filter_hot_at(&nobody, 1999), 999);
	assert_int_equal(filter_hot_at(&nobody, 200), 100);
	assert_int_equal(filter_hot_at(&nobody, 0), 0);
	assert_int_equal(filter_hot_at(&nobody, UINT32_MAX), UINT32_MAX / 16);
	/* Never above the limit: a process gets hot before it fails. */
	for (__u32 limit = 1; limit < 70000; limit++) {
		assert_true(filter_hot_at(&nobody, limit) < limit);
		assert_int_equal(filter_hot_at(&usual, limit), filter_hot_at(&nobody, limit));
	}
}

/* Whoever is to be warned early is looked at from below the point on where the threshold is armed anew. */
static void test_hot_at_of_low_thresholds(void **state)
{
	(void)state;
	for (__u32 percent = 5; percent <= 100; percent++) {
		const struct config config = {.warn_percent = {percent}, .warn_count = 1};

		for (__u32 limit = 100; limit < 70000; limit += 99)
			assert_false(
				filter_is_reached(filter_hot_at(&config, limit), limit, filter_rearm_percent(percent)));
	}
}

static void test_is_reached(void **state)
{
	(void)state;
	assert_int_equal(filter_is_reached(52424, 65530, 80), 1);
	assert_int_equal(filter_is_reached(52423, 65530, 80), 0);
	assert_int_equal(filter_is_reached(0, 65530, 1), 0);
	assert_int_equal(filter_is_reached(65530, 65530, 100), 1);
	assert_int_equal(filter_is_reached(65529, 65530, 100), 0);
	assert_int_equal(filter_is_reached(0, 0, 80), 1);
	assert_int_equal(filter_is_reached(UINT32_MAX, UINT32_MAX, 100), 1);
	assert_int_equal(filter_is_reached(UINT32_MAX, 1, 1), 1);
	assert_int_equal(filter_is_reached(1, UINT32_MAX, 100), 0);
}

/* A limit of 1000; each step is a count and what is told of it. */
struct step {
	__u32 count, percent;
};

static void assert_told(const struct config *config, const struct step *steps, size_t count)
{
	__u32 told = 0;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(filter_warning(config, steps[i].count, 1000, &told), steps[i].percent);
}

static void test_warnings(void **state)
{
	const struct config usual = {.warn_percent = {80, 90, 95}, .warn_count = 3};
	const struct config none = {};
	const struct config eight = {.warn_percent = {5, 6, 7, 8, 9, 10, 11, 100}, .warn_count = 8};
	const struct step up[] = {{1, 0}, {799, 0}, {800, 80}, {800, 0}, {899, 0}, {900, 90}, {950, 95}, {1001, 0}};
	const struct step hovers[] = {{800, 80}, {799, 0}, {800, 0}, {750, 0}, {800, 0}, {749, 0}, {799, 0}, {800, 80}};
	/* Several at once: the highest; a lower one is not told later on the way up. */
	const struct step leaps[] = {{940, 90}, {860, 0}, {940, 0}, {849, 0}, {899, 0}, {900, 90}, {10, 0}, {1000, 95}};
	const struct step falls[] = {{960, 95}, {899, 0}, {949, 0},  {950, 95},
				     {840, 0},	{850, 0}, {900, 90}, {950, 95}};
	const struct step small[] = {{49, 0}, {50, 5}, {110, 11}, {999, 0}, {1000, 100}, {20, 0}, {110, 11}, {100, 0}};

	(void)state;
	assert_told(&usual, up, COUNT_OF(up));
	assert_told(&usual, hovers, COUNT_OF(hovers));
	assert_told(&usual, leaps, COUNT_OF(leaps));
	assert_told(&usual, falls, COUNT_OF(falls));
	assert_told(&eight, small, COUNT_OF(small));
	assert_told(&none, (const struct step[]){{0, 0}, {1000, 0}, {2000, 0}}, 3);
}

static void test_limit_floor(void **state)
{
	const __u64 now = 10 * NSEC_PER_SEC;

	(void)state;
	assert_int_equal(filter_limit_floor(0, 100, 50, now), 100); /* never changed */
	assert_int_equal(filter_limit_floor(0, 100, 50, NSEC_PER_SEC / 2), 100);
	assert_int_equal(filter_limit_floor(now - 1, 100, 50, now), 50); /* just raised */
	assert_int_equal(filter_limit_floor(now, 100, 50, now), 50);
	assert_int_equal(filter_limit_floor(now - 1, 50, 100, now), 50); /* just lowered */
	assert_int_equal(filter_limit_floor(now - LIMIT_SETTLES_NS + 1, 100, 50, now), 50);
	assert_int_equal(filter_limit_floor(now - LIMIT_SETTLES_NS, 100, 50, now), 100); /* long ago */
	/* Changed by another CPU after our clock was read. */
	assert_int_equal(filter_limit_floor(now + 1, 100, 50, now), 50);
}

static void test_range_is_valid(void **state)
{
	const __u64 task = 0x7ffffffff000;

	(void)state;
	assert_true(filter_range_is_valid(0, 1, task));
	assert_true(filter_range_is_valid(0, task, task));
	assert_true(filter_range_is_valid(task - 4096, 4096, task));
	assert_false(filter_range_is_valid(task - 4096, 4097, task));
	assert_false(filter_range_is_valid(task, 1, task));
	assert_false(filter_range_is_valid(task + 4096, 1, task));
	assert_false(filter_range_is_valid(1, 4096, task));
	assert_false(filter_range_is_valid(4096, 0, task));
	/* Aligned to pages these wrap to 0 or to little. */
	assert_false(filter_range_is_valid(4096, UINT64_MAX, task));
	assert_false(filter_range_is_valid(4096, UINT64_MAX - 4095, task));
	assert_false(filter_range_is_valid(4096, 1ULL << 63, task));
}

static void test_errno_of_unreleased(void **state)
{
	struct event_failure f = {.addr = 4096, .length_bytes = 4096};
	struct filter_ends sure = {.task_bytes = 1 << 20, .complete = 1, .same = 1}, ends = sure;

	(void)state;
	assert_int_equal(filter_errno_of_unreleased(f.addr, f.length_bytes, f.verdict, &ends), ERRNO_ENOMEM);
	ends.may_refuse = 1;
	assert_int_equal(filter_errno_of_unreleased(f.addr, f.length_bytes, f.verdict, &ends), 0);
	ends.special = 1;
	assert_int_equal(filter_errno_of_unreleased(f.addr, f.length_bytes, f.verdict, &ends), ERRNO_EINVAL);
	ends.same = 0;
	assert_int_equal(filter_errno_of_unreleased(f.addr, f.length_bytes, f.verdict, &ends), 0);
	ends = sure;
	ends.maybe_sealed = 1;
	assert_int_equal(filter_errno_of_unreleased(f.addr, f.length_bytes, f.verdict, &ends), 0);
	ends = sure;
	ends.complete = 0;
	assert_int_equal(filter_errno_of_unreleased(f.addr, f.length_bytes, f.verdict, &ends), 0);
	/* The limit is tested before all of these. */
	f.verdict = VERDICT_MAX_MAP_COUNT;
	ends = (struct filter_ends){.task_bytes = 1 << 20, .maybe_sealed = 1, .special = 1, .may_refuse = 1};
	assert_int_equal(filter_errno_of_unreleased(f.addr, f.length_bytes, f.verdict, &ends), ERRNO_ENOMEM);
	/* And the arguments before the limit. */
	f.addr++;
	assert_int_equal(filter_errno_of_unreleased(f.addr, f.length_bytes, f.verdict, &ends), ERRNO_EINVAL);
}

static void test_page_align(void **state)
{
	(void)state;
	assert_int_equal(filter_page_align(0), 0);
	assert_int_equal(filter_page_align(1), 4096);
	assert_int_equal(filter_page_align(4096), 4096);
	assert_int_equal(filter_page_align(4097), 8192);
	assert_int_equal(filter_page_align(1ULL << 63), 1ULL << 63);
	assert_int_equal(filter_page_align(UINT64_MAX), 0); /* as the kernel's own PAGE_ALIGN() */
}

static void test_bytes_not_released(void **state)
{
	struct event_failure f = {.length_bytes = 5000, .verdict = VERDICT_MAX_MAP_COUNT, .syscall = SYSCALL_MUNMAP};

	(void)state;
	assert_int_equal(filter_bytes_not_released(&f), 8192);
	f.verdict = VERDICT_UNKNOWN;
	assert_int_equal(filter_bytes_not_released(&f), 8192);
	f.verdict = VERDICT_BAD_REQUEST;
	assert_int_equal(filter_bytes_not_released(&f), 0);
	/* A call that does not unmap keeps nothing that was to go. */
	f.verdict = VERDICT_MAX_MAP_COUNT;
	for (f.syscall = SYSCALL_MUNMAP + 1; f.syscall < SYSCALL_COUNT; f.syscall++)
		assert_int_equal(filter_bytes_not_released(&f), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdict_of_every_combination),
		cmocka_unit_test(test_verdict_below_the_ceiling),
		cmocka_unit_test(test_verdict_of_the_makers),
		cmocka_unit_test(test_errno),
		cmocka_unit_test(test_comm),
		cmocka_unit_test(test_comm_without_an_end),
		cmocka_unit_test(test_hot_at),
		cmocka_unit_test(test_hot_at_of_low_thresholds),
		cmocka_unit_test(test_is_reached),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_limit_floor),
		cmocka_unit_test(test_range_is_valid),
		cmocka_unit_test(test_errno_of_unreleased),
		cmocka_unit_test(test_page_align),
		cmocka_unit_test(test_bytes_not_released),
	};

	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
