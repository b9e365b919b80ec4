// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holds the user stacks in vmasnoop's event log against those that are known: from a program that knows its own chain of
 * calls, or from strace -k. Each one known must be in the log and fit, and each stack in the log must be well-formed: every
 * frame has a method, and either a symbol or the reason why not. Whether the failures themselves are right is compare's.
 *
 * Exit status: 0 all holds, 1 differences, 2 usage or unreadable input.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../differences.h"
#include "../record.h"
#include "pattern.h"

enum { SHOWN_AROUND = 10 };

struct comparison {
	struct pattern_list known;
	struct differences differences;
	bool allow_gaps;
	size_t line;
	size_t stacks;
	const json_t *shown; /* the first stack that does not fit */
	size_t shown_frame; /* that does not fit */
	const struct pattern *not_fitted;
	size_t not_fitted_element;
};

static const char usage_text[] =
	"usage: compare_stack LOG.ndjson [OPTIONS]\n"
	"  --chain FILE     a program's own chains\n"
	"  --strace FILE    written by strace -f -k\n"
	"  --allow-gaps     stacks that are not known may be without frames, as long as they say why\n";

static const char *text_or_dash(const json_t *frame, const char *field)
{
	const char *text = record_string(frame, field);

	return text ? text : "-";
}

static size_t from(size_t place)
{
	return place < SHOWN_AROUND ? 0 : place - SHOWN_AROUND;
}

/* Of long stacks only what is near `place`. */
static void print_frames(const json_t *frames, size_t place)
{
	for (size_t i = from(place); i < json_array_size(frames) && i < place + SHOWN_AROUND; i++) {
		const json_t *frame = json_array_get(frames, i);
		json_int_t line = 0;

		record_integer(frame, "line", &line);
		printf("    %2zu %s %s%s %s:%" JSON_INTEGER_FORMAT " %s+%s %s %s\n", i, text_or_dash(frame, "addr"),
		       text_or_dash(frame, "symbol"),
		       json_is_true(json_object_get(frame, "inlined")) ? " (inlined)" : "", text_or_dash(frame, "file"),
		       line, text_or_dash(frame, "module"), text_or_dash(frame, "offset"),
		       text_or_dash(frame, "method"), text_or_dash(frame, "reason"));
	}
}

static void print_pattern(const struct pattern *pattern, size_t place)
{
	for (size_t i = from(place); i < pattern->count && i < place + SHOWN_AROUND; i++) {
		const struct element *element = &pattern->elements[i];

		if (element->kind == ELEMENT_SOME)
			printf("    %2zu some %zu\n", i, element->most);
		else if (element->kind == ELEMENT_OPEN)
			printf("    %2zu open\n", i);
		else
			printf("    %2zu 0x%" PRIx64 " %s%s %s:%ld %s+0x%" PRIx64 "\n", i, element->addr,
			       element->symbols ? element->symbols : "-", element->inlined ? " (inlined)" : "",
			       element->file ? element->file : "-", element->line,
			       element->module ? element->module : "-", element->offset);
	}
}

/* What holds of any frame, by the schema's words and beyond its grammar. NULL: all does. */
static const char *fault_of_frame(const json_t *frame, const json_t *next)
{
	const char *symbol = record_string(frame, "symbol");
	const char *reason = record_string(frame, "reason");
	json_int_t number;
	uint64_t value;

	if (!record_address(frame, "addr", &value))
		return "no address";
	if (!record_string(frame, "method"))
		return "no method";
	if (!symbol == !reason)
		return symbol ? "a symbol, and a reason why there is none" : "neither a symbol nor a reason";
	if (symbol && !record_integer(frame, "symbol_offset", &number))
		return "no symbol_offset";
	if (record_string(frame, "module") && !record_address(frame, "offset", &value))
		return "no offset in its module";
	if (record_integer(frame, "line", &number) && !record_string(frame, "file"))
		return "a line of no file";
	if (json_is_true(json_object_get(frame, "inlined")) &&
	    (!next || strcmp(text_or_dash(frame, "addr"), text_or_dash(next, "addr")) != 0))
		return "inlined, and not at the address of the next frame";
	if (reason && (strcmp(reason, "stripped") == 0 || strcmp(reason, "no_symbol") == 0) &&
	    !(record_string(frame, "module") && record_string(frame, "build_id")))
		return "no symbol, and no module with a build-id to find it by later";
	return NULL;
}

/* The method of the stack is that of all its frames, or mixed. */
static bool method_agrees(const json_t *stack, const json_t *frames)
{
	const char *method = record_string(stack, "method");
	bool cfi = false, frame_pointer = false;

	for (size_t i = 0; i < json_array_size(frames); i++) {
		const char *of_frame = text_or_dash(json_array_get(frames, i), "method");

		cfi |= strcmp(of_frame, "cfi") == 0;
		frame_pointer |= strcmp(of_frame, "frame_pointer") == 0;
	}
	if (!cfi && !frame_pointer)
		return !method;
	return method && strcmp(method, cfi && frame_pointer ? "mixed" : cfi ? "cfi" : "frame_pointer") == 0;
}

static void check_stack(struct comparison *comparison, const json_t *stack)
{
	const json_t *frames = json_object_get(stack, "frames");
	const char *reason = record_string(stack, "reason");

	if (json_array_size(frames) == 0) {
		if (!comparison->allow_gaps || !reason)
			differences_add(&comparison->differences, "line %zu: no frames: %s", comparison->line,
					reason ? reason : "and no reason");
		return;
	}
	if (!method_agrees(stack, frames))
		differences_add(&comparison->differences, "line %zu: the method is not that of the frames",
				comparison->line);
	if (json_is_true(json_object_get(stack, "truncated")) && !reason)
		differences_add(&comparison->differences, "line %zu: truncated, and no reason", comparison->line);
	for (size_t i = 0; i < json_array_size(frames); i++) {
		const char *fault = fault_of_frame(json_array_get(frames, i), json_array_get(frames, i + 1));

		if (fault)
			differences_add(&comparison->differences, "line %zu: frame %zu: %s", comparison->line, i,
					fault);
	}
}

