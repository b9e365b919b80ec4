// SPDX-License-Identifier: GPL-2.0-or-later
/* stack_compare.c: see stack_compare.h. */
#include "stack_compare.h"

#include <string.h>

/* The index of the first frame from `i` on that is a frame of its own. */
static size_t skip_inlined(const struct stack *stack, size_t i)
{
	while (i < stack->count && stack->frames[i].inlined)
		i++;
	return i;
}

static bool has_same_addr(const struct frame *a, const struct frame *b)
{
	return a->addr == b->addr;
}

static bool has_same_module(const struct frame *a, const struct frame *b)
{
	return !strcmp(a->module ? a->module : "", b->module ? b->module : "") && a->offset == b->offset;
}

static bool are_same(const struct stack *a, const struct stack *b,
		     bool (*is_same)(const struct frame *, const struct frame *))
{
	size_t i = skip_inlined(a, 0), j = skip_inlined(b, 0);

	while (i < a->count && j < b->count && is_same(&a->frames[i], &b->frames[j])) {
		i = skip_inlined(a, i + 1);
		j = skip_inlined(b, j + 1);
	}
	return i == a->count && j == b->count;
}

bool stacks_have_same_addrs(const struct stack *a, const struct stack *b)
{
	return are_same(a, b, has_same_addr);
}

bool stacks_have_same_modules(const struct stack *a, const struct stack *b)
{
	return are_same(a, b, has_same_module);
}

static const struct module *module_of(const struct frame *frame, const struct modules *modules)
{
	return modules_find(modules, frame->addr - !frame->activation);
}

static bool has_reason(const char *reason, const char *name)
{
	return reason && !strcmp(reason, name);
}

/* A file that is mapped no longer contradicts nothing: nobody else can have called from there. */
static bool is_contradicted(const struct frame *frame, const struct module *module)
{
	if (has_reason(frame->reason, "module_replaced"))
		return true;
	return frame->module && module &&
	       (strcmp(frame->module, module->path) != 0 ||
		frame->offset != frame->addr - module->start + module->file_offset);
}

bool stack_is_contradicted(const struct stack *stack, const struct modules *modules)
{
	for (size_t i = 0; i < stack->count; i++)
		if (is_contradicted(&stack->frames[i], module_of(&stack->frames[i], modules)))
			return true;
	return false;
}

bool stack_may_be_completed(const struct stack *stack, const struct modules *modules)
{
	/* The frames that these end at are not shown: they were taken for no code. */
	if (has_reason(stack->reason, "no_cfi") || has_reason(stack->reason, "frame_pointer_lost"))
		return true;
	for (size_t i = 0; i < stack->count; i++)
		if (!stack->frames[i].module && module_of(&stack->frames[i], modules))
			return true;
	return false;
}
