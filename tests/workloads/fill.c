// SPDX-License-Identifier: GPL-2.0-or-later
/* Fills a process with mappings up to vm.max_map_count. Knows nothing of threads or options. */
#define _GNU_SOURCE 1
#include "fill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* One VMA is about 250 bytes: 4 million take 1 GiB of kernel memory. */
#define LIMIT_MOST 4000000L

long fill_read_limit(void)
{
	char text[32] = "";
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return -errno;
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	return length > 0 ? strtol(text, NULL, 10) : -EIO;
}

static bool is_vsyscall(const char *line, size_t length)
{
	static const char name[] = "[vsyscall]";

	return length >= sizeof(name) - 1 && memcmp(line + length - (sizeof(name) - 1), name, sizeof(name) - 1) == 0;
}

/* Counts the whole lines in text but the vsyscall one and returns the bytes that they take. */
static size_t count_lines(const char *text, size_t length, long *count)
{
	const char *line = text;
	const char *end;

	while ((end = memchr(line, '\n', length - (size_t)(line - text)))) {
		if (!is_vsyscall(line, (size_t)(end - line)))
			++*count;
		line = end + 1;
	}
	return (size_t)(line - text);
}

long fill_count_mappings(void)
{
	static char text[64 * 1024];
	/* Not /proc/self: its maps are empty once the leader thread has exited. */
	int fd = open("/proc/thread-self/maps", O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	long count = 0;
	ssize_t got;

	if (fd < 0)
		return -errno;
	while ((got = read(fd, text + used, sizeof(text) - used)) > 0) {
		size_t taken;

		used += (size_t)got;
		taken = count_lines(text, used, &count);
		used -= taken;
		memmove(text, text + taken, used);
	}
	close(fd);
	return got < 0 ? -EIO : count;
}

int fill_init(struct fill *fill)
{
	const char *few = getenv("FILL_PAGES"); /* where somebody used up most mappings before: chain/crowd.c */
	void *pages;

	memset(fill, 0, sizeof(*fill));
	fill->page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	fill->limit = fill_read_limit();
	if (fill->limit < 0) {
		fprintf(stderr, "cannot read vm.max_map_count: %s\n", strerror((int)-fill->limit));
		return (int)fill->limit;
	}
	if (fill->limit > LIMIT_MOST) {
		fprintf(stderr,
			"vm.max_map_count is %ld: too many mappings to fill (at most %ld); lower "
			"it with "
			"sysctl vm.max_map_count=65530\n",
			fill->limit, LIMIT_MOST);
		return -E2BIG;
	}
	fill->page_count = few ? strtoul(few, NULL, 10) : 2 * (size_t)fill->limit;
	pages = mmap(NULL, (fill->page_count + 1) * sizeof(*fill->pages), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED) {
		int error = errno;

		fprintf(stderr, "cannot map the list of %zu pages: %s\n", fill->page_count, strerror(error));
		return -error;
	}
	fill->pages = pages;
	return 0;
}

void fill_map(struct fill *fill, size_t first, size_t step)
{
	for (size_t i = first; i < fill->page_count; i += step) {
		char *page = mmap(NULL, fill->page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED) {
			atomic_store(&fill->map_error, -errno);
			return;
		}
		fill->pages[i] = page;
	}
}

int fill_sort(struct fill *fill)
{
	int err = atomic_load(&fill->map_error);

	if (err) {
		fprintf(stderr,
			"cannot map %zu pages, twice vm.max_map_count (%ld): %s; more address "
			"space or "
			"memory, or another limit, is needed\n",
			fill->page_count, fill->limit, strerror(-err));
		return err;
	}
	sort_addresses(fill->pages, fill->page_count);
	return 0;
}

static bool lies_between_adjacent(const struct fill *fill, size_t i)
{
	return fill->pages[i - 1] + fill->page_bytes == fill->pages[i] &&
	       fill->pages[i] + fill->page_bytes == fill->pages[i + 1];
}

NAMED_FRAME size_t unmap_every_second(struct fill *fill, struct oracle *oracle, size_t first, size_t step, size_t most)
{
	size_t calls = 0;
	size_t i;

	for (i = 1 + 2 * first; i + 1 < fill->page_count && calls < most; i += 2 * step) {
		if (!lies_between_adjacent(fill, i))
			continue;
		calls++;
		if (munmap(fill->pages[i], fill->page_bytes) != 0)
			oracle_add_failure(oracle, "munmap", fill->pages[i], fill->page_bytes, errno);
	}
	oracle_add_calls(oracle, calls);
	return (i - 1) / 2;
}

int fill_to_headroom(struct fill *fill, struct oracle *oracle, long headroom, size_t *ret_next)
{
	long target = fill->limit - headroom;
	long count = fill_count_mappings();
	size_t next = 0;

	while (count >= 0 && count < target && 2 * next + 2 < fill->page_count) {
		next = unmap_every_second(fill, oracle, next, 1, (size_t)(target - count));
		count = fill_count_mappings();
	}
	if (count != target) {
		fprintf(stderr, "cannot bring this process to %ld mappings: it has %ld\n", target, count);
		return -EINVAL;
	}
	*ret_next = next;
	return 0;
}

/* Heap sort: moves the value at root down to its place among the first count addresses. */
static void sift_down(char **addresses, size_t root, size_t count)
{
	char *value = addresses[root];
	size_t child;

	while ((child = 2 * root + 1) < count) {
		if (child + 1 < count && addresses[child] < addresses[child + 1])
			child++;
		if (addresses[child] <= value)
			break;
		addresses[root] = addresses[child];
		root = child;
	}
	addresses[root] = value;
}

void sort_addresses(char **addresses, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift_down(addresses, i, count);
	for (size_t end = count; end-- > 1;) {
		char *highest = addresses[0];

		addresses[0] = addresses[end];
		addresses[end] = highest;
		sift_down(addresses, 0, end);
	}
}
