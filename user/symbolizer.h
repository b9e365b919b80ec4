/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbolizer.h: from addresses to names: the seam behind which libdw lives. It is handed all that it needs (addresses,
 * a few registers, open files) and looks at no process, so that it can move to a process of its own.
 */
#ifndef VMASNOOP_SYMBOLIZER_H
#define VMASNOOP_SYMBOLIZER_H

#include <stddef.h>
#include <stdint.h>

#include "modules.h"
#include "stack.h"

/* A user stack as the kernel side took it. */
struct raw_stack {
	const uint64_t *addrs; /* innermost first, by frame pointers */
	size_t count;
	size_t capacity; /* addrs could have held so many: reaching it means truncated */
	uint64_t sp_word; /* the word at the stack pointer, 0: not known */
	int error; /* negative errno of the capture, 0: none */
};

struct symbolizer;

int symbolizer_new(struct symbolizer **ret);
void symbolizer_free(struct symbolizer *symbolizer);

/*
 * Names the frames of `raw`. `modules` may be NULL (the process was gone before they could be read): the frames then
 * have addresses and the reason. Where call-frame information says that the innermost function has no frame of its own
 * and that its return address is at the stack pointer, the caller that a frame-pointer walk skips is put back in, with
 * METHOD_CFI. Returns 0, or -ENOMEM.
 */
int symbolizer_name_stack(struct symbolizer *symbolizer, const struct modules *modules, const struct raw_stack *raw,
			  struct stack **ret);

#endif
