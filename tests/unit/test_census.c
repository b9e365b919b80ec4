// SPDX-License-Identifier: GPL-2.0-or-later
/* The census: what a mapping is, why neighbours did not merge, runs, holes, the strip, and what is said of it all. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "census_source.h"
#include "proc.h"
#include "render_census.h"
#include "terminal.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(REASON)	(1U << CENSUS_REASON_##REASON)
#define PAGE		UINT64_C(0x1000)

static struct census_source source;

/* Of a maps file with this text. */
static int read_text(const char *text, bool smaps)
{
	int err, fd = memfd_create("maps", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	err = census_source_read_file(&source, fd, smaps);
	close(fd);
	return err;
}

static const struct census *census_of(const char *text)
{
	assert_int_equal(read_text(text, false), 0);
	return source.census;
}

static int forget(void **state)
{
	(void)state;
	census_source_fini(&source);
	return 0;
}

static enum census_kind kind_of(const char *rest)
{
	char text[256];

	snprintf(text, sizeof(text), "10000-11000 %s\n", rest);
	for (int kind = 0; kind < CENSUS_KIND_COUNT; kind++)
		if (census_of(text)->kinds[kind].count)
			return (enum census_kind)kind;
	return CENSUS_KIND_COUNT;
}

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(kind_of("rw-p 00000000 00:00 0 "), CENSUS_KIND_ANONYMOUS);
	assert_int_equal(kind_of("rw-p 00000000 00:00 0 [heap]"), CENSUS_KIND_HEAP);
	assert_int_equal(kind_of("rw-p 00000000 00:00 0 [stack]"), CENSUS_KIND_STACK);
	assert_int_equal(kind_of("rw-p 00000000 00:00 0 [stack:12]"), CENSUS_KIND_STACK);
	assert_int_equal(kind_of("rw-p 00000000 00:00 0 [anon:a]"), CENSUS_KIND_NAMED);
	assert_int_equal(kind_of("rw-s 00000000 00:01 5 [anon_shmem:a]"), CENSUS_KIND_NAMED);
	assert_int_equal(kind_of("r-xp 00000000 00:00 0 [vdso]"), CENSUS_KIND_SPECIAL);
	assert_int_equal(kind_of("r--p 00000000 00:00 0 [something_to_come]"), CENSUS_KIND_SPECIAL);
	assert_int_equal(kind_of("r--p 00000000 fe:00 7 /a"), CENSUS_KIND_FILE);
	assert_int_equal(kind_of("rw-s 00000000 00:01 0 /SYSV00000000 (deleted)"), CENSUS_KIND_FILE);
	assert_int_equal(kind_of("rw-p 00000000 00:0e 9 anon_inode:[perf_event]"), CENSUS_KIND_FILE);
	/* A library's gap is of the library. */
	assert_int_equal(kind_of("---p 00000000 fe:00 7 /a"), CENSUS_KIND_FILE);
	assert_int_equal(kind_of("---p 00000000 00:00 0 "), CENSUS_KIND_RESERVED);
	/* Not a mapping of the process. */
	assert_int_equal(kind_of("--xp 00000000 00:00 0 [vsyscall]"), CENSUS_KIND_COUNT);
	assert_true(source.census->gate);
	assert_int_equal(source.census->total.count, 0);
}

static void test_guards(void **state)
{
	const struct census *census;

	(void)state;
	/* Beside the one above, beside the one below, and the largest. */
	census = census_of("1000-2000 ---p 0 00:00 0 \n2000-3000 rw-p 0 00:00 0 \n3000-4000 ---p 0 00:00 0 \n"
			   "10000-11000 rw-p 0 00:00 0 \n11000-111000 ---p 0 00:00 0 \n");
	assert_int_equal(census->kinds[CENSUS_KIND_GUARD].count, 3);
	assert_int_equal(census->kinds[CENSUS_KIND_GUARD].bytes, 0x102000);
	assert_int_equal(census->guards_of_one_page, 2);
	/* Alone, and larger. */
	census = census_of("1000-2000 ---p 0 00:00 0 \n3000-4000 rw-p 0 00:00 0 \n4000-105000 ---p 0 00:00 0 \n");
	assert_int_equal(census->kinds[CENSUS_KIND_GUARD].count, 0);
	assert_int_equal(census->kinds[CENSUS_KIND_RESERVED].count, 2);
}

