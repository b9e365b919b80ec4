// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel tells of mappings beside maps: that each record finds its mapping, whatever a list that changes meanwhile or
 * does not end may hold, and which reasons two records prove.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "census_mapping.h"
#include "census_source.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(REASON)	(1U << CENSUS_REASON_##REASON)

/* A list in a file; `cut` bytes are missing at its end. */
static struct census_records *list_open(const struct census_record *list, size_t count, size_t cut)
{
	struct census_records *records = NULL;
	int fd = memfd_create("records", MFD_CLOEXEC);
	size_t size = count * sizeof(*list) - cut;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, list, size), size);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(census_records_new(fd, &records), 0);
	return records;
}

static void test_join(void **state)
{
	const struct census_record list[] = {
		{.start = 0x1000, .end = 0x2000, .flags = 1}, {.start = 0x2000, .end = 0x4000, .flags = 2},
		{.start = 0x2000, .end = 0x4000, .flags = 9}, {.start = 0x1000, .end = 0x2000, .flags = 9},
		{.start = 0x6000, .end = 0x7000, .flags = 3}, {.start = 0x9000, .end = 0xa000, .flags = 4},
	};
	struct census_records *records = list_open(list, COUNT_OF(list), 0);

	(void)state;
	assert_int_equal(census_records_find(records, 0x1000, 0x2000)->flags, 1);
	assert_int_equal(census_records_find(records, 0x2000, 0x4000)->flags, 2);
	assert_null(census_records_find(records, 0x5000, 0x6000)); /* new */
	assert_null(census_records_find(records, 0x6000, 0x6800)); /* of another size by now */
	assert_int_equal(census_records_find(records, 0x9000, 0xa000)->flags, 4);
	assert_null(census_records_find(records, 0xb000, 0xc000));
	assert_null(census_records_find(records, 0xc000, 0xd000));
	census_records_free(records);
	/* One that is cut off is none. */
	records = list_open(list, 2, 1);
	assert_non_null(census_records_find(records, 0x1000, 0x2000));
	assert_null(census_records_find(records, 0x2000, 0x4000));
	census_records_free(records);
	census_records_free(NULL);
}

/* The last ones, over and over: as many as nobody reads. */
static void test_list_without_end(void **state)
{
	static struct census_record list[100000];
	struct census_records *records;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(list); i++)
		list[i] = (struct census_record){.start = 0x1000 + i % 50 * 0x1000, .end = 0x2000 + i % 50 * 0x1000};
	list[COUNT_OF(list) - 1] = (struct census_record){.start = 0x100000, .end = 0x101000};
	records = list_open(list, COUNT_OF(list), 0);
	assert_non_null(census_records_find(records, 0x32000, 0x33000));
	assert_null(census_records_find(records, 0x100000, 0x101000));
	census_records_free(records);
}

static const struct census_record plain = {
	.start = 0x1000, .end = 0x2000, .flags = 0x100073, .page_offset = 1, .anon_vma = 7, .bits = CENSUS_IS_SINGULAR};

/* What two make that are alike in maps; `high` goes on where `low` ends but for what the change says. */
static uint32_t reasons_of(struct census_record low, struct census_record high)
{
	struct census_mapping lower = {.start = 0x1000, .end = 0x2000, .perms = MAPS_READ | MAPS_WRITE, .name = ""};
	struct census_mapping higher = {.start = 0x2000, .end = 0x3000, .perms = MAPS_READ | MAPS_WRITE, .name = ""};

	lower.inside_known = higher.inside_known = true;
	lower.inside = low;
	higher.inside = high;
	higher.inside.start += 0x1000;
	higher.inside.end += 0x1000;
	higher.inside.page_offset += 1;
	return census_reasons_between(&lower, &higher);
}

#define DIFFER(REASONS, ...)                                                   \
	do {                                                                   \
		struct census_record low = plain, high = plain;                \
		__VA_ARGS__;                                                   \
		assert_int_equal(reasons_of(low, high), REASONS);              \
		/* In either order, but where one goes on behind the other. */ \
		if (low.page_offset == high.page_offset)                       \
			assert_int_equal(reasons_of(high, low), REASONS);      \
	} while (0)

