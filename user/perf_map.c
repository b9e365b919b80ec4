/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf_map.c: an index of the lines "START SIZE NAME" of a perf map, the numbers in hexadecimal without 0x. Names stay in
 * the file, which may be large; what is no such line is passed over. The file's owner may write whatever he likes.
 */
#include "perf_map.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "ranges.h"

#define FILE_MAX    (64LL << 20) /* bytes that are read */
#define LINES_MAX   (1U << 20)
#define BLOCK_BYTES 65536
#define LINE_BYTES  1024 /* a longer one has its name cut */

struct perf_map {
	int fd;
	off_t size; /* when it was read last */
	off_t read; /* to the end of the last whole line */
	size_t lines; /* that were taken */
	struct ranges code; /* the value is where the line begins */
};

int perf_map_new(int fd, struct perf_map **ret)
{
	struct perf_map *map = calloc(1, sizeof(*map));

	if (!map)
		return -ENOMEM;
	map->fd = fd;
	*ret = map;
	return 0;
}

void perf_map_free(struct perf_map *map)
{
	if (!map)
		return;
	ranges_fini(&map->code);
	free(map);
}

/* NULL when there is no number of at most 16 digits with a space behind it. */
static const char *parse_number(const char *text, const char *end, uint64_t *ret)
{
	static const char hex[] = "0123456789abcdef";
	uint64_t number = 0;
	int digits = 0;

	for (; text < end && *text != ' '; text++, digits++) {
		const char *digit = memchr(hex, tolower((unsigned char)*text), sizeof(hex) - 1);

		if (!digit || digits == 16)
			return NULL;
		number = number << 4 | (uint64_t)(digit - hex);
	}
	if (!digits || text == end)
		return NULL;
	*ret = number;
	return text + 1;
}

/* The name, of a line up to its end; NULL: it is no line of a perf map. */
static const char *parse_line(const char *line, const char *end, uint64_t *start, uint64_t *size)
{
	const char *name = parse_number(line, end, start);

	name = name ? parse_number(name, end, size) : NULL;
	if (!name || name >= end || !*size)
		return NULL;
	return *start < UINT64_MAX - *size ? name : NULL;
}

/* Adds the whole lines of a block; *used is where the last one ended. */
static int add_lines(struct perf_map *map, const char *block, size_t bytes, size_t *used)
{
	const char *line = block, *end;
	uint64_t start, size;

	while ((end = memchr(line, '\n', block + bytes - line)) != NULL) {
		if (map->lines < LINES_MAX && parse_line(line, end, &start, &size) && ++map->lines &&
		    ranges_add(&map->code, start, start + size, map->read + (line - block)))
			return -ENOMEM;
		line = end + 1;
	}
	*used = line - block;
	return 0;
}

/* Compilers only ever append: what was read stays, unless the file got shorter and so is another one. */
static int read_more(struct perf_map *map)
{
	_cleanup_free_ char *block = malloc(BLOCK_BYTES);
	ssize_t bytes;
	size_t used;

	if (!block)
		return -ENOMEM;
	while (map->read < FILE_MAX && (bytes = pread(map->fd, block, BLOCK_BYTES, map->read)) > 0) {
		if (add_lines(map, block, bytes, &used))
			return -ENOMEM;
		if (!used && bytes < BLOCK_BYTES)
			break;
		map->read += used ?: (size_t)bytes;
	}
	ranges_sort(&map->code);
	return 0;
}

static int refresh(struct perf_map *map)
{
	struct stat status;

	if (fstat(map->fd, &status) || status.st_size == map->size)
		return 0;
	if (status.st_size < map->read) {
		ranges_fini(&map->code);
		map->read = 0;
	}
	map->size = status.st_size;
	return read_more(map);
}

static const struct range *find_last(const struct perf_map *map, uint64_t addr)
{
	const struct range *range = NULL, *last = NULL;

	while ((range = ranges_covering(&map->code, addr, range)) != NULL)
		if (!last || range->value > last->value)
			last = range;
	return last;
}

int perf_map_find(struct perf_map *map, uint64_t addr, char **ret, uint64_t *offset)
{
	char line[LINE_BYTES];
	const struct range *range;
	const char *name, *end;
	uint64_t start, size;
	ssize_t bytes;

	*ret = NULL;
	if (refresh(map))
		return -ENOMEM;
	range = find_last(map, addr);
	if (!range)
		return 0;
	bytes = pread(map->fd, line, sizeof(line), (off_t)range->value);
	if (bytes <= 0)
		return 0;
	end = memchr(line, '\n', bytes) ?: line + bytes;
	name = parse_line(line, end, &start, &size);
	if (!name || start != range->start)
		return 0;
	*ret = strndup(name, end - name);
	*offset = addr - start;
	return *ret ? 0 : -ENOMEM;
}
