/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.h: a stack as it is shown: frames with names, each with the way it was found, or the reason why it has no name.
 * A value object; the symbolizer and the kernel's symbol table make it, the renderer reads it.
 */
#ifndef VMASNOOP_STACK_H
#define VMASNOOP_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_method {
	METHOD_NONE,
	METHOD_CFI, /* call-frame information covers the pc of the frame below it */
	METHOD_FRAME_POINTER, /* the frame-pointer chain was followed */
	METHOD_MIXED, /* of a whole stack: both */
};

struct frame {
	uint64_t addr;
	enum frame_method method;
	char *module; /* the file's path, or NULL */
	char *build_id; /* lower-case hex, or NULL */
	uint64_t offset; /* of addr in the file, in bytes; valid when module is */
	char *symbol; /* as the file has it (C++ names are mangled), or NULL, and then reason says why */
	uint64_t symbol_offset;
	char *file; /* of the source, or NULL */
	int line; /* 0: not known */
	bool inlined;
	const char *reason; /* static, lower_snake; NULL when nothing is missing */
};

struct stack {
	struct frame *frames; /* innermost first */
	size_t count;
	enum frame_method method;
	bool truncated;
	const char *reason; /* why there are no frames or not all; static; NULL: complete as far as is known */
};

void stack_free(struct stack *stack);

/* Drops all frames from index `count` on. */
void stack_cut(struct stack *stack, size_t count);

/* "cfi", "frame_pointer", "mixed", or NULL for METHOD_NONE. */
const char *frame_method_name(enum frame_method method);

#endif
