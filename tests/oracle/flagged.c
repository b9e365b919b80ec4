// SPDX-License-Identifier: GPL-2.0-or-later
/* Reads vmasnoop's event log: the order of its records, their numbering and totals. */
#define _GNU_SOURCE 1
#include "flagged.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record.h"

/* The last failure_number of a process. */
struct numbering {
	long pid;
	json_int_t last;
};

struct log_reader {
	const struct expected *expected;
	struct differences *differences;
	struct flagged flagged;
	size_t line;
	size_t failures; /* of all system calls */
	json_int_t bytes_not_released;
	bool ended;
	struct numbering *processes;
	size_t process_count;
};

static struct numbering *numbering_of(struct log_reader *reader, long pid)
{
	for (size_t i = 0; i < reader->process_count; i++)
		if (reader->processes[i].pid == pid)
			return &reader->processes[i];
	reader->processes = reallocarray(reader->processes, reader->process_count + 1, sizeof(*reader->processes));
	if (!reader->processes) {
		fprintf(stderr, "compare: out of memory\n");
		exit(2);
	}
	reader->processes[reader->process_count] = (struct numbering){.pid = pid};
	return &reader->processes[reader->process_count++];
}

static void check_next(struct log_reader *reader, long pid, json_int_t number)
{
	struct numbering *numbering = numbering_of(reader, pid);

	if (number != numbering->last + 1)
		differences_add(reader->differences,
				"line %zu: pid %ld: failure_number %" JSON_INTEGER_FORMAT
				" after %" JSON_INTEGER_FORMAT,
				reader->line, pid, number, numbering->last);
	numbering->last = number;
}

static void check_number(struct log_reader *reader, const json_t *record, long pid)
{
	json_int_t number;

	if (record_integer(record, "failure_number", &number))
		check_next(reader, pid, number);
	else
		differences_add(reader->differences, "line %zu: no failure_number", reader->line);
}

static bool is_left_out(const struct expected *expected, const struct call *call)
{
	return (expected->syscall && strcmp(expected->syscall, call->syscall) != 0) ||
	       (expected->of && !call_list_has_process(expected->of, call->pid));
}

static void read_failure(struct log_reader *reader, const json_t *record)
{
	const struct expected *expected = reader->expected;
	const char *verdict = record_string(record, "verdict");
	struct call call;
	json_int_t bytes;

	reader->failures++;
	if (record_integer(record, "bytes_not_released", &bytes))
		reader->bytes_not_released += bytes;
	if (!record_call(record, &call)) {
		differences_add(reader->differences, "line %zu: a failure that identifies no call", reader->line);
		return;
	}
	check_number(reader, record, call.pid);
	if (is_left_out(expected, &call))
		return;
	reader->flagged.unknown_verdicts += verdict && strcmp(verdict, "unknown") == 0;
	call_list_add(&reader->flagged.calls, &call);
	record_check(record, reader->line, &call, expected, reader->differences);
}

static void check_losses(struct log_reader *reader, const json_t *record)
{
	json_t *lost = json_object_get(record, "lost");

	if (!json_is_object(lost)) {
		differences_add(reader->differences, "run_end: no lost");
		return;
	}
	if (reader->expected->allow_lost)
		return;
	for (void *i = json_object_iter(lost); i; i = json_object_iter_next(lost, i)) {
		const json_t *count = json_object_iter_value(i);

		/* Null: not known (misses that this kernel does not count, a replay). The calls themselves have to tell. */
		if (json_is_null(count))
			continue;
		if (reader->expected->ignore_missed && !strcmp(json_object_iter_key(i), "hook_missed"))
			continue;
		if (reader->expected->allow_missed && !strcmp(json_object_iter_key(i), "hook_missed")) {
			reader->flagged.hook_missed = json_integer_value(count);
			continue;
		}
		if (!json_is_integer(count) || json_integer_value(count) != 0)
			differences_add(reader->differences, "run_end: lost %s is not 0", json_object_iter_key(i));
	}
}

