/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_modules.c: modules.c against hostile texts and against real processes: living, leaderless, exited, without
 * privilege, and with mappings that are no program.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/modules.h"
#include "subject.h"

#define NOBODY 65534

static struct modules *parse(const char *text)
{
	struct modules *modules = NULL;
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

	assert_non_null(file);
	assert_int_equal(modules_parse(file, &modules), 0);
	fclose(file);
	return modules;
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void keeps_executable_file_mappings_and_the_vdso(void **state)
{
	static const char text[] =
		"55d000000000-55d000001000 r--p 00000000 fe:01 11                         /usr/bin/a b\n"
		"55d000001000-55d000003000 r-xp 00001000 fe:01 11                         /usr/bin/a b\n"
		"7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
		"7f0000002000-7f0000003000 rwxp 00000000 00:00 0                          [heap]\n"
		"7f0000004000-7f0000005000 r-xs 00000000 00:01 12                         /memfd:jit (deleted)\n"
		"7fff00000000-7fff00001000 r-xp 00000000 00:00 0                          [vdso]\n"
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";
	struct modules *modules = parse(text);
	const struct module *module = modules_find(modules, 0x55d000001000);

	(void)state;
	assert_non_null(module);
	assert_string_equal(module->path, "/usr/bin/a b");
	assert_int_equal(module->end, 0x55d000003000);
	assert_int_equal(module->file_offset, 0x1000);
	assert_int_equal(module->inode, 11);
	assert_int_equal(module->device, makedev(0xfe, 1));
	assert_int_equal(module->fd, -1);
	assert_ptr_equal(modules_find(modules, 0x55d000002fff), module);
	assert_null(modules_find(modules, 0x55d000003000));
	assert_null(modules_find(modules, 0x55d000000fff));
	assert_null(modules_find(modules, 0x7f0000000000));
	assert_null(modules_find(modules, 0x7f0000002000));
	assert_string_equal(modules_find(modules, 0x7f0000004000)->path, "/memfd:jit (deleted)");
	assert_string_equal(modules_find(modules, 0x7fff00000fff)->path, "[vdso]");
	assert_null(modules_find(modules, 0xffffffffff600000));
	modules_free(modules);
}

static void unescapes_newlines_only(void **state)
{
	struct modules *modules =
		parse("1000-2000 r-xp 0 0:1 1 /a\\012b\\n\\01c\\040\n3000-4000 r-xp 0 0:1 1 /\\012\\012\n");

	(void)state;
	assert_string_equal(modules_find(modules, 0x1000)->path, "/a\nb\\n\\01c\\040");
	assert_string_equal(modules_find(modules, 0x3000)->path, "/\n\n");
	modules_free(modules);
}

static void ignores_what_is_no_such_line(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"\n",
		"-",
		"1000-2000",
		"1000-2000 ",
		"1000-2000 r-x",
		"1000-2000 r-xp",
		"1000-2000 r-xp 0 0:1",
		"1000-2000 r-xp 0 0:1 ",
		"1000-2000 r-xp 0 0:1 x /a",
		"1000-2000 r-xp 0 01 1 /a",
		"1000-2000 r-xpppp 0 0:1 1 /a",
		"1000-2000 ??x? 0 0:1 1 /a",
		"2000-1000 r-xp 0 0:1 1 /a",
		"1000-1000 r-xp 0 0:1 1 /a",
		"zz-2000 r-xp 0 0:1 1 /a",
		"1000-2000 r-xp 0 0:0 0 [vdso",
		"1000-2000 r-xp 0 0:0 0 /a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char text[256];
		struct modules *modules;

		snprintf(text, sizeof(text), "%s\n3000-4000 r-xp 0 0:1 1 /good", lines[i]);
		modules = parse(text);
		assert_null(modules_find(modules, 0x1000));
		assert_non_null(modules_find(modules, 0x3000));
		modules_free(modules);
	}
}

/* A path of newlines only is as long as a line gets; what is longer still is cut, and the next line is whole. */
static void bounds_the_length_of_a_line(void **state)
{
	static char text[1 << 20];
	char *out = text + sprintf(text, "1000-2000 r-xp 0 0:1 1 /");
	struct modules *modules;

	(void)state;
	for (int i = 1; i < PATH_MAX; i++)
		out += sprintf(out, "\\012");
	out += sprintf(out, " (deleted)\n3000-4000 r-xp 0 0:1 1 /");
	memset(out, 'x', 500000);
	sprintf(out + 500000, "\n5000-6000 r-xp 0 0:1 1 /next\n");
	modules = parse(text);
	assert_int_equal(strlen(modules_find(modules, 0x1000)->path), PATH_MAX + strlen(" (deleted)"));
	assert_in_range(strlen(modules_find(modules, 0x3000)->path), PATH_MAX, 20000);
	assert_string_equal(modules_find(modules, 0x5000)->path, "/next");
	modules_free(modules);
}