static const struct {
	const char *low, *high; /* at 1000-2000 and at 2000-3000 */
	uint32_t reasons;
} pairs[] = {
	{"rw-p 0 00:00 0 ", "rw-p 0 00:00 0 ", BIT(NOT_VISIBLE)},
	{"rw-p 0 00:00 0 ", "r--p 0 00:00 0 ", BIT(PERMISSIONS)},
	{"rw-p 0 00:00 0 ", "---p 0 00:00 0 ", BIT(PERMISSIONS)},
	{"rw-p 0 00:00 0 [anon:a]", "rw-p 0 00:00 0 [anon:b]", BIT(ANON_NAME)},
	{"rw-p 0 00:00 0 [anon:a]", "rw-p 0 00:00 0 ", BIT(ANON_NAME)},
	{"rw-p 0 00:00 0 [anon:a]", "rw-p 0 00:00 0 [anon:a]", BIT(NOT_VISIBLE)},
	{"rw-p 0 00:00 0 [anon:a]", "r--p 0 00:00 0 ", BIT(ANON_NAME) | BIT(PERMISSIONS)},
	/* These names say where a mapping is, and hide the anonymous name. */
	{"rw-p 0 00:00 0 [heap]", "rw-p 0 00:00 0 ", BIT(NOT_VISIBLE)},
	{"rw-p 0 00:00 0 [heap]", "rw-p 0 00:00 0 [anon:a]", BIT(NOT_VISIBLE)},
	{"rw-p 0 00:00 0 ", "rw-p 0 00:00 0 [stack]", BIT(NOT_VISIBLE)},
	{"r--p 0 00:00 0 [vvar]", "r-xp 0 00:00 0 [vdso]", BIT(SPECIAL_MAPPING) | BIT(PERMISSIONS)},
	{"r--p 0 00:00 0 [vvar]", "r--p 0 00:00 0 [vvar]", BIT(SPECIAL_MAPPING)},
	{"rw-p 0 00:00 0 ", "rw-p 0 00:00 0 [uprobes]", BIT(SPECIAL_MAPPING)},
	{"r--p 0 fe:00 7 /a", "r--p 1000 fe:00 7 /a", BIT(NOT_VISIBLE)},
	{"r--p 0 fe:00 7 /a", "r--p 0 fe:00 7 /a", BIT(OFFSET)},
	{"r--p 5000 fe:00 7 /a", "r--p 4000 fe:00 7 /a", BIT(OFFSET)},
	{"r--p 0 fe:00 7 /a", "r--p 1000 fe:00 8 /b", BIT(DIFFERENT_FILE)},
	{"r--p 0 fe:00 7 /a", "r--p 1000 fe:01 7 /a", BIT(DIFFERENT_FILE)},
	/* Offsets of different files say nothing. */
	{"r--p 0 fe:00 7 /a", "r--p 9000 fe:00 8 /a", BIT(DIFFERENT_FILE)},
	/* Two links to one file are two open files. */
	{"r--p 0 fe:00 7 /a", "r--p 1000 fe:00 7 /b", BIT(DIFFERENT_FILE)},
	{"r--p 0 fe:00 7 /a", "rw-s 1000 fe:00 7 /a", BIT(SHARING) | BIT(PERMISSIONS)},
	{"r--p 0 fe:00 7 /a", "r--s 1000 fe:00 7 /a", BIT(SHARING)},
	{"r--p 0 fe:00 7 /a", "r--p 0 00:00 0 ", BIT(ANONYMOUS_AND_FILE)},
	{"r--p 0 00:00 0 [anon:a]", "r--s 0 fe:00 7 /a", BIT(ANONYMOUS_AND_FILE) | BIT(SHARING)},
	{"rw-s 0 00:01 5 [anon_shmem:a]", "rw-s 1000 00:01 5 [anon_shmem:b]", BIT(ANON_NAME)},
	{"rw-s 0 00:01 5 [anon_shmem:a]", "rw-s 9000 00:01 5 /dev/zero (deleted)", BIT(ANON_NAME) | BIT(OFFSET)},
	{"rw-s 0 00:01 5 [anon_shmem:a]", "rw-s 1000 00:01 6 [anon_shmem:a]", BIT(DIFFERENT_FILE)},
	{"rw-s 0 00:01 0 /SYSV00000000 (deleted)", "rw-s 0 00:01 0 /SYSV00000000 (deleted)", BIT(OFFSET)},
};

