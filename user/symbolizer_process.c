// SPDX-License-Identifier: GPL-2.0-or-later
/* symbolizer_process.c: see symbolizer_process.h. */
#include "symbolizer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "self.h"
#include "symbolizer_child.h"

#define END_WAITED 3000 /* ms */

struct outgoing {
	enum wire_type type;
	struct wire_buffer buffer;
	size_t sent;
	int fd; /* ours, or -1 */
	STAILQ_ENTRY(outgoing) entry;
};

struct symbolizer_process {
	pid_t pid;
	int pidfd;
	int socket;
	const struct symbolizer_child_page *page;
	struct wire_receiver receiver;
	STAILQ_HEAD(, outgoing) outgoing;
	bool reaped;
	bool killed;
};

CLEANUP_DEFINE(cleanup_process, struct symbolizer_process *, symbolizer_process_free)

/* Sealed: a page that is cut off would be a SIGBUS here. */
static int make_page(struct symbolizer_process *process, int *ret)
{
	_cleanup_close_ int fd = memfd_create("vmasnoop", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *page;
	int high;

	if (fd < 0 || ftruncate(fd, sizeof(*process->page)))
		return -errno;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -errno;
	page = mmap(NULL, sizeof(*process->page), PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return -errno;
	process->page = page;
	high = self_high_fd(fd);
	if (high < 0)
		return high;
	*ret = high;
	return 0;
}

static int start(struct symbolizer_process *process, int program)
{
	_cleanup_close_ int socket = -1, page = -1;
	struct self_start start = {.word = SYMBOLIZER_CHILD_WORD, .fd_count = 2};
	int err = make_page(process, &page);

	if (!err)
		err = self_socket_pair(&process->socket, &socket);
	if (err)
		return err;
	start.fds = (const int[]){socket, page};
	process->pid = self_start(program, &start);
	if (process->pid < 0)
		return process->pid;
	process->pidfd = syscall(SYS_pidfd_open, process->pid, 0);
	return process->pidfd < 0 ? -errno : 0;
}

int symbolizer_process_new(int program, struct symbolizer_process **ret)
{
	_cleanup_(cleanup_process) struct symbolizer_process *process = calloc(1, sizeof(*process));
	int err;

	if (!process)
		return -ENOMEM;
	process->pid = process->pidfd = process->socket = -1;
	STAILQ_INIT(&process->outgoing);
	err = wire_receiver_init(&process->receiver);
	if (!err)
		err = start(process, program);
	if (err)
		return err;
	*ret = cleanup_take(process);
	return 0;
}

/* ---- end ---- */

static void drop_outgoing(struct symbolizer_process *process)
{
	struct outgoing *outgoing = STAILQ_FIRST(&process->outgoing);

	STAILQ_REMOVE_HEAD(&process->outgoing, entry);
	wire_buffer_fini(&outgoing->buffer);
	if (outgoing->fd >= 0)
		close(outgoing->fd);
	free(outgoing);
}

void symbolizer_process_end(struct symbolizer_process *process)
{
	/* Not reaped yet, so the number is still the child's. */
	if (process->pid > 0 && !process->reaped)
		kill(process->pid, SIGKILL);
	while (!STAILQ_EMPTY(&process->outgoing))
		drop_outgoing(process);
	wire_receiver_fini(&process->receiver);
	if (process->socket >= 0)
		close(process->socket);
	process->socket = -1;
	if (process->page)
		munmap((void *)(uintptr_t)process->page, sizeof(*process->page));
	process->page = NULL;
}

bool symbolizer_process_reap(struct symbolizer_process *process, bool *killed)
{
	siginfo_t info = {};

	if (!process->reaped && process->pid > 0) {
		int err = waitid(P_PID, process->pid, &info, WEXITED | WNOHANG);

		if (!err && !info.si_pid)
			return false;
		/* With SIGCHLD ignored the kernel has reaped it, and how it ended is not known. */
		process->reaped = true;
		process->killed = !err && info.si_code == CLD_KILLED && info.si_status == SIGKILL;
	}
	*killed = process->killed;
	return true;
}

void symbolizer_process_free(struct symbolizer_process *process)
{
	bool killed;

	if (!process)
		return;
	symbolizer_process_end(process);
	if (process->pidfd >= 0) {
		struct pollfd ended = {.fd = process->pidfd, .events = POLLIN};

		if (!process->reaped)
			poll(&ended, 1, END_WAITED);
		symbolizer_process_reap(process, &killed);
		close(process->pidfd);
	}
	free(process);
}

pid_t symbolizer_process_pid(const struct symbolizer_process *process)
{
	return process->pid;
}

int symbolizer_process_pidfd(const struct symbolizer_process *process)
{
	return process->pidfd;
}

int symbolizer_process_socket(const struct symbolizer_process *process)
{
	return process->socket;
}

/* ---- messages ---- */

static int copy_outgoing(struct outgoing *outgoing, const struct wire_buffer *buffer, int fd)
{
	if (fd >= 0) {
		outgoing->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		if (outgoing->fd < 0)
			return -errno;
	}
	outgoing->buffer.bytes = malloc(buffer->size);
	if (!outgoing->buffer.bytes)
		return -ENOMEM;
	memcpy(outgoing->buffer.bytes, buffer->bytes, buffer->size);
	outgoing->buffer.size = outgoing->buffer.capacity = buffer->size;
	return 0;
}

/* What is sent of it has taken the descriptor along. */
static int keep(struct symbolizer_process *process, enum wire_type type, const struct wire_buffer *buffer, int fd,
		size_t sent)
{
	struct outgoing *outgoing = malloc(sizeof(*outgoing));
	int err;

	if (!outgoing)
		return -ENOMEM;
	*outgoing = (struct outgoing){.type = type, .sent = sent, .fd = -1};
	err = copy_outgoing(outgoing, buffer, sent ? -1 : fd);
	STAILQ_INSERT_TAIL(&process->outgoing, outgoing, entry);
	return err;
}

int symbolizer_process_send(struct symbolizer_process *process, enum wire_type type, const struct wire_buffer *buffer,
			    int fd)
{
	size_t sent = 0;
	int err = -EAGAIN;

	if (STAILQ_EMPTY(&process->outgoing))
		err = wire_send(process->socket, type, buffer, fd, &sent);
	return err == -EAGAIN ? keep(process, type, buffer, fd, sent) : err;
}

int symbolizer_process_send_number(struct symbolizer_process *process, enum wire_type type, uint64_t number, int fd)
{
	_cleanup_(wire_buffer_fini) struct wire_buffer buffer = {};
	int err = wire_encode_number(&buffer, number);

	return err ? err : symbolizer_process_send(process, type, &buffer, fd);
}

int symbolizer_process_flush(struct symbolizer_process *process)
{
	struct outgoing *outgoing;
	int err;

	while ((outgoing = STAILQ_FIRST(&process->outgoing)) != NULL) {
		err = wire_send(process->socket, outgoing->type, &outgoing->buffer, outgoing->fd, &outgoing->sent);
		if (err)
			return err == -EAGAIN ? 0 : err;
		drop_outgoing(process);
	}
	return 0;
}

bool symbolizer_process_is_waiting(const struct symbolizer_process *process)
{
	return !STAILQ_EMPTY(&process->outgoing);
}

/* None of its messages has a descriptor: one that comes is closed with the next message. */
int symbolizer_process_receive(struct symbolizer_process *process, struct wire_message *ret)
{
	int err = wire_receive(&process->receiver, process->socket, ret);

	if (!err && ret->fd >= 0)
		close(wire_receiver_take_fd(&process->receiver));
	return err;
}

uint8_t *symbolizer_process_copy_names(const struct symbolizer_process *process, size_t *size)
{
	size_t named = process->page ? __atomic_load_n(&process->page->names_size, __ATOMIC_ACQUIRE) : 0;
	uint8_t *copy;

	if (!named || named > sizeof(process->page->names))
		return NULL;
	copy = malloc(named);
	if (!copy)
		return NULL;
	memcpy(copy, process->page->names, named);
	*size = named;
	return copy;
}

uint32_t symbolizer_process_module(const struct symbolizer_process *process)
{
	return process->page ? __atomic_load_n(&process->page->module, __ATOMIC_RELAXED) : 0;
}