static void survives_bytes_that_are_no_text(void **state)
{
	static const char text[] = "1000-2000 r-xp 0 0:1 1 /a\0b\n\0\n\xff\xfe\0-\n3000-4000 r-xp 0 0:1 1 /b\n";
	FILE *file = fmemopen((void *)(uintptr_t)text, sizeof(text) - 1, "r");
	struct modules *modules;

	(void)state;
	assert_int_equal(modules_parse(file, &modules), 0);
	modules_free(modules);
	fclose(file);
}

static void bounds_the_number_of_modules(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct modules *modules;

	(void)state;
	for (int i = 1; i <= 5000; i++)
		fprintf(out, "%x000-%x800 r-xp 0 0:1 1 /a\n", i, i);
	fclose(out);
	modules = parse(text);
	assert_non_null(modules_find(modules, 4096 * 0x1000UL));
	assert_null(modules_find(modules, 4097 * 0x1000UL));
	modules_free(modules);
	free(text);
}

static void closes_a_shared_descriptor_once(void **state)
{
	struct module *list = calloc(4, sizeof(*list));
	struct modules *modules;
	int before = open_fds(), a = memfd_create("a", 0), b = memfd_create("b", 0);

	(void)state;
	for (int i = 0; i < 4; i++)
		list[i] =
			(struct module){.start = 0x4000 - i * 0x1000, .end = 0x5000 - i * 0x1000, .path = strdup("m")};
	list[0].fd = list[2].fd = a;
	list[1].fd = b;
	list[3].fd = -1;
	assert_int_equal(modules_from_list(list, 4, &modules), 0);
	assert_int_equal(modules_find(modules, 0x1000)->fd, -1);
	assert_int_equal(modules_find(modules, 0x3fff)->fd, b);
	modules_free(modules);
	assert_int_equal(open_fds(), before);
	modules_free(NULL);
}

/* The same with the ioctl, where this kernel has it, as from the text. */
static void reads_this_process(void **state)
{
	struct modules *modules, *parsed;
	int before = open_fds();
	FILE *maps;
	char line[8192];
	size_t found = 0;

	(void)state;
	assert_int_equal(modules_read(getpid(), &modules), 0);
	maps = fopen("/proc/self/maps", "r");
	assert_int_equal(modules_parse(maps, &parsed), 0);
	rewind(maps);
	while (fgets(line, sizeof(line), maps)) {
		uint64_t start = strtoull(line, NULL, 16);
		const struct module *text = modules_find(parsed, start), *read = modules_find(modules, start);

		if (!text) {
			assert_null(read);
			continue;
		}
		found++;
		assert_non_null(read);
		assert_int_equal(read->start, text->start);
		assert_int_equal(read->end, text->end);
		assert_int_equal(read->file_offset, text->file_offset);
		assert_int_equal(read->inode, text->inode);
		assert_int_equal(read->device, text->device);
		assert_string_equal(read->path, text->path);
	}
	assert_true(found >= 3);
	assert_string_equal(modules_find(modules, getauxval(AT_SYSINFO_EHDR))->path, "[vdso]");
	fclose(maps);
	modules_free(parsed);
	modules_free(modules);
	assert_int_equal(open_fds(), before);
}

