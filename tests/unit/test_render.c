// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is said of each event, to machines and to people, and that docs/events.schema.json lists the very names that the
 * code has. Whether whole logs are of the schema is tests/schema/validate's. Runs from the root of the sources.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../bpf/verdict.h"
#include "../../user/stack.h"
#include "advice.h"
#include "census_mapping.h"
#include "pending.h"
#include "records.h"
#include "render.h"
#include "render_common.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define SCHEMA		"docs/events.schema.json"

/* A sink on a file in memory, and a model that looks at no process. */
struct stage {
	FILE *file;
	struct sink *sink;
	struct model *model;
	struct pending *pending;
	char text[1 << 17];
};

static struct stage *stage;

static void stage_open(bool json)
{
	const struct model_options options = {
		.realtime_offset_ns = RECORDS_REALTIME_OFFSET_NS,
		.boottime_offset_ns = RECORDS_BOOTTIME_OFFSET_NS,
	};

	stage = calloc(1, sizeof(*stage));
	assert_non_null(stage);
	stage->file = tmpfile();
	assert_non_null(stage->file);
	assert_int_equal(
		json ? sink_json_new(stage->file, &stage->sink) : sink_text_new(stage->file, false, &stage->sink), 0);
	assert_int_equal(model_new(&options, &stage->model), 0);
	assert_int_equal(pending_new(stage->model, SIZE_MAX, &stage->pending), 0);
}

static int open_json(void **state)
{
	(void)state;
	stage_open(true);
	return 0;
}

static int open_text(void **state)
{
	(void)state;
	stage_open(false);
	return 0;
}

static int stage_close(void **state)
{
	(void)state;
	pending_free(stage->pending);
	model_free(stage->model);
	sink_free(stage->sink);
	fclose(stage->file);
	free(stage);
	return 0;
}

/* What was written since the last time. */
static const char *written(void)
{
	size_t size;

	fflush(stage->file);
	rewind(stage->file);
	size = fread(stage->text, 1, sizeof(stage->text) - 1, stage->file);
	stage->text[size] = '\0';
	rewind(stage->file);
	assert_int_equal(ftruncate(fileno(stage->file), 0), 0);
	return stage->text;
}

static json_t *parsed(void)
{
	json_error_t error;
	json_t *record = json_loads(written(), JSON_REJECT_DUPLICATES, &error);

	assert_non_null(record);
	return record;
}

/* What is complete, which without a symbolizer is all. */
static int show(struct sink *sink)
{
	const struct pending_event *first;
	int err = 0;

	while ((first = pending_first(stage->pending)) != NULL) {
		int one = render_event(sink, stage->model, first);

		if (one)
			err = one;
		pending_drop_first(stage->pending);
	}
	return err;
}

static void put(const void *record)
{
	const struct event_header *header = record;
	struct event event;

	assert_int_equal(event_decode(record, header->size, &event), 0);
	assert_int_equal(pending_add(stage->pending, &event), 0);
	assert_int_equal(show(stage->sink), 0);
}

static json_t *render_json(const struct event_failure_full *full)
{
	put(full);
	return parsed();
}

/* "process.pid", "user_stack.frames.0.addr" */
static const json_t *field(const json_t *record, const char *path)
{
	char names[128], *rest = names, *name;

	snprintf(names, sizeof(names), "%s", path);
	while ((name = strsep(&rest, ".")))
		record = json_is_array(record) ? json_array_get(record, strtoul(name, NULL, 10))
					       : json_object_get(record, name);
	assert_non_null(record);
	return record;
}

static void assert_field(const json_t *record, const char *path, const char *expected)
{
	char *text = json_dumps(field(record, path), JSON_ENCODE_ANY | JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
}

static void test_failure_json(void **state)
{
	const struct {
		const char *path, *value;
	} fields[] = {
		{"event", "\"failure\""},
		{"schema_version", "1"},
		{"time", "\"2026-11-21T14:03:22.114000000Z\""},
		{"syscall", "\"munmap\""},
		{"errno", "\"ENOMEM\""},
		{"errno_code", "12"},
		{"verdict", "\"max_map_count\""},
		{"evidence", "\"under_lock\""},
		{"process.pid", "5582"},
		{"process.tid", "5582"},
		{"process.comm", "\"b\""},
		{"process.exe", "null"},
		{"process.uid", "1000"},
		{"process.start_time", "\"2026-11-21T14:03:14.000000000Z\""},
		{"process.exec_id", "7"},
		{"process.container_id", "null"},
		{"args", "{\"addr\":\"0x7f184b2e8000\",\"length\":135168,\"length_hex\":\"0x21000\",\"raw\":null}"},
		{"proof", "null"},
		{"memcg", "null"},
		{"vma_count", "65530"},
		{"vma_limit", "65530"},
		{"vma_needed", "1"},
		{"interior", "true"},
		{"split_errno", "null"},
		{"vma",
		 "{\"start\":\"0x7f184b2a6000\",\"end\":\"0x7f184b36c000\",\"perms\":\"rw-p\",\"offset\":\"0x0\","
		 "\"kind\":\"anonymous\",\"path\":null}"},
		{"bytes_not_released", "135168"},
		{"failure_number", "1"},
		{"user_stack.method", "\"frame_pointer\""},
		{"user_stack.truncated", "false"},
		{"user_stack.repeat_of", "null"},
		{"user_stack.reason", "\"process_gone\""},
		{"user_stack.frames.0.addr", "\"0x55d2a0c01139\""},
		{"user_stack.frames.0.reason", "\"process_gone\""},
		{"user_stack.frames.0.symbol_offset", "null"},
		{"kernel_stack.reason", "null"},
		{"kernel_stack.frames.3.symbol", "null"},
		{"kernel_stack.frames.3.reason", "\"no_kallsyms\""},
		{"advice.0.code", "\"raise_limit\""},
		{"advice.0.setting", "\"vm.max_map_count\""},
		{"advice.0.value", "131072"},
		{"advice.0.bytes", "null"},
		{"advice.0.allocator", "null"},
		{"advice.1.code", "\"persist\""},
	};
	struct event_failure_full full;
	json_t *record;

	(void)state;
	records_failure(&full);
	record = render_json(&full);
	for (size_t i = 0; i < COUNT_OF(fields); i++)
		assert_field(record, fields[i].path, fields[i].value);
	json_decref(record);
}

/* Unknown is null, never 0. */
static void test_unknown_is_null(void **state)
{
	struct event_failure_full full;
	json_t *record;

	(void)state;
	records_failure(&full);
	records_make_unknown_after_unlock(&full.failure);
	full.failure.errno_code = 0;
	record = render_json(&full);
	assert_field(record, "verdict", "\"unknown\"");
	assert_field(record, "evidence", "\"after_unlock\"");
	assert_field(record, "errno", "null");
	assert_field(record, "errno_code", "null");
	assert_field(record, "vma", "null");
	assert_field(record, "interior", "null");
	assert_field(record, "vma_needed", "null");
	json_decref(record);
}

static void test_mapped_file_json(void **state)
{
	struct event_failure_full full;
	json_t *record;

	(void)state;
	records_failure(&full);
	full.failure.vma.kind = VMA_FILE;
	full.failure.vma.offset_bytes = 0x3000;
	full.failure.vma.flags |= 0x80;
	record = render_json(&full);
	assert_field(record, "vma.kind", "\"file\"");
	assert_field(record, "vma.offset", "\"0x3000\"");
	assert_field(record, "vma.perms", "\"rw-s\"");
	assert_field(record, "vma.path", "null");
	json_decref(record);
}

static void test_lengths_json(void **state)
{
	const struct {
		uint64_t length;
		const char *number, *hex;
	} cases[] = {
		{0, "0", "\"0x0\""},
		{INT64_MAX, "9223372036854775807", "\"0x7fffffffffffffff\""},
		{1ULL << 63, "null", "\"0x8000000000000000\""},
		{UINT64_MAX, "null", "\"0xffffffffffffffff\""},
	};
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	records_make_bad_request(&full.failure);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		json_t *record;

		full.failure.length_bytes = cases[i].length;
		record = render_json(&full);
		assert_field(record, "args.length", cases[i].number);
		assert_field(record, "args.length_hex", cases[i].hex);
		assert_field(record, "bytes_not_released", "0");
		json_decref(record);
	}
}

