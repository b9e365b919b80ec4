// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * render_failure.c: what is said of a failed call: who, what, why, which mapping, what was not released, from where.
 */
#include <string.h>

#include "../bpf/filter.h"
#include "format.h"
#include "render.h"
#include "render_advice.h"
#include "render_common.h"

void render_process(struct sink *sink, const struct event_process *process, uint64_t start_time_ns, const char *exe,
		    const char *cgroup)
{
	struct format_buffer start;

	sink_object_begin(sink, "process");
	sink_number(sink, "pid", process->tgid);
	sink_number(sink, "tid", process->tid);
	sink_string(sink, "comm", process->comm);
	sink_string(sink, "thread_comm", process->thread_comm);
	sink_string(sink, "exe", exe);
	sink_number(sink, "uid", process->uid);
	sink_string(sink, "start_time", format_rfc3339(start_time_ns, &start));
	sink_number(sink, "exec_id", process->exec_id);
	sink_string(sink, "cgroup", cgroup);
	sink_null(sink, "container_id");
	sink_end(sink);
}

static const char *vma_kind_name(uint32_t kind)
{
	static const char *const names[] = {
		[VMA_UNKNOWN] = "unknown", [VMA_ANONYMOUS] = "anonymous", [VMA_FILE] = "file",
		[VMA_HEAP] = "heap",	   [VMA_STACK] = "stack",	  [VMA_SPECIAL] = "special",
	};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : names[VMA_UNKNOWN];
}

static void render_vma(struct sink *sink, const struct model_failure *failure)
{
	const struct event_vma *vma = &failure->raw->vma;
	struct format_buffer perms, size;

	if (vma->kind == VMA_UNKNOWN) {
		sink_null(sink, "vma");
		return;
	}
	sink_object_begin(sink, "vma");
	sink_hex(sink, "start", vma->start);
	sink_hex(sink, "end", vma->end);
	sink_string(sink, "perms", format_perms(vma->flags, &perms));
	/* An anonymous mapping has no offset into anything; the kernel keeps its page number there. */
	if (vma->kind == VMA_FILE)
		sink_hex(sink, "offset", vma->offset_bytes);
	else
		sink_hex(sink, "offset", 0);
	sink_string(sink, "kind", vma_kind_name(vma->kind));
	sink_string(sink, "path", failure->vma_path);
	sink_end(sink);
	sink_line(sink, "vma", "0x%llx-0x%llx %s %s, %s", (unsigned long long)vma->start, (unsigned long long)vma->end,
		  perms.text, failure->vma_path ?: vma_kind_name(vma->kind),
		  format_bytes(vma->end - vma->start, &size));
}

