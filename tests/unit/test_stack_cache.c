// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One stack for all failures from one place: what is asked for, what is shared, and what becomes of answers that come
 * late, differ, or never come. Nobody is really asked: the asks are noted here and answered by hand.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "records.h"
#include "stack_cache.h"

#define ASKS_MAX 4096

static struct {
	struct {
		uint64_t id;
		size_t addrs;
		size_t pieces;
		uint8_t first_byte; /* of the first piece */
	} asks[ASKS_MAX];
	size_t count;
	int refuse; /* what the next ask returns */
	uint64_t ambiguous; /* the last key that was */
	uint64_t wanted; /* the last key of which a slice was */
} asked;

static int note_ask(void *context, struct modules *modules, const struct raw_stack *raw, uint64_t id)
{
	(void)context, (void)modules;
	if (asked.refuse)
		return asked.refuse;
	assert_true(asked.count < ASKS_MAX);
	asked.asks[asked.count].id = id;
	asked.asks[asked.count].addrs = raw->count;
	asked.asks[asked.count].pieces = raw->piece_count;
	if (raw->piece_count)
		asked.asks[asked.count].first_byte = *(const uint8_t *)raw->pieces[0].bytes;
	asked.count++;
	return 0;
}

static void note_ambiguous(void *context, uint64_t key)
{
	(void)context;
	asked.ambiguous = key;
}

static void note_wanted(void *context, uint64_t key)
{
	(void)context;
	asked.wanted = key;
}

static struct stack_cache *make(void)
{
	const struct stack_cache_options options = {
		.ask = note_ask,
		.ambiguous = note_ambiguous,
		.want_slice = note_wanted,
	};
	struct stack_cache *cache = NULL;

	memset(&asked, 0, sizeof(asked));
	assert_int_equal(stack_cache_new(&options, &cache), 0);
	return cache;
}

/* Of so many mappings of that file, from 0x1000 on, of a page each. */
static struct modules *make_modules_of(const char *path, size_t count, uint64_t generation)
{
	struct module *list = calloc(count, sizeof(*list));
	struct modules *modules;

	assert_non_null(list);
	for (size_t i = 0; i < count; i++)
		list[i] = (struct module){
			.start = 0x1000 * (i + 1), .end = 0x1000 * (i + 2), .inode = 1, .path = strdup(path), .fd = -1};
	assert_int_equal(modules_from_list(list, count, &modules), 0);
	modules_set_generation(modules, generation);
	return modules;
}

static struct modules *make_modules(size_t count, uint64_t generation)
{
	return make_modules_of("/a", count, generation);
}

/* A stack of two frames, the outer one at `outer`. */
static struct stack *answer(uint64_t outer, const char *reason)
{
	struct stack *stack = calloc(1, sizeof(*stack));

	assert_non_null(stack);
	stack->frames = calloc(2, sizeof(*stack->frames));
	assert_non_null(stack->frames);
	stack->count = 2;
	stack->frames[0].addr = 0x1000;
	stack->frames[1].addr = outer;
	stack->reason = reason;
	return stack;
}

/* The failure as it comes, and its slice first when it has one. */
static struct shared_stack *find_with(struct stack_cache *cache, struct modules *modules,
				      struct event_failure_full *full, uint64_t number, bool with_slice)
{
	struct records_slice slice;
	struct shared_stack *shared = NULL;

	full->failure.stack_seen = (uint32_t)number;
	full->failure.has_slice = with_slice;
	records_slice(&full->failure, &slice);
	if (with_slice)
		assert_int_equal(stack_cache_slice(cache, &slice.slice), 0);
	assert_int_equal(stack_cache_find(cache, modules, &full->failure, number, &shared), 0);
	return shared;
}

static struct shared_stack *find(struct stack_cache *cache, struct event_failure_full *full, uint64_t number,
				 bool with_slice)
{
	return find_with(cache, NULL, full, number, with_slice);
}

