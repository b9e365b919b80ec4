/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stack_compare.h: stacks held against one another, and against what is mapped now. Decides nothing: see stack_cache.h. */
#ifndef VMASNOOP_STACK_COMPARE_H
#define VMASNOOP_STACK_COMPARE_H

#include <stdbool.h>

#include "modules.h"
#include "stack.h"

/* The same addresses, but for inlined frames: which of those are known may differ. */
bool stacks_have_same_addrs(const struct stack *a, const struct stack *b);

/* Likewise, and of two such stacks: in the same files. */
bool stacks_have_same_modules(const struct stack *a, const struct stack *b);

/* A frame is named from a file where another one is mapped, or was between two files when it was asked for. */
bool stack_is_contradicted(const struct stack *stack, const struct modules *modules);

/* A frame that had no file has one, or the stack ended early for want of what a file tells. */
bool stack_may_be_completed(const struct stack *stack, const struct modules *modules);

#endif
