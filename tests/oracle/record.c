// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks one failure record of the event log against its own contract and the expectations. */
#define _GNU_SOURCE 1
#include "record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct check {
	const json_t *record;
	size_t line;
	const struct call *call;
	const struct expected *expected;
	struct differences *differences;
};

static const json_t *field(const json_t *record, const char *path)
{
	char names[64];
	char *rest = names;
	char *name;

	snprintf(names, sizeof(names), "%s", path);
	while (record && (name = strsep(&rest, ".")))
		record = json_object_get(record, name);
	return record;
}

const char *record_string(const json_t *record, const char *path)
{
	return json_string_value(field(record, path));
}

bool record_integer(const json_t *record, const char *path, json_int_t *ret)
{
	const json_t *value = field(record, path);

	if (!json_is_integer(value))
		return false;
	*ret = json_integer_value(value);
	return true;
}

bool record_address(const json_t *record, const char *path, uint64_t *ret)
{
	const char *text = record_string(record, path);
	uint64_t value;
	char *end;

	if (!text || strncmp(text, "0x", 2) != 0 || text[2] == '\0')
		return false;
	errno = 0;
	value = strtoull(text + 2, &end, 16);
	if (*end != '\0' || errno)
		return false;
	*ret = value;
	return true;
}

bool record_call(const json_t *record, struct call *ret)
{
	const char *syscall = record_string(record, "syscall");
	const char *errno_name = record_string(record, "errno");
	const char *verdict = record_string(record, "verdict");
	json_int_t pid, tid;
	uint64_t length;
	struct call call = {0};

	if (!syscall || !errno_name || !record_integer(record, "process.pid", &pid) ||
	    !record_integer(record, "process.tid", &tid) || !record_address(record, "args.length_hex", &length) ||
	    !record_address(record, "args.addr", &call.addr))
		return false;
	snprintf(call.syscall, sizeof(call.syscall), "%s", syscall);
	snprintf(call.errno_name, sizeof(call.errno_name), "%s", errno_name);
	snprintf(call.verdict, sizeof(call.verdict), "%s", verdict ? verdict : "");
	call.pid = (long)pid;
	call.tid = (long)tid;
	call.length = call_round_to_pages(length);
	*ret = call;
	return true;
}

static void demand(const struct check *check, bool holds, const char *what)
{
	if (!holds)
		differences_add(check->differences, "line %zu: %s 0x%" PRIx64 " tid %ld: %s", check->line,
				check->call->syscall, check->call->addr, check->call->tid, what);
}

static bool is_string(const json_t *record, const char *path, const char *expected)
{
	const char *value = record_string(record, path);

	return value && strcmp(value, expected) == 0;
}

static bool is_integer(const json_t *record, const char *path, uint64_t expected)
{
	json_int_t value;

	return record_integer(record, path, &value) && value >= 0 && (uint64_t)value == expected;
}

/* mremap() wants mappings to spare before it begins; the others fail where the count is at the limit. */
static json_int_t spare_mappings(const char *syscall)
{
	return strcmp(syscall, "mremap") == 0 ? 5 : 0;
}

static void check_mappings(const struct check *check)
{
	json_int_t count, limit;
	bool known = record_integer(check->record, "vma_count", &count) &&
		     record_integer(check->record, "vma_limit", &limit);

	demand(check, known, "no vma_count or vma_limit");
	if (!known)
		return;
	demand(check, count + spare_mappings(check->call->syscall) >= limit, "vma_count is below vma_limit");
	demand(check, check->expected->limit == 0 || limit == check->expected->limit, "vma_limit is not the limit");
}

/* What only munmap() promises: the range lies strictly inside one mapping and stays mapped. */
static void check_interior(const struct check *check)
{
	const struct call *call = check->call;
	uint64_t start, end;
	bool known =
		record_address(check->record, "vma.start", &start) && record_address(check->record, "vma.end", &end);

	demand(check, known, "no vma");
	if (known)
		demand(check, start < call->addr && call->addr + call->length < end,
		       "the vma does not strictly enclose the range");
	demand(check, json_is_true(json_object_get(check->record, "interior")), "interior is not true");
	demand(check, is_integer(check->record, "vma_needed", 1), "vma_needed is not 1");
	demand(check, is_integer(check->record, "bytes_not_released", call->length),
	       "bytes_not_released is not the length");
}

static void check_verdict(const struct check *check)
{
	const struct expected *expected = check->expected;
	const char *verdict = record_string(check->record, "verdict");

	demand(check, verdict != NULL, "no verdict");
	if (!verdict || !expected->verdict || strcmp(verdict, expected->verdict) == 0)
		return;
	if (strcmp(verdict, "unknown") != 0)
		demand(check, false, "another verdict");
	else if (!expected->allow_unknown)
		demand(check, false, "the verdict is unknown");
}

static bool symbol_matches(const char *symbol, const char *name, bool whole)
{
	if (!symbol)
		return false;
	return whole ? strcmp(symbol, name) == 0 : strstr(symbol, name) != NULL;
}

static void check_stack(const struct check *check, const char *stack, bool whole,
			const struct expected_symbols *expected)
{
	const json_t *frames = json_object_get(json_object_get(check->record, stack), "frames");
	size_t found = 0;

	for (size_t i = 0; i < json_array_size(frames) && found < expected->count; i++) {
		const json_t *frame = json_array_get(frames, i);

		if (symbol_matches(record_string(frame, "symbol"), expected->names[found], whole))
			found++;
	}
	if (found < expected->count)
		differences_add(check->differences, "line %zu: %s 0x%" PRIx64 " tid %ld: %s lacks %s", check->line,
				check->call->syscall, check->call->addr, check->call->tid, stack,
				expected->names[found]);
}

void record_check(const json_t *record, size_t line, const struct call *call, const struct expected *expected,
		  struct differences *differences)
{
	const struct check check = {record, line, call, expected, differences};

	check_verdict(&check);
	if (expected->evidence)
		demand(&check, is_string(record, "evidence", expected->evidence), "another evidence");
	if (is_string(record, "verdict", "max_map_count")) {
		check_mappings(&check);
		if (strcmp(call->syscall, "munmap") == 0)
			check_interior(&check);
	}
	check_stack(&check, "user_stack", true, &expected->user_symbols);
	check_stack(&check, "kernel_stack", false, &expected->kernel_symbols);
}