static void test_one_ask_for_all(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *shared[100];
	struct stack_cache_counts counts;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	assert_false(stack_cache_has(cache, &full.failure));
	first = find(cache, &full, 1, true);
	assert_null(first->stack);
	for (size_t i = 0; i < 100; i++) {
		shared[i] = find(cache, &full, i + 2, false);
		assert_ptr_equal(shared[i], first);
	}
	assert_true(stack_cache_has(cache, &full.failure));
	assert_int_equal(asked.count, 1);
	assert_int_equal(asked.asks[0].addrs, 4);
	assert_int_equal(asked.asks[0].pieces, 2);
	assert_int_equal(asked.asks[0].first_byte, 'A');
	stack_cache_answered(cache, asked.asks[0].id, answer(0x2000, NULL));
	assert_int_equal(shared[99]->stack->frames[1].addr, 0x2000);
	assert_int_equal(shared[99]->number, 1);
	stack_cache_read_counts(cache, &counts);
	assert_int_equal(counts.failures, 101);
	assert_int_equal(counts.shared, 100);
	assert_int_equal(counts.asked, 1);
	assert_int_equal(counts.slices, 1);
	for (size_t i = 0; i < 100; i++)
		shared_stack_free(shared[i]);
	shared_stack_free(first);
	stack_cache_free(cache);
}

static void test_a_second_slice_that_says_the_same(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *second;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	first = find(cache, &full, 1, true);
	second = find(cache, &full, 2, true);
	assert_int_equal(asked.count, 2);
	assert_ptr_not_equal(first, second);
	assert_int_equal(second->number, 2);
	stack_cache_answered(cache, asked.asks[0].id, answer(0x2000, NULL));
	stack_cache_answered(cache, asked.asks[1].id, answer(0x2000, NULL));
	assert_int_equal(second->number, 1);
	assert_int_equal(asked.ambiguous, 0);
	shared_stack_free(first);
	shared_stack_free(second);
	stack_cache_free(cache);
}

static void test_a_second_slice_that_differs(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *second, *third;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	first = find(cache, &full, 1, true);
	second = find(cache, &full, 2, true);
	stack_cache_answered(cache, asked.asks[0].id, answer(0x2000, NULL));
	stack_cache_answered(cache, asked.asks[1].id, answer(0x3000, NULL));
	assert_int_equal(asked.ambiguous, full.failure.stack_key);
	/* Each keeps its own. */
	assert_int_equal(first->stack->frames[1].addr, 0x2000);
	assert_int_equal(second->stack->frames[1].addr, 0x3000);
	assert_int_equal(second->number, 2);
	third = find(cache, &full, 3, false);
	assert_ptr_equal(third, second);
	shared_stack_free(first);
	shared_stack_free(second);
	shared_stack_free(third);
	stack_cache_free(cache);
}

/* A stack that is known not to be whole contradicts nothing. */
static void test_an_incomplete_stack_is_not_ambiguous(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *second;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	first = find(cache, &full, 1, true);
	second = find(cache, &full, 2, true);
	stack_cache_answered(cache, asked.asks[0].id, answer(0x2000, "truncated"));
	stack_cache_answered(cache, asked.asks[1].id, answer(0x3000, NULL));
	assert_int_equal(asked.ambiguous, 0);
	shared_stack_free(first);
	shared_stack_free(second);
	stack_cache_free(cache);
}

/* What was refused is tried again with the next failure, and this one has its addresses all the same. */
static void test_refused(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *second;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	asked.refuse = -EAGAIN;
	first = find(cache, &full, 1, true);
	assert_non_null(first->stack);
	assert_int_equal(first->stack->frames[0].addr, full.user_stack[0]);
	assert_string_equal(first->stack->frames[0].reason, "symbolizer_busy");
	asked.refuse = 0;
	second = find(cache, &full, 2, false);
	assert_null(second->stack);
	assert_int_equal(asked.count, 1);
	assert_int_equal(asked.asks[0].pieces, 0);
	shared_stack_free(first);
	shared_stack_free(second);
	stack_cache_free(cache);
}

