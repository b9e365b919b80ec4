// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * debuginfod.c: the tracer's end of debuginfod.h. A fetch that takes long is given up here and goes on there: the file
 * then is in the cache for the next run. Servers that do not answer are left alone for a while.
 */
#include "debuginfod.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "debug_files.h"
#include "self.h"
#include "symbolizer_wire.h"

#define NSEC_PER_SEC  1000000000ULL
#define WAITED_S      5
#define FETCH_MAX_NS  (120 * NSEC_PER_SEC)
#define LEFT_ALONE_NS (60 * NSEC_PER_SEC)
#define LAST_WAIT_MS  3000

struct debuginfod {
	int program;
	int epoll;
	int timer;
	int socket;
	struct self_child child; /* pidfd -1: none runs */
	struct wire_receiver receiver;
	uint64_t sequence; /* of the last fetch */
	uint64_t started_ns; /* of the fetch that the process works on; 0: none */
	uint64_t left_alone_until_ns;
	bool is_waited_for;
};

CLEANUP_DEFINE(cleanup_debuginfod, struct debuginfod *, debuginfod_free)

static uint64_t now_ns(void)
{
	return clock_now_ns(CLOCK_MONOTONIC);
}

static void close_known(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static int watch(struct debuginfod *debuginfod, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(debuginfod->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

/* A child that is just being started has a copy of it, which would keep it in the set. */
static void stop_watching(struct debuginfod *debuginfod, int *fd)
{
	if (*fd >= 0)
		epoll_ctl(debuginfod->epoll, EPOLL_CTL_DEL, *fd, NULL);
	close_known(fd);
}

static void set_timer(struct debuginfod *debuginfod, time_t seconds)
{
	const struct itimerspec spec = {.it_value = {.tv_sec = seconds}};

	timerfd_settime(debuginfod->timer, 0, &spec, NULL);
}

/* ---- the process ---- */

static int start_process(struct debuginfod *debuginfod)
{
	/* What its library and that one's read: servers and time limits, proxies, certificates. */
	static const char *const environment[] = {"DEBUGINFOD_",   "http_proxy",   "https_proxy", "no_proxy",
						  "all_proxy",	   "HTTPS_PROXY",  "NO_PROXY",	  "ALL_PROXY",
						  "SSL_CERT_FILE", "SSL_CERT_DIR", "HOME",	  NULL};
	_cleanup_close_ int theirs = -1;
	struct self_start start = {.word = DEBUGINFOD_HELPER_WORD, .fd_count = 1, .environment = environment};
	int err = self_socket_pair(&debuginfod->socket, &theirs);

	if (err)
		return err;
	start.fds = &theirs;
	wire_receiver_reset(&debuginfod->receiver);
	err = self_start(debuginfod->program, &start, &debuginfod->child);
	if (!err)
		err = watch(debuginfod, debuginfod->socket);
	return err ? err : watch(debuginfod, debuginfod->child.pidfd);
}

/* It comes to its end when the kernel lets it go: see reap_process(). */
static void end_process(struct debuginfod *debuginfod)
{
	if (debuginfod->child.pidfd >= 0)
		self_kill(&debuginfod->child);
	stop_watching(debuginfod, &debuginfod->socket);
	debuginfod->started_ns = 0;
	debuginfod->left_alone_until_ns = now_ns() + LEFT_ALONE_NS;
}

/* True when a fetch has come to its end with it. */
static bool reap_process(struct debuginfod *debuginfod)
{
	bool was_fetching = debuginfod->started_ns != 0;
	siginfo_t info;

	if (debuginfod->child.pidfd < 0 || !self_reap(&debuginfod->child, &info))
		return false;
	stop_watching(debuginfod, &debuginfod->child.pidfd);
	stop_watching(debuginfod, &debuginfod->socket);
	debuginfod->started_ns = 0;
	if (was_fetching)
		debuginfod->left_alone_until_ns = now_ns() + LEFT_ALONE_NS;
	return was_fetching;
}

int debuginfod_new(int program, struct debuginfod **ret)
{
	_cleanup_(cleanup_debuginfod) struct debuginfod *debuginfod = calloc(1, sizeof(*debuginfod));
	int err;

	if (!debuginfod)
		return -ENOMEM;
	debuginfod->program = program;
	debuginfod->socket = debuginfod->child.pidfd = -1;
	debuginfod->epoll = epoll_create1(EPOLL_CLOEXEC);
	debuginfod->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (debuginfod->epoll < 0 || debuginfod->timer < 0)
		return -errno;
	err = wire_receiver_init(&debuginfod->receiver);
	if (!err)
		err = watch(debuginfod, debuginfod->timer);
	if (!err)
		err = start_process(debuginfod);
	if (err)
		return err;
	*ret = cleanup_take(debuginfod);
	return 0;
}

/* Of one that was killed and does not end within that time the end is not waited for. */
static void wait_for_end(const struct self_child *child)
{
	struct pollfd ended = {.fd = child->pidfd, .events = POLLIN};
	siginfo_t info;

	if (child->pidfd < 0)
		return;
	self_kill(child);
	poll(&ended, 1, LAST_WAIT_MS);
	self_reap(child, &info);
}

void debuginfod_free(struct debuginfod *debuginfod)
{
	if (!debuginfod)
		return;
	wait_for_end(&debuginfod->child);
	close_known(&debuginfod->socket);
	close_known(&debuginfod->child.pidfd);
	close_known(&debuginfod->epoll);
	close_known(&debuginfod->timer);
	wire_receiver_fini(&debuginfod->receiver);
	free(debuginfod);
}

int debuginfod_fd(const struct debuginfod *debuginfod)
{
	return debuginfod->epoll;
}

/* ---- fetching ---- */

static int ask(struct debuginfod *debuginfod, const char *build_id)
{
	_cleanup_(wire_buffer_fini) struct wire_buffer buffer = {};
	const struct wire_want want = {
		.kind = DEBUG_FILE_BY_BUILD_ID,
		.sequence = ++debuginfod->sequence,
		.name = (char *)(uintptr_t)build_id,
	};
	size_t sent = 0;
	int err = wire_encode_want(&buffer, &want);

	return err ? err : wire_send(debuginfod->socket, WIRE_WANT_DEBUG_FILE, &buffer, -1, &sent);
}

int debuginfod_fetch(struct debuginfod *debuginfod, const char *build_id)
{
	int err = 0;

	if (debuginfod->started_ns || now_ns() < debuginfod->left_alone_until_ns)
		return -EAGAIN;
	reap_process(debuginfod);
	if (debuginfod->child.pidfd >= 0 && debuginfod->socket < 0)
		return -EAGAIN; /* it was killed and has not ended */
	if (debuginfod->child.pidfd < 0)
		err = start_process(debuginfod);
	if (!err)
		err = ask(debuginfod, build_id);
	if (err) {
		end_process(debuginfod);
		return err;
	}
	debuginfod->started_ns = now_ns();
	debuginfod->is_waited_for = true;
	set_timer(debuginfod, WAITED_S);
	return 0;
}

/* What it fetched is looked at by nobody here; that it is a file is all that counts. */
static int check_file(int fd)
{
	struct stat status;

	if (fd < 0)
		return -1;
	if (!fstat(fd, &status) && S_ISREG(status.st_mode) && (uint64_t)status.st_size <= DEBUG_FILE_BYTES_MAX)
		return fd;
	close(fd);
	return -1;
}

/* True when the reply to the last fetch came, and then *ret is the file or -1. */
static bool receive_reply(struct debuginfod *debuginfod, int *ret)
{
	struct wire_message message;
	uint64_t error;
	int err = wire_receive(&debuginfod->receiver, debuginfod->socket, &message);

	if (err == -EAGAIN)
		return false;
	if (err || message.type != WIRE_DEBUG_FILE || !debuginfod->started_ns ||
	    wire_decode_number(message.bytes, message.size, &error)) {
		end_process(debuginfod);
		*ret = -1;
		return true;
	}
	*ret = check_file(wire_receiver_take_fd(&debuginfod->receiver));
	debuginfod->started_ns = 0;
	/* That they do not have it is an answer; all else is none. */
	if (error && error != ENOENT)
		debuginfod->left_alone_until_ns = now_ns() + LEFT_ALONE_NS;
	return true;
}

/* The first time nobody waits any more; later it has gone on for too long. True: it is given up now. */
static bool on_timer(struct debuginfod *debuginfod)
{
	uint64_t expirations;

	if (read(debuginfod->timer, &expirations, sizeof(expirations)) != sizeof(expirations) ||
	    !debuginfod->started_ns)
		return false;
	if (now_ns() - debuginfod->started_ns >= FETCH_MAX_NS)
		end_process(debuginfod);
	else
		set_timer(debuginfod, FETCH_MAX_NS / NSEC_PER_SEC);
	return true;
}

bool debuginfod_take(struct debuginfod *debuginfod, int *fd)
{
	bool was_waited_for = debuginfod->is_waited_for, ended = false;

	*fd = -1;
	if (debuginfod->socket >= 0)
		ended = receive_reply(debuginfod, fd);
	if (on_timer(debuginfod))
		ended = true;
	if (reap_process(debuginfod))
		ended = true;
	if (!ended)
		return false;
	debuginfod->is_waited_for = false;
	if (was_waited_for)
		return true;
	/* Too late: whoever asked was told that there is none. */
	close_known(fd);
	return false;
}