static void test_stacks_json(void **state)
{
	struct event_failure_full full;
	json_t *record;

	(void)state;
	records_failure(&full);
	json_decref(render_json(&full));
	/* The frames stand in every record, also in one that repeats. */
	record = render_json(&full);
	assert_field(record, "failure_number", "2");
	assert_field(record, "advice", "[]");
	assert_field(record, "user_stack.repeat_of", "1");
	assert_field(record, "user_stack.frames.3.addr", "\"0x55d2a0c01169\"");
	json_decref(record);
	records_user_stack(&full, 0x1000, EVENT_USER_FRAMES_MAX);
	record = render_json(&full);
	assert_field(record, "user_stack.truncated", "true");
	assert_field(record, "user_stack.reason", "\"process_gone\"");
	json_decref(record);
	records_user_stack(&full, 0, 0);
	records_kernel_stack(&full, 0, 0);
	record = render_json(&full);
	assert_field(record, "user_stack.method", "null");
	assert_field(record, "user_stack.reason", "\"not_requested\"");
	assert_field(record, "user_stack.frames", "[]");
	assert_field(record, "kernel_stack.reason", "\"not_requested\"");
	json_decref(record);
	full.failure.stack_key = 1;
	full.failure.user_stack_error = full.failure.kernel_stack_error = -ENOMEM;
	record = render_json(&full);
	assert_field(record, "user_stack.reason", "\"capture_failed\"");
	assert_field(record, "kernel_stack.reason", "\"capture_failed\"");
	json_decref(record);
}

/* Brings the process of records_failure() into a flood, of which three more failures are put together, and shows those. */
static void flood(struct event_failure_full *full)
{
	records_failure(full);
	full->failure.stack_key = 0xabc;
	for (int i = 0; i < FLOOD_AFTER + FLOOD_PER_SEC; i++) {
		put(full);
		written();
	}
	for (int i = 0; i < 3; i++) {
		put(full);
		full->failure.header.time_ns += 100000000;
	}
	assert_string_equal(written(), "");
	assert_int_equal(pending_flush(stage->pending, UINT64_MAX), 0);
	assert_int_equal(show(stage->sink), 0);
}

static void test_flood_json(void **state)
{
	struct event_failure_full full;
	json_t *record;

	(void)state;
	flood(&full);
	record = parsed();
	assert_field(record, "event", "\"failure_repeat\"");
	assert_field(record, "count", "3");
	assert_field(record, "first_time", "\"2026-11-21T14:03:22.114000000Z\"");
	assert_field(record, "time", "\"2026-11-21T14:03:22.314000000Z\"");
	assert_field(record, "failure_number", "11003");
	assert_field(record, "bytes_not_released", "405504");
	assert_field(record, "stack_key", "\"0xabc\"");
	assert_field(record, "user_stack.repeat_of", "1");
	assert_field(record, "user_stack.frames.3.addr", "\"0x55d2a0c01169\"");
	assert_field(record, "verdict", "\"max_map_count\"");
	json_decref(record);
}

static void test_flood_text(void **state)
{
	struct event_failure_full full;
	const char *text;

	(void)state;
	flood(&full);
	text = written();
	assert_non_null(strstr(text, "b[5582]  munmap() = ENOMEM, 3 times in 0.2 s\n"));
	assert_non_null(strstr(text, "396 KiB by these calls; "));
	assert_non_null(strstr(text, "  stack   as failure 1\n"));
}

/* A capture is whatever somebody wrote: values beyond the lists have a name all the same. */
static void test_values_beyond_the_lists(void **state)
{
	struct event_failure_full full;
	json_t *record;

	(void)state;
	records_failure(&full);
	full.failure.verdict = UINT16_MAX;
	full.failure.evidence = UINT8_MAX;
	full.failure.syscall = UINT32_MAX;
	full.failure.errno_code = UINT32_MAX;
	full.failure.split_errno = UINT32_MAX;
	full.failure.vma.kind = UINT32_MAX;
	full.failure.interior = UINT8_MAX;
	record = render_json(&full);
	assert_field(record, "verdict", "\"unknown\"");
	assert_field(record, "evidence", "\"after_unlock\"");
	assert_field(record, "syscall", "\"unknown\"");
	assert_field(record, "errno", "null");
	assert_field(record, "errno_code", "4294967295");
	assert_field(record, "split_errno", "null");
	assert_field(record, "vma.kind", "\"unknown\"");
	assert_field(record, "interior", "true");
	json_decref(record);
}

static void test_strangers_names_json(void **state)
{
	struct event_failure_full full;
	json_t *record;

	(void)state;
	records_failure(&full);
	records_name(&full.failure.process, "\033[2J\n\"\xff", "ok");
	record = render_json(&full);
	assert_string_equal(json_string_value(field(record, "process.comm")), "\033[2J\n\"\ufffd");
	assert_field(record, "process.comm_b64", "\"G1sySgoi/w==\"");
	assert_null(json_object_get(field(record, "process"), "thread_comm_b64"));
	json_decref(record);
}