static bool concerns(const struct pattern *pattern, const json_t *record)
{
	json_int_t pid, tid;
	uint64_t addr;

	return record_integer(record, "process.pid", &pid) && record_integer(record, "process.tid", &tid) &&
	       record_address(record, "args.addr", &addr) && (!pattern->pid || pattern->pid == pid) &&
	       (!pattern->tid || pattern->tid == tid) && (!pattern->addr || pattern->addr == addr);
}

static json_t *without_inlined(const json_t *frames)
{
	json_t *rest = json_array();

	for (size_t i = 0; i < json_array_size(frames); i++)
		if (!json_is_true(json_object_get(json_array_get(frames, i), "inlined")))
			json_array_append(rest, json_array_get(frames, i));
	return rest;
}

static void compare_stack(struct comparison *comparison, struct pattern *pattern, const json_t *stack)
{
	const json_t *all = json_object_get(stack, "frames");
	json_t *frames = pattern->without_inlined ? without_inlined(all) : json_deep_copy(all);
	size_t element = 0, frame = 0;

	pattern->failures++;
	if (!pattern_matches(pattern, frames, record_string(stack, "reason") != NULL, &element, &frame)) {
		differences_add(&comparison->differences,
				"line %zu: frame %zu is not what is known as %zu, or there is no such frame; the "
				"stack's reason: %s",
				comparison->line, frame, element, text_or_dash(stack, "reason"));
		if (!comparison->shown) {
			comparison->shown = json_deep_copy(all);
			comparison->shown_frame = frame;
			comparison->not_fitted = pattern;
			comparison->not_fitted_element = element;
		}
	}
	json_decref(frames);
}

static void read_record(struct comparison *comparison, const json_t *record)
{
	const json_t *stack = json_object_get(record, "user_stack");

	if (strcmp(text_or_dash(record, "event"), "failure") != 0)
		return;
	comparison->stacks++;
	check_stack(comparison, stack);
	for (size_t i = 0; i < comparison->known.count; i++)
		if (concerns(&comparison->known.patterns[i], record))
			compare_stack(comparison, &comparison->known.patterns[i], stack);
}

static bool read_log(struct comparison *comparison, const char *path)
{
	FILE *file = fopen(path, "re");
	json_error_t error;
	char *text = NULL;
	bool valid = true;
	size_t size = 0;
	ssize_t length;

	if (!file) {
		fprintf(stderr, "compare_stack: cannot read '%s': %s\n", path, strerror(errno));
		return false;
	}
	while (valid && (length = getline(&text, &size, file)) > 0) {
		json_t *record = json_loadb(text, (size_t)length, JSON_ALLOW_NUL, &error);

		comparison->line++;
		valid = json_is_object(record);
		if (valid)
			read_record(comparison, record);
		else
			fprintf(stderr, "compare_stack: '%s' line %zu is not a line of JSON\n", path, comparison->line);
		json_decref(record);
	}
	free(text);
	fclose(file);
	return valid;
}

static void report(struct comparison *comparison)
{
	size_t compared = 0;

	for (size_t i = 0; i < comparison->known.count; i++) {
		const struct pattern *pattern = &comparison->known.patterns[i];

		compared += pattern->failures;
		if (!pattern->failures)
			differences_add(&comparison->differences,
					"the log lacks the failure at 0x%" PRIx64 " of pid %ld tid %ld", pattern->addr,
					pattern->pid, pattern->tid);
	}
	if (!comparison->stacks)
		differences_add(&comparison->differences, "the log has no failure");
	printf("known %zu stacks %zu compared %zu\n", comparison->known.count, comparison->stacks, compared);
	differences_print(&comparison->differences);
	if (comparison->shown) {
		printf("  known:\n");
		print_pattern(comparison->not_fitted, comparison->not_fitted_element);
		printf("  in the log:\n");
		print_frames(comparison->shown, comparison->shown_frame);
	}
}

static bool parse_options(int argc, char **argv, struct comparison *ret, bool *ret_readable)
{
	static const struct option table[] = {
		{"chain", required_argument, NULL, 'c'},
		{"strace", required_argument, NULL, 's'},
		{"allow-gaps", no_argument, NULL, 'g'},
		{0},
	};
	int option;

	*ret_readable = true;
	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1) {
		size_t before = ret->known.count;

		if (option == '?')
			return false;
		if (option == 'g') {
			ret->allow_gaps = true;
			continue;
		}
		if (!(option == 'c' ? pattern_list_read : pattern_list_read_strace)(optarg, &ret->known)) {
			*ret_readable = false;
		} else if (ret->known.count == before) {
			fprintf(stderr, "compare_stack: no stack in '%s'\n", optarg);
			*ret_readable = false;
		}
	}
	return argc - optind == 1;
}

int main(int argc, char **argv)
{
	struct comparison comparison = {0};
	bool readable;
	int result = 2;

	if (!parse_options(argc, argv, &comparison, &readable)) {
		fputs(usage_text, stderr);
	} else if (readable && read_log(&comparison, argv[optind])) {
		report(&comparison);
		result = comparison.differences.count ? 1 : 0;
	}
	json_decref((json_t *)comparison.shown);
	differences_fini(&comparison.differences);
	pattern_list_fini(&comparison.known);
	return result;
}
