// SPDX-License-Identifier: GPL-2.0-or-later
/* symbolizer_wants.c: see symbolizer_wants.h. Where the files are looked for is debug_files.c's and debuginfod.c's. */
#include "symbolizer_wants.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "debug_files.h"
#include "debuginfod.h"

struct wants {
	struct debuginfod *debuginfod; /* NULL: not asked for, or it cannot be had */
	uint64_t open; /* the sequence of the want that a server is asked for; 0: none */
	uint64_t files;
};

int wants_new(int program, struct wants **ret)
{
	struct wants *wants = calloc(1, sizeof(*wants));

	if (!wants)
		return -ENOMEM;
	if (program >= 0 && debuginfod_new(program, &wants->debuginfod))
		wants->debuginfod = NULL;
	*ret = wants;
	return 0;
}

void wants_free(struct wants *wants)
{
	if (!wants)
		return;
	debuginfod_free(wants->debuginfod);
	free(wants);
}

int wants_fd(const struct wants *wants)
{
	return wants->debuginfod ? debuginfod_fd(wants->debuginfod) : -1;
}

bool wants_are_open(const struct wants *wants)
{
	return wants->open != 0;
}

void wants_restart(struct wants *wants)
{
	wants->open = 0;
}

uint64_t wants_files(const struct wants *wants)
{
	return wants->files;
}

/* Takes over `fd`; -1: there is none. */
static int reply(struct wants *wants, struct symbolizer_process *process, uint64_t sequence, int fd)
{
	_cleanup_close_ int file = fd;

	wants->files += file >= 0;
	return symbolizer_process_send_number(process, WIRE_DEBUG_FILE, sequence, file);
}

static bool fetch(struct wants *wants, const struct wire_want *want)
{
	const char *build_id = want->kind == DEBUG_FILE_BY_BUILD_ID ? want->name : want->build_id;

	if (!wants->debuginfod || !build_id || want->kind == DEBUG_FILE_BY_LINK)
		return false;
	if (!wire_is_build_id(build_id) || debuginfod_fetch(wants->debuginfod, build_id))
		return false;
	wants->open = want->sequence;
	return true;
}

static int open_here(const struct space *space, const struct wire_want *want, int *ret)
{
	struct debug_file_request request = {
		.kind = want->kind,
		.modules = space->modules,
		.name = want->name,
		.build_id = want->build_id,
	};
	size_t count;
	const struct module *list = modules_list(space->modules, &count);

	if (want->space != space->id || want->module >= count || !want->sequence)
		return -EPROTO;
	request.module = &list[want->module];
	*ret = debug_files_open(&request);
	return 0;
}

int wants_take(struct wants *wants, const struct wire_message *message, const struct space *space,
	       struct symbolizer_process *process)
{
	_cleanup_(wire_want_fini) struct wire_want want = {};
	int fd;

	/* Another one is served when this one was replied to: an honest process waits. */
	if (wants->open || symbolizer_process_is_waiting(process))
		return -EPROTO;
	if (!space || wire_decode_want(message->bytes, message->size, &want) || open_here(space, &want, &fd))
		return -EPROTO;
	if (fd < 0 && fetch(wants, &want))
		return 0;
	return reply(wants, process, want.sequence, fd);
}

bool wants_dispatch(struct wants *wants, struct symbolizer_process *process, int *err)
{
	uint64_t sequence = wants->open;
	int fd;

	if (!wants->debuginfod || !debuginfod_take(wants->debuginfod, &fd))
		return false;
	wants->open = 0;
	if (sequence) {
		*err = reply(wants, process, sequence, fd);
		return true;
	}
	if (fd >= 0)
		close(fd);
	return false;
}