static void test_other_events_json(void **state)
{
	struct event_limit limit;
	struct event_hot hot;
	json_t *record;

	(void)state;
	records_hot(&hot);
	put(&hot);
	assert_string_equal(written(), "");
	records_limit(65530, 131072, &limit);
	put(&limit);
	record = parsed();
	assert_field(record, "event", "\"limit_changed\"");
	assert_field(record, "time", "\"2026-11-21T14:03:21.000000000Z\"");
	assert_field(record, "old_limit", "65530");
	assert_field(record, "new_limit", "131072");
	json_decref(record);
}

static void test_near_json(void **state)
{
	struct event_near near;
	json_t *record;

	(void)state;
	records_near(&near);
	put(&near);
	record = parsed();
	assert_field(record, "event", "\"near_limit\"");
	assert_field(record, "time", "\"2026-11-21T14:03:22.114000000Z\"");
	assert_field(record, "process.pid", "5582");
	assert_field(record, "process.exe", "null");
	assert_field(record, "threshold_percent", "80");
	assert_field(record, "vma_count", "52424");
	assert_field(record, "vma_limit", "65530");
	assert_field(record, "peak", "52424");
	assert_field(record, "mappings_per_second", "120000.0");
	assert_field(record, "mappings_per_second_since_hot", "100000.0");
	assert_true(json_real_value(field(record, "eta_seconds")) == 0.109217);
	assert_field(record, "already", "false");
	json_decref(record);
	near.already = 1;
	put(&near);
	record = parsed();
	assert_field(record, "mappings_per_second", "null");
	assert_field(record, "mappings_per_second_since_hot", "null");
	assert_field(record, "eta_seconds", "null");
	assert_field(record, "already", "true");
	json_decref(record);
}

static void test_near_text(void **state)
{
	struct event_near near;

	(void)state;
	records_near(&near);
	put(&near);
	assert_string_equal(
		written(),
		"14:03:22.114  b[5582]  near the limit: 52424 of 65530 mappings (80 %), "
		"+120000/s, limit in 0.109 s\n"
		"  fix     sysctl vm.max_map_count=1048576 (peak 52424, limit 65530; at +120000/s that lasts "
		"8.3 s)\n"
		"          for good: echo vm.max_map_count=1048576 >/etc/sysctl.d/zz-max-map-count.conf\n");
	near.recent_count = 60000;
	put(&near);
	assert_string_equal(written(),
			    "14:03:22.114  b[5582]  near the limit: 52424 of 65530 mappings (80 %), -75760/s\n");
	near.first_ns = near.header.time_ns;
	put(&near);
	assert_string_equal(written(), "14:03:22.114  b[5582]  near the limit: 52424 of 65530 mappings (80 %)\n");
	near.already = 1;
	put(&near);
	assert_string_equal(written(), "14:03:22.114  b[5582]  near the limit: 52424 of 65530 mappings (80 %), "
				       "as it was before tracing began\n");
}

/* A warning, and what was read for it; the stacks are bare, as in a replay. */
static void test_split_json(void **state)
{
	struct event_split split;
	json_t *record;

	(void)state;
	records_split(&split);
	put(&split);
	record = parsed();
	assert_field(record, "event", "\"split\"");
	assert_field(record, "process.pid", "5582");
	assert_field(record, "process.exe", "null");
	assert_field(record, "cause", "\"munmap\"");
	assert_field(record, "splits", "1");
	assert_field(record, "addr", "\"0x7f184b30a000\"");
	assert_field(record, "before", "{\"start\":\"0x7f184b2a6000\",\"end\":\"0x7f184b36c000\"}");
	assert_field(record, "after",
		     "[{\"start\":\"0x7f184b2a6000\",\"end\":\"0x7f184b30a000\"},"
		     "{\"start\":\"0x7f184b30a000\",\"end\":\"0x7f184b36c000\"}]");
	assert_field(record, "vma_count", "4097");
	assert_field(record, "inferred", "false");
	json_decref(record);
	/* A record of a file may say anything: what is no split has no range. */
	split.addr = split.end;
	put(&split);
	record = parsed();
	assert_field(record, "addr", "null");
	assert_field(record, "before", "null");
	assert_field(record, "after", "null");
	json_decref(record);
}

static void test_split_text(void **state)
{
	struct event_split split;

	(void)state;
	records_split(&split);
	put(&split);
	assert_string_equal(written(), "14:03:22.114  b[5582]  split by munmap() at 0x7f184b30a000: "
				       "0x7f184b2a6000-0x7f184b36c000 792 KiB -> 400 KiB + 392 KiB\n");
	split.has_range = 0;
	split.syscall = EVENT_SYSCALL_NONE;
	put(&split);
	assert_string_equal(written(), "14:03:22.114  b[5582]  1 split by no syscall\n");
	split.inferred = 1;
	split.splits = 2;
	split.syscall = EVENT_SYSCALL_COMPAT | 125;
	put(&split);
	assert_string_equal(written(), "14:03:22.114  b[5582]  2 splits by mprotect() at least, as the number of "
				       "mappings shows\n");
}

static void test_split_sums_text(void **state)
{
	struct splits_row rows[12] = {};
	struct summary summary = {.splits = {.rows = rows, .count = 12, .room = 12}};
	const char *text;

	(void)state;
	for (int i = 0; i < 12; i++) {
		rows[i] =
			(struct splits_row){.key = {.tgid = 5582, .syscall = 10}, .sum = {.splits = 12, .comm = "b\n"}};
		rows[i].key.inferred = i == 1;
	}
	assert_int_equal(render_end(stage->sink, &summary), 0);
	text = written();
	assert_non_null(strstr(text, "  splits  b\\x0a[5582] 12 by mprotect()\n"
				     "          b\\x0a[5582] at least 12 by mprotect(), inferred\n"));
	assert_non_null(strstr(text, "          and 2 more processes and calls\n"));
}

static void put_near_with_origins(void)
{
	struct event_origins_full origins;
	struct event_origin_full origin;
	struct event_near near;

	records_origin(&origin);
	put(&origin);
	records_origins(&origins);
	put(&origins);
	records_near(&near);
	put(&near);
}

static void test_origins_json(void **state)
{
	struct event_origins_full origins;
	json_t *record;

	(void)state;
	put_near_with_origins();
	record = parsed();
	assert_field(record, "origins.older", "4130");
	assert_field(record, "origins.made", "37510");
	assert_field(record, "origins.other", "45");
	assert_field(record, "origins.approximate", "false");
	assert_int_equal(json_array_size(field(record, "origins.top")), 3);
	assert_field(json_array_get(field(record, "origins.top"), 0), "net", "32765");
	assert_field(json_array_get(field(record, "origins.top"), 0), "syscall", "\"munmap\"");
	assert_field(json_array_get(field(record, "origins.top"), 0), "stack_key", "\"0xa001\"");
	assert_field(json_array_get(field(record, "origins.top"), 2), "net", "-300");
	assert_field(json_array_get(field(record, "origins.top"), 2), "minus", "400");
	assert_field(json_array_get(field(record, "origins.top"), 2), "reason", "\"capture_failed\"");
	assert_field(json_array_get(field(record, "origins.top"), 2), "frames", "[]");
	json_decref(record);
	records_origins(&origins);
	origins.origins.final = 1;
	origins.origins.approximate = 1;
	origins.origins.without_stacks = 1;
	put(&origins);
	record = parsed();
	assert_field(record, "event", "\"origins\"");
	assert_field(record, "process.pid", "5582");
	assert_field(record, "since", "\"2026-11-21T14:03:20.000500000Z\"");
	assert_field(record, "origins.approximate", "true");
	assert_field(json_array_get(field(record, "origins.top"), 1), "reason", "\"not_requested\"");
	json_decref(record);
}

