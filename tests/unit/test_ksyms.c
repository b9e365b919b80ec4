/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_ksyms.c: ksyms.c against kallsyms texts as several kernels and rungs show them, and against the one that runs.
 */
#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/ksyms.h"

/* Out of order on purpose: modules and BPF programs follow the kernel's own, below or above them. */
static const char kernel[] = "ffffffff81000000 T _text\n"
			     "ffffffff81000000 T _stext\n"
			     "ffffffff81001000 T do_vmi_munmap\n"
			     "ffffffff81002000 t __vm_munmap\n"
			     "ffffffff81002800 d some_data\n"
			     "ffffffff81003000 W __x64_sys_munmap\n"
			     "ffffffff81004000 T do_syscall_64\n"
			     "ffffffff81005000 T bpf_get_stack_raw_tp\n"
			     "ffffffff81006000 T bpf_trace_run2\n"
			     "ffffffff81007000 T __traceiter_mmap_lock_released\n"
			     "ffffffff81008000 T __mmap_lock_do_trace_released\n"
			     "ffffffff81009000 T kretprobe_trampoline\n"
			     "ffffffff8100a000 T _etext\n"
			     "ffffffffc0100000 t module_function\t[a_module]\n"
			     "ffffffffc0000000 t bpf_prog_6deef7357e7b4530_released\t[bpf]\n"
			     "ffffffffc0001000 t bpf_trampoline_6442500000\t[bpf]\n";

struct fixture {
	char path[32];
	int fd;
	struct ksyms *ksyms;
};

static struct fixture open_text(const char *text)
{
	struct fixture fixture = {.fd = memfd_create("kallsyms", 0)};

	assert_true(fixture.fd >= 0);
	assert_int_equal(write(fixture.fd, text, strlen(text)), strlen(text));
	snprintf(fixture.path, sizeof(fixture.path), "/proc/self/fd/%d", fixture.fd);
	assert_int_equal(ksyms_new(fixture.path, &fixture.ksyms), 0);
	return fixture;
}

static void close_text(struct fixture *fixture)
{
	ksyms_free(fixture->ksyms);
	close(fixture->fd);
}

/* "symbol+offset reason symbol+offset ...|reason of the stack". */
static void assert_stack(const char *text, const uint64_t *addrs, size_t count, int error, const char *expected)
{
	struct fixture fixture = open_text(text);
	struct stack *stack = NULL;
	char shown[1024] = "";

	assert_int_equal(ksyms_name_stack(fixture.ksyms, addrs, count, error, &stack), 0);
	for (size_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];
		char *end = shown + strlen(shown);

		if (frame->symbol)
			sprintf(end, "%s+%" PRIx64 " ", frame->symbol, frame->symbol_offset);
		else
			sprintf(end, "%s ", frame->reason);
		assert_true(frame->symbol ? !frame->reason : !!frame->reason);
	}
	sprintf(shown + strlen(shown), "|%s", stack->reason ? stack->reason : "");
	assert_string_equal(shown, expected);
	stack_free(stack);
	close_text(&fixture);
}

#define ASSERT_STACK(text, expected, ...)                                                  \
	do {                                                                               \
		const uint64_t addrs_[] = {__VA_ARGS__};                                   \
                                                                                           \
		assert_stack(text, addrs_, sizeof(addrs_) / sizeof(*addrs_), 0, expected); \
	} while (0)

static void names_functions_only(void **state)
{
	(void)state;
	/* The data symbol is no function: what lies beyond it still belongs to the function before. */
	ASSERT_STACK(kernel, "__vm_munmap+810 __x64_sys_munmap+5 do_syscall_64+7 |", 0xffffffff81002810,
		     0xffffffff81003005, 0xffffffff81004007);
	ASSERT_STACK(kernel, "module_function+10 _text+1 |", 0xffffffffc0100010, 0xffffffff81000001);
}

static void takes_a_return_address_for_the_call_before_it(void **state)
{
	(void)state;
	ASSERT_STACK(kernel, "do_vmi_munmap+0 |", 0xffffffff81001000);
	ASSERT_STACK(kernel, "do_syscall_64+0 __vm_munmap+1000 |", 0xffffffff81004000, 0xffffffff81003000);
}

static void leaves_the_machinery_of_a_tracepoint_out(void **state)
{
	(void)state;
	ASSERT_STACK(kernel, "__vm_munmap+5 __x64_sys_munmap+5 |", 0xffffffff81005005, 0xffffffffc0000010,
		     0xffffffff81006005, 0xffffffff81007005, 0xffffffff81008005, 0xffffffff81002005,
		     0xffffffff81003005);
}

static void leaves_the_machinery_of_fexit_out(void **state)
{
	(void)state;
	ASSERT_STACK(kernel, "do_vmi_munmap+5 do_syscall_64+5 |", 0xffffffffc0000010, 0xffffffffc0001010,
		     0xffffffff81001005, 0xffffffff81004005);
}

