// SPDX-License-Identifier: GPL-2.0-or-later
/* The order of events and the wait for their stacks. The asks are noted here and answered by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../bpf/filter.h"
#include "pending.h"
#include "records.h"

static struct {
	uint64_t ids[1024];
	size_t count;
} asked;

static int note_ask(void *context, struct modules *modules, const struct raw_stack *raw, uint64_t id)
{
	(void)context, (void)modules, (void)raw;
	assert_true(asked.count < 1024);
	asked.ids[asked.count++] = id;
	return 0;
}

struct stage {
	struct model *model;
	struct pending *pending;
};

static struct stage make(size_t bytes_max)
{
	const struct model_options options = {.stacks = {.ask = note_ask}};
	struct stage stage;

	memset(&asked, 0, sizeof(asked));
	assert_int_equal(model_new(&options, &stage.model), 0);
	assert_int_equal(pending_new(stage.model, bytes_max, &stage.pending), 0);
	return stage;
}

static void end(struct stage *stage)
{
	pending_free(stage->pending);
	model_free(stage->model);
}

static void put(struct stage *stage, const void *record)
{
	struct event event;

	assert_int_equal(event_decode(record, ((const struct event_header *)record)->size, &event), 0);
	assert_int_equal(pending_add(stage->pending, &event), 0);
}

static void put_failure(struct stage *stage, uint64_t key)
{
	struct event_failure_full full;

	records_failure(&full);
	full.failure.stack_key = key;
	put(stage, &full);
}

/* What waits takes so many bytes each: beside the record the stack of the kernel's side. */
static size_t failure_bytes(void)
{
	struct stage stage = make(SIZE_MAX);
	struct event_failure_full full;
	struct model_failure failure;
	size_t bytes;

	records_failure(&full);
	assert_int_equal(model_failure(stage.model, &full.failure, &failure), 0);
	bytes = model_failure_bytes(&failure);
	assert_true(bytes >= 4 * sizeof(struct frame));
	model_failure_fini(&failure);
	end(&stage);
	return bytes;
}

static void answer(struct stage *stage, size_t ask)
{
	struct stack *stack = calloc(1, sizeof(*stack));

	assert_non_null(stack);
	model_answered(stage->model, asked.ids[ask], stack);
}

/* The number of the first event's failure, 0 when it is no failure, -1 when there is none that is complete. */
static int64_t take(struct stage *stage)
{
	const struct pending_event *first = pending_first(stage->pending);
	int64_t number;

	if (!first)
		return -1;
	number = first->event.kind == EVENT_FAILURE ? (int64_t)first->failure.number : 0;
	pending_drop_first(stage->pending);
	return number;
}

static void test_order(void **state)
{
	struct stage stage = make(SIZE_MAX);
	struct event_limit limit;

	(void)state;
	records_limit(1, 2, &limit);
	put_failure(&stage, 1);
	put(&stage, &limit);
	put_failure(&stage, 3);
	put_failure(&stage, 1);
	assert_int_equal(take(&stage), -1);
	/* The later one first: it waits behind the earlier. */
	answer(&stage, 1);
	assert_int_equal(take(&stage), -1);
	answer(&stage, 0);
	assert_int_equal(take(&stage), 1);
	assert_int_equal(take(&stage), 0);
	assert_int_equal(take(&stage), 2);
	assert_int_equal(take(&stage), 3);
	assert_int_equal(take(&stage), -1);
	end(&stage);
}

/* The record in the ring is gone when the answer comes. */
static void test_the_record_is_kept(void **state)
{
	struct stage stage = make(SIZE_MAX);
	struct event_failure_full *full = malloc(sizeof(*full));
	const struct pending_event *first;
	uint64_t addr;

	(void)state;
	assert_non_null(full);
	records_failure(full);
	addr = full->failure.addr;
	put(&stage, full);
	free(full);
	answer(&stage, 0);
	first = pending_first(stage.pending);
	assert_non_null(first);
	assert_int_equal(first->event.failure->addr, addr);
	assert_ptr_equal(first->failure.raw, first->event.failure);
	end(&stage);
}

