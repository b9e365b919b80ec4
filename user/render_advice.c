// SPDX-License-Identifier: GPL-2.0-or-later
/* render_advice.c: see render_advice.h. What is advised is decided by advice.c. */
#include "render_advice.h"

#include "advice.h"

/* 0: there is none, or it is not known. */
static void render_number(struct sink *sink, const char *name, uint64_t value)
{
	if (value)
		sink_number(sink, name, value);
	else
		sink_null(sink, name);
}

static void render_item(struct sink *sink, const struct advice *advice, const char *label)
{
	sink_object_begin(sink, NULL);
	sink_string(sink, "code", advice_code_name(advice->code));
	sink_string(sink, "text", advice->text);
	sink_string(sink, "setting", advice->setting);
	render_number(sink, "value", advice->value);
	render_number(sink, "bytes", advice->bytes);
	sink_string(sink, "allocator", allocator_name(advice->allocator));
	sink_end(sink);
	sink_line(sink, label, "%s", advice->text);
}

static void render(struct sink *sink, const struct advice_basis *basis, struct advice_facts *facts)
{
	struct advice advice[ADVICE_COUNT];
	size_t count = 0;

	if (basis->wanted) {
		facts->peak = basis->peak;
		facts->growth_known = basis->growth.known;
		facts->per_second = basis->growth.per_second;
		facts->is_contained = basis->is_contained;
		facts->machine = &basis->machine;
		count = advice_give(facts, advice);
	}
	sink_array_begin(sink, "advice");
	for (size_t i = 0; i < count; i++)
		render_item(sink, &advice[i], i ? "" : "fix");
	sink_end(sink);
}

void render_advice_of_failure(struct sink *sink, const struct model_failure *failure)
{
	const struct stack *stack = failure->user_stack ? failure->user_stack->stack : NULL;
	const struct event_failure *raw = failure->raw;
	struct advice_facts facts = {
		.verdict = raw->verdict,
		.vma_count = raw->vma_count,
		.vma_limit = raw->vma_limit,
		.syscall = raw->syscall,
		.interior = raw->interior,
		.addr = raw->addr,
		.length_bytes = raw->length_bytes,
		.vma = &raw->vma,
		.frames = stack ? stack->frames : NULL,
		.frame_count = stack ? stack->count : 0,
	};

	render(sink, &failure->advice, &facts);
}

void render_advice_of_near(struct sink *sink, const struct model_near *near)
{
	struct advice_facts facts = {
		.verdict = VERDICT_MAX_MAP_COUNT,
		.vma_count = near->raw->vma_count,
		.vma_limit = near->raw->vma_limit,
	};

	render(sink, &near->advice, &facts);
}
