/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer.c: the two steps from a raw stack to frames with names and lines, and the bounds on what is kept between
 * stacks. How a stack is walked is in unwind.c, what an address is called in symbols.c.
 */
#include "symbolizer.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "perf_map.h"
#include "symbols.h"
#include "unwind.h"
#include "walk.h"

#define PROCESSES_MAX 32 /* whose unwinders are kept */
#define FRAMES_STEP   32
#define UNFOLDED_MAX  (2 * WALK_FRAMES_MAX) /* frames from which on inlined ones are left out */

/* What is kept of a process: of one list of modules. */
struct process {
	const struct modules *modules; /* NULL: a free entry */
	uint64_t last_used;
	struct unwinder *unwinder;
	struct perf_map *perf_map; /* NULL where there is none */
};

struct symbolizer {
	struct symbolizer_options options;
	struct symbols *symbols;
	uint64_t clock;
	struct process processes[PROCESSES_MAX];
	struct walk walk; /* of the call that goes on */
};

CLEANUP_DEFINE(cleanup_symbolizer, struct symbolizer *, symbolizer_free)
CLEANUP_DEFINE(cleanup_stack, struct stack *, stack_free)

int symbolizer_new(const struct symbolizer_options *options, struct symbolizer **ret)
{
	_cleanup_(cleanup_symbolizer) struct symbolizer *symbolizer = calloc(1, sizeof(*symbolizer));
	int err;

	if (!symbolizer)
		return -ENOMEM;
	symbolizer->options = *options;
	err = symbols_new(&symbolizer->options, &symbolizer->symbols);
	if (err)
		return err;
	*ret = cleanup_take(symbolizer);
	return 0;
}

/* --- what is kept --- */

static void process_clear(struct process *process)
{
	unwinder_free(process->unwinder);
	perf_map_free(process->perf_map);
	*process = (struct process){};
}

void symbolizer_free(struct symbolizer *symbolizer)
{
	if (!symbolizer)
		return;
	for (size_t i = 0; i < PROCESSES_MAX; i++)
		process_clear(&symbolizer->processes[i]);
	symbols_free(symbolizer->symbols);
	free(symbolizer);
}

void symbolizer_forget(struct symbolizer *symbolizer, const struct modules *modules)
{
	for (size_t i = 0; modules && i < PROCESSES_MAX; i++)
		if (symbolizer->processes[i].modules == modules)
			process_clear(&symbolizer->processes[i]);
}

/* The entry of these modules, or else the one that was not used for longest. */
static struct process *find_entry(struct symbolizer *symbolizer, const struct modules *modules)
{
	struct process *oldest = symbolizer->processes;

	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &symbolizer->processes[i];

		if (process->modules == modules)
			return process;
		if (process->last_used < oldest->last_used)
			oldest = process;
	}
	return oldest;
}

static int process_load(struct symbolizer *symbolizer, struct process *process, const struct modules *modules)
{
	int fd = modules_perf_map_fd(modules);
	int err = unwinder_new(modules, &symbolizer->options, &process->unwinder);

	if (!err && fd >= 0)
		err = perf_map_new(fd, &process->perf_map);
	process->modules = modules;
	return err;
}

/* *ret is good until the next call, and NULL where there are no modules. */
static int find_process(struct symbolizer *symbolizer, const struct modules *modules, struct process **ret)
{
	struct process *process;
	int err;

	*ret = NULL;
	if (!modules)
		return 0;
	process = find_entry(symbolizer, modules);
	if (process->modules != modules) {
		process_clear(process);
		err = process_load(symbolizer, process, modules);
		if (err) {
			process_clear(process);
			return err;
		}
	}
	process->last_used = ++symbolizer->clock;
	*ret = process;
	return 0;
}

static bool drop_oldest_process(struct symbolizer *symbolizer)
{
	struct process *oldest = NULL;

	for (size_t i = 0; i < PROCESSES_MAX; i++) {
		struct process *process = &symbolizer->processes[i];

		if (process->modules && process->last_used != symbolizer->clock &&
		    (!oldest || process->last_used < oldest->last_used))
			oldest = process;
	}
	if (oldest)
		process_clear(oldest);
	return oldest != NULL;
}

