// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads patterns: the oracle of a chain, and what strace -k shows of calls that fail. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"

enum { FIELDS_MOST = 5 };

static char *last_part(char *path)
{
	char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool given(const char *field)
{
	return field && strcmp(field, "-") != 0;
}

static bool read_number(const char *field, int base, uint64_t *ret)
{
	char *end;

	if (!given(field))
		return true;
	*ret = strtoull(field, &end, base);
	return *field != '\0' && *end == '\0';
}

static bool read_stack(char **fields, struct pattern_list *list)
{
	struct pattern *pattern = pattern_list_add(list);
	uint64_t pid = 0, tid = 0;

	if (!read_number(fields[1], 10, &pid) || !read_number(fields[2], 10, &tid) ||
	    !read_number(fields[3], 16, &pattern->addr))
		return false;
	pattern->pid = (long)pid;
	pattern->tid = (long)tid;
	return true;
}

static bool read_frame(char **fields, struct pattern *pattern)
{
	struct element *frame = pattern_add(pattern, ELEMENT_FRAME);
	uint64_t line = 0;

	if (given(fields[1]))
		frame->symbols = copy_string(fields[1]);
	if (given(fields[2])) {
		char *colon = strrchr(fields[2], ':');

		if (!colon || !read_number(colon + 1, 10, &line))
			return false;
		*colon = '\0';
		frame->file = copy_string(last_part(fields[2]));
		frame->line = (long)line;
	}
	frame->inlined = given(fields[4]);
	return read_number(fields[3], 16, &frame->addr) && (!frame->inlined || strcmp(fields[4], "inlined") == 0);
}

static bool read_line(char *line, struct pattern_list *list)
{
	struct pattern *pattern = list->count ? &list->patterns[list->count - 1] : NULL;
	char *fields[FIELDS_MOST] = {NULL};
	uint64_t most = 0;

	for (size_t i = 0; i < FIELDS_MOST && line; i++)
		fields[i] = strsep(&line, "\t");
	if (line)
		return false;
	if (strcmp(fields[0], "stack") == 0)
		return read_stack(fields, list);
	if (!pattern)
		return false;
	if (strcmp(fields[0], "frame") == 0)
		return read_frame(fields, pattern);
	if (strcmp(fields[0], "open") == 0)
		return pattern_add(pattern, ELEMENT_OPEN) != NULL;
	if (strcmp(fields[0], "some") != 0 || !read_number(fields[1], 10, &most))
		return false;
	pattern_add(pattern, ELEMENT_SOME)->most = (size_t)most;
	return true;
}

/* " > FILE(SYMBOL+0xOFFSET) [0xOFFSET]", the second one in the file. */
static bool read_strace_frame(char *line, struct pattern *pattern)
{
	char *bracket = strrchr(line, '[');
	char *paren = strchr(line, '(');
	struct element *frame;

	/* Where it cannot go on, nothing is known of what comes. */
	if (strncmp(line, "unexpected_backtracing_error", strlen("unexpected_backtracing_error")) == 0) {
		pattern_add(pattern, ELEMENT_SOME)->most = SIZE_MAX / 2;
		return true;
	}
	frame = pattern_add(pattern, ELEMENT_FRAME);
	if (!bracket || !paren)
		return false;
	*paren = '\0';
	frame->module = copy_string(last_part(line));
	frame->offset = strtoull(bracket + 1, NULL, 16);
	return frame->offset != 0;
}

/* "[pid] munmap(0xADDR, LENGTH) = -1 ENOMEM (...)"; of other calls only that their frames are none of ours. */
static bool read_strace_call(const char *line, struct pattern_list *list)
{
	const char *call = strstr(line, "munmap(0x");
	struct pattern *pattern;

	if (!call || !strstr(call, "= -1 ENOMEM"))
		return false;
	pattern = pattern_list_add(list);
	pattern->tid = strtol(line, NULL, 10);
	pattern->addr = strtoull(call + strlen("munmap("), NULL, 16);
	pattern->without_inlined = true;
	return true;
}

static bool read_strace_line(char *line, struct pattern_list *list)
{
	static bool ours;

	if (strncmp(line, " > ", 3) == 0)
		return !ours || read_strace_frame(line + 3, &list->patterns[list->count - 1]);
	if (*line != '\0')
		ours = read_strace_call(line, list);
	return true;
}

static bool read_lines(const char *path, struct pattern_list *list, bool (*read)(char *, struct pattern_list *))
{
	FILE *file = fopen(path, "re");
	bool valid = true;
	char *line = NULL;
	size_t size = 0, number = 0;
	ssize_t length;

	if (!file) {
		fprintf(stderr, "compare_stack: cannot read '%s': %s\n", path, strerror(errno));
		return false;
	}
	while (valid && (length = getline(&line, &size, file)) > 0) {
		number++;
		if (line[length - 1] == '\n')
			line[length - 1] = '\0';
		valid = read(line, list);
	}
	if (!valid)
		fprintf(stderr, "compare_stack: '%s' line %zu is not understood\n", path, number);
	free(line);
	fclose(file);
	return valid;
}

bool pattern_list_read(const char *path, struct pattern_list *list)
{
	return read_lines(path, list, read_line);
}

bool pattern_list_read_strace(const char *path, struct pattern_list *list)
{
	return read_lines(path, list, read_strace_line);
}
