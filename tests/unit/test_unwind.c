/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_unwind.c: real stacks of real programs, unwound when they are gone: fixtures/ in all the ways in which programs are
 * built, against the chains of calls that are in their sources.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/symbolizer.h"
#include "subject.h"

static const struct symbolizer_options with_debug_files = {.open_debug_file = subject_open_debug_file, .statm_fd = -1};
static const struct symbolizer_options without = {.statm_fd = -1};

static struct stack *unwind_with(const struct symbolizer_options *options, const struct subject *subject, bool lines)
{
	struct symbolizer *symbolizer;
	struct stack *stack = NULL;

	assert_int_equal(symbolizer_new(options, &symbolizer), 0);
	assert_int_equal(symbolizer_unwind(symbolizer, subject->modules, &subject->raw, &stack), 0);
	if (lines)
		assert_int_equal(symbolizer_add_lines(symbolizer, subject->modules, stack), 0);
	symbolizer_free(symbolizer);
	return stack;
}

static void print(const struct stack *stack)
{
	fprintf(stderr, "stack: %s%s, %s\n", frame_method_name(stack->method) ?: "-",
		stack->truncated ? ", truncated" : "", stack->reason ?: "complete");
	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		if (i == 30 && stack->count > 60)
			i = stack->count - 20;
		fprintf(stderr, "  %#lx %s%s+%#lx %s:%d %s (%s)\n", (unsigned long)frame->addr, frame->symbol ?: "?",
			frame->inlined ? " inlined" : "", (unsigned long)frame->symbol_offset, frame->file ?: "?",
			frame->line, frame_method_name(frame->method) ?: "-", frame->reason ?: frame->module ?: "?");
	}
}

/* The symbols of `chain` (up to NULL) follow each other; returns where they begin. Prints the stack when they do not. */
static size_t assert_chain(const struct stack *stack, const char *const *chain)
{
	size_t length = 0;

	while (chain[length])
		length++;
	for (size_t at = 0; at + length <= stack->count; at++) {
		size_t same = 0;

		while (same < length && stack->frames[at + same].symbol &&
		       !strcmp(stack->frames[at + same].symbol, chain[same]))
			same++;
		if (same == length)
			return at;
	}
	print(stack);
	fail_msg("the chain from %s is not there", chain[0]);
	return 0;
}

#define CHAIN(...) ((const char *const[]){__VA_ARGS__, NULL})

static void assert_complete(const struct stack *stack, const char *outermost)
{
	if (stack->reason || stack->truncated || !stack->frames[stack->count - 1].symbol ||
	    strcmp(stack->frames[stack->count - 1].symbol, outermost))
		print(stack);
	assert_null(stack->reason);
	assert_false(stack->truncated);
	assert_string_equal(stack->frames[stack->count - 1].symbol, outermost);
}

static void assert_method(const struct stack *stack, enum frame_method method)
{
	if (stack->method != method)
		print(stack);
	assert_int_equal(stack->method, method);
}

static void assert_plain(const char *program, enum frame_method method)
{
	struct subject subject;
	struct stack *stack;

	subject_run(program, "plain", &subject);
	stack = unwind_with(&with_debug_files, &subject, false);
	assert_chain(stack, CHAIN("raise", "stop_here", "third", "second", "first", "main"));
	assert_complete(stack, "_start");
	assert_method(stack, method);
	stack_free(stack);
	subject_free(&subject);
}

static void unwinds_each_way_of_building(void **state)
{
	(void)state;
	assert_plain("pie", METHOD_CFI);
	assert_plain("static", METHOD_CFI);
	assert_plain("fixed", METHOD_CFI);
	assert_plain("nodebug", METHOD_CFI);
	assert_plain("build_id", METHOD_CFI);
	assert_plain("link", METHOD_CFI);
	assert_plain("split_dwarf", METHOD_CFI);
	assert_plain("debug_frame", METHOD_CFI);
	assert_plain("frame_pointer", METHOD_MIXED);
}

