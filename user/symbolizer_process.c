// SPDX-License-Identifier: GPL-2.0-or-later
/* symbolizer_process.c: see symbolizer_process.h. */
#include "symbolizer_process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <unistd.h>

#include "cleanup.h"
#include "self.h"
#include "symbolizer_child.h"

struct outgoing {
	enum wire_type type;
	struct wire_buffer buffer;
	size_t sent;
	int fd; /* ours, or -1 */
	STAILQ_ENTRY(outgoing) entry;
};

struct symbolizer_process {
	struct self_child child;
	int schedstat; /* of the child, in /proc; -1: this kernel has none */
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

/* While it cannot have been reaped: the number is the child's. */
static int open_schedstat(pid_t pid)
{
	char path[sizeof("/proc//schedstat") + 3 * sizeof(pid)];

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	return open(path, O_RDONLY | O_CLOEXEC);
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
	err = self_start(program, &start, &process->child);
	if (!err)
		process->schedstat = open_schedstat(process->child.pid);
	return err;
}

int symbolizer_process_new(int program, struct symbolizer_process **ret)
{
	_cleanup_(cleanup_process) struct symbolizer_process *process = calloc(1, sizeof(*process));
	int err;

	if (!process)
		return -ENOMEM;
	process->child.pid = process->child.pidfd = process->socket = process->schedstat = -1;
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

void symbolizer_process_kill(struct symbolizer_process *process)
{
	if (process->child.pidfd >= 0)
		self_kill(&process->child);
}

void symbolizer_process_end(struct symbolizer_process *process)
{
	symbolizer_process_kill(process);
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
	siginfo_t info;

	if (!process->reaped && process->child.pidfd >= 0) {
		if (!self_reap(&process->child, &info))
			return false;
		process->reaped = true;
		process->killed = info.si_code == CLD_KILLED && info.si_status == SIGKILL;
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
	if (process->child.pidfd >= 0) {
		symbolizer_process_reap(process, &killed);
		close(process->child.pidfd);
	}
	if (process->schedstat >= 0)
		close(process->schedstat);
	free(process);
}

pid_t symbolizer_process_pid(const struct symbolizer_process *process)
{
	return process->child.pid;
}

int symbolizer_process_pidfd(const struct symbolizer_process *process)
{
	return process->child.pidfd;
}

int symbolizer_process_socket(const struct symbolizer_process *process)
{
	return process->socket;
}

uint64_t symbolizer_process_waited_ns(const struct symbolizer_process *process)
{
	char text[128] = "";
	uint64_t waited_ns;

	if (process->schedstat < 0 || pread(process->schedstat, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return sscanf(text, "%*s %" SCNu64, &waited_ns) == 1 ? waited_ns : 0;
}

bool symbolizer_process_is_stopped(const struct symbolizer_process *process)
{
	return self_is_stopped(&process->child);
}

/* ---- messages ---- */

static int copy_outgoing(struct outgoing *outgoing, const struct wire_buffer *buffer, int fd)
{
	if (fd >= 0)
		outgoing->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (fd >= 0 && outgoing->fd < 0 && errno != EMFILE && errno != ENFILE)
		return -errno;
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

/* So many of ours may be on their way, if we have no privileges. */
static int send_now(struct symbolizer_process *process, enum wire_type type, const struct wire_buffer *buffer, int fd,
		    size_t *sent)
{
	int err = wire_send(process->socket, type, buffer, fd, sent);

	return err == -ETOOMANYREFS ? wire_send(process->socket, type, buffer, -1, sent) : err;
}

int symbolizer_process_send(struct symbolizer_process *process, enum wire_type type, const struct wire_buffer *buffer,
			    int fd)
{
	size_t sent = 0;
	int err = -EAGAIN;

	if (STAILQ_EMPTY(&process->outgoing))
		err = send_now(process, type, buffer, fd, &sent);
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
		err = send_now(process, outgoing->type, &outgoing->buffer, outgoing->fd, &outgoing->sent);
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