static void test_origins_text(void **state)
{
	struct event_origins_full origins;

	(void)state;
	put_near_with_origins();
	assert_string_equal(written(),
			    "14:03:22.114  b[5582]  near the limit: 52424 of 65530 mappings (80 %), "
			    "+120000/s, limit in 0.109 s\n"
			    "  grew    +32765 of the 37510 mappings made since it was watched: "
			    "munmap 0x55d2a0c01139; 4130 are older\n"
			    "          +5000: mmap\n"
			    "          -300: munmap\n"
			    "  fix     sysctl vm.max_map_count=1048576 (peak 52424, limit 65530; at +120000/s that "
			    "lasts 8.3 s)\n"
			    "          for good: echo vm.max_map_count=1048576 "
			    ">/etc/sysctl.d/zz-max-map-count.conf\n");
	records_origins(&origins);
	origins.origins.final = 1;
	origins.origins.approximate = 1;
	put(&origins);
	assert_string_equal(written(),
			    "14:03:22.113  b[5582]  +37510 mappings since it was watched, roughly; 4130 are older\n"
			    "                NET       MADE      TAKEN      CALLS  WHERE\n"
			    "             +32765      32765          0      32765  munmap 0x55d2a0c01139\n"
			    "              +5000       5000          0       5000  mmap\n"
			    "               -300        100        400        500  munmap\n"
			    "                +45  in 2 other places, or not known where\n");
	origins.origins.sums.length = 0;
	origins.origins.unplaced = -3;
	origins.origins.others.plus = 2;
	origins.origins.others_count = 0;
	put(&origins);
	assert_string_equal(written(),
			    "14:03:22.113  b[5582]  -3 mappings since it was watched, roughly; 4130 are older\n");
}

static void put_failure_with_ops(void)
{
	struct event_failure_full full;
	struct event_ops ops;

	records_failure(&full);
	full.failure.has_ops = 1;
	records_ops(&full.failure, &ops);
	put(&ops);
	put(&full);
}

static void test_recent_json(void **state)
{
	const char *name = "recent_operations";
	json_t *record;

	(void)state;
	put_failure_with_ops();
	record = parsed();
	assert_int_equal(json_array_size(field(record, name)), 3);
	assert_field(json_array_get(field(record, name), 0), "syscall", "\"mmap\"");
	assert_field(json_array_get(field(record, name), 0), "time", "\"2026-11-21T14:03:22.111000000Z\"");
	assert_field(json_array_get(field(record, name), 0), "length_hex", "\"0x21000\"");
	assert_field(json_array_get(field(record, name), 1), "tid", "5583");
	assert_field(json_array_get(field(record, name), 1), "delta", "1");
	assert_field(json_array_get(field(record, name), 2), "vma_count", "65530");
	json_decref(record);
}

/* For the few who asked for more. */
static void test_recent_text(void **state)
{
	(void)state;
	put_failure_with_ops();
	assert_null(strstr(written(), "  before "));
	stage->sink->verbose = true;
	put_failure_with_ops();
	assert_non_null(strstr(written(),
			       "  before  14:03:22.111 [5582] mmap(0x0, 132 KiB) +1: 65529 mappings\n"
			       "          14:03:22.112 [5583] mprotect(0x7f184b2a6000, 4 KiB) +1: 65530 mappings\n"
			       "          14:03:22.113 [5582] munmap(0x7f184b2e8000, 132 KiB) +0: 65530 mappings\n"));
}

static void test_start_json(void **state)
{
	const struct hook hooks[] = {
		{"munmap", RUNG_FENTRY, "fexit", "do_vmi_munmap", NULL},
		{"split", RUNG_AUTO, NULL, NULL, "no"},
	};
	struct render_start start = {.time_ns = 1, .vma_limit = 65530, .hooks = hooks, .hook_count = 2};
	json_t *record;

	(void)state;
	assert_int_equal(render_start(stage->sink, &start), 0);
	record = parsed();
	assert_field(record, "event", "\"run_start\"");
	assert_field(record, "vma_limit", "65530");
	assert_field(record, "hooks.0",
		     "{\"observation\":\"munmap\",\"rung\":\"fentry\",\"kind\":\"fexit\","
		     "\"function\":\"do_vmi_munmap\",\"reason\":null}");
	assert_field(record, "hooks.1",
		     "{\"observation\":\"split\",\"rung\":null,\"kind\":null,\"function\":null,"
		     "\"reason\":\"no\"}");
	assert_true(json_is_string(field(record, "kernel.release")));
	json_decref(record);
	/* On a replay this machine's kernel says nothing. */
	start.hook_count = 0;
	assert_int_equal(render_start(stage->sink, &start), 0);
	record = parsed();
	assert_field(record, "kernel", "{\"release\":null,\"machine\":null}");
	assert_field(record, "hooks", "[]");
	json_decref(record);
}

