/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shared_stack.h: a user stack that several failures have, and what all of them together take. Which failures share one
 * is not decided here: see stack_cache.h.
 */
#ifndef VMASNOOP_SHARED_STACK_H
#define VMASNOOP_SHARED_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"
#include "modules.h"
#include "stack.h"
#include "symbolizer.h"

/* Of all that belong together; outlives them. */
struct shared_stack_account {
	size_t bytes; /* that their stacks take */
	size_t kept_bytes; /* of them, of those that are kept: see shared_stack_keep() */
	uint64_t given_up; /* went out bare */
};

struct shared_stack {
	unsigned int references;
	uint64_t number; /* of the first failure of the process that has it; 0: the next that will have it */
	struct stack *stack; /* NULL until the answer is there */
	size_t bytes; /* of the stack */
	bool kept;
	struct shared_stack_account *account;
};

/* NULL: no memory. */
struct shared_stack *shared_stack_new(struct shared_stack_account *account, uint64_t number);
struct shared_stack *shared_stack_ref(struct shared_stack *shared);
void shared_stack_free(struct shared_stack *shared);

/* It stays for long, and not for a failure: what it takes is bounded elsewhere. */
void shared_stack_keep(struct shared_stack *shared);

/* Once: takes over `stack`. Where nothing is known of a frame's file but that it was replaced, the frame says so from now on. */
void shared_stack_fill(struct shared_stack *shared, struct stack *stack);

/* What the record itself says of its stack. */
void shared_stack_raw(const struct event_failure *failure, struct raw_stack *ret);

/*
 * A stack of its own for a failure, the `number`th of its process, whose answer is waited for no longer: addresses, and
 * why there is no more. Replaces *shared. 0 or -ENOMEM.
 */
int shared_stack_give_up(struct shared_stack **shared, const struct event_failure *failure, uint64_t number,
			 const struct modules *modules, const char *reason);

#endif
