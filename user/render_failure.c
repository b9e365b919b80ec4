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

static const char *const verdict_names[VERDICT_COUNT] = {
#define X(NAME, name) [VERDICT_##NAME] = #name,
	VERDICTS(X)
#undef X
};

const char *render_verdict_name(uint32_t verdict)
{
	return verdict < VERDICT_COUNT ? verdict_names[verdict] : verdict_names[VERDICT_UNKNOWN];
}

const char *render_syscall_name(uint32_t syscall)
{
	return syscall == SYSCALL_MUNMAP ? "munmap" : "unknown";
}

static void render_headline(struct sink *sink, const struct model_failure *failure)
{
	const struct event_failure *f = failure->raw;
	const struct event_process *p = &f->process;
	struct format_buffer clock, size;
	char thread[32] = "";

	if (p->tid != p->tgid)
		snprintf(thread, sizeof(thread), "/%u", p->tid);
	sink_line(sink, NULL, "%s  %s[%u%s]  %s(0x%llx, %s) = %s", format_clock(failure->time_ns, &clock), p->comm,
		  p->tgid, thread, render_syscall_name(f->syscall), (unsigned long long)f->addr,
		  format_bytes(f->length_bytes, &size), format_errno(f->errno_code) ?: "?");
}

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

static const char *bad_request_text(const struct event_failure *f)
{
	if (f->errno_code == ERRNO_EPERM)
		return "the mapping is sealed (mseal)";
	if (f->addr % FILTER_PAGE_BYTES)
		return "the address is not a multiple of the page size";
	if (!f->length_bytes)
		return "the length is zero";
	return "the range cannot be unmapped alone: outside the address space, or part of a huge page or special "
	       "mapping";
}

static void render_unknown(struct sink *sink, const struct event_failure *f)
{
	const char *range = f->vma.kind == VMA_UNKNOWN ? "no mapping was found at the range"
			    : f->interior	       ? "the range lies inside one mapping"
						       : "the range does not lie inside one mapping";

	sink_line(sink, "why", "unknown: %u of %u mappings used, %s; read %s", f->vma_count, f->vma_limit, range,
		  f->evidence == EVIDENCE_UNDER_LOCK ? "under the lock" : "after the lock was dropped");
}

static void render_why(struct sink *sink, const struct event_failure *f)
{
	const char *when = f->evidence == EVIDENCE_UNDER_LOCK ? "" : " (read after the lock was dropped)";

	switch (f->verdict) {
	case VERDICT_MAX_MAP_COUNT:
		sink_line(sink, "why",
			  "vm.max_map_count: %u of %u mappings used%s; the range lies inside one mapping, so unmapping "
			  "it "
			  "needs 1 more",
			  f->vma_count, f->vma_limit, when);
		break;
	case VERDICT_KERNEL_MEMORY:
		sink_line(sink, "why",
			  "the kernel could not allocate memory%s; not vm.max_map_count: %u of %u mappings used%s",
			  f->split_errno ? " to split the mapping" : "", f->vma_count, f->vma_limit, when);
		break;
	case VERDICT_BAD_REQUEST:
		sink_line(sink, "why", "%s", bad_request_text(f));
		break;
	default:
		render_unknown(sink, f);
	}
}

static void render_cause(struct sink *sink, const struct event_failure *f)
{
	bool limit = f->verdict == VERDICT_MAX_MAP_COUNT;

	sink_string(sink, "verdict", render_verdict_name(f->verdict));
	sink_string(sink, "evidence", f->evidence == EVIDENCE_UNDER_LOCK ? "under_lock" : "after_unlock");
	render_why(sink, f);
	sink_number(sink, "vma_count", f->vma_count);
	sink_number(sink, "vma_limit", f->vma_limit);
	/* What the call needs beyond what is used: known only of the range's place in its VMA. */
	if (f->vma.kind == VMA_UNKNOWN)
		sink_null(sink, "vma_needed");
	else
		sink_number(sink, "vma_needed", f->interior || limit ? 1 : 0);
	if (f->vma.kind == VMA_UNKNOWN)
		sink_null(sink, "interior");
	else
		sink_bool(sink, "interior", f->interior);
	if (f->split_errno)
		sink_string(sink, "split_errno", format_errno(f->split_errno));
	else
		sink_null(sink, "split_errno");
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
	sink_line(sink, "leaked", "%s by %s; %s in %llu %s by this process", format_bytes(failure->bytes, &call),
		  failure->count > 1 ? "these calls" : "this call", format_bytes(failure->process_bytes, &process),
		  (unsigned long long)failure->process_leaks, failure->process_leaks == 1 ? "call" : "calls");
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

/* A length is whatever the caller passed: what no JSON integer holds is told in the other spelling only. */
static void render_args(struct sink *sink, const struct event_failure *f)
{
	sink_object_begin(sink, "args");
	sink_hex(sink, "addr", f->addr);
	if (f->length_bytes > INT64_MAX)
		sink_null(sink, "length");
	else
		sink_number(sink, "length", f->length_bytes);
	sink_hex(sink, "length_hex", f->length_bytes);
	sink_end(sink);
}

static void render_call(struct sink *sink, const struct event_failure *f)
{
	sink_string(sink, "syscall", render_syscall_name(f->syscall));
	sink_string(sink, "errno", format_errno(f->errno_code));
	if (f->errno_code)
		sink_number(sink, "errno_code", f->errno_code);
	else
		sink_null(sink, "errno_code");
	sink_bool(sink, "compat", f->compat);
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
	render_headline(sink, failure);
	render_process(sink, &failure->raw->process, failure->start_time_ns, failure->exe, failure->cgroup);
	render_args(sink, f);
	render_cause(sink, f);
	render_vma(sink, failure);
	render_bytes(sink, failure);
	render_user_stack(sink, failure);
	render_kernel_stack(sink, failure);
	render_advice_of_failure(sink, failure);
	return sink_record_end(sink);
}