static void read_end(struct log_reader *reader, const json_t *record)
{
	json_int_t failures, bytes;

	reader->ended = true;
	if (!record_integer(record, "totals.failures", &failures) ||
	    !record_integer(record, "totals.bytes_not_released", &bytes)) {
		differences_add(reader->differences, "run_end: totals are missing");
	} else if (!reader->expected->allow_lost) {
		if (failures != (json_int_t)reader->failures)
			differences_add(reader->differences,
					"run_end: %" JSON_INTEGER_FORMAT " failures, the log has %zu", failures,
					reader->failures);
		if (bytes != reader->bytes_not_released)
			differences_add(reader->differences,
					"run_end: %" JSON_INTEGER_FORMAT
					" bytes not released, the log has %" JSON_INTEGER_FORMAT,
					bytes, reader->bytes_not_released);
	}
	check_losses(reader, record);
}

static void read_record(struct log_reader *reader, const json_t *record)
{
	const char *event = record_string(record, "event");

	if (!event) {
		differences_add(reader->differences, "line %zu: no event", reader->line);
		return;
	}
	if (reader->ended)
		differences_add(reader->differences, "line %zu: %s after run_end", reader->line, event);
	if ((strcmp(event, "run_start") == 0) != (reader->line == 1))
		differences_add(reader->differences, "line %zu: %s where run_start %s", reader->line, event,
				reader->line == 1 ? "belongs" : "does not");
	if (strcmp(event, "failure") == 0)
		read_failure(reader, record);
	else if (strcmp(event, "run_end") == 0)
		read_end(reader, record);
	else if (strcmp(event, "failure_repeat") == 0)
		differences_add(reader->differences, "line %zu: a failure_repeat cannot be compared", reader->line);
}

/* The number behind `name`, with its quotes, which no string can contain. */
static bool skim_integer(const char *text, const char *name, json_int_t *ret)
{
	const char *at = strstr(text, name);
	char *end;

	if (!at)
		return false;
	at += strlen(name);
	*ret = strtoll(at, &end, 10);
	return end != at;
}

/*
 * A failure of a process that is left out is not taken apart: records are long, and a log is compared once for each workload
 * that ran. Its number and its bytes count.
 */
static bool skim_line(struct log_reader *reader, const char *text)
{
	static const char failure[] = "{\"event\":\"failure\",";
	json_int_t pid, number, bytes;

	if (!reader->expected->of || reader->ended || strncmp(text, failure, strlen(failure)) != 0 ||
	    !skim_integer(text, "\"process\":{\"pid\":", &pid) || call_list_has_process(reader->expected->of, pid) ||
	    !skim_integer(text, "\"bytes_not_released\":", &bytes) ||
	    !skim_integer(text, "\"failure_number\":", &number))
		return false;
	reader->line++;
	reader->failures++;
	reader->bytes_not_released += bytes;
	check_next(reader, pid, number);
	return true;
}

static bool read_line(struct log_reader *reader, const char *path, const char *text, size_t length)
{
	json_error_t error;
	json_t *record;

	if (skim_line(reader, text))
		return true;
	record = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
	reader->line++;
	if (!json_is_object(record) || text[length - 1] != '\n') {
		fprintf(stderr, "compare: '%s' line %zu is not a line of JSON: %s\n", path, reader->line,
			record ? "no object or no end" : error.text);
		json_decref(record);
		return false;
	}
	read_record(reader, record);
	json_decref(record);
	return true;
}

bool flagged_read(const char *path, const struct expected *expected, struct differences *differences,
		  struct flagged *ret)
{
	struct log_reader reader = {.expected = expected, .differences = differences};
	FILE *file = fopen(path, "re");
	bool valid = true;
	char *text = NULL;
	size_t size = 0;
	ssize_t length;

	if (!file) {
		fprintf(stderr, "compare: cannot read '%s': %s\n", path, strerror(errno));
		return false;
	}
	while (valid && (length = getline(&text, &size, file)) >= 0)
		valid = read_line(&reader, path, text, (size_t)length);
	free(text);
	fclose(file);
	free(reader.processes);
	if (valid && reader.line == 0)
		differences_add(differences, "the log is empty");
	else if (valid && !reader.ended)
		differences_add(differences, "the log has no run_end");
	if (valid)
		*ret = reader.flagged;
	else
		call_list_fini(&reader.flagged.calls);
	return valid;
}