static void takes_unnamed_leading_frames_for_machinery(void **state)
{
	(void)state;
	ASSERT_STACK(kernel, "do_vmi_munmap+5 |", 0xffffffffd0000010, 0xffffffffc0000010, 0xffffffffd0001010,
		     0xffffffff81001005);
	ASSERT_STACK(kernel, "do_vmi_munmap+5 |", 0xffffffffd0000010, 0xffffffff81001005);
}

static void keeps_machinery_further_down(void **state)
{
	(void)state;
	ASSERT_STACK(kernel, "do_vmi_munmap+5 bpf_trace_run2+5 no_symbol do_syscall_64+5 |", 0xffffffff81001005,
		     0xffffffff81006005, 0xffffffffd0000010, 0xffffffff81004005);
}

/* All that a kretprobe on 5.10 shows. */
static void says_that_a_return_trampoline_hides_the_stack(void **state)
{
	(void)state;
	ASSERT_STACK(kernel, "|kretprobe_trampoline", 0xffffffffc0000010, 0xffffffff81009000);
	ASSERT_STACK(kernel, "|kretprobe_trampoline", 0xffffffff81009000, 0xffffffffd0000010);
	ASSERT_STACK(kernel, "|machinery_only", 0xffffffffc0000010);
}

static void keeps_frames_of_which_it_knows_nothing(void **state)
{
	(void)state;
	ASSERT_STACK(kernel, "no_symbol no_symbol no_symbol |", 0xffffffffd0000010, 1, UINT64_MAX);
	ASSERT_STACK(kernel, "no_symbol |", 0);
}

static void says_that_addresses_are_hidden(void **state)
{
	(void)state;
	ASSERT_STACK("0000000000000000 T _text\n0000000000000000 t do_munmap\n", "kptr_restrict kptr_restrict |",
		     0xffffffff81001005, 0xffffffff81001005);
	ASSERT_STACK("", "no_kallsyms |", 0xffffffff81001005);
}

static void says_that_there_is_no_file(void **state)
{
	const uint64_t addr = 0xffffffff81001005;
	struct ksyms *ksyms;
	struct stack *stack;

	(void)state;
	assert_int_equal(ksyms_new("/nonexistent/kallsyms", &ksyms), 0);
	assert_int_equal(ksyms_name_stack(ksyms, &addr, 1, 0, &stack), 0);
	assert_string_equal(stack->frames[0].reason, "no_kallsyms");
	stack_free(stack);
	ksyms_free(ksyms);
}

static void says_that_the_capture_failed(void **state)
{
	const uint64_t addr = 0xffffffff81001005;

	(void)state;
	assert_stack(kernel, &addr, 1, -EFAULT, "|capture_failed");
	assert_stack(kernel, &addr, 0, 0, "|no_kernel_stack");
}

static void survives_what_is_not_kallsyms(void **state)
{
	static const char text[] = "\n \nT\nffff\nffff \nffff T\nffff T \nffff T  \nffff  T name\nx T name\n"
				   "ffffffffffffffffffff T too_wide\n1000T name\n2000 T good\n3000 T unfinished";

	(void)state;
	ASSERT_STACK(text, "good+1 unfinished+1 no_symbol |", 0x2001, 0x3001, 0x1001);
}

/* Every function of the running kernel is found by its own address, be there one name at it or more. */
static void finds_the_running_kernels_functions(void **state)
{
	struct ksyms *ksyms;
	char line[1024], name[512], type;
	uint64_t addr, checked = 0;
	FILE *file = fopen("/proc/kallsyms", "r");

	(void)state;
	if (!file)
		skip();
	assert_int_equal(ksyms_new("/proc/kallsyms", &ksyms), 0);
	while (fgets(line, sizeof(line), file)) {
		struct stack *stack;

		if (sscanf(line, "%" SCNx64 " %c %511s", &addr, &type, name) != 3 || !addr || !strchr("tT", type))
			continue;
		if (strncmp(name, "do_vm", 5) && strncmp(name, "__x64_sys_", 10))
			continue;
		assert_int_equal(ksyms_name_stack(ksyms, &addr, 1, 0, &stack), 0);
		assert_int_equal(stack->count, 1);
		assert_int_equal(stack->frames[0].symbol_offset, 0);
		checked++;
		stack_free(stack);
	}
	fclose(file);
	ksyms_free(ksyms);
	if (!checked)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_functions_only),
		cmocka_unit_test(takes_a_return_address_for_the_call_before_it),
		cmocka_unit_test(leaves_the_machinery_of_a_tracepoint_out),
		cmocka_unit_test(leaves_the_machinery_of_fexit_out),
		cmocka_unit_test(takes_unnamed_leading_frames_for_machinery),
		cmocka_unit_test(keeps_machinery_further_down),
		cmocka_unit_test(says_that_a_return_trampoline_hides_the_stack),
		cmocka_unit_test(keeps_frames_of_which_it_knows_nothing),
		cmocka_unit_test(says_that_addresses_are_hidden),
		cmocka_unit_test(says_that_there_is_no_file),
		cmocka_unit_test(says_that_the_capture_failed),
		cmocka_unit_test(survives_what_is_not_kallsyms),
		cmocka_unit_test(finds_the_running_kernels_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