/* Without call-frame information and without frame pointers: that far, and why no further. */
static void says_where_call_frame_information_ends(void **state)
{
	struct subject subject;
	struct stack *stack;

	(void)state;
	subject_run("no_cfi", "plain", &subject);
	stack = unwind_with(&without, &subject, false);
	assert_chain(stack, CHAIN("raise", "stop_here"));
	assert_non_null(stack->reason);
	assert_string_equal(stack->reason, "no_cfi");
	assert_int_equal(stack->frames[0].method, METHOD_CFI);
	stack_free(stack);
	subject_free(&subject);
}

#ifdef __x86_64__
/* It covers the function and leads to a frame that is no further out: nothing was lost by a frame pointer. */
static void says_that_call_frame_information_is_wrong(void **state)
{
	struct subject subject;
	struct stack *stack;

	(void)state;
	subject_run("pie", "inwards", &subject);
	subject.raw.count = 0;
	stack = unwind_with(&without, &subject, false);
	assert_chain(stack, CHAIN("raise", "stop_here", "leads_inwards"));
	assert_string_equal(stack->frames[stack->count - 1].symbol, "leads_inwards");
	assert_method(stack, METHOD_CFI);
	assert_string_equal(stack->reason, "bad_cfi");
	assert_false(stack->truncated);
	stack_free(stack);
	subject_free(&subject);
}
#endif

static void names_what_a_stripped_program_exports(void **state)
{
	struct subject subject;
	struct stack *stack;
	size_t unnamed = 0;

	(void)state;
	subject_run("stripped", "plain", &subject);
	stack = unwind_with(&without, &subject, true);
	assert_null(stack->reason);
	assert_method(stack, METHOD_CFI);
	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		if (!strstr(frame->module, "stripped"))
			continue;
		assert_string_equal(frame->reason, "stripped");
		assert_true(frame->offset > 0);
		unnamed++;
	}
	assert_int_equal(unnamed, 6); /* stop_here, third, second, first, main, _start */
	stack_free(stack);
	subject_free(&subject);
}

static void assert_line_of(const struct frame *frame, const char *comment)
{
	char line[512];
	FILE *source;

	assert_non_null(frame->file);
	assert_non_null(strstr(frame->file, "chain.c"));
	source = fopen("tests/unit/fixtures/chain.c", "re");
	if (!source)
		return; /* run from elsewhere */
	for (int i = 0; i < frame->line; i++)
		assert_non_null(fgets(line, sizeof(line), source));
	fclose(source);
	assert_non_null(strstr(line, comment));
}

static void assert_inlined(const char *program)
{
	struct subject subject;
	struct stack *stack;
	size_t at;

	subject_run(program, "inlined", &subject);
	stack = unwind_with(&with_debug_files, &subject, true);
	at = assert_chain(stack, CHAIN("stop_here", "third_inlined", "second_inlined", "first_inlined", "main"));
	assert_complete(stack, "_start");
	assert_false(stack->frames[at].inlined);
	for (size_t i = 1; i <= 3; i++) {
		const struct frame *frame = &stack->frames[at + i];

		assert_int_equal(frame->inlined, i < 3);
		assert_int_equal(frame->addr, stack->frames[at + 3].addr);
		assert_string_equal(frame->module, stack->frames[at + 3].module);
		assert_null(frame->reason);
	}
	assert_line_of(&stack->frames[at + 1], "line third_inlined");
	assert_line_of(&stack->frames[at + 2], "line second_inlined");
	assert_line_of(&stack->frames[at + 3], "line first_inlined");
	stack_free(stack);
	subject_free(&subject);
}

static void unfolds_inlined_calls(void **state)
{
	(void)state;
	assert_inlined("pie");
	assert_inlined("static");
	assert_inlined("build_id");
	assert_inlined("link");
	if (!access(subject_path("shared.debug"), R_OK))
		assert_inlined("dwz");
}

/* The rest of its debug information is not there: lines are, and nothing breaks. */
static void does_without_split_debug_information(void **state)
{
	struct subject subject;
	struct stack *stack;
	size_t at;

	(void)state;
	subject_run("split_dwarf", "inlined", &subject);
	stack = unwind_with(&with_debug_files, &subject, true);
	at = assert_chain(stack, CHAIN("stop_here", "first_inlined", "main"));
	assert_line_of(&stack->frames[at + 1], "line third_inlined");
	stack_free(stack);
	subject_free(&subject);
}