static void opens_the_files(void **state)
{
	struct modules *modules;
	const struct module *self;
	struct stat opened, expected;

	(void)state;
	assert_int_equal(modules_read(getpid(), &modules), 0);
	self = modules_find(modules, (uintptr_t)opens_the_files);
	assert_int_equal(fstat(self->fd, &opened), 0);
	assert_int_equal(stat("/proc/self/exe", &expected), 0);
	assert_int_equal(opened.st_ino, expected.st_ino);
	assert_int_equal(opened.st_dev, expected.st_dev);
	assert_int_equal(fcntl(self->fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(fcntl(self->fd, F_GETFD), FD_CLOEXEC);
	modules_free(modules);
}

static void says_that_a_process_is_gone(void **state)
{
	struct modules *modules = NULL;
	siginfo_t info;
	pid_t child = fork();

	(void)state;
	if (!child)
		_exit(0);
	assert_int_equal(waitid(P_PID, child, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(modules_read(child, &modules), -ESRCH);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_int_equal(modules_read(child, &modules), -ESRCH);
	assert_null(modules);
}

/* More executable mappings than are kept, all of one file, which is opened once. */
static void bounds_a_real_process(void **state)
{
	size_t page_bytes = sysconf(_SC_PAGESIZE);
	int before, fd = memfd_create("many", MFD_CLOEXEC);
	char *area = mmap(NULL, 5000 * page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct modules *modules;

	(void)state;
	assert_int_equal(ftruncate(fd, 2 * page_bytes), 0);
	for (int i = 0; i < 5000; i++)
		assert_ptr_not_equal(
			mmap(area + i * page_bytes, page_bytes, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, fd, 0),
			MAP_FAILED);
	before = open_fds();
	assert_int_equal(modules_read(getpid(), &modules), 0);
	assert_in_range(open_fds() - before, 1, 64);
	modules_free(modules);
	assert_int_equal(open_fds(), before);
	munmap(area, 5000 * page_bytes);
	close(fd);
}

/* A leader that has exited is a zombie without an mm: /proc/PID/maps is empty, its threads' are not. */
static void *outlive_leader(void *arg)
{
	int out = *(int *)arg;
	pid_t tid = syscall(SYS_gettid);
	char path[64], state = 0;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	while (state != 'Z') {
		FILE *file = fopen(path, "r");

		if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
			_exit(1);
		fclose(file);
		sched_yield();
	}
	if (write(out, &tid, sizeof(tid)) != sizeof(tid))
		_exit(1);
	for (;;)
		pause();
	return NULL;
}

static void reads_a_process_without_its_leader(void **state)
{
	int ends[2];
	struct modules *modules;
	pid_t child, tid;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, outlive_leader, &ends[1]))
			_exit(1);
		syscall(SYS_exit, 0);
	}
	assert_int_equal(read(ends[0], &tid, sizeof(tid)), sizeof(tid));
	assert_int_equal(modules_read(child, &modules), -ESRCH);
	assert_int_equal(modules_read(tid, &modules), 0);
	assert_true(modules_find(modules, (uintptr_t)outlive_leader)->fd >= 0);
	modules_free(modules);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

/* Runs `check` as a user to whom map_files is closed, so that files are found by name; its result is the exit status. */
static void assert_without_privilege(int (*check)(const char *path), const char *path)
{
	int status;
	pid_t child = fork();

	if (!child) {
		if (!geteuid() && (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
			_exit(100);
		prctl(PR_SET_DUMPABLE, 1);
		_exit(check(path));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void *map_executable(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0755);
	void *addr;

	if (fd < 0 || ftruncate(fd, 4096))
		return MAP_FAILED;
	addr = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	close(fd);
	return addr;
}

static int fd_of_mapping(const void *addr)
{
	struct modules *modules;
	int fd;

	if (modules_read(getpid(), &modules))
		return -2;
	fd = modules_find(modules, (uintptr_t)addr)->fd;
	modules_free(modules);
	return fd;
}

static int check_by_name(const char *path)
{
	void *addr = map_executable(path);

	if (addr == MAP_FAILED)
		return 1;
	return fd_of_mapping(addr) >= 0 ? 0 : 2;
}

/*
 * Of a deleted file the path says "NAME (deleted)", and such a file can be made too. A FIFO there must not be waited for,
 * and another regular file is not this one.
 */
static int check_replaced(const char *path)
{
	void *addr = map_executable(path);
	char decoy[128];

	snprintf(decoy, sizeof(decoy), "%s (deleted)", path);
	if (addr == MAP_FAILED || unlink(path))
		return 1;
	if (mkfifo(decoy, 0600))
		return 2;
	if (fd_of_mapping(addr) != -1)
		return 3;
	if (unlink(decoy) || map_executable(decoy) == MAP_FAILED)
		return 4;
	if (fd_of_mapping(addr) != -1)
		return 5;
	return unlink(decoy) ? 6 : 0;
}

static void opens_by_name_only_the_same_regular_file(void **state)
{
	char directory[] = "/tmp/test_modules.XXXXXX", path[64];

	(void)state;
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0777), 0);
	snprintf(path, sizeof(path), "%s/a module", directory);
	assert_without_privilege(check_by_name, path);
	unlink(path);
	assert_without_privilege(check_replaced, path);
	rmdir(directory);
}

/* A device can be mapped for execution as well; opening one may have consequences. */
static void opens_no_device(void **state)
{
	int fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	void *addr = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);

	(void)state;
	if (addr == MAP_FAILED)
		skip();
	close(fd);
	/* A private mapping of /dev/zero keeps its file, though it is anonymous memory. */
	assert_int_equal(fd_of_mapping(addr), -1);
	munmap(addr, 4096);
}

/* Its bytes are those of the process, and cannot be changed; every process has the same file. */
static void takes_the_image_of_the_vdso(void **state)
{
	struct modules *own, *childs;
	const struct module *vdso, *other;
	struct stat status, same;
	char bytes[64 << 10];
	pid_t child = fork();

	(void)state;
	if (!child)
		for (;;)
			pause();
	assert_int_equal(modules_read(getpid(), &own), 0);
	assert_int_equal(modules_read(child, &childs), 0);
	vdso = modules_find(own, getauxval(AT_SYSINFO_EHDR));
	other = modules_find(childs, getauxval(AT_SYSINFO_EHDR));
	assert_int_equal(fstat(vdso->fd, &status), 0);
	assert_int_equal(fstat(other->fd, &same), 0);
	assert_int_equal(status.st_size, vdso->end - vdso->start);
	assert_int_equal(status.st_ino, same.st_ino);
	assert_true(vdso->fd != other->fd);
	assert_int_equal(pread(vdso->fd, bytes, sizeof(bytes), 0), status.st_size);
	assert_memory_equal(bytes, (const void *)(uintptr_t)vdso->start, status.st_size);
	assert_int_equal(pwrite(vdso->fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(vdso->fd, 0), -1);
	modules_free(own);
	modules_free(childs);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

/* Its own copy of the vDSO was written to: its memory, which might as well be such that reading it never ends, is not read. */
static void reads_no_memory_for_the_vdso(void **state)
{
	const uint64_t addr = getauxval(AT_SYSINFO_EHDR);
	const struct module *vdso;
	struct modules *modules;
	char ready, byte;
	int ends[2];
	pid_t child;

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	child = fork();
	if (!child) {
		int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);

		if (pwrite(memory, "x", 1, (off_t)addr) != 1 || write(ends[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &ready, 1), 1);
	assert_int_equal(modules_read(child, &modules), 0);
	vdso = modules_find(modules, addr);
	assert_int_equal(process_vm_readv(child, &(struct iovec){&byte, 1}, 1,
					  &(struct iovec){(void *)(uintptr_t)addr, 1}, 1, 0),
			 1);
	assert_int_equal(byte, 'x');
	assert_int_equal(pread(vdso->fd, &byte, 1, 0), 1);
	assert_int_equal(byte, *(const char *)(uintptr_t)addr);
	modules_free(modules);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	close(ends[0]);
}

static const struct module *find_vdso(const struct modules *modules)
{
	size_t count;
	const struct module *list = modules_list(modules, &count);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].path, "[vdso]"))
			return &list[i];
	return NULL;
}

/* Held where it has just been executed: byte for byte what it has. */
static void has_the_vdso_of_32_bit_processes(void **state)
{
	const char *program = subject_path("m32");
	char image[64 << 10], memory[64 << 10];
	const struct module *vdso;
	struct modules *modules;
	size_t size;
	int status;
	pid_t child;

	(void)state;
	if (access(program, X_OK))
		skip();
	child = fork();
	if (!child) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execl(program, program, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSTOPPED(status))
		skip(); /* this kernel runs none */
	assert_int_equal(modules_read(child, &modules), 0);
	vdso = find_vdso(modules);
	assert_non_null(vdso);
	assert_true(vdso->end < UINT32_MAX);
	size = vdso->end - vdso->start;
	assert_int_equal(pread(vdso->fd, image, sizeof(image), 0), size);
	assert_int_equal(process_vm_readv(child, &(struct iovec){memory, size}, 1,
					  &(struct iovec){(void *)(uintptr_t)vdso->start, size}, 1, 0),
			 size);
	assert_memory_equal(image, memory, size);
	modules_free(modules);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static int make_file(const char *path, uid_t owner)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, "1000 10 jit\n", 12) != 12 || (!geteuid() && fchown(fd, owner, owner)))
		return -1;
	return close(fd);
}

/* Says "r" when it is ready, and lives until it is killed. `prepare` makes what it has in its /tmp. */
static pid_t start_jit(int (*prepare)(void))
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		byte = prepare() ? 'f' : 'r';
		if (write(ends[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	if (byte == 'r')
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return -1;
}

static int perf_map_of(pid_t pid)
{
	struct modules *modules;
	char bytes[16];
	int length;

	assert_int_equal(modules_read(pid, &modules), 0);
	assert_true(modules_root_fd(modules) >= 0);
	length = (int)pread(modules_perf_map_fd(modules), bytes, sizeof(bytes), 0);
	modules_free(modules);
	return length;
}

static char *map_path(pid_t pid)
{
	static char path[64];

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", pid);
	return path;
}

static int prepare_own(void)
{
	return make_file(map_path(getpid()), geteuid());
}

static int prepare_nothing(void)
{
	return 0;
}

static int prepare_link(void)
{
	return symlink("/etc/passwd", map_path(getpid()));
}

static int prepare_second_name(void)
{
	char other[80];

	snprintf(other, sizeof(other), "%s.other", map_path(getpid()));
	return make_file(other, geteuid()) || link(other, map_path(getpid()));
}

static int prepare_fifo(void)
{
	return mkfifo(map_path(getpid()), 0600);
}

static int prepare_another_users(void)
{
	return make_file(map_path(getpid()), 12345);
}

static void opens_a_perf_map_of_the_process_only(void **state)
{
	static const struct {
		int (*prepare)(void);
		int length;
		bool root_only;
	} cases[] = {
		{prepare_own, 12, false},	  {prepare_nothing, -1, false}, {prepare_link, -1, false},
		{prepare_second_name, -1, false}, {prepare_fifo, -1, false},	{prepare_another_users, -1, true},
	};
	char other[80];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		pid_t pid;

		if (cases[i].root_only && geteuid())
			continue;
		pid = start_jit(cases[i].prepare);
		assert_true(pid > 0);
		assert_int_equal(perf_map_of(pid), cases[i].length);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		unlink(map_path(pid));
		snprintf(other, sizeof(other), "%s.other", map_path(pid));
		unlink(other);
	}
}

/* In namespaces of its own, with a /tmp of its own, where its map bears the PID that it has there. */
static int prepare_as_first(void)
{
	int ready[2];
	char byte = 0;
	pid_t child;

	if (unshare(CLONE_NEWNS | CLONE_NEWPID) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/tmp", "tmpfs", 0, NULL) || pipe2(ready, O_CLOEXEC))
		return -1;
	child = fork();
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getpid() != 1 || prepare_own() || write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	return read(ready[0], &byte, 1) != 1;
}

static pid_t only_child_of(pid_t pid)
{
	char path[64];
	FILE *file;
	int child = -1;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &child) != 1)
		child = -1;
	if (file)
		fclose(file);
	return child;
}

static void finds_the_perf_map_in_other_namespaces(void **state)
{
	pid_t outer = start_jit(prepare_as_first), inner;

	(void)state;
	if (outer < 0)
		skip(); /* it may not make namespaces */
	inner = only_child_of(outer);
	assert_true(inner > 0);
	assert_int_equal(access(map_path(1), F_OK), -1);
	assert_int_equal(perf_map_of(inner), 12);
	kill(outer, SIGKILL);
	waitpid(outer, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_executable_file_mappings_and_the_vdso),
		cmocka_unit_test(unescapes_newlines_only),
		cmocka_unit_test(ignores_what_is_no_such_line),
		cmocka_unit_test(bounds_the_length_of_a_line),
		cmocka_unit_test(survives_bytes_that_are_no_text),
		cmocka_unit_test(bounds_the_number_of_modules),
		cmocka_unit_test(closes_a_shared_descriptor_once),
		cmocka_unit_test(reads_this_process),
		cmocka_unit_test(opens_the_files),
		cmocka_unit_test(says_that_a_process_is_gone),
		cmocka_unit_test(bounds_a_real_process),
		cmocka_unit_test(reads_a_process_without_its_leader),
		cmocka_unit_test(opens_by_name_only_the_same_regular_file),
		cmocka_unit_test(opens_no_device),
		cmocka_unit_test(takes_the_image_of_the_vdso),
		cmocka_unit_test(reads_no_memory_for_the_vdso),
		cmocka_unit_test(has_the_vdso_of_32_bit_processes),
		cmocka_unit_test(opens_a_perf_map_of_the_process_only),
		cmocka_unit_test(finds_the_perf_map_in_other_namespaces),
	};
	struct modules *modules;

	/* One descriptor stays open from the first time on: of the vDSO that all processes share. */
	if (modules_read(getpid(), &modules))
		return 1;
	modules_free(modules);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
