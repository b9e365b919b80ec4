/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_debuginfod.c: debug files from a server on this machine's loopback: python3's, or one that accepts and says
 * nothing. The helper process is this program, started again: the real one, or what stands in a file with our PID.
 */
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "clock.h"
#include "debuginfod.h"
#include "self.h"
#include "symbolizer_wire.h"

#define BUILD_ID "0123456789abcdef0123456789abcdef01234567"
#define MISSING	 "ffffffffffffffffffffffffffffffffffffffff"

static char directory[] = "/tmp/test_debuginfod.XXXXXX";

/* ---- the helpers that this program is when it is started again ---- */

static void fake_path(char path[64], pid_t parent)
{
	snprintf(path, 64, "/tmp/test_debuginfod.%d", parent);
}

/* The next helper is to be `kind`; NULL: the real one. */
static void start_as(const char *kind)
{
	char path[64];
	FILE *file;

	fake_path(path, getpid());
	if (!kind) {
		unlink(path);
		return;
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(kind, file);
	fclose(file);
}

/* The first packet of a message of two, as symbolizer_socket.c makes it. */
static void say_half(void)
{
	static struct {
		uint32_t type, total_bytes, offset, reserved;
		uint8_t bytes[32 << 10];
	} packet = {.type = WIRE_DEBUG_FILE, .total_bytes = 40 << 10};

	if (send(SELF_FIRST_FD, &packet, sizeof(packet), 0) != sizeof(packet))
		_exit(1);
}

static void reply_with_a_file(void)
{
	struct wire_buffer buffer = {};
	int fd = memfd_create("found", MFD_CLOEXEC);
	size_t sent = 0;

	if (wire_encode_number(&buffer, 0) || wire_send(SELF_FIRST_FD, WIRE_DEBUG_FILE, &buffer, fd, &sent))
		_exit(1);
	wire_buffer_fini(&buffer);
	close(fd);
}

static int fake_helper(const char *kind)
{
	struct wire_receiver receiver;
	struct wire_message message;

	if (!strcmp(kind, "says half"))
		say_half();
	if (wire_receiver_init(&receiver))
		return 1;
	while (!wire_receive(&receiver, SELF_FIRST_FD, &message))
		reply_with_a_file();
	return 0;
}

static int be_a_helper(int argc, char **argv)
{
	char path[64], kind[64] = "";
	FILE *file;

	fake_path(path, getppid());
	file = fopen(path, "r");
	if (!file)
		return cmd_debuginfod_helper(argc, argv);
	if (!fgets(kind, sizeof(kind), file))
		_exit(2);
	fclose(file);
	_exit(fake_helper(kind));
}

/* ---- what the tests share ---- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status, (void)type, (void)walk;
	return remove(path);
}

static void make_file(const char *path, const char *text)
{
	char full[256];
	FILE *file;

	snprintf(full, sizeof(full), "%s/%s", directory, path);
	for (char *slash = strchr(full + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	file = fopen(full, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static int setup(void **state)
{
	char cache[64];

	(void)state;
	if (!mkdtemp(directory) || chmod(directory, 0755))
		return -1;
	make_file("www/buildid/" BUILD_ID "/debuginfo", "debug information");
	snprintf(cache, sizeof(cache), "%s/cache", directory);
	mkdir(cache, 0777);
	return chmod(cache, 0777) || setenv("DEBUGINFOD_CACHE_PATH", cache, 1);
}

static int teardown(void **state)
{
	(void)state;
	return nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static bool has_library(void)
{
	void *handle = dlopen("libdebuginfod.so.1", RTLD_NOW);

	if (handle)
		dlclose(handle);
	return handle != NULL;
}

/* python3 says on which port it listens; -1: there is no python3. */
static pid_t start_server(void)
{
	static const char script[] = "import http.server, sys\n"
				     "class Quiet(http.server.SimpleHTTPRequestHandler):\n"
				     "    def log_message(self, *args): pass\n"
				     "server = http.server.HTTPServer(('127.0.0.1', 0), Quiet)\n"
				     "print(server.server_port, flush=True)\n"
				     "server.serve_forever()\n";
	char path[64], line[16] = "", url[64];
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(path, sizeof(path), "%s/www", directory);
		if (chdir(path) || dup2(ends[1], STDOUT_FILENO) < 0)
			_exit(1);
		execlp("python3", "python3", "-c", script, (char *)NULL);
		_exit(1);
	}
	close(ends[1]);
	if (read(ends[0], line, sizeof(line) - 1) <= 0) {
		waitpid(pid, NULL, 0);
		pid = -1;
	}
	close(ends[0]);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", atoi(line));
	setenv("DEBUGINFOD_URLS", url, 1);
	/* An answer comes in any case, and on a busy machine late. */
	setenv("DEBUGINFOD_TIMEOUT", "60", 1);
	setenv("DEBUGINFOD_MAXTIME", "60", 1);
	return pid;
}

