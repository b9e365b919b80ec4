/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer.h: from the registers and the memory of a stack to frames with names: the engine. It runs in the sandboxed
 * process (symbolizer_child.c) and is handed all that it needs: it looks at no process and opens no file.
 */
#ifndef VMASNOOP_SYMBOLIZER_H
#define VMASNOOP_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"
#include "modules.h"
#include "stack.h"

/* User memory as it was: [start, start + size). */
struct memory_piece {
	uint64_t start;
	uint64_t vma_end; /* the stack goes no further than this */
	const void *bytes;
	size_t size;
};

/* A user stack as the kernel side took it. */
struct raw_stack {
	const uint64_t *addrs; /* by frame pointers, as the kernel walked them, innermost first */
	size_t count;
	size_t capacity; /* addrs could have held so many: reaching it means truncated */
	uint64_t sp_word; /* the word at the stack pointer, 0: not known */
	int error; /* negative errno of that walk, 0: none */
	const struct event_registers *registers; /* NULL: no slice was taken, addrs are all there is */
	struct memory_piece pieces[EVENT_SLICE_PIECES];
	size_t piece_count;
	bool compat; /* a 32-bit task: no unwinding by call-frame information, addrs only */
};

/* A file with debug information that lies apart from the one that is executed. */
enum debug_file_kind {
	DEBUG_FILE_BY_BUILD_ID, /* name: the build-id in lower-case hex */
	DEBUG_FILE_BY_LINK, /* name: the bare name of .gnu_debuglink; build_id says what it must have if it has one */
	DEBUG_FILE_ALTERNATE, /* name: the path in .gnu_debugaltlink; build_id says what it must have */
};

struct debug_file_request {
	enum debug_file_kind kind;
	const struct modules *modules; /* of the process in whose root it is looked for */
	const struct module *module; /* whose debug information it is */
	const char *name;
	const char *build_id; /* lower-case hex, or NULL */
};

struct symbolizer_options {
	/*
	 * The file, open for reading, or -1; what it holds is checked here. The name is what the traced file says: it may be
	 * absolute, lead upwards, or be empty of sense. NULL: there are no such files.
	 */
	int (*open_debug_file)(void *context, const struct debug_file_request *request);
	/*
	 * Before a file is parsed, and with NULL after it: so that whoever watches knows which one it hangs in. Once for each
	 * file that a stack is unwound through, and for each address that was not met before. May be NULL.
	 */
	void (*working_on)(void *context, const struct module *module);
	void *context;
	size_t memory_bytes; /* the least used files are dropped while the process resides in more than this; 0: no bound */
	int statm_fd; /* of /proc/self/statm, by which that is known; -1: no bound */
};

struct symbolizer;

int symbolizer_new(const struct symbolizer_options *options, struct symbolizer **ret);
void symbolizer_free(struct symbolizer *symbolizer);

/*
 * The stack in two steps, so that names can go out when lines take long.
 *
 * symbolizer_unwind(): the frames, each with address, method, module, build-id, offset, symbol. By call-frame information
 * where registers and memory are there, completed with `addrs` where that ends early and they lead on; by addrs alone
 * else. `modules` may be NULL (the process was gone before they could be read): addresses and the reason. 0 or -ENOMEM.
 *
 * A stack has no reason when call-frame information says that there is no caller, or when it leads to a function that is
 * known to be outermost (_start, start_thread, runtime.goexit ...). Else the reason says what stopped it, and `truncated`
 * goes with the reason of that name: what frame pointers completed is not truncated. In code that no file holds a frame
 * has no module and its symbol from the perf map; jit_unmapped when there is such a map and it does not cover it.
 *
 * symbolizer_add_lines(): adds file and line to the frames of `stack`, and the frames that were inlined into them, whose
 * symbol_offset counts from where the inlined code begins. A function that has no symbol gets its name here if debug
 * information knows it. Of a stack that symbolizer_unwind() made for the same modules. 0 or -ENOMEM, and then the stack is
 * as it was.
 */
int symbolizer_unwind(struct symbolizer *symbolizer, const struct modules *modules, const struct raw_stack *raw,
		      struct stack **ret);
int symbolizer_add_lines(struct symbolizer *symbolizer, const struct modules *modules, struct stack *stack);

/* `modules` are about to be freed: drops what is kept for them (files that they share with others stay). */
void symbolizer_forget(struct symbolizer *symbolizer, const struct modules *modules);

#endif