static void test_no_memory_is_an_error(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *shared;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	asked.refuse = -ENOMEM;
	assert_int_equal(stack_cache_find(cache, NULL, &full.failure, 1, &shared), -ENOMEM);
	stack_cache_free(cache);
}

static void test_give_up(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *shared, *other, *third;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	shared = find(cache, &full, 1, true);
	other = find(cache, &full, 2, false);
	assert_int_equal(shared_stack_give_up(&shared, &full.failure, 1, NULL, "deadline"), 0);
	assert_int_equal(shared->number, 1);
	assert_int_equal(shared->stack->count, 4);
	assert_string_equal(shared->stack->frames[3].reason, "deadline");
	/* The others go on waiting. */
	assert_null(other->stack);
	stack_cache_answered(cache, asked.asks[0].id, answer(0x2000, NULL));
	assert_int_equal(other->stack->frames[1].addr, 0x2000);
	assert_int_equal(shared->stack->count, 4);
	/* Nobody is referred to the one that did not show it: the next is the first to have it. */
	assert_int_equal(other->number, 0);
	third = find(cache, &full, 3, false);
	assert_ptr_equal(third, other);
	assert_int_equal(third->number, 3);
	shared_stack_free(shared);
	shared_stack_free(other);
	shared_stack_free(third);
	stack_cache_free(cache);
}

/* What went wrong on our side is not kept: what was known before counts again, or a slice is wanted. */
static void test_makeshift_answers_are_not_kept(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *second, *third;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	first = find(cache, &full, 1, true);
	stack_cache_answered(cache, asked.asks[0].id, answer(0x2000, "deadline"));
	assert_string_equal(first->stack->reason, "deadline");
	assert_int_equal(asked.wanted, full.failure.stack_key);
	shared_stack_free(first);
	first = find(cache, &full, 2, true);
	stack_cache_answered(cache, asked.asks[1].id, answer(0x2000, NULL));
	second = find(cache, &full, 3, true);
	stack_cache_answered(cache, asked.asks[2].id, answer(0x2000, "symbolizer_lost"));
	third = find(cache, &full, 4, false);
	assert_ptr_equal(third, first);
	assert_int_equal(asked.ambiguous, 0);
	shared_stack_free(first);
	shared_stack_free(second);
	shared_stack_free(third);
	stack_cache_free(cache);
}

/* No slice can ever contradict the key of a 32-bit program: equal addresses must. */
static void test_without_slices_the_addresses_decide(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *same, *other;
	struct event_failure_full full;
	uint64_t key;

	(void)state;
	records_failure(&full);
	full.failure.compat = 1;
	key = full.failure.stack_key;
	first = find(cache, &full, 1, false);
	same = find(cache, &full, 2, false);
	assert_ptr_equal(same, first);
	records_user_stack(&full, 0x7000, 4);
	full.failure.stack_key = key;
	other = find(cache, &full, 3, false);
	assert_ptr_not_equal(other, first);
	assert_int_equal(asked.count, 2);
	shared_stack_free(first);
	shared_stack_free(same);
	shared_stack_free(other);
	stack_cache_free(cache);
}

