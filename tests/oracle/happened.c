// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads an oracle file. A line that does not parse or a wrong total makes it unreadable. */
#define _GNU_SOURCE 1
#include "happened.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct oracle_file {
	size_t lines;
	size_t failures;
	bool has_total;
	size_t total_failures;
};

static bool parse_failure(const char *line, struct call *ret)
{
	struct call call = {0};
	uint64_t length;
	int used = 0;

	if (sscanf(line, "failed %23s 0x%" SCNx64 " %" SCNu64 " %15s pid %ld tid %ld%n", call.syscall, &call.addr,
		   &length, call.errno_name, &call.pid, &call.tid, &used) != 6)
		return false;
	line += used;
	used = 0;
	sscanf(line, " verdict %23[a-z_]%n", call.verdict, &used);
	if (strcmp(line + used, "\n") != 0)
		return false;
	call.length = call_round_to_pages(length);
	*ret = call;
	return true;
}

static bool parse_total(const char *line, size_t *ret_failures)
{
	size_t failures, calls, bytes;
	int used = 0;

	if (sscanf(line, "total %zu failed of %zu calls, %zu bytes%n", &failures, &calls, &bytes, &used) != 3 ||
	    strcmp(line + used, "\n") != 0)
		return false;
	*ret_failures = failures;
	return true;
}

static bool is_shortage(const struct call *call)
{
	return strcmp(call->verdict, "unmapped_range") != 0 && strcmp(call->verdict, "bad_request") != 0;
}

/* Is it one of "NAME,NAME"? */
static bool is_listed(const char *names, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = names; (at = strstr(at, name)); at += length)
		if ((at == names || at[-1] == ',') && (at[length] == ',' || at[length] == '\0'))
			return true;
	return false;
}

static bool is_wanted(const struct call *call, const struct happened_filter *filter)
{
	return (!filter->syscall || strcmp(call->syscall, filter->syscall) == 0) &&
	       (!filter->errno_names || is_listed(filter->errno_names, call->errno_name)) &&
	       (!filter->shortages_only || is_shortage(call));
}

static bool read_line(const char *line, struct oracle_file *file, const struct happened_filter *filter,
		      struct call_list *list)
{
	struct call call;

	file->lines++;
	if (file->has_total)
		return false;
	if (parse_total(line, &file->total_failures)) {
		file->has_total = true;
		return true;
	}
	if (!parse_failure(line, &call))
		return false;
	file->failures++;
	if (is_wanted(&call, filter))
		call_list_add(list, &call);
	return true;
}

bool happened_read(const char *path, const struct happened_filter *filter, struct call_list *ret)
{
	struct oracle_file read = {0};
	struct call_list list = {0};
	FILE *file = fopen(path, "re");
	bool valid = true;
	char *line = NULL;
	size_t size = 0;

	if (!file) {
		fprintf(stderr, "compare: cannot read '%s': %s\n", path, strerror(errno));
		return false;
	}
	while (valid && getline(&line, &size, file) >= 0)
		valid = read_line(line, &read, filter, &list);
	free(line);
	fclose(file);
	if (!valid) {
		fprintf(stderr, "compare: '%s' line %zu is not a line of an oracle\n", path, read.lines);
	} else if (!read.has_total || read.total_failures != read.failures) {
		fprintf(stderr, "compare: '%s' is incomplete: %zu failures, no total or another one\n", path,
			read.failures);
		valid = false;
	}
	if (valid)
		*ret = list;
	else
		call_list_fini(&list);
	return valid;
}
