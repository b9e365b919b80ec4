/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proc.c: single facts from /proc about one process or thread. Keeps nothing, and reads no mappings: see modules.c.
 */
#include "proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "cleanup.h"

/* PROC_PID_INIT_INO, include/linux/proc_ns.h: fixed since 3.8, "proc: Usable inode numbers for the namespace files". */
#define INITIAL_PID_NAMESPACE "pid:[4026531836]"

#define PROC_PATH_BYTES 96 /* "/proc/TID/map_files/START-END", with numbers at their widest */

/* include/linux/sched.h: "I am a kernel thread"; shown as the 9th field of stat. */
#define PF_KTHREAD 0x00200000

static int read_link(const char *path, char **ret)
{
	char target[PATH_MAX];
	ssize_t length = readlink(path, target, sizeof(target));
	char *copy;

	if (length < 0)
		return -errno;
	copy = strndup(target, length);
	if (!copy)
		return -ENOMEM;
	*ret = copy;
	return 0;
}

/* A file of a process that is gone cannot be opened (ENOENT), and one that was open by then cannot be read (ESRCH). */
static int open_of(pid_t tid, const char *name, FILE **ret)
{
	char path[PROC_PATH_BYTES];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", tid, name);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	*ret = file;
	return 0;
}

int proc_read_exe(pid_t tid, char **ret)
{
	char path[PROC_PATH_BYTES];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/exe", tid);
	err = read_link(path, ret);
	/* A thread that has given up its mm has no exe either, though its directory is still there. */
	return err == -ENOENT ? -ESRCH : err;
}

int proc_read_cgroup(pid_t tid, char **ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0;
	ssize_t length;
	int err = open_of(tid, "cgroup", &file);

	if (err)
		return err;
	while ((length = getline(&line, &capacity, file)) > 0) {
		if (strncmp(line, "0::", 3))
			continue;
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		memmove(line, line + 3, length - 2);
		*ret = cleanup_take(line);
		return 0;
	}
	return ferror(file) ? -ESRCH : -ENOENT;
}

int proc_read_mapped_path(pid_t tid, uint64_t start, uint64_t end, char **ret)
{
	char path[PROC_PATH_BYTES];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, tid, start, end);
	err = read_link(path, ret);
	if (err != -ENOENT)
		return err;
	/* No such mapping, or no such process? */
	snprintf(path, sizeof(path), "/proc/%d", tid);
	return access(path, F_OK) ? -ESRCH : -ENOENT;
}

int proc_read_tgid(pid_t tid, pid_t *ret)
{
	_cleanup_fclose_ FILE *file = NULL;
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0;
	int tgid, err = open_of(tid, "status", &file);

	if (err)
		return err;
	while (getline(&line, &capacity, file) > 0) {
		if (sscanf(line, "Tgid: %d", &tgid) == 1) {
			*ret = tgid;
			return 0;
		}
	}
	return -ESRCH;
}

/* The fields of /proc/TID/stat from the 3rd on: behind the name, which may hold anything. proc(5) has their numbers. */
static int read_stat(pid_t tid, char *line, size_t size, const char **ret)
{
	char path[PROC_PATH_BYTES];
	_cleanup_fclose_ FILE *file = NULL;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	file = fopen(path, "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!fgets(line, (int)size, file))
		return -ESRCH;
	*ret = strrchr(line, ')');
	if (!*ret)
		return -EBADMSG;
	*ret += strlen(") ");
	return 0;
}

static int read_stat_field(pid_t tid, int number, uint64_t *ret)
{
	char line[1024], *end;
	unsigned long long value;
	const char *field = NULL;
	int err = read_stat(tid, line, sizeof(line), &field);

	if (err)
		return err;
	for (int at = 3; at < number; at++) {
		field = strchr(field, ' ');
		if (!field)
			return -EBADMSG;
		field++;
	}
	value = strtoull(field, &end, 10);
	if (end == field)
		return -EBADMSG;
	*ret = value;
	return 0;
}

int proc_read_start_ns(pid_t tgid, uint64_t *ret)
{
	uint64_t ticks;
	int err = read_stat_field(tgid, 22, &ticks);

	if (!err)
		*ret = ticks * (1000000000ULL / (unsigned long long)sysconf(_SC_CLK_TCK));
	return err;
}

int proc_read_start_stack(pid_t tid, uint64_t *ret)
{
	return read_stat_field(tid, 28, ret);
}

int proc_read_comm(pid_t tid, char ret[64])
{
	char path[PROC_PATH_BYTES];
	_cleanup_close_ int fd = -1;
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/%d/comm", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	length = read(fd, ret, 63);
	if (length <= 0)
		return length ? -errno : -ESRCH;
	/* A name may hold newlines: only the last byte is the file's own. */
	ret[length - 1] = '\0';
	return 0;
}

int proc_read_nature(pid_t tid, enum proc_nature *ret)
{
	char line[1024];
	const char *state;
	uint64_t flags;
	int err = read_stat(tid, line, sizeof(line), &state) ?: read_stat_field(tid, 9, &flags);

	if (err)
		return err;
	if (flags & PF_KTHREAD)
		*ret = PROC_KERNEL_THREAD;
	else
		*ret = *state == 'Z' || *state == 'X' ? PROC_ENDED : PROC_ALIVE;
	return 0;
}

int proc_read_max_map_count(uint32_t *ret)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	uint32_t limit;

	if (!file)
		return -errno;
	if (fscanf(file, "%" SCNu32, &limit) != 1)
		return -EIO;
	*ret = limit;
	return 0;
}

static int read_overcommit(uint32_t *ret)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/sys/vm/overcommit_memory", "re");

	if (!file)
		return -errno;
	return fscanf(file, "%" SCNu32, ret) == 1 ? 0 : -EIO;
}

int proc_read_memory(uint64_t *ret_pages, uint32_t *ret_overcommit)
{
	struct sysinfo info;
	int err = read_overcommit(ret_overcommit);

	if (err)
		return err;
	if (sysinfo(&info))
		return -errno;
	*ret_pages = ((uint64_t)info.totalram + info.totalswap) * info.mem_unit / (uint64_t)sysconf(_SC_PAGESIZE);
	return 0;
}

int proc_in_initial_pid_namespace(void)
{
	_cleanup_free_ char *namespace = NULL;
	int err = read_link("/proc/self/ns/pid", &namespace);

	if (err)
		return err;
	return !strcmp(namespace, INITIAL_PID_NAMESPACE);
}