/* Refused, it is not shown the stack of other addresses, and nothing is said of those that asked for it. */
static void test_refused_with_other_addresses(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *refused, *same, *other;
	struct event_failure_full full;
	uint64_t key;

	(void)state;
	records_failure(&full);
	full.failure.compat = 1;
	key = full.failure.stack_key;
	first = find(cache, &full, 1, false);
	stack_cache_answered(cache, asked.asks[0].id, answer(0x2000, NULL));
	records_user_stack(&full, 0x7000, 4);
	full.failure.stack_key = key;
	asked.refuse = -EAGAIN;
	refused = find(cache, &full, 2, false);
	assert_ptr_not_equal(refused, first);
	assert_int_equal(refused->stack->frames[0].addr, 0x7000);
	assert_string_equal(refused->stack->frames[0].reason, "symbolizer_busy");
	asked.refuse = 0;
	other = find(cache, &full, 3, false);
	assert_ptr_not_equal(other, first);
	assert_int_equal(asked.count, 2);
	shared_stack_free(other);
	/* The last to be asked for is that of the second. */
	same = find(cache, &full, 4, false);
	assert_int_equal(asked.count, 2);
	shared_stack_free(first);
	shared_stack_free(refused);
	shared_stack_free(same);
	stack_cache_free(cache);
}

/* What is inlined is known only with debug information: it makes no other stack of it. */
static void test_inlined_frames_do_not_differ(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *first, *second;
	struct event_failure_full full;
	struct stack *stack = answer(0x1000, NULL);

	(void)state;
	stack->frames[0].inlined = true;
	records_failure(&full);
	first = find(cache, &full, 1, true);
	second = find(cache, &full, 2, true);
	stack_cache_answered(cache, asked.asks[0].id, stack);
	stack = answer(0, NULL);
	stack->count = 1;
	stack_cache_answered(cache, asked.asks[1].id, stack);
	assert_int_equal(asked.ambiguous, 0);
	assert_int_equal(second->number, 1);
	shared_stack_free(first);
	shared_stack_free(second);
	stack_cache_free(cache);
}

/* Far more places than are kept, all of them still waited for. */
static void test_many_places(void **state)
{
	static struct shared_stack *shared[3000];
	struct stack_cache *cache = make();
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	for (size_t i = 0; i < 3000; i++) {
		full.failure.stack_key = i + 1;
		shared[i] = find(cache, &full, 1, true);
	}
	assert_int_equal(asked.count, 3000);
	for (size_t i = 3000; i-- > 0;) {
		stack_cache_answered(cache, asked.asks[i].id, answer(i, NULL));
		assert_int_equal(shared[i]->stack->frames[1].addr, i);
		shared_stack_free(shared[i]);
	}
	stack_cache_free(cache);
}

/* As answer(), both frames with what these modules have for them. */
static struct stack *answer_within(const struct modules *modules, const char *reason)
{
	struct stack *stack = answer(0x2800, reason);

	for (size_t i = 0; i < 2; i++) {
		struct frame *frame = &stack->frames[i];
		const struct module *module = modules_find(modules, frame->addr - !(frame->activation = !i));

		frame->module = module ? strdup(module->path) : NULL;
		frame->offset = module ? frame->addr - module->start : 0;
		frame->reason = module ? NULL : "no_module";
	}
	return stack;
}

/* A frame without a file has one in the list that was read since: a slice is wanted, once, and makes the stack anew. */
static void test_modules_complete_a_stack(void **state)
{
	struct modules *without = make_modules(1, 1), *with = make_modules(2, 2), *others = make_modules(3, 3);
	struct stack_cache *cache = make();
	struct shared_stack *shared[6];
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	shared[0] = find_with(cache, without, &full, 1, true);
	stack_cache_answered(cache, asked.asks[0].id, answer_within(without, NULL));
	shared[1] = find_with(cache, without, &full, 3, false);
	assert_int_equal(asked.wanted, 0);
	shared[2] = find_with(cache, with, &full, 5, false);
	assert_ptr_equal(shared[2], shared[0]);
	assert_int_equal(asked.wanted, full.failure.stack_key);
	asked.wanted = 0;
	shared[3] = find_with(cache, with, &full, 6, false);
	assert_int_equal(asked.wanted, 0);
	assert_int_equal(asked.count, 1);
	shared[4] = find_with(cache, with, &full, 7, true);
	assert_int_equal(asked.count, 2);
	stack_cache_answered(cache, asked.asks[1].id, answer_within(with, NULL));
	assert_string_equal(shared[4]->stack->frames[1].module, "/a");
	/* The same addresses are not ambiguous, and it is no repetition of a stack with less in it. */
	assert_int_equal(asked.ambiguous, 0);
	assert_int_equal(shared[4]->number, 7);
	/* Nothing of it is missing: whatever else is mapped, it is as good as ever. */
	shared[5] = find_with(cache, others, &full, 9, false);
	assert_ptr_equal(shared[5], shared[4]);
	assert_int_equal(asked.wanted, 0);
	for (size_t i = 0; i < 6; i++)
		shared_stack_free(shared[i]);
	stack_cache_free(cache);
	modules_free(without);
	modules_free(with);
	modules_free(others);
}

