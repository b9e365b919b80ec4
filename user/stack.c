/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.c: what a stack needs as a value: to be freed, and its words. Makes none: see symbolizer.c and ksyms.c.
 */
#include "stack.h"

#include <stdlib.h>
#include <string.h>

void stack_cut(struct stack *stack, size_t count)
{
	while (stack->count > count) {
		struct frame *frame = &stack->frames[--stack->count];

		free(frame->module);
		free(frame->build_id);
		free(frame->symbol);
		free(frame->file);
	}
}

void stack_free(struct stack *stack)
{
	if (!stack)
		return;
	stack_cut(stack, 0);
	free(stack->frames);
	free(stack);
}

static size_t string_bytes(const char *string)
{
	return string ? strlen(string) + 1 : 0;
}

size_t stack_bytes(const struct stack *stack)
{
	size_t bytes = sizeof(*stack) + stack->count * sizeof(*stack->frames);

	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		bytes += string_bytes(frame->module) + string_bytes(frame->build_id) + string_bytes(frame->symbol) +
			 string_bytes(frame->file);
	}
	return bytes;
}

static const struct reason {
	const char *name;
	const char *text;
} reasons[] = {
#define X(name, text) {#name, text},
	STACK_REASONS(X)
#undef X
};

static const struct reason *find_reason(const char *name)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (!strcmp(reasons[i].name, name))
			return &reasons[i];
	return NULL;
}

const char *stack_reason_find(const char *name)
{
	const struct reason *reason = find_reason(name);

	return reason ? reason->name : NULL;
}

const char *stack_reason_text(const char *name)
{
	const struct reason *reason = find_reason(name);

	return reason ? reason->text : name;
}

const char *frame_method_name(enum frame_method method)
{
	switch (method) {
	case METHOD_CFI:
		return "cfi";
	case METHOD_FRAME_POINTER:
		return "frame_pointer";
	case METHOD_MIXED:
		return "mixed";
	case METHOD_NONE:
		break;
	}
	return NULL;
}
