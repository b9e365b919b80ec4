// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * debuginfod_helper.c: the process of debuginfod.h. libdebuginfod is loaded here and nowhere else, with dlopen(): linked
 * in, it would bring libcurl and thirty more libraries into each start of the program; and debuginfod-find is mostly not
 * installed where the library is, and would have to be searched for in a PATH as root. Parses no file.
 */
#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "cmd.h"
#include "debug_files.h"
#include "debuginfod.h"
#include "sandbox.h"
#include "self.h"
#include "symbolizer_wire.h"

#define NOBODY	    65534
#define CACHE_PATH  "/var/cache/vmasnoop"
#define LIBRARY	    "libdebuginfod.so.1"
#define TIMEOUT_S   "5" /* for a server to begin */
#define FETCH_MAX_S "120"
#define TRANSFER_FD SELF_FIRST_FD

struct library {
	void *(*begin)(void);
	int (*find_debuginfo)(void *client, const unsigned char *build_id, int build_id_size, char **path);
};

/* Given by its owner, or made for the user that we become: files that strangers' servers give, for the sandbox to read. */
static void make_cache(void)
{
	struct stat status;

	if (getenv("DEBUGINFOD_CACHE_PATH") || geteuid())
		return;
	if (!mkdir(CACHE_PATH, 0700) && lchown(CACHE_PATH, NOBODY, NOBODY))
		return;
	if (!lstat(CACHE_PATH, &status) && S_ISDIR(status.st_mode) && status.st_uid == NOBODY)
		setenv("DEBUGINFOD_CACHE_PATH", CACHE_PATH, 1);
}

static int drop_privileges(void)
{
	const struct rlimit none = {0, 0}, file = {DEBUG_FILE_BYTES_MAX, DEBUG_FILE_BYTES_MAX};

	if (!geteuid() &&
	    (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)))
		return -errno;
	if (sandbox_drop_capabilities())
		return -EPERM;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	return setrlimit(RLIMIT_CORE, &none) || setrlimit(RLIMIT_FSIZE, &file) ? -errno : 0;
}

/* 0, or a negative errno when it is not installed. */
static int load(struct library *ret)
{
	void *handle = dlopen(LIBRARY, RTLD_NOW);

	if (!handle)
		return -ENOENT;
	/* POSIX has it that what dlsym() gives can be a function; ISO C has no cast for it. */
	*(void **)&ret->begin = dlsym(handle, "debuginfod_begin");
	*(void **)&ret->find_debuginfo = dlsym(handle, "debuginfod_find_debuginfo");
	return ret->begin && ret->find_debuginfo ? 0 : -ENOENT;
}

static int reply(int found)
{
	_cleanup_(wire_buffer_fini) struct wire_buffer buffer = {};
	_cleanup_close_ int fd = found < 0 ? -1 : found;
	size_t sent = 0;
	int err = wire_encode_number(&buffer, found < 0 ? -found : 0);

	return err ? err : wire_send(TRANSFER_FD, WIRE_DEBUG_FILE, &buffer, fd, &sent);
}

static int serve(const struct library *library, void *client, const struct wire_message *message)
{
	_cleanup_(wire_want_fini) struct wire_want want = {};
	int err = message->type == WIRE_WANT_DEBUG_FILE ? wire_decode_want(message->bytes, message->size, &want)
							: -EPROTO;

	if (err)
		return err;
	if (!wire_is_build_id(want.name))
		return -EPROTO;
	/* A size of 0: it is in hex. */
	return reply(client ? library->find_debuginfo(client, (const unsigned char *)want.name, 0, NULL) : -ENOENT);
}

int cmd_debuginfod_helper(int argc, char **argv)
{
	struct library library = {};
	struct wire_receiver receiver;
	struct wire_message message;
	void *client = NULL;
	int err, type;
	socklen_t size = sizeof(type);

	(void)argc, (void)argv;
	/* Whatever the tracer was started with. */
	close_range(TRANSFER_FD + 1, ~0U, 0);
	if (getsockopt(TRANSFER_FD, SOL_SOCKET, SO_TYPE, &type, &size) || type != SOCK_SEQPACKET)
		return EXIT_STATUS_USAGE;
	make_cache();
	setenv("DEBUGINFOD_TIMEOUT", TIMEOUT_S, 0);
	setenv("DEBUGINFOD_MAXTIME", FETCH_MAX_S, 0);
	err = drop_privileges() ?: wire_receiver_init(&receiver);
	if (!err && !load(&library))
		client = library.begin();
	while (!err) {
		err = wire_receive(&receiver, TRANSFER_FD, &message);
		if (!err)
			err = serve(&library, client, &message);
	}
	_exit(err == -EPIPE ? EXIT_STATUS_COMPLETE : EXIT_STATUS_FAILED);
}