/* An answer that is no answer does not make the stack of before one that was held against the new files. */
static void test_a_makeshift_answer_hides_no_other_file(void **state)
{
	struct modules *before = make_modules(2, 1), *now = make_modules_of("/b", 2, 2);
	struct stack_cache *cache = make();
	struct shared_stack *shared[3];
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	shared[0] = find_with(cache, before, &full, 1, true);
	stack_cache_answered(cache, asked.asks[0].id, answer_within(before, NULL));
	shared[1] = find_with(cache, now, &full, 2, true);
	stack_cache_answered(cache, asked.asks[1].id, answer_within(now, "deadline"));
	shared[2] = find_with(cache, now, &full, 3, false);
	assert_int_equal(asked.count, 3);
	assert_ptr_not_equal(shared[2], shared[0]);
	for (size_t i = 0; i < 3; i++)
		shared_stack_free(shared[i]);
	stack_cache_free(cache);
	modules_free(before);
	modules_free(now);
}

/* Nor is it shown, with the old file's name, to one whose slice was refused. */
static void test_refused_with_another_file(void **state)
{
	struct modules *before = make_modules(2, 1), *now = make_modules_of("/b", 2, 2);
	struct stack_cache *cache = make();
	struct shared_stack *first, *same, *refused;
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	first = find_with(cache, before, &full, 1, true);
	stack_cache_answered(cache, asked.asks[0].id, answer_within(before, NULL));
	asked.refuse = -EAGAIN;
	same = find_with(cache, before, &full, 2, true);
	assert_ptr_equal(same, first);
	refused = find_with(cache, now, &full, 4, true);
	assert_string_equal(refused->stack->frames[0].reason, "symbolizer_busy");
	shared_stack_free(first);
	shared_stack_free(same);
	shared_stack_free(refused);
	stack_cache_free(cache);
	modules_free(before);
	modules_free(now);
}

/* Of a 32-bit program no slice ever comes: it is asked at once, and once only. */
static void test_modules_complete_a_stack_without_slices(void **state)
{
	struct modules *without = make_modules(1, 1), *with = make_modules(2, 2);
	struct stack_cache *cache = make();
	struct shared_stack *shared[3];
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	full.failure.compat = 1;
	shared[0] = find_with(cache, without, &full, 1, false);
	stack_cache_answered(cache, asked.asks[0].id, answer_within(without, NULL));
	shared[1] = find_with(cache, with, &full, 2, false);
	assert_int_equal(asked.count, 2);
	stack_cache_answered(cache, asked.asks[1].id, answer_within(without, NULL));
	shared[2] = find_with(cache, with, &full, 3, false);
	assert_int_equal(asked.count, 2);
	for (size_t i = 0; i < 3; i++)
		shared_stack_free(shared[i]);
	stack_cache_free(cache);
	modules_free(without);
	modules_free(with);
}

