/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_wire.h: the messages between the tracer and the symbolizer's process, as bytes and as what they mean. Each
 * end takes what comes for hostile: every length, count and index is checked here, once. Decides nothing about them.
 */
#ifndef VMASNOOP_SYMBOLIZER_WIRE_H
#define VMASNOOP_SYMBOLIZER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"
#include "modules.h"
#include "stack.h"
#include "symbolizer.h"

#define WIRE_MESSAGE_MAX (2 << 20) /* bytes; larger ones are not made */
#define WIRE_STRING_MAX	 16384 /* bytes; what is longer is cut */
#define WIRE_FRAMES_MAX	 8192
#define WIRE_ADDRS_MAX	 4096
#define WIRE_MODULES_MAX 4096
#define WIRE_FILES_MAX	 65536 /* indexes are below it */
#define WIRE_PIECE_MAX	 (256 << 10) /* bytes; what is longer is cut */
#define WIRE_NO_FILE	 UINT32_MAX
#define WIRE_NAMES_ONLY	 (1U << 30) /* with an index: module.names_only */

enum wire_type {
	/* to the process */
	WIRE_FILE = 1, /* a descriptor, and the index by which it is meant from now on */
	WIRE_DROP_FILE, /* the index is free again */
	WIRE_SPACE, /* the modules of a process; with the descriptor of its perf map, if there is one */
	WIRE_DROP_SPACE,
	WIRE_ASK,
	WIRE_DEBUG_FILE, /* the reply to WIRE_WANT_DEBUG_FILE: a descriptor, or none */
	/* from it */
	WIRE_READY, /* once, first: what the sandbox could not do */
	WIRE_STACK, /* the end of an ask */
	WIRE_WANT_DEBUG_FILE, /* only within an ask */
	WIRE_TYPE_END
};

/* ---- bytes: a message being made. One that did not fit, or for which there was no memory, has failed. ---- */

struct wire_buffer {
	uint8_t *bytes;
	size_t size;
	size_t capacity;
	bool failed;
};

void wire_buffer_fini(struct wire_buffer *buffer);

/* Messages that are one number: an index, an id, a mask. */
int wire_encode_number(struct wire_buffer *buffer, uint64_t number);
int wire_decode_number(const void *bytes, size_t size, uint64_t *ret);

struct wire_ask {
	uint64_t id;
	uint64_t space; /* 0: none */
	struct raw_stack raw; /* points into the message and to `registers` */
	struct event_registers registers;
};

int wire_encode_ask(struct wire_buffer *buffer, uint64_t id, uint64_t space, const struct raw_stack *raw);
int wire_decode_ask(const void *bytes, size_t size, struct wire_ask *ret);

struct wire_space {
	uint64_t id;
	bool partial;
	bool has_perf_map;
	size_t count;
	struct module *list; /* fd: -1 */
	uint32_t *files; /* of each module its file's index, or WIRE_NO_FILE; without WIRE_NAMES_ONLY, which list has */
};

int wire_encode_space(struct wire_buffer *buffer, uint64_t id, const struct modules *modules, const uint32_t *files);
int wire_decode_space(const void *bytes, size_t size, struct wire_space *ret);
void wire_space_fini(struct wire_space *space);

/* Of a stack that does not fit the outer frames are left out, and it says that it is truncated. */
int wire_encode_stack(struct wire_buffer *buffer, uint64_t id, const struct stack *stack);
int wire_decode_stack_id(const void *bytes, size_t size, uint64_t *ret);
int wire_decode_stack(const void *bytes, size_t size, struct stack **ret);

struct wire_want {
	enum debug_file_kind kind;
	uint64_t sequence; /* the reply has it, too */
	uint64_t space;
	uint32_t module; /* its index in the space */
	char *name;
	char *build_id; /* lower-case hex, or NULL */
};

int wire_encode_want(struct wire_buffer *buffer, const struct wire_want *want);
int wire_decode_want(const void *bytes, size_t size, struct wire_want *ret);
void wire_want_fini(struct wire_want *want);

/* Lower-case hex of 2 to 64 bytes. */
bool wire_is_build_id(const char *text);

/* ---- the socket: SOCK_SEQPACKET; a message goes in as many packets as it needs ---- */

/*
 * Sends what is left of a message from *sent on, and moves that. `fd` goes with the first packet; -1: none. 0 when all is
 * sent, -EAGAIN when a non-blocking socket is full, or another negative errno.
 */
int wire_send(int socket, enum wire_type type, const struct wire_buffer *buffer, int fd, size_t *sent);

struct wire_message {
	enum wire_type type;
	const uint8_t *bytes; /* good until the next one is received */
	size_t size;
	int fd; /* -1: none came with it. The receiver's: take it with wire_receiver_take_fd() */
};

struct wire_receiver {
	uint8_t *bytes; /* WIRE_MESSAGE_MAX and a packet more, of which what is never touched takes no memory */
	size_t received;
	size_t total;
	uint32_t type;
	int fd;
	bool complete;
};

int wire_receiver_init(struct wire_receiver *receiver);
void wire_receiver_fini(struct wire_receiver *receiver);

/* Another socket is received from: what came of a message is not its beginning. */
void wire_receiver_reset(struct wire_receiver *receiver);

/*
 * 0 with a message; -EAGAIN: none yet, on a non-blocking socket; -EPIPE: the other end is closed; -EPROTO: what came is no
 * part of a message; or another negative errno.
 */
int wire_receive(struct wire_receiver *receiver, int socket, struct wire_message *ret);
int wire_receiver_take_fd(struct wire_receiver *receiver);

#endif