/* A warning goes out in its place, behind the failure before it, and is the record's copy. */
static void test_a_warning_keeps_its_place(void **state)
{
	struct stage stage = make(SIZE_MAX);
	const struct pending_event *first;
	struct event_near near;

	(void)state;
	records_near(&near);
	put_failure(&stage, 1);
	put(&stage, &near);
	assert_null(pending_first(stage.pending));
	answer(&stage, 0);
	assert_int_equal(take(&stage), 1);
	first = pending_first(stage.pending);
	assert_non_null(first);
	assert_int_equal(first->event.kind, EVENT_NEAR);
	assert_ptr_equal(first->near.raw, first->event.near);
	assert_ptr_not_equal(first->near.raw, &near);
	assert_true(first->near.growth.known);
	assert_int_equal(take(&stage), 0);
	put(&stage, &near); /* one that is left at the end is freed */
	end(&stage);
}

/* A split goes out in its place, and where there are many, half of the room is not for them. */
static void test_splits_leave_room(void **state)
{
	struct stage stage = make(8192);
	struct event_split split;
	int shown = 0;

	(void)state;
	records_split(&split);
	put_failure(&stage, 1);
	for (int i = 0; i < 100; i++)
		put(&stage, &split);
	assert_null(pending_first(stage.pending)); /* the failure still waits for its stack */
	answer(&stage, 0);
	assert_int_equal(take(&stage), 1);
	for (; pending_first(stage.pending); pending_drop_first(stage.pending)) {
		assert_int_equal(pending_first(stage.pending)->event.kind, EVENT_SPLIT);
		assert_memory_equal(pending_first(stage.pending)->split.raw, &split, sizeof(split));
		shown++;
	}
	assert_true(shown > 0);
	assert_int_equal(pending_splits_dropped(stage.pending), 100 - shown);
	assert_true(shown < 100);
	put(&stage, &split);
	end(&stage);
}

/* What adds to what is known of a process is not shown, and nothing waits for it. */
static void test_kinds_that_are_not_shown(void **state)
{
	struct stage stage = make(SIZE_MAX);
	struct event_failure_full full;
	struct records_slice slice;
	struct event_mapped mapped;
	struct event_hot hot;

	(void)state;
	records_hot(&hot);
	put(&stage, &hot);
	records_mapped(&mapped);
	put(&stage, &mapped);
	records_failure(&full);
	records_slice(&full.failure, &slice);
	put(&stage, &slice);
	assert_int_equal(take(&stage), -1);
	end(&stage);
}

/* Two spans over the same bytes, which a capture may have: packed, the record is longer than it was. */
static void test_a_record_that_grows(void **state)
{
	struct stage stage = make(SIZE_MAX);
	struct event_failure_full full;
	struct event_span overlapping = {sizeof(full.failure), EVENT_KERNEL_FRAMES_MAX * 8};
	const struct pending_event *first;
	size_t count;

	(void)state;
	records_failure(&full);
	records_user_stack(&full, 0x1000, EVENT_USER_FRAMES_MAX);
	full.failure.kernel_stack = overlapping;
	full.failure.header.size = offsetof(struct event_failure_full, kernel_stack);
	put(&stage, &full);
	answer(&stage, 0);
	first = pending_first(stage.pending);
	assert_non_null(first);
	event_addrs(first->event.failure, &first->event.failure->kernel_stack, &count);
	assert_int_equal(count, EVENT_KERNEL_FRAMES_MAX);
	end(&stage);
}

/* When too much waits, the first go out as they are, few more of them than is needed; none is lost. */
static void test_too_much_waits(void **state)
{
	enum { COUNT = 200, KEPT = 50 };
	struct event_failure_full full;
	const size_t record_bytes = sizeof(full.failure) + 8 * sizeof(full.user_stack[0]);
	struct stage stage = make(KEPT * (sizeof(struct pending_event) + record_bytes + failure_bytes()));
	const struct pending_event *first;
	int out = 0;

	(void)state;
	for (uint64_t i = 0; i < COUNT; i++) {
		put_failure(&stage, i + 1);
		while ((first = pending_first(stage.pending)) != NULL) {
			assert_string_equal(first->failure.user_stack->stack->frames[0].reason, "symbolizer_busy");
			assert_int_equal(first->failure.number, ++out);
			pending_drop_first(stage.pending);
		}
	}
	assert_in_range(out, COUNT - 2 * KEPT, COUNT - KEPT / 2);
	assert_int_equal(pending_give_up(stage.pending, "deadline"), 0);
	while ((first = pending_first(stage.pending)) != NULL) {
		assert_string_equal(first->failure.user_stack->stack->frames[0].reason, "deadline");
		assert_int_equal(first->failure.number, ++out);
		pending_drop_first(stage.pending);
	}
	assert_int_equal(out, COUNT);
	/* An answer that comes after all finds nobody. */
	answer(&stage, 0);
	end(&stage);
}