/* Accepts nothing: the connection is made by the kernel, and nobody ever answers. */
static int start_silent_server(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];

	unsetenv("DEBUGINFOD_TIMEOUT");
	unsetenv("DEBUGINFOD_MAXTIME");
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(address.sin_port));
	setenv("DEBUGINFOD_URLS", url, 1);
	return fd;
}

static struct debuginfod *make(int *program)
{
	struct debuginfod *debuginfod;

	*program = self_open();
	assert_true(*program >= 0);
	assert_int_equal(debuginfod_new(*program, &debuginfod), 0);
	return debuginfod;
}

static int wait_for_file(struct debuginfod *debuginfod)
{
	struct pollfd ready = {.fd = debuginfod_fd(debuginfod), .events = POLLIN};
	int fd;

	do {
		assert_int_equal(poll(&ready, 1, 30000), 1);
	} while (!debuginfod_take(debuginfod, &fd));
	return fd;
}

static void fetches_a_file(void **state)
{
	struct debuginfod *debuginfod;
	pid_t server = has_library() ? start_server() : -1;
	char text[32] = "";
	int program, fd;

	(void)state;
	if (server < 0)
		skip();
	debuginfod = make(&program);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(debuginfod_fetch(debuginfod, BUILD_ID), 0);
		assert_int_equal(debuginfod_fetch(debuginfod, BUILD_ID), -EAGAIN);
		fd = wait_for_file(debuginfod);
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, text, sizeof(text) - 1, 0), strlen("debug information"));
		assert_string_equal(text, "debug information");
		close(fd);
		/* What is not there is no reason to leave the server alone. */
		assert_int_equal(debuginfod_fetch(debuginfod, MISSING), 0);
		assert_int_equal(wait_for_file(debuginfod), -1);
	}
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	/* The cache is left. */
	assert_int_equal(debuginfod_fetch(debuginfod, BUILD_ID), 0);
	fd = wait_for_file(debuginfod);
	assert_true(fd >= 0);
	close(fd);
	debuginfod_free(debuginfod);
	close(program);
}

static void waits_a_bounded_time(void **state)
{
	struct debuginfod *debuginfod;
	uint64_t before_ns, took_ns;
	int program, server;

	(void)state;
	if (!has_library())
		skip();
	server = start_silent_server();
	debuginfod = make(&program);
	before_ns = clock_now_ns(CLOCK_MONOTONIC);
	assert_int_equal(debuginfod_fetch(debuginfod, "abcdef"), 0);
	assert_true(clock_now_ns(CLOCK_MONOTONIC) - before_ns < 1000000000ULL);
	assert_int_equal(wait_for_file(debuginfod), -1);
	took_ns = clock_now_ns(CLOCK_MONOTONIC) - before_ns;
	assert_in_range(took_ns / 1000000, 2000, 15000);
	assert_int_equal(debuginfod_fetch(debuginfod, "abcdef"), -EAGAIN);
	debuginfod_free(debuginfod);
	close(program);
	close(server);
}

static pid_t only_child(void)
{
	char path[64];
	int child = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	file = fopen(path, "r");
	if (!file || fscanf(file, "%d", &child) != 1)
		child = -1;
	if (file)
		fclose(file);
	return child;
}

static void survives_its_helper(void **state)
{
	struct debuginfod *debuginfod;
	int program, server = start_silent_server();

	(void)state;
	debuginfod = make(&program);
	assert_true(only_child() > 0);
	kill(only_child(), SIGSTOP);
	assert_int_equal(debuginfod_fetch(debuginfod, BUILD_ID), 0);
	kill(only_child(), SIGKILL);
	assert_int_equal(wait_for_file(debuginfod), -1);
	assert_int_equal(debuginfod_fetch(debuginfod, BUILD_ID), -EAGAIN);
	debuginfod_free(debuginfod);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(program);
	close(server);
}

/* What a helper began to say before it died is not what the next one goes on with. */
static void forgets_half_a_message(void **state)
{
	struct debuginfod *debuginfod;
	struct pollfd ready = {.events = POLLIN};
	siginfo_t info;
	int program, fd;

	(void)state;
	start_as("says half");
	debuginfod = make(&program);
	ready.fd = debuginfod_fd(debuginfod);
	assert_int_equal(poll(&ready, 1, 30000), 1);
	assert_false(debuginfod_take(debuginfod, &fd));
	start_as("answers");
	kill(only_child(), SIGKILL);
	assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(debuginfod_fetch(debuginfod, BUILD_ID), 0);
	fd = wait_for_file(debuginfod);
	assert_true(fd >= 0);
	close(fd);
	debuginfod_free(debuginfod);
	start_as(NULL);
	close(program);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetches_a_file),
		cmocka_unit_test(waits_a_bounded_time),
		cmocka_unit_test(survives_its_helper),
		cmocka_unit_test(forgets_half_a_message),
	};

	if (argc == 2 && !strcmp(argv[1], DEBUGINFOD_HELPER_WORD))
		return be_a_helper(argc - 1, argv + 1);
	return cmocka_run_group_tests_name("debuginfod", tests, setup, teardown);
}
