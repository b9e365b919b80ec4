// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * symbolizer_bare.c: the stack that is shown when the symbolizer's process did not give one: what the kernel side and
 * the list of modules know. Opens and parses nothing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "symbolizer_client.h"

CLEANUP_DEFINE(cleanup_stack, struct stack *, stack_free)

static int fill_frame(struct frame *frame, const struct modules *modules, uint64_t addr, bool activation)
{
	const struct module *module = modules ? modules_find(modules, addr - !activation) : NULL;

	frame->addr = addr;
	frame->method = METHOD_FRAME_POINTER;
	frame->activation = activation;
	if (!module)
		return 0;
	frame->offset = addr - module->start + module->file_offset;
	frame->module = strdup(module->path);
	return frame->module ? 0 : -ENOMEM;
}

/* The reason of a stack without frames: where the kernel's own walk says one, that is it. */
static const char *why_empty(const struct raw_stack *raw, const char *reason)
{
	if (!raw->error)
		return reason;
	return raw->error == -EFAULT ? "no_user_stack" : "capture_failed";
}

struct stack *symbolizer_client_bare_stack(const struct modules *modules, const struct raw_stack *raw,
					   const char *reason)
{
	_cleanup_(cleanup_stack) struct stack *stack = calloc(1, sizeof(*stack));
	const uint64_t *addrs = raw->addrs;
	size_t count = raw->error ? 0 : raw->count;

	if (!count && raw->registers) {
		addrs = (const uint64_t *)&raw->registers->ip;
		count = 1;
	}
	if (stack)
		stack->frames = calloc(count + 1, sizeof(*stack->frames));
	if (!stack || !stack->frames)
		return NULL;
	for (; stack->count < count; stack->count++) {
		struct frame *frame = &stack->frames[stack->count];

		if (fill_frame(frame, modules, addrs[stack->count], !stack->count))
			return NULL;
		frame->reason = reason;
	}
	stack->method = count ? METHOD_FRAME_POINTER : METHOD_NONE;
	stack->truncated = count && raw->count >= raw->capacity;
	stack->reason = count ? reason : why_empty(raw, reason);
	return cleanup_take(stack);
}