/*
 * What was answered and waits behind the first is small as records go, and large with its names: it counts too. Then
 * the first goes out, and the others behind it with their stacks.
 */
static void test_names_count(void **state)
{
	enum { COUNT = 40, NAME_BYTES = 1 << 20 };
	struct stage stage = make(4 * NAME_BYTES);

	(void)state;
	put_failure(&stage, 1);
	for (size_t i = 1; i < COUNT; i++) {
		struct stack *stack = calloc(1, sizeof(*stack));

		put_failure(&stage, i + 1);
		assert_non_null(stack);
		stack->frames = calloc(1, sizeof(*stack->frames));
		assert_non_null(stack->frames);
		stack->count = 1;
		stack->frames[0].symbol = calloc(1, NAME_BYTES);
		assert_non_null(stack->frames[0].symbol);
		memset(stack->frames[0].symbol, 'x', NAME_BYTES - 1);
		model_answered(stage.model, asked.ids[i], stack);
	}
	put_failure(&stage, COUNT + 1);
	assert_non_null(pending_first(stage.pending));
	assert_string_equal(pending_first(stage.pending)->failure.user_stack->stack->reason, "symbolizer_busy");
	for (int64_t number = 1; number <= COUNT; number++)
		assert_int_equal(take(&stage), number);
	/* There is room for the last one to wait. */
	assert_int_equal(take(&stage), -1);
	end(&stage);
}

/* What a flood leaves behind: of the failures that went out, those that stood for themselves, and for how many the others. */
struct shown {
	size_t single;
	size_t records; /* of several */
	size_t together;
	uint64_t last_number;
};

static void take_all(struct stage *stage, struct shown *shown)
{
	const struct pending_event *first;

	while ((first = pending_first(stage->pending)) != NULL) {
		const struct model_failure *failure = &first->failure;

		assert_int_equal(failure->bytes, failure->count * failure->raw->length_bytes);
		assert_true(failure->span_ns < NSEC_PER_SEC);
		assert_true(failure->number - failure->first_number + 1 >= failure->count);
		assert_true(failure->number > shown->last_number || failure->count > 1);
		shown->last_number = failure->number;
		if (failure->count == 1) {
			shown->single++;
		} else {
			shown->records++;
			shown->together += failure->count;
		}
		pending_drop_first(stage->pending);
	}
}

/* `count` failures of one place, a microsecond apart, from *now_ns on. */
static void put_flood(struct stage *stage, struct shown *shown, uint64_t key, uint64_t *now_ns, size_t count)
{
	struct event_failure_full full;
	size_t asked_before = asked.count;

	records_failure(&full);
	full.failure.stack_key = key;
	for (size_t i = 0; i < count; i++) {
		*now_ns += 1000;
		full.failure.header.time_ns = *now_ns;
		put(stage, &full);
		if (asked.count > asked_before)
			answer(stage, asked_before++);
		take_all(stage, shown);
	}
}

/* After so many failures, and so many in a second, those of one place are one record; a new place is shown all the same. */
static void test_flood(void **state)
{
	struct stage stage = make(SIZE_MAX);
	struct shown shown = {};
	uint64_t now_ns = 5 * NSEC_PER_SEC;

	(void)state;
	put_flood(&stage, &shown, 1, &now_ns, FLOOD_AFTER);
	assert_int_equal(shown.single, FLOOD_AFTER);
	put_flood(&stage, &shown, 1, &now_ns, FLOOD_PER_SEC + 500);
	assert_int_equal(shown.single, FLOOD_AFTER + FLOOD_PER_SEC);
	put_flood(&stage, &shown, 2, &now_ns, 201);
	assert_int_equal(shown.single, FLOOD_AFTER + FLOOD_PER_SEC + 1);
	assert_int_equal(shown.records, 0);
	/* Not yet a second old, then it is; and with the second the count of those that are shown begins anew. */
	assert_int_equal(pending_flush(stage.pending, now_ns), 0);
	assert_null(pending_first(stage.pending));
	now_ns += NSEC_PER_SEC;
	put_flood(&stage, &shown, 1, &now_ns, FLOOD_PER_SEC + 1);
	assert_int_equal(shown.records, 2);
	assert_int_equal(shown.together, 700);
	assert_int_equal(shown.single, FLOOD_AFTER + 2 * FLOOD_PER_SEC + 1);
	/* One alone is an ordinary failure. */
	assert_int_equal(pending_flush(stage.pending, UINT64_MAX), 0);
	take_all(&stage, &shown);
	assert_int_equal(shown.single, FLOOD_AFTER + 2 * FLOOD_PER_SEC + 2);
	assert_int_equal(shown.last_number, FLOOD_AFTER + 2 * FLOOD_PER_SEC + 702);
	end(&stage);
}

