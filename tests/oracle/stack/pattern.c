// SPDX-License-Identifier: GPL-2.0-or-later
/* Holds the frames of one stack against a pattern. Reads no file. */
#define _GNU_SOURCE 1
#include "pattern.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../record.h"

static void *grow(void *list, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return list;
	*capacity = *capacity ? 2 * *capacity : 16;
	list = reallocarray(list, *capacity, size);
	if (!list) {
		fprintf(stderr, "compare_stack: out of memory\n");
		exit(2);
	}
	return list;
}

char *copy_string(const char *text)
{
	char *copy = strdup(text);

	if (!copy) {
		fprintf(stderr, "compare_stack: out of memory\n");
		exit(2);
	}
	return copy;
}

struct pattern *pattern_list_add(struct pattern_list *list)
{
	list->patterns = grow(list->patterns, list->count, &list->capacity, sizeof(*list->patterns));
	list->patterns[list->count] = (struct pattern){0};
	return &list->patterns[list->count++];
}

struct element *pattern_add(struct pattern *pattern, enum element_kind kind)
{
	pattern->elements = grow(pattern->elements, pattern->count, &pattern->capacity, sizeof(*pattern->elements));
	pattern->elements[pattern->count] = (struct element){.kind = kind};
	return &pattern->elements[pattern->count++];
}

void pattern_list_fini(struct pattern_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct pattern *pattern = &list->patterns[i];

		for (size_t j = 0; j < pattern->count; j++) {
			free(pattern->elements[j].symbols);
			free(pattern->elements[j].file);
			free(pattern->elements[j].module);
		}
		free(pattern->elements);
	}
	free(list->patterns);
	*list = (struct pattern_list){0};
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool symbol_fits(const char *symbols, const json_t *frame)
{
	const char *symbol = record_string(frame, "symbol");
	const char *reason = record_string(frame, "reason");
	char *copy = copy_string(symbols);
	char *rest = copy, *name;
	bool fits = false;

	while (!fits && (name = strsep(&rest, "|"))) {
		if (*name == '!')
			fits = !symbol && reason && fnmatch(name + 1, reason, 0) == 0;
		else
			fits = symbol && (strcmp(name, symbol) == 0 || fnmatch(name, symbol, 0) == 0);
	}
	free(copy);
	return fits;
}

static bool path_fits(const char *name, const json_t *frame, const char *field)
{
	const char *path = record_string(frame, field);

	return path && strcmp(last_part(path), name) == 0;
}

static bool frame_fits(const struct element *element, const json_t *frame)
{
	json_int_t line = 0;
	uint64_t value;

	if (element->symbols && !symbol_fits(element->symbols, frame))
		return false;
	if (element->file && !path_fits(element->file, frame, "file"))
		return false;
	if (element->line && !(record_integer(frame, "line", &line) && line == element->line))
		return false;
	if (element->addr && !(record_address(frame, "addr", &value) && value == element->addr))
		return false;
	if (element->module && !path_fits(element->module, frame, "module"))
		return false;
	/* strace with libdw shows return addresses less one, with libunwind as they are. */
	if (element->offset &&
	    !(record_address(frame, "offset", &value) && (value == element->offset || value == element->offset + 1)))
		return false;
	return element->inlined == json_is_true(json_object_get(frame, "inlined"));
}

/* One element of the pattern: from the frame counts that all before it can take to those that it can take, too. */
static void advance(const struct element *element, const json_t *frames, const bool *before, bool *after,
		    bool reason_given)
{
	size_t count = json_array_size(frames);

	for (size_t i = 0; i <= count; i++) {
		if (!before[i])
			continue;
		if (element->kind == ELEMENT_OPEN) {
			after[i] = true;
			if (reason_given && i == count)
				after[count + 1] = true;
		} else if (element->kind == ELEMENT_SOME) {
			for (size_t taken = 0; taken <= element->most && i + taken <= count; taken++)
				after[i + taken] = true;
		} else if (i < count && frame_fits(element, json_array_get(frames, i))) {
			after[i + 1] = true;
		}
	}
	/* It ended at an open place: whatever else was to come. */
	after[count + 1] |= before[count + 1];
}

bool pattern_matches(const struct pattern *pattern, const json_t *frames, bool reason_given, size_t *ret_element,
		     size_t *ret_frame)
{
	size_t count = json_array_size(frames);
	bool *before = calloc(count + 2, sizeof(*before));
	bool *after = calloc(count + 2, sizeof(*after));
	bool matches = false, alive = before && after;

	if (alive)
		before[0] = true;
	for (size_t i = 0; alive && i < pattern->count; i++) {
		bool *swap = before;

		memset(after, 0, count + 2);
		advance(&pattern->elements[i], frames, before, after, reason_given);
		alive = memchr(after, true, count + 2) != NULL;
		*ret_element = i;
		for (size_t j = 0; j <= count; j++)
			if (before[j])
				*ret_frame = j;
		before = after;
		after = swap;
	}
	if (alive) {
		matches = before[count] || before[count + 1];
		*ret_element = pattern->count;
		for (size_t j = 0; j <= count; j++)
			if (before[j])
				*ret_frame = j;
	}
	free(before);
	free(after);
	return matches;
}