/* A few stacks with long names take as much as many short ones: they give way, and what failures hold is told apart. */
static void test_bytes_are_bounded(void **state)
{
	enum { COUNT = 32, NAME_BYTES = 64 << 10 };
	const struct stack_cache_options options = {.ask = note_ask, .bytes_max = 4 * NAME_BYTES};
	struct shared_stack *shared[COUNT];
	struct stack_cache_counts counts;
	struct stack_cache *cache;
	struct event_failure_full full;

	(void)state;
	memset(&asked, 0, sizeof(asked));
	assert_int_equal(stack_cache_new(&options, &cache), 0);
	records_failure(&full);
	for (size_t i = 0; i < COUNT; i++) {
		struct stack *stack = answer(0x2000, NULL);

		full.failure.stack_key = i + 1;
		shared[i] = find(cache, &full, 1, true);
		stack->frames[1].symbol = malloc(NAME_BYTES);
		assert_non_null(stack->frames[1].symbol);
		memset(stack->frames[1].symbol, 'x', NAME_BYTES - 1);
		stack->frames[1].symbol[NAME_BYTES - 1] = '\0';
		stack_cache_answered(cache, asked.asks[i].id, stack);
	}
	stack_cache_read_counts(cache, &counts);
	assert_int_equal(counts.dropped, COUNT - 3);
	assert_in_range(stack_cache_loose_bytes(cache), (COUNT - 3) * NAME_BYTES, (COUNT - 2) * NAME_BYTES);
	for (size_t i = 0; i < COUNT; i++) {
		full.failure.stack_key = i + 1;
		full.failure.has_slice = 0;
		assert_int_equal(stack_cache_has(cache, &full.failure), i >= COUNT - 3);
		shared_stack_free(shared[i]);
	}
	assert_int_equal(stack_cache_loose_bytes(cache), 0);
	stack_cache_free(cache);
}

/* Slices whose failure never comes are not kept for ever, 4 MiB of them at most, and a failure does not get another one's. */
static void test_slices_without_a_failure(void **state)
{
	struct stack_cache *cache = make();
	struct shared_stack *shared;
	struct event_failure_full full;
	struct records_slice slice;

	(void)state;
	records_failure(&full);
	for (uint32_t i = 0; i < 1000; i++) {
		full.failure.stack_seen = 100 + i;
		records_slice(&full.failure, &slice);
		assert_int_equal(stack_cache_slice(cache, &slice.slice), 0);
	}
	full.failure.stack_seen = 1;
	full.failure.has_slice = 1;
	assert_int_equal(stack_cache_find(cache, NULL, &full.failure, 1, &shared), 0);
	assert_int_equal(asked.asks[0].pieces, 0);
	shared_stack_free(shared);
	stack_cache_free(cache);
}

static void test_nothing_was_asked_for(void **state)
{
	struct stack_cache *cache = make();
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	full.failure.stack_key = 0;
	assert_null(find(cache, &full, 1, false));
	/* An answer that nobody waits for. */
	stack_cache_answered(cache, 77, answer(0, NULL));
	stack_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_ask_for_all),
		cmocka_unit_test(test_a_second_slice_that_says_the_same),
		cmocka_unit_test(test_a_second_slice_that_differs),
		cmocka_unit_test(test_an_incomplete_stack_is_not_ambiguous),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_no_memory_is_an_error),
		cmocka_unit_test(test_give_up),
		cmocka_unit_test(test_makeshift_answers_are_not_kept),
		cmocka_unit_test(test_without_slices_the_addresses_decide),
		cmocka_unit_test(test_refused_with_other_addresses),
		cmocka_unit_test(test_inlined_frames_do_not_differ),
		cmocka_unit_test(test_many_places),
		cmocka_unit_test(test_modules_complete_a_stack),
		cmocka_unit_test(test_a_makeshift_answer_hides_no_other_file),
		cmocka_unit_test(test_refused_with_another_file),
		cmocka_unit_test(test_modules_complete_a_stack_without_slices),
		cmocka_unit_test(test_bytes_are_bounded),
		cmocka_unit_test(test_slices_without_a_failure),
		cmocka_unit_test(test_nothing_was_asked_for),
	};

	return cmocka_run_group_tests_name("stack_cache", tests, NULL, NULL);
}