static void test_reasons(void **state)
{
	char text[512];

	(void)state;
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		const struct census *census;
		uint32_t found = 0;

		snprintf(text, sizeof(text), "1000-2000 %s\n2000-3000 %s\n", pairs[i].low, pairs[i].high);
		census = census_of(text);
		for (int reason = 0; reason < CENSUS_REASON_COUNT; reason++) {
			const struct census_boundaries *boundaries = &census->boundaries[reason];

			found |= (uint32_t)boundaries->count << reason;
			assert_int_equal(boundaries->first, boundaries->count ? 0x2000 : 0);
			assert_int_equal(boundaries->alone, boundaries->count && pairs[i].reasons == 1U << reason);
		}
		if (found != pairs[i].reasons)
			fail_msg("'%s', '%s': 0x%x and not 0x%x", pairs[i].low, pairs[i].high, found, pairs[i].reasons);
	}
}

static uint32_t reasons_with_flags(const char *low, const char *high)
{
	char text[512];
	uint32_t found = 0;

	snprintf(text, sizeof(text),
		 "1000-2000 %.4s 0 00:00 0 \nVmFlags: %s \n2000-3000 %.4s 0 00:00 0 \nVmFlags: %s \n", low, low + 5,
		 high, high + 5);
	assert_int_equal(read_text(text, true), 0);
	for (int reason = 0; reason < CENSUS_REASON_COUNT; reason++)
		found |= (uint32_t)source.census->boundaries[reason].count << reason;
	return found;
}

static void test_flags(void **state)
{
	(void)state;
	assert_int_equal(reasons_with_flags("rw-p rd wr ac", "rw-p rd wr ac"), BIT(NOT_VISIBLE));
	assert_int_equal(source.census->flags_known, 2);
	assert_int_equal(reasons_with_flags("rw-p rd wr ac", "rw-p rd wr"), BIT(FLAGS));
	assert_int_equal(reasons_with_flags("rw-p rd wr ac", "rw-p ac wr rd"), BIT(NOT_VISIBLE));
	/* What the kernel disregards, and what permissions say already. */
	assert_int_equal(reasons_with_flags("rw-p rd wr sd", "rw-p rd wr gu"), BIT(NOT_VISIBLE));
	assert_int_equal(reasons_with_flags("rw-p rd wr mr", "r--p rd mr"), BIT(PERMISSIONS));
	assert_int_equal(reasons_with_flags("rw-p rd wr mr", "r--p rd mr dd"), BIT(PERMISSIONS) | BIT(FLAGS));
	assert_int_equal(reasons_with_flags("rw-s rd wr sh ms", "rw-p rd wr"), BIT(SHARING));
	/* Shared for one who may write, and for one who may not. */
	assert_int_equal(reasons_with_flags("r--s rd sh ms", "r--s rd ms"), BIT(FLAGS));
	/* Of one nothing is known. */
	assert_int_equal(read_text("1000-2000 rw-p 0 00:00 0 \nVmFlags: dd\n2000-3000 rw-p 0 00:00 0 \n", true), 0);
	assert_int_equal(source.census->boundaries[CENSUS_REASON_NOT_VISIBLE].count, 1);
}

