/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer_child.h: the symbolizer's process, from its start to its end: what it is started with, and its main. The
 * other end is symbolizer_process.c.
 */
#ifndef VMASNOOP_SYMBOLIZER_CHILD_H
#define VMASNOOP_SYMBOLIZER_CHILD_H

#include <stdint.h>

/* The command word that a program of ours is started with for it. Not for people: --help does not list it. */
#define SYMBOLIZER_CHILD_WORD "symbolizer-process"

/* What it is started with, open; standard input, output and error are of no use to it. */
enum symbolizer_child_fd {
	SYMBOLIZER_CHILD_SOCKET = 3, /* messages of symbolizer_wire.h */
	SYMBOLIZER_CHILD_PAGE = 4, /* memory to be shared: struct symbolizer_child_page */
};

/* Written by the process while it works, read by the tracer when it has to end it. */
struct symbolizer_child_page {
	uint32_t
		module; /* 1 + the index, in the space that was asked about, of the one whose file is parsed; 0: none */
};

/* Never returns but for being called by hand; argv[0] is the word. */
int cmd_symbolizer_child(int argc, char **argv);

#endif