static uint64_t resident_bytes(int statm_fd)
{
	char text[128];
	ssize_t length = pread(statm_fd, text, sizeof(text) - 1, 0);
	uint64_t pages;

	text[length > 0 ? length : 0] = '\0';
	return sscanf(text, "%*u %" SCNu64, &pages) == 1 ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

/* Files first: debug information is nearly all that takes memory. malloc() keeps what is freed unless it is told. */
static void bound_memory(struct symbolizer *symbolizer)
{
	const struct symbolizer_options *options = &symbolizer->options;
	bool dropped = true;

	if (!options->memory_bytes || options->statm_fd < 0)
		return;
	while (dropped && resident_bytes(options->statm_fd) > options->memory_bytes) {
		dropped = symbols_drop_oldest(symbolizer->symbols) || drop_oldest_process(symbolizer);
		malloc_trim(0);
	}
}

/* --- names --- */

static int copy_string(const char *string, char **ret)
{
	if (!string)
		return 0;
	*ret = strdup(string);
	return *ret ? 0 : -ENOMEM;
}

/* Where no file is mapped. */
static int name_generated(const struct modules *modules, struct process *process, struct frame *frame)
{
	uint64_t offset;

	if (!process) {
		frame->reason = "process_gone";
		return 0;
	}
	frame->reason = modules_are_partial(modules) ? "process_gone" : "no_module";
	if (!process->perf_map)
		return 0;
	if (perf_map_find(process->perf_map, frame->addr - !frame->activation, &frame->symbol, &offset))
		return -ENOMEM;
	frame->reason = frame->symbol ? NULL : "jit_unmapped";
	frame->symbol_offset = frame->symbol ? offset + !frame->activation : 0;
	return 0;
}

static const struct module *find_module(const struct modules *modules, const struct frame *frame)
{
	return modules ? modules_find(modules, frame->addr - !frame->activation) : NULL;
}

static int name_frame(struct symbolizer *symbolizer, const struct modules *modules, struct process *process,
		      struct frame *frame)
{
	const struct module *module = find_module(modules, frame);
	const struct place *place;
	int err;

	if (!module)
		return name_generated(modules, process, frame);
	frame->offset = frame->addr - module->start + module->file_offset;
	err = copy_string(module->path, &frame->module);
	if (!err)
		err = symbols_find(symbolizer->symbols, modules, module, frame->offset, !frame->activation, false,
				   &place);
	if (err)
		return err;
	frame->reason = place ? place->reason : "unreadable";
	if (!place)
		return 0;
	frame->symbol_offset = place->symbol_offset;
	if (copy_string(place->build_id, &frame->build_id) || copy_string(place->symbol, &frame->symbol))
		return -ENOMEM;
	return 0;
}

static int name_frames(struct symbolizer *symbolizer, const struct modules *modules, struct process *process,
		       struct stack *stack)
{
	const struct walk *walk = &symbolizer->walk;
	int err = 0;

	stack->frames = calloc(walk->count + 1, sizeof(*stack->frames));
	if (!stack->frames)
		return -ENOMEM;
	while (!err && stack->count < walk->count) {
		const struct walk_frame *from = &walk->frames[stack->count];
		struct frame *frame = &stack->frames[stack->count++];

		frame->addr = from->addr;
		frame->method = from->method;
		frame->activation = from->activation;
		err = name_frame(symbolizer, modules, process, frame);
	}
	return err;
}

/* --- the walk --- */

/*
 * What the kernel found by frame pointers, and the caller that it skips when it came into a function that has no frame:
 * call-frame information says whether the word at the stack pointer is the return address.
 */
static void walk_addrs(const struct modules *modules, struct process *process, const struct raw_stack *raw,
		       struct walk *walk)
{
	bool skipped = process && !raw->compat && raw->sp_word && modules_find(modules, raw->sp_word - 1) &&
		       (raw->count < 2 || raw->addrs[1] != raw->sp_word) &&
		       unwinder_returns_at_sp(process->unwinder, raw->addrs[0]);

	walk->count = 0;
	walk->complete = false;
	walk->truncated = raw->count >= raw->capacity;
	walk->reason = walk->truncated ? "truncated" : NULL;
	walk_append(walk, raw->addrs[0], METHOD_FRAME_POINTER, true);
	if (skipped)
		walk_append(walk, raw->sp_word, METHOD_CFI, false);
	for (size_t i = 1; i < raw->count; i++)
		walk_append(walk, raw->addrs[i], METHOD_FRAME_POINTER, false);
}

static void walk_slice(struct process *process, const struct raw_stack *raw, struct walk *walk)
{
	unwinder_walk(process->unwinder, raw, walk);
	if (!walk->complete)
		walk_complete(walk, raw->addrs, raw->count);
}

static bool has_addrs(const struct raw_stack *raw)
{
	return raw->count && !raw->error;
}

/* False: there is nothing to walk. */
static bool walk_stack(const struct modules *modules, struct process *process, const struct raw_stack *raw,
		       struct walk *walk)
{
	walk->count = 0;
	if (process && raw->registers && !raw->compat)
		walk_slice(process, raw, walk);
	if (!walk->count && has_addrs(raw))
		walk_addrs(modules, process, raw, walk);
	return walk->count > 0;
}

/* --- the end of a stack --- */

/* Where a thread's stack begins: beyond them there is nothing to find. */
static bool is_outermost(const struct frame *frame)
{
	static const char *const names[] = {"_start",
					    "_dl_start_user",
					    "start_thread",
					    "clone",
					    "__clone",
					    "clone3",
					    "__clone3",
					    "runtime.goexit",
					    "runtime.goexit.abi0",
					    "runtime.rt0_go",
					    "runtime.rt0_go.abi0",
					    "runtime.mstart",
					    "runtime.mstart.abi0",
					    NULL};

	for (const char *const *name = names; *name; name++)
		if (frame->symbol && !strcmp(frame->symbol, *name))
			return true;
	return false;
}

/* How many frames there are up to it; 0: it is not there. Beyond it there is only what frame pointers seemed to lead to. */
static size_t count_to_outermost(const struct stack *stack)
{
	for (size_t count = stack->count; count; count--) {
		if (is_outermost(&stack->frames[count - 1]))
			return count;
		if (stack->frames[count - 1].method != METHOD_FRAME_POINTER)
			break;
	}
	return 0;
}

/*
 * A chain of frame pointers that leads to where a thread begins is whole, whatever it leads through. Else a function on
 * the way has used that register for a value of its own: what is then read as a return address is mostly no code, and
 * from the first such frame on nothing is a frame. Either way the stack says why it ends early.
 */
static void settle_end(struct stack *stack, const struct modules *modules)
{
	size_t count = count_to_outermost(stack);

	if (count) {
		stack_cut(stack, count);
		stack->truncated = false;
		stack->reason = NULL;
		return;
	}
	if (!modules || modules_are_partial(modules)) {
		stack->reason = stack->reason ?: "process_gone";
		return;
	}
	for (count = 1; count < stack->count; count++)
		if (stack->frames[count].method == METHOD_FRAME_POINTER && !stack->frames[count].module &&
		    !stack->frames[count].symbol)
			break;
	stack_cut(stack, count);
	stack->reason = stack->reason ?: "frame_pointer_lost";
}

static enum frame_method method_of(const struct stack *stack)
{
	enum frame_method method = stack->count ? stack->frames[0].method : METHOD_NONE;

	for (size_t i = 1; i < stack->count; i++)
		if (stack->frames[i].method != method)
			return METHOD_MIXED;
	return method;
}

int symbolizer_unwind(struct symbolizer *symbolizer, const struct modules *modules, const struct raw_stack *raw,
		      struct stack **ret)
{
	_cleanup_(cleanup_stack) struct stack *stack = calloc(1, sizeof(*stack));
	struct walk *walk = &symbolizer->walk;
	struct process *process;

	if (!stack || find_process(symbolizer, modules, &process))
		return -ENOMEM;
	if (!walk_stack(modules, process, raw, walk)) {
		stack->reason = raw->error && raw->error != -EFAULT ? "capture_failed" : "no_user_stack";
		*ret = cleanup_take(stack);
		return 0;
	}
	stack->truncated = walk->truncated;
	stack->reason = walk->reason;
	if (name_frames(symbolizer, modules, process, stack))
		return -ENOMEM;
	if (!walk->complete)
		settle_end(stack, modules);
	stack->method = method_of(stack);
	bound_memory(symbolizer);
	*ret = cleanup_take(stack);
	return 0;
}

/* --- lines --- */

static int copy_frame(const struct frame *from, struct frame *to)
{
	*to = *from;
	to->module = to->build_id = to->symbol = to->file = NULL;
	if (copy_string(from->module, &to->module) || copy_string(from->build_id, &to->build_id) ||
	    copy_string(from->symbol, &to->symbol) || copy_string(from->file, &to->file))
		return -ENOMEM;
	return 0;
}

static struct frame *add_frame(struct stack *stack, size_t *capacity)
{
	if (stack->count == *capacity) {
		struct frame *frames = reallocarray(stack->frames, *capacity + FRAMES_STEP, sizeof(*frames));

		if (!frames)
			return NULL;
		stack->frames = frames;
		*capacity += FRAMES_STEP;
	}
	stack->frames[stack->count] = (struct frame){};
	return &stack->frames[stack->count++];
}

static int add_inlined(const struct frame *outer, const struct source_call *call, struct frame *to)
{
	const struct frame inlined = {
		.addr = outer->addr,
		.method = outer->method,
		.module = outer->module,
		.build_id = outer->build_id,
		.offset = outer->offset,
		.symbol = call->function,
		.symbol_offset = call->offset + !outer->activation,
		.file = call->file,
		.line = call->line,
		.inlined = true,
		.reason = call->function ? NULL : "no_symbol",
		.activation = outer->activation,
	};

	return copy_frame(&inlined, to);
}

/* The function itself: the last of the place's calls. */
static int add_outer(const struct frame *outer, const struct place *place, struct frame *to)
{
	const struct source_call *call = place && place->call_count ? &place->calls[place->call_count - 1] : NULL;
	struct frame frame = *outer;

	if (call && !outer->file) {
		frame.file = call->file;
		frame.line = call->line;
	}
	if (place && !outer->symbol && place->symbol) {
		frame.symbol = place->symbol;
		frame.symbol_offset = place->symbol_offset;
		frame.reason = NULL;
	}
	return copy_frame(&frame, to);
}

static int unfold(const struct frame *frame, const struct place *place, struct stack *ret, size_t *capacity)
{
	struct frame *to;
	int err = 0;

	for (size_t i = 0; !err && place && i + 1 < place->call_count && ret->count < UNFOLDED_MAX; i++) {
		to = add_frame(ret, capacity);
		err = to ? add_inlined(frame, &place->calls[i], to) : -ENOMEM;
	}
	if (err)
		return err;
	to = add_frame(ret, capacity);
	return to ? add_outer(frame, place, to) : -ENOMEM;
}

static int find_lines(struct symbolizer *symbolizer, const struct modules *modules, const struct frame *frame,
		      const struct place **ret)
{
	const struct module *module = find_module(modules, frame);

	*ret = NULL;
	if (!module || module->names_only || frame->inlined || frame->file)
		return 0;
	return symbols_find(symbolizer->symbols, modules, module, frame->offset, !frame->activation, true, ret);
}

int symbolizer_add_lines(struct symbolizer *symbolizer, const struct modules *modules, struct stack *stack)
{
	_cleanup_(cleanup_stack) struct stack *unfolded = calloc(1, sizeof(*unfolded));
	size_t capacity = 0;

	if (!unfolded)
		return -ENOMEM;
	for (size_t i = 0; i < stack->count; i++) {
		const struct place *place;

		if (find_lines(symbolizer, modules, &stack->frames[i], &place) ||
		    unfold(&stack->frames[i], place, unfolded, &capacity))
			return -ENOMEM;
	}
	stack_cut(stack, 0);
	free(stack->frames);
	stack->frames = cleanup_take(unfolded->frames);
	stack->count = unfolded->count;
	unfolded->count = 0;
	bound_memory(symbolizer);
	return 0;
}