static void test_end_json(void **state)
{
	struct tracer_total total = {
		.key = {.start_time_ns = 1, .exec_id = 7, .tgid = 5582, .syscall = SYSCALL_MUNMAP},
		.total = {.failures = 3, .bytes = 8192, .comm = "b\xff"},
	};
	struct splits_row row = {.key = {.tgid = 5582, .exec_id = 7, .syscall = 999, .inferred = 1},
				 .sum = {.splits = 12, .comm = "b\xff"}};
	struct summary summary = {.totals = &total, .count = 1, .duration_ns = 5, .losses.missed = -1};
	json_t *record;

	(void)state;
	summary.splits = (struct splits){.rows = &row, .count = 1, .room = 1};
	summary.debts = (struct debt_sums){.bytes = 4096, .peak_bytes = 8192};
	summary.debts.by_kind[OUTCOME_NOT_FREED].debts = 2;
	summary.debts.by_kind[OUTCOME_NOT_FREED].bytes_failed = 8192;
	summary.debts.by_kind[OUTCOME_NOT_FREED].bytes_freed = 4096;
	summary.debts.by_kind[OUTCOME_NOT_FREED].bytes_not_released = 4096;
	summary.losses.causes[LOSS_RING_FULL] = 4;
	assert_int_equal(render_end(stage->sink, &summary), 0);
	record = parsed();
	assert_field(record, "event", "\"run_end\"");
	assert_field(record, "duration_ns", "5");
	assert_field(record, "totals", "{\"failures\":3,\"bytes_not_released\":8192,\"near_limit\":0,\"splits\":12}");
	assert_field(record, "processes.0.comm_b64", "\"Yv8=\"");
	assert_field(record, "processes.0.errno", "null");
	assert_field(record, "processes.0.verdict", "\"unknown\"");
	assert_field(record, "debts",
		     "{\"bytes_not_released\":4096,\"peak_bytes_not_released\":8192,\"outcomes\":[{\"outcome\":"
		     "\"not_freed\",\"debts\":2,\"bytes_failed\":8192,\"bytes_freed\":4096,"
		     "\"bytes_not_released\":4096}]}");
	assert_field(record, "splits.0.pid", "5582");
	assert_field(record, "splits.0.comm_b64", "\"Yv8=\"");
	assert_field(record, "splits.0.cause", "\"syscall 999\"");
	assert_field(record, "splits.0.count", "12");
	assert_field(record, "splits.0.inferred", "true");
	assert_field(record, "lost.ring_full", "4");
	assert_field(record, "lost.state_full", "0");
	assert_field(record, "lost.hook_missed", "null");
	json_decref(record);
}

static void test_write_that_fails(void **state)
{
	FILE *full_disk = fopen("/dev/full", "we");
	struct event_failure_full full;
	struct sink *sink;
	struct event event;

	(void)state;
	assert_non_null(full_disk);
	assert_int_equal(sink_json_new(full_disk, &sink), 0);
	records_failure(&full);
	assert_int_equal(event_decode(&full, sizeof(full), &event), 0);
	assert_int_equal(pending_add(stage->pending, &event), 0);
	assert_int_equal(show(sink), -ENOSPC);
	sink_free(sink);
	fclose(full_disk);
}

static void test_failure_text(void **state)
{
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	put(&full);
	assert_string_equal(
		written(),
		"14:03:22.114  b[5582]  munmap(0x7f184b2e8000, 132 KiB) = ENOMEM\n"
		"  why     vm.max_map_count: 65530 of 65530 mappings used; the range lies inside one mapping, so "
		"unmapping it needs 1 more\n"
		"  vma     0x7f184b2a6000-0x7f184b36c000 rw-p anonymous, 792 KiB\n"
		"  leaked  132 KiB by this call; 132 KiB in 1 range by this process\n"
		"  stack   0x55d2a0c01139 (process_gone)\n"
		"          0x55d2a0c01149 (process_gone)\n"
		"          0x55d2a0c01159 (process_gone)\n"
		"          0x55d2a0c01169 (process_gone)\n"
		"          (the process ended before its mappings could be read)\n"
		"  kernel  ?  ?  ?  ?\n"
		"  fix     sysctl vm.max_map_count=131072 (peak 65530, limit 65530)\n"
		"          for good: echo vm.max_map_count=131072 >/etc/sysctl.d/zz-max-map-count.conf\n");
	/* Once more: the stack is not told again, nor what to do. */
	full.failure.process.tid = 5583;
	put(&full);
	assert_string_equal(
		written(),
		"14:03:22.114  b[5582/5583]  munmap(0x7f184b2e8000, 132 KiB) = ENOMEM\n"
		"  why     vm.max_map_count: 65530 of 65530 mappings used; the range lies inside one mapping, so "
		"unmapping it needs 1 more\n"
		"  vma     0x7f184b2a6000-0x7f184b36c000 rw-p anonymous, 792 KiB\n"
		"  leaked  132 KiB by this call; 132 KiB in 1 range by this process\n"
		"  stack   as failure 1\n");
}

static void assert_says(const struct event_failure_full *full, const char *words)
{
	put(full);
	if (!strstr(written(), words))
		fail_msg("not said: %s\nbut: %s", words, stage->text);
}

static void test_why_text(void **state)
{
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	full.failure.evidence = EVIDENCE_AFTER_UNLOCK;
	assert_says(&full, "65530 of 65530 mappings used (read after the lock was dropped);");
	records_make_kernel_memory(&full.failure);
	assert_says(&full, "the kernel could not allocate memory to split the mapping; not vm.max_map_count: 812 of");
	full.failure.split_errno = 0;
	assert_says(&full, "the kernel could not allocate memory; not vm.max_map_count: 812 of 65530");
	records_failure(&full);
	records_make_unknown_after_unlock(&full.failure);
	assert_says(&full, "unknown: 65527 of 65530 mappings used, no mapping was found at the range; read after");
	full.failure.vma.kind = VMA_ANONYMOUS;
	full.failure.evidence = EVIDENCE_UNDER_LOCK;
	assert_says(&full, "the range does not lie inside one mapping; read under the lock");
	full.failure.interior = 1;
	assert_says(&full, "the range lies inside one mapping; read under the lock");
}

/* The other calls, with what proves their verdicts. */
static void test_why_text_of_calls(void **state)
{
	struct event_failure_full full;
	struct event_failure *f = &full.failure;
	struct event_proof *p = &full.proof;

	(void)state;
	records_call(SYSCALL_MMAP, &full);
	assert_says(&full, "mmap(0x0, 64 KiB, prot 0x3, flags 0x22) = ENOMEM\n");
	assert_says(&full, "unknown: nothing that was read proves a cause; 812 of 65530 mappings used\n");
	assert_null(strstr(stage->text, "leaked"));
	f->verdict = VERDICT_RLIMIT_AS;
	p->as_bytes_max = 4 << 20;
	assert_says(&full,
		    "RLIMIT_AS: 3.9 MiB in use and 64 KiB more would be over 4 MiB; not vm.max_map_count: 812 of");
	f->verdict = VERDICT_RLIMIT_DATA;
	p->data_bytes_max = 1 << 19;
	assert_says(&full, "RLIMIT_DATA: 800 KiB in use and 64 KiB more would be over 512 KiB; not vm.max");
	f->verdict = VERDICT_OVERCOMMIT;
	assert_says(&full,
		    "overcommit: 64 KiB at once is more than the 4 GiB of RAM and swap (vm.overcommit_memory=0)");
	p->overcommit = 2;
	assert_says(&full, "vm.overcommit_memory=2: 64 KiB more would be over CommitLimit (see /proc/meminfo)");
	f->verdict = VERDICT_HUGETLB_POOL;
	assert_says(&full, "huge pages: the pool has fewer free ones than 64 KiB takes (vm.nr_hugepages)\n");
	f->verdict = VERDICT_NO_ADDRESS_SPACE;
	assert_says(&full, "no address space: there is no hole of 64 KiB where the call may map\n");
	f->verdict = VERDICT_MEMCG_LIMIT;
	p->memcg_pages = p->memcg_pages_max = 256;
	assert_says(&full, "the memory cgroup is at its maximum (1 MiB of 1 MiB), so the kernel");
	f->verdict = VERDICT_MAX_MAP_COUNT;
	assert_says(&full, "; a new mapping is refused beyond the limit\n");
	f->interior = 1;
	assert_says(&full, "; the range lies inside one mapping, so replacing it needs 1 more\n");
	records_call(SYSCALL_BRK, &full);
	f->verdict = VERDICT_NO_ADDRESS_SPACE;
	p->flags |= PROOF_BLOCKED;
	assert_says(&full, "something is mapped right behind it, so it cannot grow in place\n");
	records_call(SYSCALL_MLOCK, &full);
	f->verdict = VERDICT_RLIMIT_MEMLOCK;
	p->memlock_bytes_max = 8192;
	assert_says(&full, "RLIMIT_MEMLOCK: 0 bytes in use and 64 KiB more would be over 8 KiB; not vm.max");
	f->verdict = VERDICT_UNMAPPED_RANGE;
	p->hole = 0x7f184b2a8000;
	assert_says(&full, "nothing is mapped at 0x7f184b2a8000, within the range\n");
	f->verdict = VERDICT_BAD_REQUEST;
	assert_says(&full, "the call asks for what cannot be\n");
	f->verdict = VERDICT_MAX_MAP_COUNT;
	p->flags |= PROOF_SPLITS_END;
	assert_says(&full, "; the range is a part of a mapping, so changing it needs 1 more\n");
}