/* What differs in cause or process is not put together, and what was not shown yet is freed at the end. */
static void test_flood_keeps_apart(void **state)
{
	struct stage stage = make(SIZE_MAX);
	struct shown shown = {};
	struct event_failure_full full;
	uint64_t now_ns = 5 * NSEC_PER_SEC;

	(void)state;
	put_flood(&stage, &shown, 1, &now_ns, FLOOD_AFTER + FLOOD_PER_SEC + 10);
	records_failure(&full);
	full.failure.stack_key = 1;
	full.failure.header.time_ns = now_ns;
	for (int i = 0; i < 5; i++) {
		records_make_kernel_memory(&full.failure);
		put(&stage, &full);
	}
	/* Of another process it is the first. */
	full.failure.process.tgid++;
	put(&stage, &full);
	answer(&stage, asked.count - 1);
	take_all(&stage, &(struct shown){});
	assert_int_equal(pending_flush(stage.pending, UINT64_MAX), 0);
	take_all(&stage, &shown);
	assert_int_equal(shown.records, 2);
	assert_int_equal(shown.together, 15);
	put_flood(&stage, &shown, 1, &now_ns, 10);
	end(&stage);
}

/* What has origins waits for their stacks, too, and so does what comes behind it; when nobody waits any longer it goes without. */
static void test_origins_wait(void **state)
{
	struct stage stage = make(SIZE_MAX);
	struct event_origins_full origins;
	struct event_origin_full origin;
	struct event_near near;

	(void)state;
	records_origin(&origin);
	put(&stage, &origin);
	assert_int_equal(asked.count, 1);
	records_origins(&origins);
	put(&stage, &origins);
	records_near(&near);
	put(&stage, &near);
	put(&stage, &near);
	assert_int_equal(take(&stage), -1);
	answer(&stage, 0);
	assert_non_null(pending_first(stage.pending)->near.origins);
	assert_int_equal(take(&stage), 0);
	/* Of one moment: the next is told of others, or of none. */
	assert_null(pending_first(stage.pending)->near.origins);
	assert_int_equal(take(&stage), 0);

	origin.origin.place.stack_key = origins.sums[1].stack_key;
	put(&stage, &origin);
	origins.origins.final = 1;
	put(&stage, &origins);
	assert_int_equal(take(&stage), -1);
	assert_int_equal(pending_give_up(stage.pending, "symbolizer_busy"), 0);
	assert_int_equal(pending_first(stage.pending)->origins.table->count, 3);
	assert_int_equal(take(&stage), 0);
	answer(&stage, 1);
	end(&stage);
}

/* The calls before a failure are its own, and taken with it when nobody ever looks. */
static void test_calls_before(void **state)
{
	struct stage stage = make(SIZE_MAX);
	struct event_failure_full full;
	struct event_ops ops;

	(void)state;
	records_failure(&full);
	full.failure.has_ops = 1;
	records_ops(&full.failure, &ops);
	put(&stage, &ops);
	put(&stage, &full);
	put(&stage, &full);
	put(&stage, &ops);
	answer(&stage, 0);
	assert_int_equal(pending_first(stage.pending)->failure.ops->total, 3);
	assert_int_equal(take(&stage), 1);
	assert_null(pending_first(stage.pending)->failure.ops);
	end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_origins_wait),
		cmocka_unit_test(test_calls_before),
		cmocka_unit_test(test_the_record_is_kept),
		cmocka_unit_test(test_a_warning_keeps_its_place),
		cmocka_unit_test(test_splits_leave_room),
		cmocka_unit_test(test_kinds_that_are_not_shown),
		cmocka_unit_test(test_a_record_that_grows),
		cmocka_unit_test(test_too_much_waits),
		cmocka_unit_test(test_names_count),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_flood_keeps_apart),
	};

	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
