// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * maps.c: takes the census of damaged maps and smaps files and renders what was counted. It fails when a sanitizer finds
 * fault, when the sums do not agree with each other, or when too few of the files were read to their end.
 *
 *   maps [FIRST [COUNT]]     seeds; the same seed makes the same file. At most 8 s.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/census_source.h"
#include "../../user/render_census.h"

#define SEEDS	   6000
#define SECONDS	   8
#define TEXT_BYTES 16384
#define LEAST_PART 10 /* percent that must be read to the end */

static uint64_t random_state;

static uint64_t random_below(uint64_t bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return bound ? (random_state >> 11) % bound : 0;
}

/* A maps file as it could be; smaps: with some of its attributes. */
static size_t write_maps(char *text, bool smaps)
{
	static const char *const names[] = {"",		"[heap]", "[stack]", "[vdso]",	 "[vsyscall]", "[anon:a]",
					    "[anon:b]", "/a",	  "/b",	     "/c\\012d", "/\xff\x1b[m"};
	static const char *const flags[] = {"rd wr", "rd wr dd", "rd ac sd", "?? nr"};
	uint64_t at = random_below(1ULL << (12 + random_below(40))) << 12;
	size_t used = 0, count = 1 + random_below(60);

	for (size_t i = 0; i < count; i++) {
		uint64_t end = at + ((1 + random_below(random_below(4) ? 3 : 1 << 20)) << 12);
		const char *name = names[random_below(sizeof(names) / sizeof(names[0]))];

		used += (size_t)sprintf(text + used, "%llx-%llx %c%c-%c %08llx %02x:00 %u %s\n", (unsigned long long)at,
					(unsigned long long)end, random_below(2) ? 'r' : '-',
					random_below(2) ? 'w' : '-', random_below(5) ? 'p' : 's',
					(unsigned long long)random_below(4) << 12, *name == '/' ? 0xfe : 0,
					(unsigned int)(*name == '/' ? random_below(3) : 0), name);
		if (smaps && random_below(8))
			used += (size_t)sprintf(text + used, "Rss: 4 kB\nVmFlags: %s \n", flags[random_below(4)]);
		at = end + (random_below(2) ? 0 : random_below(1ULL << random_below(40)) << 12);
	}
	return used;
}

/* Returns the size. */
static size_t damage(char *text, size_t size)
{
	static const char bytes[] = "0123456789abcdef-rwxsp \n\\:[/\xff";

	for (uint64_t count = random_below(4); count > 0 && size > 1; count--) {
		size_t at = random_below(size), length = random_below(size - at < 20 ? size - at : 20);

		switch (random_below(4)) {
		case 0:
			text[at] = bytes[random_below(sizeof(bytes))];
			break;
		case 1:
			memmove(text + at, text + at + length, size - at - length);
			size -= length;
			break;
		case 2:
			if (size + length < TEXT_BYTES) {
				memmove(text + at + length, text + at, size - at);
				size += length;
			}
			break;
		default:
			size -= random_below(8) ? 0 : length;
		}
	}
	return size;
}

static bool sums_agree(const struct census *census)
{
	struct census_sum kinds = {}, perms = {}, regions = {};
	uint64_t boundaries = census->boundaries[CENSUS_REASON_HOLE].count;

	for (int i = 0; i < CENSUS_KIND_COUNT; i++) {
		kinds.count += census->kinds[i].count;
		kinds.bytes += census->kinds[i].bytes;
	}
	for (int i = 0; i < CENSUS_PERMS_COUNT; i++) {
		perms.count += census->perms[i].count;
		perms.bytes += census->perms[i].bytes;
	}
	for (size_t i = 0; i < census->strip.count; i++) {
		regions.count += census->strip.regions[i].count;
		regions.bytes += census->strip.regions[i].bytes;
	}
	for (int i = 0; i < CENSUS_REASON_COUNT; i++)
		boundaries += i == CENSUS_REASON_HOLE ? 0 : census->boundaries[i].alone;
	return kinds.count == census->total.count && kinds.bytes == census->total.bytes &&
	       perms.count == census->total.count && perms.bytes == census->total.bytes &&
	       regions.count == census->total.count && regions.bytes == census->total.bytes &&
	       census->holes.count == census->boundaries[CENSUS_REASON_HOLE].count &&
	       boundaries <= (census->total.count ? census->total.count - 1 : 0);
}

static int show(const struct census_source *source, bool smaps, bool json)
{
	FILE *out = fopen("/dev/null", "we");
	struct render_census said = {
		.file = "x",
		.smaps = smaps,
		.census = source->census,
		.codes = maps_reader_codes(source->reader),
		.columns = 40 + random_below(300),
	};
	struct sink *sink;
	int err;

	if (!out)
		return -1;
	err = json ? sink_json_new(out, &sink) : sink_text_new(out, false, &sink);
	if (!err) {
		err = render_census(sink, &said);
		sink_free(sink);
	}
	fclose(out);
	return err;
}

/* 1: it was read to its end and shown; 0: it was refused; -1: something is wrong. */
static int run(uint64_t seed, int fd)
{
	struct census_source source = {};
	bool smaps = seed % 2;
	char text[TEXT_BYTES];
	size_t size;
	int result = 0;

	random_state = seed * 0x9e3779b97f4a7c15ULL + 1;
	size = damage(text, write_maps(text, smaps));
	if (ftruncate(fd, 0) || pwrite(fd, text, size, 0) != (ssize_t)size || lseek(fd, 0, SEEK_SET))
		return -1;
	if (!census_source_read_file(&source, fd, smaps))
		result = sums_agree(source.census) && !show(&source, smaps, false) && !show(&source, smaps, true) ? 1
														  : -1;
	census_source_fini(&source);
	return result;
}

int main(int argc, char **argv)
{
	uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
	uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : SEEDS, done = 0, whole = 0;
	int fd = memfd_create("maps", MFD_CLOEXEC);
	time_t end = time(NULL) + SECONDS;

	for (; done < count && time(NULL) < end; done++) {
		int result = run(first + done, fd);

		if (result < 0) {
			printf("seed %llu: the sums do not agree, or nothing was shown\n",
			       (unsigned long long)(first + done));
			return 1;
		}
		whole += (uint64_t)result;
	}
	printf("%llu damaged maps files, %llu of them read to the end\n", (unsigned long long)done,
	       (unsigned long long)whole);
	return done && 100 * whole < LEAST_PART * done;
}
