/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_child.h: the symbolizer's process, from its start to its end: what it is started with, and its main. The
 * other end is symbolizer_process.c.
 */
#ifndef VMASNOOP_SYMBOLIZER_CHILD_H
#define VMASNOOP_SYMBOLIZER_CHILD_H

#include <stdint.h>

#include "self.h"

/* The command word that a program of ours is started with for it. Not for people: --help does not list it. */
#define SYMBOLIZER_CHILD_WORD "symbolizer-process"

/* A stack that needs more has no names until it has its lines. What is never touched takes no memory. */
#define SYMBOLIZER_CHILD_NAMES_MAX (512 << 10)

/* What it is started with, open; standard input, output and error are of no use to it. */
enum symbolizer_child_fd {
	SYMBOLIZER_CHILD_SOCKET = SELF_FIRST_FD, /* messages of symbolizer_wire.h */
	SYMBOLIZER_CHILD_PAGE, /* memory to be shared: struct symbolizer_child_page */
};

/*
 * Written by the process while it works, read by the tracer when it had to end it or lost it: so that the answer so far,
 * which mostly is followed by the whole one at once, takes no message of its own.
 */
struct symbolizer_child_page {
	uint32_t module; /* 1 + the index, in the space asked about, of the one whose file is parsed; 0: none */
	uint32_t names_size; /* 0: none yet */
	uint8_t names[SYMBOLIZER_CHILD_NAMES_MAX]; /* the stack before it has its lines, see wire_encode_stack() */
};

/* Never returns but for being called by hand; argv[0] is the word. */
int cmd_symbolizer_child(int argc, char **argv);

#endif
