/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modules.c: reads the executable file mappings of a process and keeps them. What the process has there is up to it: there
 * is a bound to all. Opens no file of it: see module_files.c.
 */
#include "modules.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "maps.h"
#include "module_files.h"
#include "vdso.h"

#define PROC_PATH_BYTES 96 /* "/proc/TID/map_files/START-END", with numbers at their widest */

/* struct procmap_query of linux/fs.h, 6.11: headers older than that lack it, and the ABI is fixed. */
struct vma_query {
	uint64_t size;
	uint64_t flags;
	uint64_t addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t name_bytes;
	uint32_t build_id_bytes;
	uint64_t name_addr;
	uint64_t build_id_addr;
};

#define VMA_QUERY	      _IOWR('f', 17, struct vma_query)
#define VMA_QUERY_EXECUTABLE  0x04
#define VMA_QUERY_NEXT	      0x10 /* the VMA at addr, or else the first one above it */
#define VMA_QUERY_FILE_BACKED 0x20

struct modules {
	struct module *list; /* by address */
	size_t count;
	size_t capacity;
	bool partial;
	uint64_t generation;
	unsigned int references; /* beside the first */
	int root_fd;
	int perf_map_fd;
};

CLEANUP_DEFINE(cleanup_modules, struct modules *, modules_free)

/* Modules of one file share its descriptor, so an entry alone does not say whether it is the one to close it. */
static int compare_fds(const void *left, const void *right)
{
	const struct module *a = left, *b = right;

	return (a->fd > b->fd) - (a->fd < b->fd);
}

static int compare_starts(const void *left, const void *right)
{
	const struct module *a = left, *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

static void sort(struct modules *modules, int (*compare)(const void *, const void *))
{
	if (modules->count)
		qsort(modules->list, modules->count, sizeof(*modules->list), compare);
}

static struct modules *modules_new(void)
{
	struct modules *modules = calloc(1, sizeof(*modules));

	if (modules)
		modules->root_fd = modules->perf_map_fd = -1;
	return modules;
}

struct modules *modules_ref(struct modules *modules)
{
	if (modules)
		modules->references++;
	return modules;
}

static void close_known(int fd)
{
	if (fd >= 0)
		close(fd);
}

void modules_free(struct modules *modules)
{
	int closed = -1;

	if (!modules || modules->references--)
		return;
	sort(modules, compare_fds);
	for (size_t i = 0; i < modules->count; i++) {
		struct module *module = &modules->list[i];

		if (module->fd > closed) {
			close(module->fd);
			closed = module->fd;
		}
		free(module->path);
	}
	close_known(modules->root_fd);
	close_known(modules->perf_map_fd);
	free(modules->list);
	free(modules);
}

const struct module *modules_list(const struct modules *modules, size_t *count)
{
	*count = modules->count;
	return modules->list;
}

int modules_root_fd(const struct modules *modules)
{
	return modules->root_fd;
}

int modules_perf_map_fd(const struct modules *modules)
{
	return modules->perf_map_fd;
}

void modules_set_root_fd(struct modules *modules, int fd)
{
	close_known(modules->root_fd);
	modules->root_fd = fd;
}

uint64_t modules_generation(const struct modules *modules)
{
	return modules->generation;
}

void modules_set_generation(struct modules *modules, uint64_t generation)
{
	modules->generation = generation;
}

void modules_set_perf_map_fd(struct modules *modules, int fd)
{
	close_known(modules->perf_map_fd);
	modules->perf_map_fd = fd;
}

int modules_from_list(struct module *list, size_t count, struct modules **ret)
{
	struct modules *modules = modules_new();

	if (!modules)
		return -ENOMEM;
	modules->list = list;
	modules->count = modules->capacity = count;
	sort(modules, compare_starts);
	*ret = modules;
	return 0;
}

const struct module *modules_find(const struct modules *modules, uint64_t addr)
{
	size_t low = 0, high = modules->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct module *module = &modules->list[middle];

		if (addr < module->start)
			high = middle;
		else if (addr >= module->end)
			low = middle + 1;
		else
			return module;
	}
	return NULL;
}

/* Takes a copy of `module` with a copy of `path`. -E2BIG: there are enough. */
static int add(struct modules *modules, const struct module *module, const char *path)
{
	struct module *entry;

	if (modules->count == MODULES_MAX)
		return -E2BIG;
	if (modules->count == modules->capacity) {
		size_t capacity = modules->capacity ? 2 * modules->capacity : 32;
		struct module *list = reallocarray(modules->list, capacity, sizeof(*list));

		if (!list)
			return -ENOMEM;
		modules->list = list;
		modules->capacity = capacity;
	}
	entry = &modules->list[modules->count];
	*entry = *module;
	entry->fd = -1;
	entry->path = strdup(path);
	if (!entry->path)
		return -ENOMEM;
	modules->count++;
	return 0;
}

/* False: nothing to execute from, no file, or no line of maps. */
static bool parse_line(char *line, struct module *ret, char **ret_path)
{
	struct maps_line fields;

	if (maps_parse_line(line, strlen(line), &fields) || !(fields.perms & MAPS_EXEC))
		return false;
	if (!fields.inode && strcmp(fields.name, "[vdso]"))
		return false;
	maps_unescape(fields.name, fields.name_length);
	*ret = (struct module){
		.start = fields.start,
		.end = fields.end,
		.file_offset = fields.offset,
		.inode = fields.inode,
		.device = makedev(fields.dev_major, fields.dev_minor),
		.fd = -1,
	};
	*ret_path = fields.name;
	return true;
}