static int refuse_debug_file(void *context, const struct debug_file_request *request)
{
	int *asked = context;

	(void)request;
	++*asked;
	return -1;
}

static int wrong_debug_file(void *context, const struct debug_file_request *request)
{
	int *asked = context;

	++*asked;
	return open(subject_path(request->kind == DEBUG_FILE_BY_BUILD_ID ? "link.debug" : "build_id.debug"),
		    O_RDONLY | O_CLOEXEC);
}

/* One of another program is not taken, and each is asked for once. */
static void checks_debug_files(void **state)
{
	static const char *const programs[] = {"build_id", "link"};

	(void)state;
	for (int i = 0; i < 4; i++) {
		int asked = 0;
		const struct symbolizer_options options = {.open_debug_file =
								   i < 2 ? wrong_debug_file : refuse_debug_file,
							   .context = &asked,
							   .statm_fd = -1};
		struct subject subject;
		struct stack *stack;

		subject_run(programs[i % 2], "plain", &subject);
		stack = unwind_with(&options, &subject, true);
		for (size_t at = 0; at < stack->count; at++)
			if (!strcmp(stack->frames[at].module, subject_path(programs[i % 2])))
				assert_string_equal(stack->frames[at].reason, "stripped");
		assert_true(asked > 0 && asked <= 4); /* of the program and of libc, by build-id and by link */
		stack_free(stack);
		subject_free(&subject);
	}
}

static void assert_deep(const struct stack *stack)
{
	size_t at = assert_chain(stack, CHAIN("raise", "stop_here", "third", "deep"));

	for (size_t i = 0; i <= 300; i++)
		assert_string_equal(stack->frames[at + 3 + i].symbol, "deep");
	assert_string_equal(stack->frames[at + 3 + 301].symbol, "main");
}

static void follows_300_frames_of_recursion(void **state)
{
	struct subject subject;
	struct stack *stack;
	size_t at;

	(void)state;
	subject_run("pie", "deep", &subject);
	stack = unwind_with(&with_debug_files, &subject, true);
	assert_deep(stack);
	assert_complete(stack, "_start");
	stack_free(stack);
	subject_free(&subject);

	subject_run("recurse", NULL, &subject);
	stack = unwind_with(&with_debug_files, &subject, false);
	at = assert_chain(stack, CHAIN("raise", "shapes::walker<long>::descend"));
	for (size_t i = 1; i <= 301; i++)
		assert_string_equal(stack->frames[at + i].symbol, "shapes::walker<long>::descend");
	if (strncmp(stack->frames[stack->count - 1].symbol, "clone", 5) &&
	    strncmp(stack->frames[stack->count - 1].symbol, "__clone", 7))
		print(stack);
	assert_null(stack->reason);
	stack_free(stack);
	subject_free(&subject);
}

static void unwinds_a_thread(void **state)
{
	struct subject subject;
	struct stack *stack;

	(void)state;
	subject_run("pie", "thread", &subject);
	stack = unwind_with(&with_debug_files, &subject, false);
	assert_chain(stack, CHAIN("raise", "stop_here", "third", "second", "first", "in_thread", "start_thread"));
	assert_null(stack->reason);
	stack_free(stack);
	subject_free(&subject);
}

static void returns_beyond_the_end_of_a_function(void **state)
{
	struct subject subject;
	struct stack *stack;

	(void)state;
	subject_run("pie", "noreturn", &subject);
	stack = unwind_with(&with_debug_files, &subject, false);
	assert_chain(stack, CHAIN("raise", "stop_here", "third", "never_returns", "calls_at_its_end", "main"));
	assert_complete(stack, "_start");
	stack_free(stack);
	subject_free(&subject);
}

