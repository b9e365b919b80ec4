/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_debug_files.c: which debug files are found, in a root made for it, and that nothing else is: links that lead out,
 * FIFOs, devices, directories, names made to be misread. No symbolizer is asked.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "debug_files.h"

#define BUILD_ID "0123456789abcdef0123456789abcdef01234567"
#define BY_ID	 "usr/lib/debug/.build-id/01/23456789abcdef0123456789abcdef01234567.debug"

static char root[] = "/tmp/test_debug_files.XXXXXX";
static char own_root[] = "/tmp/test_debug_files.XXXXXX"; /* stands for the tracer's own */
static int module_fd = -1; /* of the module whose debug files are asked for; root's */
static int own_root_fd;
static struct modules *modules; /* of a process whose root directory is `root` */

/* ---- a root, and a process in it ---- */

static char *below(const char *directory, const char *path)
{
	static char full[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(full[turn], PATH_MAX, "%s/%s", directory, path);
	return full[turn];
}

static void make_directories(const char *directory, const char *path)
{
	char *full = below(directory, path);

	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
}

/* A regular file that holds `text`. */
static void make_file(const char *directory, const char *path, const char *text)
{
	FILE *file;

	make_directories(directory, path);
	file = fopen(below(directory, path), "w");
	assert_non_null(file);
	/* Whatever is handed out begins as an ELF file does. */
	if (*text)
		fprintf(file, ELFMAG "%s", text);
	fclose(file);
	assert_int_equal(chmod(below(directory, path), 0644), 0);
}

static void make_link(const char *path, const char *target)
{
	make_directories(root, path);
	assert_int_equal(symlink(target, below(root, path)), 0);
}

/* A program that lives in that root: modules_root_fd() is of a real process. */
static pid_t start_in_root(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		if (chroot(root) || chdir("/") || write(ends[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		byte = 0;
	close(ends[0]);
	if (byte)
		return pid;
	waitpid(pid, NULL, 0);
	return -1;
}

static int setup(void **state)
{
	pid_t pid;

	(void)state;
	if (!mkdtemp(root) || !mkdtemp(own_root))
		return -1;
	own_root_fd = open(own_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	module_fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	pid = start_in_root();
	if (pid < 0)
		return 0;
	if (modules_read(pid, &modules))
		return -1;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	modules_free(modules);
	close(own_root_fd);
	close(module_fd);
	nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	nftw(own_root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

static int remove_below(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return walk->level ? remove_one(path, status, type, walk) : 0;
}

/* The directories themselves are held open, and stay. */
static int empty_roots(void **state)
{
	(void)state;
	return nftw(root, remove_below, 16, FTW_DEPTH | FTW_PHYS) ||
	       nftw(own_root, remove_below, 16, FTW_DEPTH | FTW_PHYS);
}

/* What was found: its first line, or NULL. */
static const char *find(enum debug_file_kind kind, const char *module_path, const char *name, const char *build_id)
{
	static char text[64];
	const struct module module = {.path = (char *)(uintptr_t)module_path, .fd = module_fd};
	const struct debug_file_request request = {kind, modules, &module, name, build_id};
	int fd = debug_files_open_below(&request, own_root_fd);
	ssize_t length;

	if (fd < 0)
		return NULL;
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	assert_true(length > SELFMAG);
	text[length] = '\0';
	return text + SELFMAG;
}

#define assert_finds(text, ...) assert_string_equal(find(__VA_ARGS__) ?: "nothing", text)

/* ---- by build-id ---- */

static void by_build_id(void **state)
{
	(void)state;
	if (!modules)
		skip();
	assert_finds("nothing", DEBUG_FILE_BY_BUILD_ID, "/bin/a", BUILD_ID, NULL);
	make_file(own_root, BY_ID, "ours");
	assert_finds("ours", DEBUG_FILE_BY_BUILD_ID, "/bin/a", BUILD_ID, NULL);
	make_file(root, BY_ID, "theirs");
	assert_finds("theirs", DEBUG_FILE_BY_BUILD_ID, "/bin/a", BUILD_ID, NULL);
	make_file(root, "usr/lib/debug/.build-id/01/../x.debug", "escaped");
	assert_finds("nothing", DEBUG_FILE_BY_BUILD_ID, "/bin/a", "01../x", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_BUILD_ID, "/bin/a", "", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_BUILD_ID, "/bin/a", "01", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_BUILD_ID, "/bin/a", "0123456789ABCDEF", NULL);
}

/* ---- by link ---- */

static void by_link(void **state)
{
	(void)state;
	if (!modules)
		skip();
	make_file(root, "usr/lib/debug/opt/p/a.debug", "far");
	assert_finds("far", DEBUG_FILE_BY_LINK, "/opt/p/a", "a.debug", NULL);
	make_file(root, "opt/p/.debug/a.debug", "near");
	assert_finds("near", DEBUG_FILE_BY_LINK, "/opt/p/a", "a.debug", NULL);
	make_file(root, "opt/p/a.debug", "beside");
	assert_finds("beside", DEBUG_FILE_BY_LINK, "/opt/p/a", "a.debug", NULL);
	assert_finds("beside", DEBUG_FILE_BY_LINK, "/opt/p/a (deleted)", "a.debug", NULL);
	/* Never in our own root, never by a path. */
	make_file(own_root, "opt/p/b.debug", "ours");
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/a", "b.debug", NULL);
	make_file(root, "etc/shadow", "secret");
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/a", "/etc/shadow", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/a", "../../etc/shadow", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/a", "..", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/a", ".", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/a", "", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "[vdso]", "a.debug", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "memfd:x", "a.debug", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "", "a.debug", NULL);
}

/* ---- alternate ---- */

static void alternate(void **state)
{
	(void)state;
	if (!modules)
		skip();
	make_file(root, "usr/lib/debug/.dwz/a.debug", "shared");
	assert_finds("shared", DEBUG_FILE_ALTERNATE, "/bin/a", "/usr/lib/debug/.dwz/a.debug", NULL);
	assert_finds("shared", DEBUG_FILE_ALTERNATE, "/bin/a", "../../.dwz/a.debug", NULL);
	assert_finds("shared", DEBUG_FILE_ALTERNATE, "/bin/a", ".dwz/a.debug", NULL);
	make_file(root, "etc/shadow", "secret");
	assert_finds("nothing", DEBUG_FILE_ALTERNATE, "/bin/a", "/etc/shadow", NULL);
	assert_finds("nothing", DEBUG_FILE_ALTERNATE, "/bin/a", "../../../../etc/shadow", NULL);
	assert_finds("nothing", DEBUG_FILE_ALTERNATE, "/bin/a", "/usr/lib/debug/../../../etc/shadow", NULL);
	assert_finds("nothing", DEBUG_FILE_ALTERNATE, "/bin/a", ".dwz/../../../../etc/shadow", NULL);
	assert_finds("nothing", DEBUG_FILE_ALTERNATE, "/bin/a", "/usr/lib/debug", NULL);
	assert_finds("nothing", DEBUG_FILE_ALTERNATE, "/bin/a", "/usr/lib/debug/.dwz", NULL);
	make_link("usr/lib/debug/.dwz/out", "../../../../etc/shadow");
	assert_finds("nothing", DEBUG_FILE_ALTERNATE, "/bin/a", ".dwz/out", NULL);
	make_file(root, BY_ID, "by its id");
	assert_finds("by its id", DEBUG_FILE_ALTERNATE, "/bin/a", "/somewhere/else", BUILD_ID);
	assert_finds("nothing", DEBUG_FILE_ALTERNATE, "/bin/a", "/somewhere/else", "../../x");
}

/* ---- what is there may be anything ---- */

static void leads_out_of_no_root(void **state)
{
	(void)state;
	if (!modules)
		skip();
	/* Both are in the machine's root and not in this one. */
	make_link("opt/p/a.debug", "/etc/passwd");
	make_link("opt/p/b.debug", "../../../../../../../../etc/passwd");
	make_link("opt/p/c.debug", "/proc/self/root/etc/passwd");
	make_link("opt/p/d.debug", "d.debug");
	for (const char *name = "abcd"; *name; name++) {
		const char file[] = {*name, '.', 'd', 'e', 'b', 'u', 'g', '\0'};

		assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/x", file, NULL);
	}
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/proc/self/root/etc/x", "passwd", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/../../../../etc/x", "passwd", NULL);
	/* Within the root a link is followed. */
	make_file(root, "data/real", "real");
	make_link("opt/p/e.debug", "/data/real");
	assert_finds("real", DEBUG_FILE_BY_LINK, "/opt/p/x", "e.debug", NULL);
	make_link("usr/lib/debug/.build-id", "/data/ids");
	make_file(root, "data/ids/01/23456789abcdef0123456789abcdef01234567.debug", "linked");
	assert_finds("linked", DEBUG_FILE_BY_BUILD_ID, "/bin/a", BUILD_ID, NULL);
}

static void opens_regular_files_only(void **state)
{
	(void)state;
	if (!modules)
		skip();
	make_directories(root, "opt/p/x");
	assert_int_equal(mkfifo(below(root, "opt/p/fifo"), 0600), 0);
	assert_int_equal(mkdir(below(root, "opt/p/directory"), 0700), 0);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/x", "fifo", NULL);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/x", "directory", NULL);
	if (!mknod(below(root, "opt/p/device"), S_IFCHR | 0600, makedev(1, 5)))
		assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/x", "device", NULL);
	make_file(root, "opt/p/empty", "");
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/x", "empty", NULL);
	make_file(root, "opt/p/huge", "x");
	if (!truncate(below(root, "opt/p/huge"), DEBUG_FILE_BYTES_MAX + 1))
		assert_finds("nothing", DEBUG_FILE_BY_LINK, "/opt/p/x", "huge", NULL);
}

/* A root of one's own may have any file under any name: it must be one that its maker could have read, and be ELF. */
static void hands_out_nobody_elses_secrets(void **state)
{
	(void)state;
	if (!modules || geteuid())
		skip();
	make_file(root, "etc/shadow", "secret");
	assert_finds("secret", DEBUG_FILE_BY_LINK, "/etc/x", "shadow", NULL);
	assert_int_equal(chmod(below(root, "etc/shadow"), 0600), 0);
	assert_finds("nothing", DEBUG_FILE_BY_LINK, "/etc/x", "shadow", NULL);
	/* Somebody's debug file for a file of root's, which everybody uses. */
	make_file(root, BY_ID, "theirs");
	assert_int_equal(chown(below(root, BY_ID), 1000, 1000), 0);
	assert_finds("nothing", DEBUG_FILE_BY_BUILD_ID, "/bin/a", BUILD_ID, NULL);
	assert_int_equal(chown(below(root, BY_ID), 0, 0), 0);
	assert_finds("theirs", DEBUG_FILE_BY_BUILD_ID, "/bin/a", BUILD_ID, NULL);
	/* No ELF file. */
	assert_int_equal(truncate(below(root, BY_ID), 3), 0);
	assert_finds("nothing", DEBUG_FILE_BY_BUILD_ID, "/bin/a", BUILD_ID, NULL);
}

static void takes_names_of_any_length(void **state)
{
	static char name[3 * PATH_MAX], path[3 * PATH_MAX];

	(void)state;
	if (!modules)
		skip();
	for (size_t length = 1; length < sizeof(name); length = length * 2 + 1) {
		memset(name, 'a', length);
		name[length] = '\0';
		memset(path, '/', length);
		path[length] = '\0';
		for (int kind = DEBUG_FILE_BY_BUILD_ID; kind <= DEBUG_FILE_ALTERNATE; kind++) {
			assert_finds("nothing", kind, "/opt/p/x", name, name);
			assert_finds("nothing", kind, path, name, NULL);
			assert_finds("nothing", kind, path, path, NULL);
		}
	}
}

/* The module's own file is no debug file of it, though it has the name. */
static void is_not_the_module_itself(void **state)
{
	struct module module = {.path = (char *)"/opt/p/a"};
	const struct debug_file_request request = {DEBUG_FILE_BY_LINK, modules, &module, "a", NULL};

	(void)state;
	if (!modules)
		skip();
	make_file(root, "opt/p/a", "itself");
	module.fd = open(below(root, "opt/p/a"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(debug_files_open_below(&request, own_root_fd), -1);
	close(module.fd);
}

#define test(function) cmocka_unit_test_setup(function, empty_roots)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(by_build_id),
		test(by_link),
		test(alternate),
		test(leads_out_of_no_root),
		test(opens_regular_files_only),
		test(takes_names_of_any_length),
		test(hands_out_nobody_elses_secrets),
		test(is_not_the_module_itself),
	};

	return cmocka_run_group_tests_name("debug_files", tests, setup, teardown);
}
