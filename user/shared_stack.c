// SPDX-License-Identifier: GPL-2.0-or-later
/* shared_stack.c: see shared_stack.h. */
#include "shared_stack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "modules_between.h"
#include "symbolizer_client.h"

struct shared_stack *shared_stack_new(struct shared_stack_account *account, uint64_t number)
{
	struct shared_stack *shared = calloc(1, sizeof(*shared));

	if (!shared)
		return NULL;
	shared->references = 1;
	shared->number = number;
	shared->account = account;
	return shared;
}

struct shared_stack *shared_stack_ref(struct shared_stack *shared)
{
	shared->references++;
	return shared;
}

void shared_stack_free(struct shared_stack *shared)
{
	if (!shared || --shared->references)
		return;
	shared->account->bytes -= shared->bytes;
	if (shared->kept)
		shared->account->kept_bytes -= shared->bytes;
	stack_free(shared->stack);
	free(shared);
}

static void explain_replaced(struct stack *stack)
{
	for (size_t i = 0; i < stack->count; i++) {
		struct frame *frame = &stack->frames[i];

		if (!frame->module || strcmp(frame->module, MODULES_REPLACED) != 0)
			continue;
		free(frame->module);
		frame->module = NULL;
		frame->offset = 0;
		frame->reason = "module_replaced";
	}
}

void shared_stack_fill(struct shared_stack *shared, struct stack *stack)
{
	explain_replaced(stack);
	shared->stack = stack;
	shared->bytes = stack_bytes(stack);
	shared->account->bytes += shared->bytes;
	if (shared->kept)
		shared->account->kept_bytes += shared->bytes;
}

void shared_stack_keep(struct shared_stack *shared)
{
	if (!shared->kept)
		shared->account->kept_bytes += shared->bytes;
	shared->kept = true;
}

void shared_stack_raw(const struct event_failure *failure, struct raw_stack *ret)
{
	*ret = (struct raw_stack){
		.capacity = EVENT_USER_FRAMES_MAX,
		.sp_word = failure->user_sp_word,
		.error = failure->user_stack_error,
		.compat = failure->compat,
	};
	ret->addrs = event_addrs(failure, &failure->user_stack, &ret->count);
}

int shared_stack_give_up(struct shared_stack **shared, const struct event_failure *failure, uint64_t number,
			 const struct modules *modules, const char *reason)
{
	struct shared_stack_account *account = (*shared)->account;
	struct shared_stack *own = shared_stack_new(account, number);
	struct raw_stack raw;
	struct stack *stack;

	if (!own)
		return -ENOMEM;
	shared_stack_raw(failure, &raw);
	stack = symbolizer_client_bare_stack(modules, &raw, reason);
	if (!stack) {
		shared_stack_free(own);
		return -ENOMEM;
	}
	shared_stack_fill(own, stack);
	account->given_up++;
	/* Nobody can be told "as failure N" of a stack that N did not show. */
	if ((*shared)->number == number)
		(*shared)->number = 0;
	shared_stack_free(*shared);
	*shared = own;
	return 0;
}