/* The interrupted chain is on another stack: with it, the whole; without, what there is and why. */
static void crosses_a_signal_stack(void **state)
{
	struct subject subject;
	struct stack *stack;
	size_t at;

	(void)state;
	subject_run("pie", "altstack", &subject);
	assert_int_equal(subject.raw.piece_count, 2);
	stack = unwind_with(&with_debug_files, &subject, true);
	assert_chain(stack, CHAIN("stop_here", "third", "second", "first", "on_signal", "__restore_rt"));
	at = assert_chain(stack, CHAIN("raise", "interrupted"));
	assert_true(stack->frames[0].activation && stack->frames[at - 2].activation);
	assert_false(stack->frames[1].activation || stack->frames[at].activation);
	assert_complete(stack, "_start");
	stack_free(stack);

	subject.raw.piece_count = 1;
	stack = unwind_with(&with_debug_files, &subject, false);
	assert_chain(stack, CHAIN("stop_here", "third", "second", "first", "on_signal", "__restore_rt"));
	assert_string_equal(stack->reason, "alt_stack");
	stack_free(stack);
	subject_free(&subject);

	subject_run("pie", "altstack_within", &subject);
	stack = unwind_with(&with_debug_files, &subject, true);
	assert_chain(stack, CHAIN("first", "on_signal", "__restore_rt"));
	assert_chain(stack, CHAIN("raise", "interrupted"));
	stack_free(stack);
	subject_free(&subject);
}

static int refuse_alternate(void *context, const struct debug_file_request *request)
{
	return request->kind == DEBUG_FILE_ALTERNATE ? -1 : subject_open_debug_file(context, request);
}

/* Names that are in the file that is not there are missing; libdw does not go and look for it. */
static void does_without_the_alternate_file(void **state)
{
	const struct symbolizer_options options = {.open_debug_file = refuse_alternate, .statm_fd = -1};
	struct subject subject;
	struct stack *stack;

	(void)state;
	if (access(subject_path("shared.debug"), R_OK))
		skip();
	subject_run("dwz", "inlined", &subject);
	stack = unwind_with(&options, &subject, true);
	assert_chain(stack, CHAIN("stop_here"));
	assert_chain(stack, CHAIN("first_inlined", "main"));
	assert_complete(stack, "_start");
	stack_free(stack);
	subject_free(&subject);
}

/* Cut anywhere: what is there is a beginning of the whole chain, and it says that it is not all. */
static void says_that_it_is_truncated(void **state)
{
	struct subject subject;
	struct stack *whole, *stack;
	size_t size, shorter = 0;

	(void)state;
	subject_run("pie", "plain", &subject);
	whole = unwind_with(&with_debug_files, &subject, false);
	size = subject.raw.pieces[0].size;
	subject.raw.count = 0;
	for (size_t cut = 8; cut < size; cut += cut < 2600 ? 72 : 4096) {
		subject.raw.pieces[0].size = cut;
		stack = unwind_with(&without, &subject, false);
		assert_true(stack->count > 0 && stack->count <= whole->count);
		for (size_t i = 0; i < stack->count; i++)
			assert_int_equal(stack->frames[i].addr, whole->frames[i].addr);
		assert_int_equal(stack->truncated, stack->count < whole->count);
		if (stack->count < whole->count) {
			assert_string_equal(stack->reason, "truncated");
			shorter++;
		}
		stack_free(stack);
	}
	assert_true(shorter > 10);
	stack_free(whole);
	subject_free(&subject);
}

/* Where frame pointers hold they lead on from where the bytes end. */
static void completes_with_frame_pointers(void **state)
{
	struct subject subject;
	struct stack *stack;

	(void)state;
	subject_run("frame_pointer", "plain", &subject);
	subject.raw.pieces[0].size = 512;
	stack = unwind_with(&with_debug_files, &subject, false);
	/* libc has no frame pointers: the kernel's walk has lost the frames between main and the program's start. */
	assert_chain(stack, CHAIN("stop_here", "third", "second", "first", "main"));
	assert_method(stack, METHOD_MIXED);
	stack_free(stack);
	subject_free(&subject);

	subject_run("static", "deep", &subject);
	subject.raw.count = 0;
	stack = unwind_with(&without, &subject, false);
	assert_deep(stack);
	for (size_t i = 0; i < SUBJECT_ADDRS_MAX && i < stack->count; i++)
		subject.addrs[i] =
			stack->frames[stack->count < SUBJECT_ADDRS_MAX ? i : stack->count - SUBJECT_ADDRS_MAX + i].addr;
	stack_free(stack);
	/* A chain as the kernel would have it, of which the bytes hold the first half only. */
	subject.raw.count = SUBJECT_ADDRS_MAX;
	subject.raw.pieces[0].size = 2048;
	stack = unwind_with(&without, &subject, false);
	assert_complete(stack, "_start");
	assert_method(stack, METHOD_MIXED);
	stack_free(stack);
	subject_free(&subject);
}