/* A verdict that needs a proof, and a capture without it. */
static void test_why_text_without_a_proof(void **state)
{
	struct event_failure_full full;

	(void)state;
	for (uint32_t syscall = 0; syscall < SYSCALL_COUNT + 1; syscall++) {
		for (uint16_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
			records_call(syscall, &full);
			full.failure.proof.length = 0;
			full.failure.verdict = verdict;
			assert_says(&full, "  why     ");
		}
	}
}

static void test_proof_json(void **state)
{
	struct event_failure_full full;
	json_t *record;

	(void)state;
	records_call(SYSCALL_MREMAP, &full);
	full.failure.verdict = VERDICT_RLIMIT_AS;
	full.proof.as_bytes_max = 4 << 20;
	full.proof.hole = 0x1000;
	full.proof.memcg_pages = 1;
	full.proof.memcg_pages_max = 2;
	record = render_json(&full);
	assert_field(record, "verdict", "\"rlimit_as\"");
	assert_field(record, "bytes_not_released", "0");
	assert_field(record, "args.raw", "[\"0x7f184b2a6000\",\"0x10000\",\"0x20000\",\"0x1\",\"0x0\",\"0x0\"]");
	assert_field(record, "proof.asked_bytes", "65536");
	assert_field(record, "proof.total_bytes", "4096000");
	assert_field(record, "proof.rlimit_as", "4194304");
	assert_field(record, "proof.rlimit_data", "null");
	assert_field(record, "proof.hole", "\"0x1000\"");
	assert_field(record, "proof.splits_end", "false");
	assert_field(record, "memcg", "{\"bytes\":4096,\"bytes_max\":8192}");
	json_decref(record);
	/* Numbers that no JSON integer holds are the largest that one does. */
	memset(&full.proof, 0xfe, sizeof(full.proof));
	record = render_json(&full);
	assert_field(record, "proof.total_bytes", "9223372036854775807");
	assert_field(record, "proof.rlimit_as", "9223372036854775807");
	json_decref(record);
}

static void test_bad_request_text(void **state)
{
	struct event_failure_full full;
	struct event_failure *f = &full.failure;

	(void)state;
	records_failure(&full);
	records_make_bad_request(f);
	assert_says(&full, "why     the address is not a multiple of the page size\n");
	f->addr--;
	f->length_bytes = 0;
	assert_says(&full, "why     the length is zero\n");
	/* The kernel's page alignment makes 0 of it, but the caller did not. */
	f->length_bytes = UINT64_MAX;
	assert_says(&full, "why     the range cannot be unmapped alone: outside the address space");
	f->errno_code = 1; /* EPERM */
	assert_says(&full, "why     the mapping is sealed (mseal)\n");
	put(&full);
	assert_null(strstr(written(), "leaked"));
}

static void test_strangers_names_text(void **state)
{
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	records_name(&full.failure.process, "\033[2J\n\"\xff%s%n", "ok");
	assert_says(&full, "  \\x1b[2J\\x0a\"\\xff%s%n[5582]  munmap(");
	for (const char *byte = stage->text; *byte; byte++)
		assert_true((unsigned char)*byte >= 0x20 || *byte == '\n');
}

static void test_other_events_text(void **state)
{
	struct render_start start = {.vma_limit = 65530};
	struct event_limit limit;

	(void)state;
	assert_int_equal(render_start(stage->sink, &start), 0);
	assert_string_equal(written(), "");
	records_limit(65530, 131072, &limit);
	put(&limit);
	assert_string_equal(written(), "14:03:21.000  vm.max_map_count changed from 65530 to 131072\n");
}

static void test_end_text(void **state)
{
	struct tracer_total total = {
		.key = {.tgid = 5582, .syscall = SYSCALL_MUNMAP, .verdict = VERDICT_MAX_MAP_COUNT, .errno_code = 12},
		.total = {.failures = 3, .bytes = 8192, .comm = "b\n"},
	};
	struct summary summary = {.totals = &total, .count = 1, .duration_ns = 1500000000};
	struct event_near near;

	(void)state;
	assert_int_equal(render_end(stage->sink, &summary), 0);
	assert_string_equal(
		written(),
		"summary after 1.5 s: 3 failures, 8 KiB not released\n"
		"              PID  PROCESS          CALL      ERRNO    CAUSE            FAILURES  NOT RELEASED\n"
		"             5582  b\\x0a               munmap    ENOMEM   max_map_count           3  8 KiB\n"
		"  lost    nothing\n");
	records_near(&near);
	summary_add_warning(&summary, &near);
	summary.losses.causes[LOSS_RING_FULL] = 4;
	summary.losses.missed = 2;
	summary.output_errors = 3;
	summary.bad_records = 5;
	summary.debts = (struct debt_sums){.peak_bytes = 8192};
	summary.debts.by_kind[OUTCOME_PROCESS_ENDED].debts = 1;
	summary.debts.by_kind[OUTCOME_PROCESS_ENDED].bytes_failed = 8192;
	total.total.failures = 1;
	assert_int_equal(render_end(stage->sink, &summary), 0);
	assert_string_equal(written(),
			    "summary after 1.5 s: 1 failure, 8 KiB not released\n"
			    "              PID  PROCESS          CALL      ERRNO    CAUSE            FAILURES  "
			    "NOT RELEASED\n"
			    "             5582  b\\x0a               munmap    ENOMEM   max_map_count           1  "
			    "8 KiB\n"
			    "  near    1 warning; nearest came b[5582], with 52424 of 65530 mappings\n"
			    "  kept    0 bytes now, 8 KiB at the most\n"
			    "          1 kept until the process ended: 8 KiB\n"
			    "  lost    4 failures counted but not shown: the ring buffer was full\n"
			    "  lost    2 calls at most that no hook saw: its program was busy on that CPU\n"
			    "  lost    3 records that could not be written\n"
			    "  lost    5 records that could not be read\n");
}