static void test_holes(void **state)
{
	const struct census_holes *holes;

	(void)state;
	holes = &census_of("1000-2000 rw-p 0 00:00 0 \n3000-4000 rw-p 0 00:00 0 \n104000-105000 rw-p 0 00:00 0 \n"
			   "7ffffffff000-800000000000 rw-p 0 00:00 0 \n")
			 ->holes;
	assert_int_equal(holes->count, 3);
	assert_int_equal(holes->one_page, 1);
	assert_int_equal(holes->up_to_1_mib, 2);
	assert_int_equal(holes->largest_bytes, 0x7ffffffff000 - 0x105000);
	assert_int_equal(holes->bytes, PAGE + 0x100000 + holes->largest_bytes);
	assert_int_equal(source.census->boundaries[CENSUS_REASON_HOLE].alone, 3);
}

/* `count` pages from *at on, of these looks in turns, with holes of `hole` pages. */
static void put_pages(FILE *out, uint64_t *at, size_t count, const char *const looks[2], unsigned int hole)
{
	for (size_t i = 0; i < count; i++) {
		fprintf(out, "%" PRIx64 "-%" PRIx64 " %s\n", *at, *at + PAGE, looks[i % 2]);
		*at += PAGE * (1 + hole);
	}
}

static const char *const plain[2] = {"rw-p 0 00:00 0 ", "rw-p 0 00:00 0 "};
static const char *const guarded[2] = {"rw-p 0 00:00 0 ", "---p 0 00:00 0 "};
static const char *const named[2] = {"r--p 0 fe:00 7 /a", "r--p 0 fe:00 8 /b"};

static void assert_run(size_t index, uint64_t count, uint64_t start, unsigned int period, const char *name)
{
	const struct census_run *run = &source.census->runs.list[index];

	assert_true(index < source.census->runs.count);
	assert_int_equal(run->count, count);
	assert_int_equal(run->start, start);
	assert_int_equal(run->period, period);
	assert_string_equal(run->looks[0].name, name);
}

static void test_runs(void **state)
{
	const struct census_run *runs;
	uint64_t at = 0x10000;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	put_pages(out, &at, 100, guarded, 0);
	put_pages(out, &at, 50, plain, 1);
	put_pages(out, &at, 7, named, 0);
	put_pages(out, &at, 3, plain, 0);
	fclose(out);
	census_of(text);
	free(text);
	runs = source.census->runs.list;
	assert_int_equal(source.census->total.count, 160);
	/* The first ends with a guard, so that what comes then goes on with its turns once. */
	assert_run(0, 101, 0x10000, 2, "");
	assert_int_equal(runs[0].looks[0].perms, MAPS_READ | MAPS_WRITE);
	assert_int_equal(runs[0].looks[1].kind, CENSUS_KIND_GUARD);
	assert_int_equal(runs[0].reasons[CENSUS_REASON_PERMISSIONS], 100);
	assert_run(1, 50, 0x10000 + 100 * PAGE, 1, "");
	assert_int_equal(runs[1].reasons[CENSUS_REASON_HOLE], 49);
	assert_int_equal(runs[1].bytes, 50 * PAGE);
	assert_int_equal(runs[1].end, runs[1].start + 99 * PAGE);
	assert_run(2, 7, 0x10000 + 200 * PAGE, 2, "/a");
	assert_string_equal(runs[2].looks[1].name, "/b");
	assert_run(3, 3, 0x10000 + 207 * PAGE, 1, "");
	assert_int_equal(source.census->runs.count, 4);
}

/* What is far away is no neighbour. */
static void test_far_runs(void **state)
{
	(void)state;
	census_of("10000-11000 rw-p 0 00:00 0 \n12000-13000 rw-p 0 00:00 0 \n50000000-50001000 rw-p 0 00:00 0 \n"
		  "50002000-50003000 rw-p 0 00:00 0 \n50004000-50005000 rw-p 0 00:00 0 \n");
	assert_int_equal(source.census->runs.count, 2);
	assert_run(0, 3, 0x50000000, 1, "");
	assert_run(1, 2, 0x10000, 1, "");
}