static void render_bytes(struct sink *sink, const struct model_failure *failure)
{
	struct format_buffer call, process;

	sink_number(sink, "bytes_not_released", failure->bytes);
	sink_number(sink, "failure_number", failure->number);
	if (!failure->bytes)
		return;
	sink_line(sink, "leaked", "%s by %s; %s%s in %llu %s by this process", format_bytes(failure->bytes, &call),
		  failure->count > 1 ? "these calls" : "this call", failure->owed.doubtful ? "about " : "",
		  format_bytes(failure->owed.bytes, &process), (unsigned long long)failure->owed.ranges,
		  failure->owed.ranges == 1 ? "range" : "ranges");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void render_user_frame(struct sink *sink, const struct frame *frame)
{
	sink_object_begin(sink, NULL);
	sink_hex(sink, "addr", frame->addr);
	sink_string(sink, "method", frame_method_name(frame->method));
	sink_string(sink, "module", frame->module);
	sink_string(sink, "build_id", frame->build_id);
	if (frame->module)
		sink_hex(sink, "offset", frame->offset);
	else
		sink_null(sink, "offset");
	sink_string(sink, "symbol", frame->symbol);
	if (frame->symbol)
		sink_number(sink, "symbol_offset", frame->symbol_offset);
	else
		sink_null(sink, "symbol_offset");
	sink_string(sink, "file", frame->file);
	if (frame->line > 0)
		sink_number(sink, "line", (uint64_t)frame->line);
	else
		sink_null(sink, "line");
	sink_bool(sink, "inlined", frame->inlined);
	sink_string(sink, "reason", frame->reason);
	sink_end(sink);
}

/* "free malloc.c:3375 (libc.so.6)", "0x7f18... (libc.so.6+0x1234, stripped)" */
static void say_user_frame(struct sink *sink, const char *label, const struct frame *frame)
{
	char where[160] = "";

	if (frame->file)
		snprintf(where, sizeof(where), " %s:%d", base_name(frame->file), frame->line);
	if (frame->symbol)
		sink_line(sink, label, "%s%s (%s)%s", frame->symbol, where,
			  frame->module ? base_name(frame->module) : "?", frame->inlined ? " inlined" : "");
	else if (frame->module)
		sink_line(sink, label, "0x%llx (%s+0x%llx, %s)", (unsigned long long)frame->addr,
			  base_name(frame->module), (unsigned long long)frame->offset, frame->reason ?: "no name");
	else
		sink_line(sink, label, "0x%llx (%s)", (unsigned long long)frame->addr, frame->reason ?: "no name");
}

static void say_user_stack(struct sink *sink, const struct stack *stack, uint64_t repeat_of)
{
	if (repeat_of) {
		sink_line(sink, "stack", "as failure %llu", (unsigned long long)repeat_of);
		return;
	}
	for (size_t i = 0; i < stack->count; i++)
		say_user_frame(sink, i ? "" : "stack", &stack->frames[i]);
	if (stack->reason)
		sink_line(sink, stack->count ? "" : "stack", "(%s)", stack_reason_text(stack->reason));
}

static void render_user_stack(struct sink *sink, const struct model_failure *failure)
{
	static const struct stack not_taken = {.reason = "not_requested"};
	const struct stack *stack = failure->user_stack ? failure->user_stack->stack : &not_taken;
	uint64_t repeat_of = model_failure_repeat_of(failure);

	sink_object_begin(sink, "user_stack");
	sink_string(sink, "method", frame_method_name(stack->method));
	sink_bool(sink, "truncated", stack->truncated);
	if (repeat_of)
		sink_number(sink, "repeat_of", repeat_of);
	else
		sink_null(sink, "repeat_of");
	sink_string(sink, "reason", stack->reason);
	sink_array_begin(sink, "frames");
	for (size_t i = 0; i < stack->count; i++)
		render_user_frame(sink, &stack->frames[i]);
	sink_end(sink);
	sink_end(sink);
	if (failure->user_stack)
		say_user_stack(sink, stack, repeat_of);
}

static void render_kernel_frame(struct sink *sink, const struct frame *frame)
{
	sink_object_begin(sink, NULL);
	sink_hex(sink, "addr", frame->addr);
	sink_string(sink, "symbol", frame->symbol);
	if (frame->symbol)
		sink_number(sink, "symbol_offset", frame->symbol_offset);
	else
		sink_null(sink, "symbol_offset");
	sink_string(sink, "reason", frame->reason);
	sink_end(sink);
}

static void say_kernel_stack(struct sink *sink, const struct stack *stack)
{
	char text[512] = "";
	size_t length = 0;

	for (size_t i = 0; i < stack->count && length < sizeof(text); i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s", i ? "  " : "",
					   stack->frames[i].symbol ?: "?");
	if (stack->count)
		sink_line(sink, "kernel", "%s", text);
	if (stack->reason)
		sink_line(sink, stack->count ? "" : "kernel", "(%s)", stack_reason_text(stack->reason));
}

static void render_kernel_stack(struct sink *sink, const struct model_failure *failure)
{
	static const struct stack not_taken = {.reason = "not_requested"};
	const struct stack *stack = failure->kernel_stack ?: &not_taken;

	sink_object_begin(sink, "kernel_stack");
	sink_string(sink, "reason", stack->reason);
	sink_array_begin(sink, "frames");
	for (size_t i = 0; i < stack->count; i++)
		render_kernel_frame(sink, &stack->frames[i]);
	sink_end(sink);
	sink_end(sink);
	if (failure->kernel_stack && !model_failure_repeat_of(failure))
		say_kernel_stack(sink, stack);
}

/* Failures of a flood: said of all of them together, but for the evidence, which is the first one's. */
static int render_failure_repeat(struct sink *sink, const struct model_failure *failure)
{
	const struct event_failure *f = failure->raw;
	const uint64_t last_time_ns = failure->time_ns + failure->span_ns;
	struct format_buffer clock, time;

	render_begin(sink, "failure_repeat", last_time_ns);
	render_call(sink, f);
	sink_line(sink, NULL, "%s  %s[%u]  %s() = %s, %llu times in %.1f s", format_clock(last_time_ns, &clock),
		  f->process.comm, f->process.tgid, render_syscall_name(f->syscall), format_errno(f->errno_code) ?: "?",
		  (unsigned long long)failure->count, (double)failure->span_ns / 1e9);
	sink_number(sink, "count", failure->count);
	sink_string(sink, "first_time", format_rfc3339(failure->time_ns, &time));
	if (f->stack_key)
		sink_hex(sink, "stack_key", f->stack_key);
	else
		sink_null(sink, "stack_key");
	render_process(sink, &failure->raw->process, failure->start_time_ns, failure->exe, failure->cgroup);
	render_cause(sink, f);
	render_bytes(sink, failure);
	render_user_stack(sink, failure);
	return sink_record_end(sink);
}

int render_failure(struct sink *sink, const struct model_failure *failure)
{
	const struct event_failure *f = failure->raw;

	if (failure->count > 1)
		return render_failure_repeat(sink, failure);
	render_begin(sink, "failure", failure->time_ns);
	render_call(sink, f);
	render_call_line(sink, failure);
	render_process(sink, &failure->raw->process, failure->start_time_ns, failure->exe, failure->cgroup);
	render_args(sink, f);
	render_cause(sink, f);
	render_vma(sink, failure);
	render_bytes(sink, failure);
	render_user_stack(sink, failure);
	render_kernel_stack(sink, failure);
	render_origins_of(sink, failure->origins);
	render_recent(sink, failure->ops, failure->time_ns - f->header.time_ns);
	render_advice_of_failure(sink, failure);
	return sink_record_end(sink);
}