/* A failure, a retry in vain, and the end of the process by a signal. */
static void put_an_end(void)
{
	struct event_failure_full full;
	struct event_ended ended;

	records_failure(&full);
	put(&full);
	put(&full);
	written();
	records_ended(END_MEMORY, &ended);
	put(&ended);
	records_ended(END_EXIT, &ended);
	ended.exit_code = 6;
	put(&ended);
}

static void test_outcome_json(void **state)
{
	json_t *record;

	(void)state;
	put_an_end();
	record = parsed();
	assert_field(record, "event", "\"outcome\"");
	assert_field(record, "time", "\"2026-11-21T14:03:22.314000000Z\"");
	assert_field(record, "process.pid", "5582");
	assert_field(record, "process.exe", "null");
	assert_field(record, "outcome", "\"process_ended\"");
	assert_field(record, "behaviour", "\"aborted\"");
	assert_field(record, "debts", "1");
	assert_field(record, "failures", "2");
	assert_field(record, "retries", "1");
	assert_field(record, "bytes_failed", "135168");
	assert_field(record, "bytes_freed", "0");
	assert_field(record, "bytes_not_released", "135168");
	assert_field(record, "peak_bytes_not_released", "135168");
	assert_field(record, "ended_by", "\"signal\"");
	assert_field(record, "exit_code", "null");
	assert_field(record, "exit_signal", "6");
	json_decref(record);
}

static void test_outcome_text(void **state)
{
	struct event_failure_full full;
	struct event_paid paid;

	(void)state;
	put_an_end();
	assert_string_equal(written(), "14:03:22.314  b[5582]  ended by signal 6 with 132 KiB of 132 KiB still not "
				       "released, 1 retry; it aborted\n");
	records_failure(&full);
	put(&full);
	written();
	records_paid(&paid);
	paid.length_bytes = RECORDS_PAGE_BYTES;
	put(&paid);
	assert_string_equal(written(), "");
	assert_int_equal(pending_end(stage->pending), 0);
	assert_int_equal(show(stage->sink), 0);
	assert_string_equal(written(), "14:03:22.314  b[5582]  not freed so far: 128 KiB of 132 KiB, 1 retry\n");
	put(&full);
	written();
	paid.length_bytes = 34 * RECORDS_PAGE_BYTES;
	put(&paid);
	assert_string_equal(written(), "14:03:22.214  b[5582]  freed after all: 132 KiB by a later call\n");
	full.failure.debt = 0;
	full.failure.process.mm++;
	put(&full);
	assert_non_null(strstr(written(), "leaked  132 KiB by this call; about 132 KiB in 1 range by this process\n"));
	assert_int_equal(pending_end(stage->pending), 0);
	assert_int_equal(show(stage->sink), 0);
	assert_string_equal(written(), "14:03:22.314  b[5582]  not known whether 132 KiB was freed: calls may have "
				       "been missed\n");
}

/* A list of names, from the code. */
struct names {
	const char *names[32];
	size_t count;
};

static void names_add(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->count; i++)
		if (!strcmp(names->names[i], name))
			return;
	assert_true(names->count < COUNT_OF(names->names));
	names->names[names->count++] = name;
}

static json_t *schema_load(void)
{
	json_error_t error;
	json_t *schema = json_load_file(SCHEMA, JSON_REJECT_DUPLICATES, &error);

	if (!schema)
		fail_msg("%s:%d: %s (the tests run from the root of the sources)", SCHEMA, error.line, error.text);
	return schema;
}

/* The enum at `path` below $defs has these names and no other but null. */
static void assert_enum(const char *path, const struct names *names)
{
	json_t *schema = schema_load();
	const json_t *list = field(json_object_get(schema, "$defs"), path), *item;
	size_t index, found = 0;

	json_array_foreach(list, index, item)
	{
		bool known = json_is_null(item);

		for (size_t i = 0; !known && i < names->count; i++)
			known = !strcmp(names->names[i], json_string_value(item));
		if (!known)
			fail_msg("%s: '%s' is in the schema only", path, json_string_value(item));
		found += json_is_string(item);
	}
	assert_int_equal(found, names->count);
	json_decref(schema);
}

static void test_schema_verdicts_and_syscalls(void **state)
{
	struct names verdicts = {}, syscalls = {};

	(void)state;
	for (uint32_t value = 0; value < 100; value++) {
		names_add(&verdicts, render_verdict_name(value));
		names_add(&syscalls, render_syscall_name(value));
	}
	assert_int_equal(verdicts.count, VERDICT_COUNT);
	assert_enum("verdict.enum", &verdicts);
	assert_enum("syscall.enum", &syscalls);
}

static void test_schema_rungs_and_methods(void **state)
{
	struct names rungs = {}, methods = {};
	enum rung rung;

	(void)state;
	for (unsigned int value = RUNG_AUTO + 1; value <= RUNG_TRACEPOINT; value++)
		names_add(&rungs, rung_name(value));
	assert_int_equal(rung_parse("auto", &rung), 0);
	assert_enum("hook.properties.rung.enum", &rungs);
	for (unsigned int value = METHOD_NONE; value <= METHOD_MIXED; value++)
		if (frame_method_name(value))
			names_add(&methods, frame_method_name(value));
	assert_enum("user_stack.properties.method.enum", &methods);
	/* A single frame was found in one way. */
	assert_string_equal(methods.names[--methods.count], "mixed");
	assert_enum("user_frame.properties.method.enum", &methods);
}

static void test_schema_reasons(void **state)
{
	struct names reasons = {};

	(void)state;
#define X(name, text) names_add(&reasons, #name);
	STACK_REASONS(X)
#undef X
	assert_enum("reason.enum", &reasons);
}

/* These have no list in the code: what comes out for every value is the list. */
static void test_schema_evidence_and_vma_kinds(void **state)
{
	struct names evidences = {}, kinds = {};
	struct event_failure_full full;
	json_t *records[100];

	(void)state;
	records_failure(&full);
	for (uint32_t value = 0; value < COUNT_OF(records); value++) {
		full.failure.evidence = (uint8_t)value;
		full.failure.vma.kind = value + 1;
		records[value] = render_json(&full);
		names_add(&evidences, json_string_value(field(records[value], "evidence")));
		names_add(&kinds, json_string_value(field(records[value], "vma.kind")));
	}
	assert_enum("failure.properties.evidence.enum", &evidences);
	assert_enum("vma.properties.kind.enum", &kinds);
	for (size_t i = 0; i < COUNT_OF(records); i++)
		json_decref(records[i]);
}