/* Of more runs than are kept, the longest. */
static void test_longest_runs(void **state)
{
	uint64_t at = 0x10000;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	for (size_t i = 0; i < 30; i++) {
		put_pages(out, &at, 2 + i * 7 % 30, plain, 1);
		put_pages(out, &at, 1, named, 1);
	}
	fclose(out);
	census_of(text);
	free(text);
	assert_int_equal(source.census->runs.count, CENSUS_RUNS_MAX);
	for (size_t i = 0; i < CENSUS_RUNS_MAX; i++)
		assert_int_equal(source.census->runs.list[i].count, 31 - i);
}

static void test_names(void **state)
{
	const struct census_names *names;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	for (unsigned int i = 0; i < CENSUS_NAMES_MAX + 10; i++)
		fprintf(out, "%x000-%x000 r--p 0 fe:00 7 /file-%u\n", i + 1, i + 2, i);
	fputs("7f0000000-7f0005000 r--p 0 fe:00 7 /file-3\n7f0005000-7f0006000 rw-p 0 00:00 0 [heap]\n", out);
	fclose(out);
	names = &census_of(text)->names;
	free(text);
	assert_int_equal(names->count, CENSUS_NAMES_MAX);
	assert_string_equal(names->list[0].name, "/file-3");
	assert_int_equal(names->list[0].count, 2);
	assert_int_equal(names->list[0].bytes, 6 * PAGE);
	assert_int_equal(names->beyond_count, 10);
	assert_int_equal(names->beyond_bytes, 10 * PAGE);
}

static void test_strip(void **state)
{
	const struct census_strip *strip;
	struct census_row row;

	(void)state;
	strip = &census_of("10000-14000 rw-p 0 00:00 0 \n14000-15000 ---p 0 00:00 0 \n17000-18000 r--p 0 fe:00 7 /a\n")
			 ->strip;
	assert_int_equal(strip->count, 1);
	census_strip_draw(&strip->regions[0], 70, &row);
	assert_string_equal(row.kinds, "aaaag..f");
	assert_string_equal(row.counts, ".   .  .");
	assert_int_equal(row.cell_bytes, PAGE);
	census_strip_draw(&strip->regions[0], 4, &row);
	assert_string_equal(row.kinds, "aagf");
	assert_string_equal(row.counts, ". ..");
	assert_int_equal(row.cell_bytes, 2 * PAGE);
	census_strip_draw(&strip->regions[0], 1, &row);
	assert_string_equal(row.kinds, "af");
	assert_string_equal(row.counts, ".:");
	/* The whole of it, and the end of all addresses. */
	strip = &census_of("0-8000000000000000 rw-p 0 00:00 0 \n8000000000000000-fffffffffffff000 r--p 0 fe:00 7 /a\n")
			 ->strip;
	assert_int_equal(strip->count, 1);
	census_strip_draw(&strip->regions[0], 8, &row);
	assert_string_equal(row.kinds, "aaaaffff");
	assert_int_equal(row.cell_bytes, 1ULL << 61);
}

/* Far holes cut it; when there are too many, the nearest are joined, and nothing is lost. */
static void test_regions(void **state)
{
	const struct census_strip *strip;
	uint64_t at = 0x10000, count = 0, bytes = 0;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	for (unsigned int i = 0; i < 40; i++) {
		put_pages(out, &at, 1 + i % 3, guarded, 0);
		at += CENSUS_FAR_BYTES + (i % 10 == 9 ? 1ULL << 40 : i * PAGE);
	}
	fclose(out);
	strip = &census_of(text)->strip;
	free(text);
	assert_int_equal(strip->count, CENSUS_REGIONS_MAX);
	for (size_t i = 0; i < strip->count; i++) {
		const struct census_region *region = &strip->regions[i];
		uint64_t cells = 0, in_cells = 0;

		for (size_t cell = 0; cell < CENSUS_CELLS_MAX; cell++) {
			in_cells += region->cells[cell].count;
			for (int kind = 0; kind < CENSUS_KIND_COUNT; kind++)
				cells += region->cells[cell].bytes[kind];
		}
		assert_int_equal(in_cells, region->count);
		assert_int_equal(cells, region->bytes);
		count += region->count;
		bytes += region->bytes;
		assert_true(i == 0 || region->start > strip->regions[i - 1].end);
	}
	assert_int_equal(count, source.census->total.count);
	assert_int_equal(bytes, source.census->total.bytes);
}

