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
	char *symbol; /* demangled, or NULL, and then reason says why */
	uint64_t symbol_offset;
	char *file; /* of the source, or NULL */
	int line; /* 0: not known */
	bool inlined; /* into the next frame out, which has the same addr */
	const char *reason; /* static, one of STACK_REASONS; NULL when nothing is missing */
	bool activation; /* addr was to be executed next: innermost, or interrupted by a signal; else it is a return address */
};

struct stack {
	struct frame *frames; /* innermost first */
	size_t count;
	enum frame_method method;
	bool truncated; /* the unwinder needed memory beyond what was copied */
	const char
		*reason; /* why there are no frames or not all; of STACK_REASONS; NULL: complete as far as is known */
};

/*
 * Every reason that a frame or a stack can have: X(name, what it says). The names are the log's contract, and the list is
 * append-only: the order is used between the tracer and the symbolizer's process.
 */
#define STACK_REASONS(X)                                                                                     \
	X(no_module, "the address is in no mapping of a file")                                               \
	X(process_gone, "the process ended before its mappings could be read")                               \
	X(unreadable, "the file cannot be opened or is no ELF file that libdw reads")                        \
	X(stripped, "the file has no symbol for it: it is stripped, and no debug file was found")            \
	X(no_symbol, "the file has symbols, none of them covers the address")                                \
	X(jit_unmapped, "generated code, and no /tmp/perf-PID.map names it")                                 \
	X(deadline, "the symbolizer did not answer in time and was restarted")                               \
	X(symbolizer_lost, "the symbolizer's process ended without an answer and was restarted")             \
	X(symbolizer_busy, "too many stacks were waiting for the symbolizer")                                \
	X(no_user_stack, "there is none: the task has no user memory or its stack pointer leads nowhere")    \
	X(capture_failed, "the kernel could not take it")                                                    \
	X(not_requested, "switched off by an option")                                                        \
	X(truncated, "it goes on beyond what was copied, and no frame pointers lead on")                     \
	X(frame_pointer_lost, "a function kept no frame pointer, and no call-frame information covers it")   \
	X(no_cfi, "no call-frame information covers the last frame, and its frame pointer leads nowhere")    \
	X(alt_stack, "a signal handler's own stack, and the interrupted one could not be copied")            \
	X(no_kallsyms, "/proc/kallsyms could not be read")                                                   \
	X(kptr_restrict, "kernel.kptr_restrict hides the kernel's addresses")                                \
	X(machinery_only, "only frames of the tracing itself were found")                                    \
	X(kretprobe_trampoline, "the kretprobe stands in the way of the frames above it")                    \
	X(no_kernel_stack, "the hook runs outside of the kernel's path")                                     \
	X(bad_cfi, "the last frame's call-frame information leads to no caller: inwards, or nowhere")        \
	X(module_replaced, "another file was mapped there at about that time: it is not known which it was") \
	X(too_many_files, "the limit of open files allows no more: RLIMIT_NOFILE")

/* The static string of that name, or NULL when it is none of the list. */
const char *stack_reason_find(const char *name);

/* What a reason of the list says, for people. */
const char *stack_reason_text(const char *reason);

void stack_free(struct stack *stack);

/* The memory that it takes, in bytes. */
size_t stack_bytes(const struct stack *stack);

/* Drops all frames from index `count` on. */
void stack_cut(struct stack *stack, size_t count);

/* "cfi", "frame_pointer", "mixed", or NULL for METHOD_NONE. */
const char *frame_method_name(enum frame_method method);

#endif