static void test_reasons(void **state)
{
	(void)state;
	DIFFER(BIT(NOT_TRIED), );
	DIFFER(BIT(ANON_VMA), high.anon_vma = 8);
	DIFFER(BIT(ANON_VMA_OF_ONE), high.anon_vma = 0; high.bits = 0);
	/* Forked: no kernel merges it with one that was not written. */
	DIFFER(BIT(ANON_VMA), high.anon_vma = 0; low.bits = high.bits = 0);
	DIFFER(BIT(NOT_TRIED), low.bits = high.bits = 0);
	DIFFER(BIT(FLAGS), high.flags |= 0x4000000); /* VM_DONTDUMP */
	DIFFER(BIT(FLAGS), high.flags &= ~0x100000ULL); /* VM_ACCOUNT */
	DIFFER(BIT(NOT_TRIED), high.flags |= 0x8000800); /* VM_SOFTDIRTY, VM_MAYBE_GUARD */
	DIFFER(BIT(SPECIAL_MAPPING), low.flags |= 0x40000; high.flags |= 0x40000);
	DIFFER(BIT(SPECIAL_MAPPING) | BIT(FLAGS), high.flags |= 0x400);
	DIFFER(BIT(OFFSET), high.page_offset = 77);
	DIFFER(BIT(DIFFERENT_FILE), low.file = 5; high.file = 6);
	DIFFER(BIT(NOT_TRIED), low.file = high.file = 5);
	DIFFER(BIT(USERFAULTFD), high.userfaultfd = 5);
	DIFFER(BIT(NUMA_POLICY), high.policy = 5);
	DIFFER(BIT(NUMA_POLICY), low.policy = 4; high.policy = 5; high.policy_mode = 3);
	DIFFER(BIT(NUMA_POLICY), low.policy = 4; high.policy = 5; high.policy_nodes = 3);
	DIFFER(BIT(NOT_TRIED), low.policy = 4; high.policy = 5);
	DIFFER(BIT(DRIVER), low.bits |= CENSUS_HAS_CLOSE; high.bits |= CENSUS_HAS_CLOSE);
	DIFFER(BIT(ANON_VMA) | BIT(FLAGS), high.anon_vma = 8; high.flags |= 0x4000000);
	/* Names that maps shows were compared there. */
	DIFFER(BIT(NOT_TRIED), low.anon_name = 4; high.anon_name = 5);
}

/* What maps proves stays, and what the kernel says of the same is not told twice. */
static void test_reasons_with_maps(void **state)
{
	struct census_mapping low = {.start = 0x1000, .end = 0x2000, .perms = MAPS_READ | MAPS_WRITE, .name = ""};
	struct census_mapping high = {.start = 0x2000, .end = 0x3000, .perms = MAPS_READ, .name = ""};

	(void)state;
	low.inside = high.inside = plain;
	high.inside.page_offset = 2;
	high.inside.flags = 0x51; /* without writing, and what is not writable is not accounted for */
	assert_int_equal(census_reasons_between(&low, &high), BIT(PERMISSIONS));
	low.inside_known = high.inside_known = true;
	assert_int_equal(census_reasons_between(&low, &high), BIT(PERMISSIONS));
	high.inside.anon_vma = 8;
	assert_int_equal(census_reasons_between(&low, &high), BIT(PERMISSIONS) | BIT(ANON_VMA));
	/* Of one nothing is known. */
	high.inside_known = false;
	assert_int_equal(census_reasons_between(&low, &high), BIT(PERMISSIONS));
	high.perms = low.perms;
	assert_int_equal(census_reasons_between(&low, &high), BIT(NOT_VISIBLE));
	/* [heap] hides a name, and this one is another. */
	high.inside_known = true;
	high.inside = plain;
	high.inside.page_offset = 2;
	high.inside.anon_name = 5;
	high.name = "[heap]";
	high.name_length = strlen(high.name);
	assert_int_equal(census_reasons_between(&low, &high), BIT(NOT_VISIBLE));
	high.inside.anon_name = 0;
	assert_int_equal(census_reasons_between(&low, &high), BIT(NOT_TRIED));
}

static int refuse(pid_t tid)
{
	(void)tid;
	return -EPERM;
}

/* As if the process had another one where its mappings end: nothing fits. */
static int open_strangers(pid_t tid)
{
	const struct census_record strange = {.start = 0x1000, .end = 0x2000};
	int fd = memfd_create("records", MFD_CLOEXEC);

	(void)tid;
	assert_int_equal(write(fd, &strange, sizeof(strange)), sizeof(strange));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Without the list a census is one of maps. */
static void test_source(void **state)
{
	struct census_source source = {.open_records = refuse};
	uint64_t hidden;

	(void)state;
	assert_int_equal(census_source_read_process(&source, getpid(), false), 0);
	assert_int_equal(source.records_err, -EPERM);
	hidden = source.census->boundaries[CENSUS_REASON_NOT_VISIBLE].count;
	source.open_records = open_strangers;
	assert_int_equal(census_source_read_process(&source, getpid(), false), 0);
	assert_int_equal(source.records_err, 0);
	assert_in_range(source.census->boundaries[CENSUS_REASON_NOT_VISIBLE].count, hidden ? hidden - 1 : 0,
			hidden + 1);
	assert_int_equal(source.census->boundaries[CENSUS_REASON_NOT_TRIED].count, 0);
	source.open_records = NULL;
	assert_int_equal(census_source_read_process(&source, getpid(), false), 0);
	assert_int_equal(source.records_err, 0);
	census_source_fini(&source);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_join),	cmocka_unit_test(test_list_without_end),
		cmocka_unit_test(test_reasons), cmocka_unit_test(test_reasons_with_maps),
		cmocka_unit_test(test_source),
	};

	return cmocka_run_group_tests_name("census_records", tests, NULL, NULL);
}