/* Of a saved file these are errors; of a living process the kernel shows what was merged meanwhile a second time. */
static void test_order(void **state)
{
	static char line[] = "1000-4000 rw-p 0 00:00 0 ", again[] = "1000-3000 rw-p 0 00:00 0 ";
	static char grown[] = "1000-6000 r--p 0 fe:00 7 /a";
	struct census_taker *taker;
	struct maps_entry entry = {};
	const struct census *census;

	(void)state;
	assert_int_equal(read_text("1000-2000 rw-p 0 00:00 0 \n1000-2000 rw-p 0 00:00 0 \n", false), -ERANGE);
	assert_int_equal(read_text("2000-3000 rw-p 0 00:00 0 \n1000-2000 rw-p 0 00:00 0 \n", false), -ERANGE);
	assert_int_equal(read_text("1000-2001 rw-p 0 00:00 0 \n", false), -ERANGE);
	assert_int_equal(read_text("1080-2000 rw-p 0 00:00 0 \n", false), -ERANGE);
	assert_int_equal(census_taker_new(true, &taker), 0);
	assert_int_equal(maps_parse_line(line, strlen(line), &entry.line), 0);
	assert_int_equal(census_taker_add(taker, &entry, NULL), 0);
	assert_int_equal(maps_parse_line(again, strlen(again), &entry.line), 0);
	assert_int_equal(census_taker_add(taker, &entry, NULL), 0);
	assert_int_equal(maps_parse_line(grown, strlen(grown), &entry.line), 0);
	assert_int_equal(census_taker_add(taker, &entry, NULL), 0);
	assert_int_equal(census_taker_end(taker, &census), 0);
	assert_int_equal(census->changed, 2);
	assert_int_equal(census->total.count, 2);
	assert_int_equal(census->total.bytes, 5 * PAGE);
	census_taker_free(taker);
}

/* What is rendered of a text, as the sink writes it; the caller frees it. */
static char *render(const char *text, const char *file, uint64_t limit, size_t columns, bool json)
{
	struct render_census said = {.file = file, .limit = limit, .columns = columns};
	int fd = memfd_create("out", MFD_CLOEXEC);
	FILE *out = fdopen(fd, "w");
	struct sink *sink;
	char *written;
	off_t size;

	assert_non_null(out);
	said.census = census_of(text);
	said.codes = maps_reader_codes(source.reader);
	assert_int_equal(json ? sink_json_new(out, &sink) : sink_text_new(out, false, &sink), 0);
	assert_int_equal(render_census(sink, &said), 0);
	sink_free(sink);
	size = lseek(fd, 0, SEEK_END);
	written = calloc(1, (size_t)size + 1);
	assert_non_null(written);
	assert_int_equal(pread(fd, written, (size_t)size, 0), size);
	fclose(out);
	return written;
}

