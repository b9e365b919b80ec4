/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.c: what a stack needs as a value: to be freed, and its words. Makes none: see symbolizer.c and ksyms.c.
 */
#include "stack.h"

#include <stdlib.h>

void stack_free(struct stack *stack)
{
	if (!stack)
		return;
	for (size_t i = 0; i < stack->count; i++) {
		free(stack->frames[i].module);
		free(stack->frames[i].build_id);
		free(stack->frames[i].symbol);
		free(stack->frames[i].file);
	}
	free(stack->frames);
	free(stack);
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