static void unwinds_generated_code(void **state)
{
	char map[] = "/tmp/test_unwind.XXXXXX";
	int fd = mkostemp(map, O_CLOEXEC);
	struct subject subject;
	struct stack *stack;
	size_t at;

	(void)state;
	setenv("PERF_MAP", map, 1);
	subject_run("frame_pointer", "generated", &subject);
	stack = unwind_with(&with_debug_files, &subject, false);
	at = assert_chain(stack, CHAIN("raise", "stop_here"));
	assert_null(stack->frames[at + 2].symbol);
	assert_string_equal(stack->frames[at + 2].reason, "no_module");
	assert_complete(stack, "_start");
	stack_free(stack);

	modules_set_perf_map_fd(subject.modules, fd);
	stack = unwind_with(&with_debug_files, &subject, true);
	at = assert_chain(stack, CHAIN("stop_here", "generated code", "run_generated", "main"));
	assert_null(stack->frames[at + 1].module);
	assert_int_equal(stack->frames[at + 1].symbol_offset, 6);
	assert_complete(stack, "_start");
	stack_free(stack);

	assert_int_equal(ftruncate(fd, 0), 0);
	stack = unwind_with(&with_debug_files, &subject, false);
	assert_string_equal(stack->frames[at + 1].reason, "jit_unmapped");
	stack_free(stack);
	subject_free(&subject);
	unsetenv("PERF_MAP");
	unlink(map);
}

/* A 32-bit task's registers are of no use; a process that was gone has addresses. */
static void does_with_addresses_alone(void **state)
{
	struct subject subject;
	struct stack *stack;

	(void)state;
	subject_run("frame_pointer", "plain", &subject);
	subject.raw.compat = true;
	stack = unwind_with(&with_debug_files, &subject, false);
	assert_method(stack, METHOD_FRAME_POINTER);
	assert_true(stack->count <= subject.raw.count);
	stack_free(stack);
	modules_free(subject.modules);
	subject.modules = NULL;
	stack = unwind_with(&with_debug_files, &subject, true);
	assert_string_equal(stack->frames[0].reason, "process_gone");
	assert_int_equal(stack->count, subject.raw.count);
	stack_free(stack);
	subject_free(&subject);
}

static void unwinds_the_vdso(void **state)
{
	struct subject subject;
	struct stack *stack;

	(void)state;
	subject_run("pie", "vdso", &subject);
	stack = unwind_with(&with_debug_files, &subject, true);
	assert_string_equal(stack->frames[0].module, "[vdso]");
	assert_non_null(stack->frames[0].symbol);
	assert_non_null(strstr(stack->frames[0].symbol, "clock_gettime"));
	assert_chain(stack, CHAIN("ask_for_time", "main"));
	assert_complete(stack, "_start");
	assert_method(stack, METHOD_CFI);
	stack_free(stack);
	subject_free(&subject);
}

static void names_a_32_bit_program(void **state)
{
	struct subject subject;
	struct stack *stack;

	(void)state;
	if (access(subject_path("m32"), X_OK))
		skip();
	subject_run("m32", "plain", &subject);
	assert_true(subject.raw.compat);
	stack = unwind_with(&with_debug_files, &subject, true);
	assert_chain(stack, CHAIN("third", "second", "first", "main"));
	assert_method(stack, METHOD_FRAME_POINTER);
	assert_string_equal(stack->reason, "frame_pointer_lost"); /* in libc */
	stack_free(stack);
	subject_free(&subject);
}