/* The next line without its newline; one that does not fit is cut. False: there is none. */
static bool next_line(FILE *file, char *line, size_t capacity)
{
	size_t length;
	int c;

	if (!fgets(line, capacity, file))
		return false;
	length = strlen(line);
	if (length && line[length - 1] == '\n') {
		line[length - 1] = '\0';
		return true;
	}
	do
		c = getc(file);
	while (c != EOF && c != '\n');
	return true;
}

int modules_parse(FILE *maps, struct modules **ret)
{
	_cleanup_(cleanup_modules) struct modules *modules = modules_new();
	_cleanup_free_ char *line = malloc(MAPS_LINE_BYTES);
	int err = 0;

	if (!modules || !line)
		return -ENOMEM;
	while (!err && next_line(maps, line, MAPS_LINE_BYTES)) {
		struct module module;
		char *path;

		if (parse_line(line, &module, &path))
			err = add(modules, &module, path);
	}
	if (err && err != -E2BIG)
		return err;
	sort(modules, compare_starts);
	*ret = cleanup_take(modules);
	return 0;
}

static int read_text(int fd, struct modules **ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	int c, copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy < 0)
		return -errno;
	file = fdopen(copy, "r");
	if (!file) {
		close(copy);
		return -ENOMEM;
	}
	/* A process that has given up its mm has no lines at all; every other one has some. */
	c = getc(file);
	if (c == EOF)
		return -ESRCH;
	ungetc(c, file);
	return modules_parse(file, ret);
}

/* The first executable file mapping that ends above *addr, with its path if `path` holds it; moves *addr to its end. */
static int query_next(int fd, uint64_t *addr, struct module *module, char path[PATH_MAX])
{
	struct vma_query query = {
		.size = sizeof(query),
		.flags = VMA_QUERY_NEXT | VMA_QUERY_EXECUTABLE | VMA_QUERY_FILE_BACKED,
		.addr = *addr,
		.name_bytes = PATH_MAX,
		.name_addr = (uintptr_t)path,
	};
	int err = ioctl(fd, VMA_QUERY, &query) ? -errno : 0;

	if (err == -ENAMETOOLONG) {
		query.name_bytes = 0;
		query.name_addr = 0;
		err = ioctl(fd, VMA_QUERY, &query) ? -errno : 0;
		strcpy(path, "(path too long)");
	}
	if (err)
		return err;
	*module = (struct module){
		.start = query.vma_start,
		.end = query.vma_end,
		.file_offset = query.vma_offset,
		.inode = query.inode,
		.device = makedev(query.dev_major, query.dev_minor),
	};
	*addr = query.vma_end;
	return 0;
}

/* The vDSO has no file, and asking for all that is executable would stop at every piece of JIT code: ask auxv for it. */
static int add_vdso(int fd, pid_t tid, struct modules *modules)
{
	bool of_32_bit;
	char name[PATH_MAX] = "";
	struct vma_query query = {
		.size = sizeof(query),
		.addr = vdso_find(tid, &of_32_bit),
		.name_bytes = sizeof(name),
		.name_addr = (uintptr_t)name,
	};
	struct module vdso;

	if (!query.addr || ioctl(fd, VMA_QUERY, &query) || strcmp(name, "[vdso]"))
		return 0;
	vdso = (struct module){.start = query.vma_start, .end = query.vma_end};
	return add(modules, &vdso, name);
}

/* Any error but -ESRCH and -ENOMEM says that this kernel cannot do it (before 6.11: -ENOTTY). */
static int read_queries(int fd, pid_t tid, struct modules **ret)
{
	_cleanup_(cleanup_modules) struct modules *modules = modules_new();
	struct module module;
	char path[PATH_MAX];
	uint64_t addr = 0;
	int err;

	if (!modules)
		return -ENOMEM;
	while (!(err = query_next(fd, &addr, &module, path))) {
		err = add(modules, &module, path);
		if (err)
			break;
	}
	if (err == -ENOENT)
		err = add_vdso(fd, tid, modules);
	if (err && err != -E2BIG)
		return err;
	sort(modules, compare_starts);
	*ret = cleanup_take(modules);
	return 0;
}

static bool has_memory(pid_t tid)
{
	char path[PROC_PATH_BYTES], target[1];

	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	return readlink(path, target, sizeof(target)) >= 0;
}

bool modules_are_partial(const struct modules *modules)
{
	return modules->partial;
}

void modules_mark_partial(struct modules *modules)
{
	modules->partial = true;
}

int modules_read(pid_t tid, struct modules **ret)
{
	_cleanup_(cleanup_modules) struct modules *modules = NULL;
	_cleanup_close_ int fd = -1;
	char path[PROC_PATH_BYTES];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/maps", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	err = read_queries(fd, tid, &modules);
	if (err && err != -ESRCH && err != -ENOMEM)
		err = read_text(fd, &modules);
	if (err)
		return err;
	modules->root_fd = module_files_open_root(tid);
	module_files_open(modules->list, modules->count, tid, modules->root_fd);
	modules->perf_map_fd = module_files_open_perf_map(modules->root_fd, tid);
	/* The list of a process that exits meanwhile just ends, as if it were complete. */
	modules->partial = !has_memory(tid);
	*ret = cleanup_take(modules);
	return 0;
}
