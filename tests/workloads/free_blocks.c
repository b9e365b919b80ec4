// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: near vm.max_map_count, allocates 512 blocks of 128 KiB with malloc() and frees every
 * second one. free() says nothing, but its munmap() fails and the block leaks: mincore() tells
 * afterwards which blocks are still mapped.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "work.h"

enum {
	BLOCKS_MOST = 512,
	BLOCK_BYTES = 128 * 1024,
	HEADROOM = 64,
	MALLOC_TRIES = 16,
	CHUNK_PAGES_MOST = 64,
};

/* glibc puts the chunk's previous size and size before the block; the size's low bits are flags. */
#define CHUNK_HEADER_BYTES (2 * sizeof(size_t))
#define CHUNK_FLAGS	   ((size_t)7)
#define CHUNK_IS_MMAPPED   ((size_t)2)

static size_t block_count = BLOCKS_MOST;
static char *blocks[BLOCKS_MOST]; /* in address order after the first phase */
static size_t chunk_size[BLOCKS_MOST]; /* 0: not freed */
static pid_t freed_by[BLOCKS_MOST];
static atomic_bool malloc_failed;

/* Not inlined: compilers object to a look before the start of what malloc() returned. */
static NAMED_FRAME size_t chunk_size_word(const char *block)
{
	size_t word;

	memcpy(&word, block - sizeof(word), sizeof(word));
	return word;
}

/* A block may fit into the arena's top once; that one is kept, so that the next cannot. */
static char *malloc_mmapped(void)
{
	for (int i = 0; i < MALLOC_TRIES; i++) {
		char *block = malloc(BLOCK_BYTES);

		if (!block)
			return NULL;
		if (chunk_size_word(block) & CHUNK_IS_MMAPPED)
			return block;
	}
	return NULL;
}

static void malloc_blocks(size_t first, size_t step)
{
	for (size_t i = first; i < block_count; i += step) {
		blocks[i] = malloc_mmapped();
		if (!blocks[i])
			atomic_store(&malloc_failed, true);
	}
}

/* Frees, of every second block in address order, the ones numbered first, first + step, ... */
static NAMED_FRAME void free_every_second(size_t first, size_t step)
{
	pid_t tid = gettid();

	for (size_t i = 1 + 2 * first; i + 1 < block_count; i += 2 * step) {
		freed_by[i] = tid;
		chunk_size[i] = chunk_size_word(blocks[i]) & ~CHUNK_FLAGS;
		free(blocks[i]);
	}
}

/* The first malloc() of a thread maps its arena: before the mappings are counted. A process alone has the heap for it. */
static void open_arena(size_t first, size_t step)
{
	void *volatile opener = step > 1 ? malloc(1) : NULL;

	(void)first;
	(void)opener;
}

static int fill_process(void)
{
	size_t next;

	fill_map(&work_fill, 0, 1);
	return fill_sort(&work_fill) || fill_to_headroom(&work_fill, &work_oracle, HEADROOM, &next) ? -1 : 0;
}

static int sort_blocks(void)
{
	if (atomic_load(&malloc_failed)) {
		fprintf(stderr, "free_blocks: malloc() gave no block with a mapping of its own\n");
		return -1;
	}
	sort_addresses(blocks, block_count);
	return 0;
}

/* A freed block is still mapped whole or not at all; anything else ends the workload. */
static int find_leaks(void)
{
	unsigned char resident[CHUNK_PAGES_MOST];

	for (size_t i = 0; i < block_count; i++) {
		char *chunk = blocks[i] - CHUNK_HEADER_BYTES;
		size_t pages = chunk_size[i] / work_fill.page_bytes;
		size_t mapped = 0;

		if (pages > CHUNK_PAGES_MOST || chunk_size[i] % work_fill.page_bytes ||
		    (uintptr_t)chunk % work_fill.page_bytes) {
			fprintf(stderr, "free_blocks: %p is not laid out as glibc does it\n", (void *)chunk);
			return -1;
		}
		for (size_t page = 0; page < pages; page++)
			mapped += mincore(chunk + page * work_fill.page_bytes, work_fill.page_bytes, resident) == 0;
		if (mapped == 0)
			continue;
		if (mapped != pages) {
			fprintf(stderr, "free_blocks: %p is mapped in part\n", (void *)chunk);
			return -1;
		}
		oracle_add_failure_of(&work_oracle, freed_by[i], "munmap", chunk, chunk_size[i], ENOMEM);
	}
	return 0;
}

static int report(void)
{
	size_t failed, freed = 0;

	/* The oracle's total is about the frees; the calls that filled the process are none. */
	if (work_oracle.totals.failed) {
		fprintf(stderr, "free_blocks: munmap() failed before the limit was reached\n");
		return 1;
	}
	for (size_t i = 0; i < block_count; i++)
		freed += chunk_size[i] != 0;
	work_oracle.totals.calls = freed;
	if (find_leaks())
		return 1;
	failed = work_oracle.totals.failed;
	if (work_write_oracle())
		return 1;
	fprintf(stderr,
		"free_blocks: %zu of %zu freed blocks are still mapped, %zu bytes leaked; "
		"vm.max_map_count=%ld\n",
		failed, freed, work_oracle.totals.bytes, work_fill.limit);
	if (failed == 0)
		fprintf(stderr, "free_blocks: nothing leaked, though the limit should have been hit\n");
	return failed ? 0 : 1;
}

static const struct work_step steps[] = {
	{open_arena, fill_process},
	{malloc_blocks, sort_blocks},
	{free_every_second, NULL},
};

static const struct work work = {
	.steps = steps,
	.step_count = sizeof(steps) / sizeof(steps[0]),
	.report = report,
	.blocks = &block_count,
	.blocks_most = BLOCKS_MOST,
};

int main(int argc, char **argv)
{
	return work_main(argc, argv, &work);
}
