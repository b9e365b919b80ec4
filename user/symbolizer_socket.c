// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * symbolizer_socket.c: messages of symbolizer_wire.h in packets, each with where in its message it belongs. At most one
 * descriptor goes with a message: with its first packet. Knows nothing of what is in them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "symbolizer_wire.h"

/* Well below what a socket's buffer takes by default, so that a message of several needs no larger one. */
#define PACKET_BYTES (32 << 10)

#define FDS_TAKEN 8 /* room for more than there may be: what does not fit is lost without a word */

struct packet {
	uint32_t type;
	uint32_t total_bytes;
	uint32_t offset;
	uint32_t reserved;
};

static void attach_fd(struct msghdr *header, void *control, size_t size, int fd)
{
	struct cmsghdr *cmsg;

	memset(control, 0, size);
	header->msg_control = control;
	header->msg_controllen = size;
	cmsg = CMSG_FIRSTHDR(header);
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
}

static int send_packet(int socket, const struct packet *packet, const uint8_t *bytes, size_t size, int fd)
{
	struct iovec parts[] = {{(void *)(uintptr_t)packet, sizeof(*packet)}, {(void *)(uintptr_t)bytes, size}};
	struct msghdr header = {.msg_iov = parts, .msg_iovlen = 2};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	ssize_t sent;

	if (fd >= 0)
		attach_fd(&header, control, sizeof(control), fd);
	do {
		sent = sendmsg(socket, &header, MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int wire_send(int socket, enum wire_type type, const struct wire_buffer *buffer, int fd, size_t *sent)
{
	int err;

	if (buffer->failed || !buffer->size)
		return -EINVAL;
	while (*sent < buffer->size) {
		struct packet packet = {.type = type, .total_bytes = buffer->size, .offset = *sent};
		size_t left = buffer->size - *sent, size = left < PACKET_BYTES ? left : PACKET_BYTES;

		err = send_packet(socket, &packet, buffer->bytes + *sent, size, *sent ? -1 : fd);
		if (err)
			return err;
		*sent += size;
	}
	return 0;
}

int wire_receiver_init(struct wire_receiver *receiver)
{
	*receiver = (struct wire_receiver){.fd = -1, .bytes = malloc(WIRE_MESSAGE_MAX + PACKET_BYTES)};
	return receiver->bytes ? 0 : -ENOMEM;
}

int wire_receiver_take_fd(struct wire_receiver *receiver)
{
	int fd = receiver->fd;

	receiver->fd = -1;
	return fd;
}

static void drop_fd(struct wire_receiver *receiver)
{
	int fd = wire_receiver_take_fd(receiver);

	if (fd >= 0)
		close(fd);
}

void wire_receiver_fini(struct wire_receiver *receiver)
{
	drop_fd(receiver);
	free(receiver->bytes);
	receiver->bytes = NULL;
}

void wire_receiver_reset(struct wire_receiver *receiver)
{
	drop_fd(receiver);
	receiver->received = 0;
	receiver->complete = false;
}

/* Keeps the first descriptor and closes any other one. */
static void take_fds(struct wire_receiver *receiver, struct msghdr *header)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
			if (receiver->fd < 0)
				receiver->fd = fd;
			else
				close(fd);
		}
	}
}

/* A packet must be the very next one of its message, and all of one but the last are full. */
static int check_packet(struct wire_receiver *receiver, const struct packet *packet, size_t size)
{
	if (!packet->type || packet->type >= WIRE_TYPE_END || !size || packet->total_bytes > WIRE_MESSAGE_MAX)
		return -EPROTO;
	if (!receiver->received) {
		receiver->type = packet->type;
		receiver->total = packet->total_bytes;
	}
	if (packet->type != receiver->type || packet->total_bytes != receiver->total ||
	    packet->offset != receiver->received || size > receiver->total - receiver->received)
		return -EPROTO;
	return size == PACKET_BYTES || size == receiver->total - receiver->received ? 0 : -EPROTO;
}

static int receive_packet(struct wire_receiver *receiver, int socket)
{
	struct packet packet = {};
	struct iovec parts[] = {{&packet, sizeof(packet)}, {receiver->bytes + receiver->received, PACKET_BYTES}};
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(FDS_TAKEN * sizeof(int))];
	struct msghdr header = {
		.msg_iov = parts, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t size;
	int err;

	do {
		size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
	} while (size < 0 && errno == EINTR);
	if (size < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	if (!size)
		return -EPIPE;
	take_fds(receiver, &header);
	if (size < (ssize_t)sizeof(packet) || header.msg_flags & MSG_TRUNC)
		return -EPROTO;
	size -= (ssize_t)sizeof(packet);
	err = check_packet(receiver, &packet, size);
	if (!err)
		receiver->received += size;
	return err;
}

int wire_receive(struct wire_receiver *receiver, int socket, struct wire_message *ret)
{
	int err;

	if (receiver->complete)
		wire_receiver_reset(receiver);
	do {
		err = receive_packet(receiver, socket);
		if (err)
			return err;
	} while (receiver->received < receiver->total);
	receiver->complete = true;
	*ret = (struct wire_message){receiver->type, receiver->bytes, receiver->total, receiver->fd};
	return 0;
}