static void test_hostile_names(void **state)
{
	static const char text[] = "1000-2000 r--p 0 fe:00 7 /\x1b]0;x\a\\012\xff\xe2\x80\xae\n";
	char *shown = render(text, "\x1b[31m", 0, 80, false), *logged = render(text, "\x1b[31m\xff", 0, 80, true);
	json_t *record = json_loads(logged, JSON_REJECT_DUPLICATES, NULL), *name;

	(void)state;
	assert_null(strchr(shown, 0x1b));
	assert_non_null(strstr(shown, "/\\x1b]0;x\\x07\\x0a\\xff\\u{202e}"));
	assert_non_null(record);
	name = json_array_get(json_object_get(record, "names"), 0);
	assert_string_equal(json_string_value(json_object_get(name, "name")), "/\x1b]0;x\a\n\ufffd\u202e");
	assert_non_null(json_object_get(name, "name_b64"));
	assert_non_null(json_object_get(record, "file_b64"));
	assert_true(json_is_null(json_object_get(record, "vma_limit")));
	json_decref(record);
	free(shown);
	free(logged);
}

/* No line but the first is wider than it may be, whatever the paths. */
static void test_width(void **state)
{
	char text[3 * MAPS_LINE_BYTES] = "1000-2000 r--p 0 fe:00 7 /", *shown, *rest, *line;
	size_t length = strlen(text);

	(void)state;
	for (size_t i = 0; i < 4000; i++)
		length += (size_t)sprintf(text + length, i % 2 ? "\\012" : "é");
	strcpy(text + length, "\n2000-3000 r--p 1000 fe:00 8 /short\n3000-4000 r--p 3000 fe:00 8 /short\n");
	for (size_t columns = 40; columns <= 500; columns += 23) {
		shown = rest = render(text, "file", 65530, columns, false);
		assert_non_null(strsep(&rest, "\n"));
		while ((line = strsep(&rest, "\n")) != NULL)
			if (strlen(line) > columns)
				fail_msg("%zu columns: %s", columns, line);
		free(shown);
	}
}

static void test_columns(void **state)
{
	(void)state;
	unsetenv("COLUMNS");
	assert_int_equal(terminal_columns(-1), 80);
	setenv("COLUMNS", "123", 1);
	assert_int_equal(terminal_columns(-1), 123);
	setenv("COLUMNS", "1", 1);
	assert_int_equal(terminal_columns(-1), 40);
	setenv("COLUMNS", "99999999999999999999", 1);
	assert_int_equal(terminal_columns(-1), 500);
	setenv("COLUMNS", "80x", 1);
	assert_int_equal(terminal_columns(-1), 80);
	unsetenv("COLUMNS");
}

/* Ourselves, and one who ended. */
static void test_processes(void **state)
{
	pid_t child;
	int status;

	(void)state;
	assert_int_equal(census_source_read_process(&source, getpid(), false), 0);
	assert_true(source.census->total.count > 10);
	assert_int_equal(source.census->kinds[CENSUS_KIND_STACK].count, 1);
	child = fork();
	if (!child)
		_exit(0);
	assert_true(child > 0);
	assert_int_equal(waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT), 0);
	assert_int_equal(census_source_read_process(&source, child, false), -ESRCH);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(census_source_read_process(&source, child, false), -ESRCH);
}

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

/* Its leader has exited, and its mappings are there all the same. */
static void test_leaderless(void **state)
{
	enum proc_nature nature = PROC_ALIVE;
	pthread_t thread;
	pid_t child = fork();

	(void)state;
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (pthread_create(&thread, NULL, wait_for_ever, NULL))
			_exit(1);
		syscall(SYS_exit, 0);
	}
	assert_true(child > 0);
	while (nature == PROC_ALIVE)
		assert_int_equal(proc_read_nature(child, &nature), 0);
	assert_int_equal(nature, PROC_ENDED);
	assert_int_equal(census_source_read_process(&source, child, false), 0);
	assert_true(source.census->total.count > 10);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

#define TEST(function) cmocka_unit_test_teardown(function, forget)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kinds),	  TEST(test_guards), TEST(test_reasons),      TEST(test_flags),
		TEST(test_holes),	  TEST(test_runs),   TEST(test_longest_runs), TEST(test_far_runs),
		TEST(test_names),	  TEST(test_strip),  TEST(test_regions),      TEST(test_order),
		TEST(test_hostile_names), TEST(test_width),  TEST(test_columns),      TEST(test_processes),
		TEST(test_leaderless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
