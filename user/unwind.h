/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind.h: walks a stack by call-frame information, over registers and memory that were copied from it. Gives addresses
 * and no names; looks for no debug files: see symbols.h.
 */
#ifndef VMASNOOP_UNWIND_H
#define VMASNOOP_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "modules.h"
#include "symbolizer.h"
#include "walk.h"

struct unwinder;

/* Of one process. `modules` and `options` are borrowed. Files are read when a stack first leads into them. */
int unwinder_new(const struct modules *modules, const struct symbolizer_options *options, struct unwinder **ret);
void unwinder_free(struct unwinder *unwinder);

/*
 * Fills *ret from raw->registers, which must be there. A frame is METHOD_CFI where call-frame information covers the frame
 * that led to it, METHOD_FRAME_POINTER where none did and the frame pointer was followed; the innermost one, which nothing
 * led to, has the method by which it leads on itself.
 */
void unwinder_walk(struct unwinder *unwinder, const struct raw_stack *raw, struct walk *ret);

/* Call-frame information says that at pc the return address is at the stack pointer: there is no frame yet, or none at all. */
bool unwinder_returns_at_sp(struct unwinder *unwinder, uint64_t pc);

#endif