static void test_schema_census(void **state)
{
	struct names kinds = {}, reasons = {};

	(void)state;
	for (int kind = 0; kind < CENSUS_KIND_COUNT; kind++)
		names_add(&kinds, census_kind_name((enum census_kind)kind));
	for (int reason = 0; reason < CENSUS_REASON_COUNT; reason++)
		names_add(&reasons, census_reason_name((enum census_reason)reason));
	assert_enum("census_kind.enum", &kinds);
	assert_enum("census_reason.enum", &reasons);
}

static void test_schema_outcomes(void **state)
{
	struct names kinds = {}, behaviours = {}, ends = {};

	(void)state;
	for (int kind = 0; kind < OUTCOME_COUNT; kind++)
		names_add(&kinds, outcome_kind_name((enum outcome_kind)kind));
	for (int behaviour = BEHAVIOUR_RETRIED; behaviour <= BEHAVIOUR_WENT_ON; behaviour++)
		names_add(&behaviours, outcome_behaviour_name((enum outcome_behaviour)behaviour));
	for (int end = OUTCOME_END_EXIT; end <= OUTCOME_END_EXEC; end++)
		names_add(&ends, outcome_end_name((enum outcome_end)end));
	assert_enum("outcome_kind.enum", &kinds);
	assert_enum("outcome.properties.behaviour.enum", &behaviours);
	assert_enum("outcome.properties.ended_by.enum", &ends);
}

static void test_schema_advice(void **state)
{
	struct names codes = {}, allocators = {};

	(void)state;
	for (int code = 0; code < ADVICE_COUNT; code++)
		names_add(&codes, advice_code_name((enum advice_code)code));
	for (int allocator = ALLOCATOR_NONE + 1; allocator < ALLOCATOR_COUNT; allocator++)
		names_add(&allocators, allocator_name((enum allocator)allocator));
	assert_enum("advice_item.properties.code.enum", &codes);
	assert_enum("advice_item.properties.allocator.enum", &allocators);
}

static void test_schema_losses(void **state)
{
	json_t *schema = schema_load();
	const json_t *lost = field(schema, "$defs.lost.properties");

	(void)state;
	for (int cause = 0; cause < LOSS_CAUSE_COUNT; cause++)
		assert_non_null(json_object_get(lost, summary_loss_name(cause)));
	/* And hook_missed, output_errors, bad_records, which are user space's. */
	assert_int_equal(json_object_size(lost), LOSS_CAUSE_COUNT + 3);
	json_decref(schema);
}

/* "#/$defs/failure/properties/vma_count" */
static const json_t *referred_to(const json_t *schema, const char *reference)
{
	char path[128];

	assert_true(!strncmp(reference, "#/", 2) && strlen(reference) < sizeof(path));
	strcpy(path, reference + 2);
	for (char *slash = path; (slash = strchr(slash, '/')) != NULL;)
		*slash = '.';
	return field(schema, path);
}

/* Of each property: a description, of each number a unit; what is required exists, and only _b64 need not be there. */
static void check_object(const json_t *schema, const char *name, const json_t *object)
{
	const json_t *properties = json_object_get(object, "properties"),
		     *required = json_object_get(object, "required");
	const json_t *property, *type;
	const char *key, *reference;
	size_t optional = 0;

	if (!properties)
		return;
	assert_true(json_is_false(json_object_get(object, "additionalProperties")));
	json_object_foreach((json_t *)properties, key, property)
	{
		reference = json_string_value(json_object_get(property, "$ref"));
		type = json_object_get(property, "type");
		for (; reference; reference = json_string_value(json_object_get(property, "$ref")))
			property = referred_to(schema, reference);
		if (!json_object_get(property, "description"))
			fail_msg("%s.%s has no description", name, key);
		if (json_is_array(type))
			type = json_array_get(type, 0);
		if (type && !strcmp(json_string_value(type), "integer") && !json_object_get(property, "unit"))
			fail_msg("%s.%s has no unit", name, key);
		optional += strlen(key) > 4 && !strcmp(key + strlen(key) - 4, "_b64");
		check_object(schema, key, property);
	}
	if (json_array_size(required) + optional != json_object_size(properties))
		fail_msg("%s: a property is not required", name);
}

static void test_schema_describes_all(void **state)
{
	json_t *schema = schema_load();
	const char *name;
	json_t *object;

	(void)state;
	json_object_foreach(json_object_get(schema, "$defs"), name, object)
	{
		assert_non_null(json_object_get(object, "description"));
		check_object(schema, name, object);
	}
	json_decref(schema);
}

#define JSON(function) cmocka_unit_test_setup_teardown(function, open_json, stage_close)
#define TEXT(function) cmocka_unit_test_setup_teardown(function, open_text, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		JSON(test_failure_json),
		JSON(test_unknown_is_null),
		JSON(test_mapped_file_json),
		JSON(test_lengths_json),
		JSON(test_stacks_json),
		JSON(test_flood_json),
		TEXT(test_flood_text),
		JSON(test_values_beyond_the_lists),
		JSON(test_strangers_names_json),
		JSON(test_other_events_json),
		JSON(test_near_json),
		JSON(test_split_json),
		JSON(test_origins_json),
		TEXT(test_origins_text),
		JSON(test_recent_json),
		TEXT(test_recent_text),
		TEXT(test_near_text),
		TEXT(test_split_text),
		TEXT(test_split_sums_text),
		JSON(test_outcome_json),
		TEXT(test_outcome_text),
		JSON(test_start_json),
		JSON(test_end_json),
		JSON(test_write_that_fails),
		TEXT(test_failure_text),
		TEXT(test_why_text),
		TEXT(test_why_text_of_calls),
		TEXT(test_why_text_without_a_proof),
		JSON(test_proof_json),
		TEXT(test_bad_request_text),
		TEXT(test_strangers_names_text),
		TEXT(test_other_events_text),
		TEXT(test_end_text),
		cmocka_unit_test(test_schema_verdicts_and_syscalls),
		cmocka_unit_test(test_schema_rungs_and_methods),
		cmocka_unit_test(test_schema_reasons),
		JSON(test_schema_evidence_and_vma_kinds),
		cmocka_unit_test(test_schema_census),
		cmocka_unit_test(test_schema_outcomes),
		cmocka_unit_test(test_schema_advice),
		cmocka_unit_test(test_schema_losses),
		cmocka_unit_test(test_schema_describes_all),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests_name("render", tests, NULL, NULL);
}
