/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A chain: what a program knows of its own stack when its munmap() fails. Each function writes down itself and the line of
 * its call before it makes it, and the one that is called adds the return address. tests/oracle/stack holds what is
 * written at the end against the stack in vmasnoop's log. Innermost first, a line each, fields divided by tabs:
 *
 *   stack  PID  TID  0xADDR                     of the failure: the address of its munmap()
 *   frame  SYMBOL  FILE:LINE  0xADDR  inlined   "-": not known, or not inlined
 *   some   MOST                                 so many frames may stand here, of the runtime
 *   open                                        the stack may end here if it says why
 *
 * SYMBOL is "|" between glob patterns; one that begins with "!" is of the reason why there is no symbol.
 */
#ifndef CHAIN_H
#define CHAIN_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { CHAIN_MOST = 512 };

/* What lies outside of the frames that a program notes. */
enum chain_end {
	CHAIN_END_MAIN, /* what the C library runs before main() */
	CHAIN_END_THREAD, /* what it runs before a thread's function */
	CHAIN_END_OPEN, /* somebody else's program */
};

struct chain_frame {
	const char *symbol;
	const char *file; /* NULL: no source */
	int line;
	const void *addr; /* NULL: not known */
	bool inlined;
};

struct chain {
	struct chain_frame frames[CHAIN_MOST]; /* outermost first */
	size_t count;
	enum chain_end end;
	const char *nameless; /* why this program's functions have no names, or NULL: they have */
	const char *successor; /* the program that the process becomes then, or NULL: it exits */
	int fd;
	void (*fail)(struct chain *); /* chain_fail(), for those that are not linked with it */
};

/* Fills the process until `headroom` mappings are left. It ends when that cannot be done. */
void chain_fill(struct chain *chain, long headroom);

/* The innermost function: its munmap() fails, it writes the chain and ends the program. */
void chain_fail(struct chain *chain);

static inline __attribute__((always_inline)) void chain_note(struct chain *chain, const char *symbol, const char *file,
							     int line, bool inlined)
{
	struct chain_frame *frame = &chain->frames[chain->count++];

	frame->symbol = symbol;
	frame->file = file;
	frame->line = line;
	frame->inlined = inlined;
}

/* The first words of a function: to where in its caller it will return. */
static inline __attribute__((always_inline)) void chain_enter(struct chain *chain)
{
	chain->frames[chain->count - 1].addr = __builtin_return_address(0);
}

/* A call from the function `symbol`, on one line. What comes behind it keeps the call from becoming a jump. */
#define CHAIN_CALL(chain, symbol, call)                                   \
	do {                                                              \
		chain_note((chain), (symbol), __FILE__, __LINE__, false); \
		call;                                                     \
		__asm__ volatile("" ::: "memory");                        \
	} while (0)

/* The same from within a function that is inlined. */
#define CHAIN_CALL_INLINED(chain, symbol, call)                          \
	do {                                                             \
		chain_note((chain), (symbol), __FILE__, __LINE__, true); \
		call;                                                    \
		__asm__ volatile("" ::: "memory");                       \
	} while (0)

#ifdef __cplusplus
}
#endif

#endif