static const struct module *seen;
static int told;

static void note_work(void *context, const struct module *module)
{
	(void)context;
	told++;
	seen = module;
}

static int opened;

static int count_debug_files(void *context, const struct debug_file_request *request)
{
	opened++;
	return subject_open_debug_file(context, request);
}

/* One symbolizer for all, within a bound of nothing: what was parsed is dropped, and nothing is parsed twice for one stack. */
static void keeps_and_forgets(void **state)
{
	const struct symbolizer_options options = {.open_debug_file = count_debug_files,
						   .working_on = note_work,
						   .memory_bytes = 1,
						   .statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)};
	static const char *const programs[] = {"pie", "static", "fixed", "recurse", "pie", "build_id"};
	struct symbolizer *symbolizer;

	(void)state;
	assert_int_equal(symbolizer_new(&options, &symbolizer), 0);
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct subject subject;
		struct stack *stack[2];

		subject_run(programs[i], "plain", &subject);
		for (int again = 0; again < 2; again++) {
			told = opened = 0;
			assert_int_equal(symbolizer_unwind(symbolizer, subject.modules, &subject.raw, &stack[again]),
					 0);
			assert_int_equal(symbolizer_add_lines(symbolizer, subject.modules, stack[again]), 0);
			assert_null(stack[again]->reason);
			assert_null(seen);
			assert_true(told > 0);
			assert_true(!again || !opened);
		}
		assert_int_equal(stack[0]->count, stack[1]->count);
		for (size_t at = 0; at < stack[0]->count; at++)
			assert_string_equal(stack[0]->frames[at].symbol ?: "", stack[1]->frames[at].symbol ?: "");
		stack_free(stack[0]);
		stack_free(stack[1]);
		symbolizer_forget(symbolizer, subject.modules);
		subject_free(&subject);
	}
	symbolizer_free(symbolizer);
	close(options.statm_fd);
}

/* Registers and memory of chance: it ends, and leads nowhere. */
static void ends_on_garbage(void **state)
{
	struct subject subject;
	unsigned int seed = 1;

	(void)state;
	subject_run("pie", "deep", &subject);
	for (int i = 0; i < 200; i++) {
		uint64_t *words = (void *)subject.bytes[0];
		size_t count = subject.raw.pieces[0].size / sizeof(*words);

		for (int n = 0; n < 50; n++)
			words[(size_t)rand_r(&seed) % count] =
				i & 1 ? words[(size_t)rand_r(&seed) % count] : (uint64_t)rand_r(&seed) << 17;
		subject.registers.bp = words[(size_t)rand_r(&seed) % count];
		if (i % 10 == 9)
			subject.registers.sp += 8 * (uint64_t)(rand_r(&seed) % 64);
		stack_free(unwind_with(&without, &subject, false));
	}
	subject_free(&subject);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unwinds_each_way_of_building),
		cmocka_unit_test(says_where_call_frame_information_ends),
#ifdef __x86_64__
		cmocka_unit_test(says_that_call_frame_information_is_wrong),
#endif
		cmocka_unit_test(names_what_a_stripped_program_exports),
		cmocka_unit_test(unfolds_inlined_calls),
		cmocka_unit_test(does_without_split_debug_information),
		cmocka_unit_test(checks_debug_files),
		cmocka_unit_test(follows_300_frames_of_recursion),
		cmocka_unit_test(unwinds_a_thread),
		cmocka_unit_test(returns_beyond_the_end_of_a_function),
		cmocka_unit_test(crosses_a_signal_stack),
		cmocka_unit_test(does_without_the_alternate_file),
		cmocka_unit_test(says_that_it_is_truncated),
		cmocka_unit_test(completes_with_frame_pointers),
		cmocka_unit_test(unwinds_generated_code),
		cmocka_unit_test(unwinds_the_vdso),
		cmocka_unit_test(names_a_32_bit_program),
		cmocka_unit_test(does_with_addresses_alone),
		cmocka_unit_test(keeps_and_forgets),
		cmocka_unit_test(ends_on_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
