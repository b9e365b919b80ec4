/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ksyms.c: names kernel addresses from /proc/kallsyms and leaves out the frames of the tracing itself. Knows no sizes
 * and no lines, since kallsyms has none; and is read once, so that code loaded later has no name.
 */
#include "ksyms.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

/* The last symbol before a gap would name all that lies in the gap; no function of the kernel is as long as this. */
#define FUNCTION_BYTES_MAX (256 << 10)

/* proc's own proposal is 1 KiB, and so 8000 reads. */
#define READ_BYTES (64 << 10)

struct ksym {
	uint64_t addr;
	uint32_t name; /* where in ksyms.names */
	uint32_t order; /* in the file: of two names for one address the first counts */
};

struct ksyms {
	char *path;
	bool read;
	const char *reason; /* why there are no symbols; NULL: there are */
	struct ksym *list; /* by address */
	size_t count;
	size_t capacity;
	char *names;
	size_t names_bytes;
	size_t names_capacity;
};

/*
 * Beginnings of the names of what runs between the traced function and the program that took the stack. By a kernel's
 * version, rung and configuration there are more or fewer of them.
 */
static const char *const machinery[] = {
	"bpf_get_stack",
	"bpf_prog_",
	"__bpf_prog_",
	"bpf_trampoline_",
	"bpf_dispatcher_",
	"bpf_trace_run",
	"__bpf_trace_",
	"__traceiter_",
	"__mmap_lock_do_trace_",
	"trace_call_bpf",
	"trace_mmap_lock_",
	"perf_trace_",
	"perf_syscall_exit",
	"perf_call_bpf_exit",
	"syscall_trace_exit",
	"trace_syscall_exit",
	"kprobe_",
	"kretprobe_",
	"__kretprobe_",
	"opt_pre_handler",
	"optimized_callback",
	"aggr_pre_handler",
	"trampoline_handler",
	"rethook_",
	"arch_rethook_",
	"fprobe_",
	"arch_ftrace_",
	"__ftrace_",
	"ftrace_",
	"__kprobe",
};

/* Frames through which a return from a probed function is diverted: on 5.10 they are all that such a stack shows. */
static const char *const return_trampolines[] = {
	"kretprobe_trampoline",
	"__kretprobe_trampoline",
	"arch_rethook_trampoline",
};

static bool has_prefix_of(const char *name, const char *const *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	}
	return false;
}

#define HAS_PREFIX_OF(name, prefixes) has_prefix_of(name, prefixes, sizeof(prefixes) / sizeof(*(prefixes)))

int ksyms_new(const char *path, struct ksyms **ret)
{
	struct ksyms *ksyms = calloc(1, sizeof(*ksyms));

	if (!ksyms)
		return -ENOMEM;
	ksyms->path = strdup(path);
	if (!ksyms->path) {
		free(ksyms);
		return -ENOMEM;
	}
	*ret = ksyms;
	return 0;
}

void ksyms_free(struct ksyms *ksyms)
{
	if (!ksyms)
		return;
	free(ksyms->path);
	free(ksyms->list);
	free(ksyms->names);
	free(ksyms);
}

/* It stays for the rest of the run: megabytes that were room to grow are given back. */
static void shrink(void **array, size_t bytes)
{
	void *smaller = bytes ? realloc(*array, bytes) : NULL;

	if (smaller)
		*array = smaller;
}

static int grow(void **array, size_t *capacity, size_t needed, size_t item_bytes)
{
	size_t larger = *capacity ? *capacity : 4096;
	void *grown;

	if (needed <= *capacity)
		return 0;
	while (larger < needed)
		larger *= 2;
	grown = reallocarray(*array, larger, item_bytes);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*capacity = larger;
	return 0;
}

static int add(struct ksyms *ksyms, uint64_t addr, const char *name, size_t length)
{
	struct ksym *symbol;

	if (ksyms->names_bytes + length + 1 > UINT32_MAX)
		return -ENOMEM;
	if (grow((void **)&ksyms->names, &ksyms->names_capacity, ksyms->names_bytes + length + 1, 1) ||
	    grow((void **)&ksyms->list, &ksyms->capacity, ksyms->count + 1, sizeof(*ksyms->list)))
		return -ENOMEM;
	symbol = &ksyms->list[ksyms->count];
	symbol->addr = addr;
	symbol->name = ksyms->names_bytes;
	symbol->order = ksyms->count++;
	memcpy(ksyms->names + ksyms->names_bytes, name, length);
	ksyms->names[ksyms->names_bytes + length] = '\0';
	ksyms->names_bytes += length + 1;
	return 0;
}

/* "ADDR TYPE NAME", for a module's symbol followed by "\t[MODULE]". */
static int add_line(struct ksyms *ksyms, const char *line)
{
	char *rest;
	uint64_t addr = strtoull(line, &rest, 16);
	size_t length;

	/* Zero is what kptr_restrict puts in place of an address. */
	if (rest == line || rest[0] != ' ' || !rest[1] || !strchr("tTwW", rest[1]) || rest[2] != ' ' || !addr)
		return 0;
	rest += 3;
	length = strcspn(rest, " \t\n");
	return length ? add(ksyms, addr, rest, length) : 0;
}

static int compare(const void *left, const void *right)
{
	const struct ksym *a = left, *b = right;

	if (a->addr != b->addr)
		return a->addr < b->addr ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static int read_symbols(struct ksyms *ksyms)
{
	_cleanup_free_ char *buffer =
		malloc(READ_BYTES); /* before the file, so that it is there until that is closed */
	_cleanup_fclose_ FILE *file = fopen(ksyms->path, "re");
	_cleanup_free_ char *line = NULL;
	size_t capacity = 0;
	bool any = false;
	int err = 0;

	if (!file) {
		ksyms->reason = "no_kallsyms";
		return 0;
	}
	/* Without a buffer of ours glibc ignores the size. */
	if (buffer)
		setvbuf(file, buffer, _IOFBF, READ_BYTES);
	ksyms->count = ksyms->names_bytes = 0;
	while (!err && getline(&line, &capacity, file) > 0) {
		any = true;
		err = add_line(ksyms, line);
	}
	if (err)
		return err;
	if (!ksyms->count)
		ksyms->reason = any ? "kptr_restrict" : "no_kallsyms";
	else
		qsort(ksyms->list, ksyms->count, sizeof(*ksyms->list), compare);
	shrink((void **)&ksyms->list, ksyms->count * sizeof(*ksyms->list));
	shrink((void **)&ksyms->names, ksyms->names_bytes);
	malloc_trim(0); /* what reading and sorting took */
	return 0;
}

static const struct ksym *find(const struct ksyms *ksyms, uint64_t addr)
{
	size_t low = 0, high = ksyms->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ksyms->list[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || addr - ksyms->list[low - 1].addr >= FUNCTION_BYTES_MAX)
		return NULL;
	low--;
	while (low && ksyms->list[low - 1].addr == ksyms->list[low].addr)
		low--;
	return &ksyms->list[low];
}

/*
 * A return address may lie just behind its function (a call that never returns): the call is one byte before. Not so a
 * return trampoline: nothing called from it, its own first byte was put in place of the return address.
 */
static const struct ksym *find_return(const struct ksyms *ksyms, uint64_t addr)
{
	const struct ksym *symbol = find(ksyms, addr);

	if (symbol && symbol->addr == addr && HAS_PREFIX_OF(ksyms->names + symbol->name, return_trampolines))
		return symbol;
	return find(ksyms, addr - 1);
}

static int name_frame(const struct ksyms *ksyms, uint64_t addr, bool is_return, struct frame *frame)
{
	const struct ksym *symbol = is_return ? find_return(ksyms, addr) : find(ksyms, addr);

	frame->addr = addr;
	if (!symbol) {
		frame->reason = ksyms->reason ? ksyms->reason : "no_symbol";
		return 0;
	}
	frame->symbol = strdup(ksyms->names + symbol->name);
	frame->symbol_offset = addr - symbol->addr;
	return frame->symbol ? 0 : -ENOMEM;
}

/*
 * How many leading frames belong to the machinery. Trampolines that came after the symbols were read have no name, and
 * stand among the machinery or right below it.
 */
static size_t count_machinery(const struct stack *stack)
{
	bool named = false;
	size_t i;

	for (i = 0; i < stack->count; i++) {
		const char *symbol = stack->frames[i].symbol;

		if (symbol && !HAS_PREFIX_OF(symbol, machinery))
			return i;
		named = named || symbol;
	}
	return named ? i : 0;
}

static void drop_machinery(struct stack *stack)
{
	size_t count = count_machinery(stack);

	for (size_t i = 0; i < count; i++) {
		char *symbol = stack->frames[i].symbol;

		if (symbol && count == stack->count && !stack->reason)
			stack->reason = "machinery_only";
		if (symbol && count == stack->count && HAS_PREFIX_OF(symbol, return_trampolines))
			stack->reason = "kretprobe_trampoline";
		free(symbol);
	}
	stack->count -= count;
	memmove(stack->frames, stack->frames + count, stack->count * sizeof(*stack->frames));
}

CLEANUP_DEFINE(cleanup_stack, struct stack *, stack_free)

int ksyms_name_stack(struct ksyms *ksyms, const uint64_t *addrs, size_t count, int error, struct stack **ret)
{
	_cleanup_(cleanup_stack) struct stack *stack = calloc(1, sizeof(*stack));

	if (!stack)
		return -ENOMEM;
	if (error || !count) {
		stack->reason = error ? "capture_failed" : "no_kernel_stack";
		*ret = cleanup_take(stack);
		return 0;
	}
	if (!ksyms->read && read_symbols(ksyms))
		return -ENOMEM;
	ksyms->read = true;
	stack->frames = calloc(count, sizeof(*stack->frames));
	if (!stack->frames)
		return -ENOMEM;
	while (stack->count < count) {
		size_t i = stack->count++;

		if (name_frame(ksyms, addrs[i], i > 0, &stack->frames[i]))
			return -ENOMEM;
	}
	drop_machinery(stack);
	*ret = cleanup_take(stack);
	return 0;
}
