// SPDX-License-Identifier: GPL-2.0-or-later
/* render_split.c: what is said of a split, and of all those of a run. */
#include <stdbool.h>

#include "format.h"
#include "mapping_calls.h"
#include "render.h"
#include "render_common.h"

#define CAUSE_BYTES 32
#define ROWS_MAX    1000 /* that go into the log */
#define LINES_MAX   10

/* What a record from a file says may be anything. */
static bool has_range(const struct event_split *raw)
{
	return raw->has_range && raw->start < raw->addr && raw->addr < raw->end;
}

static void render_range(struct sink *sink, const char *name, uint64_t start, uint64_t end)
{
	sink_object_begin(sink, name);
	sink_hex(sink, "start", start);
	sink_hex(sink, "end", end);
	sink_end(sink);
}

static void render_halves(struct sink *sink, const struct event_split *raw)
{
	if (!has_range(raw)) {
		sink_null(sink, "addr");
		sink_null(sink, "before");
		sink_null(sink, "after");
		return;
	}
	sink_hex(sink, "addr", raw->addr);
	render_range(sink, "before", raw->start, raw->end);
	sink_array_begin(sink, "after");
	render_range(sink, NULL, raw->start, raw->addr);
	render_range(sink, NULL, raw->addr, raw->end);
	sink_end(sink);
}

/* "munmap()"; but "syscall 303", and what is outside of a syscall has no name. */
static const char *call_text(uint32_t syscall, char text[CAUSE_BYTES + 2])
{
	char name[CAUSE_BYTES];

	if (syscall == EVENT_SYSCALL_NONE)
		return "no syscall";
	snprintf(text, CAUSE_BYTES + 2, "%s%s", mapping_call_name(syscall, name),
		 mapping_call_find(syscall) ? "()" : "");
	return text;
}

static void say(struct sink *sink, const struct model_split *split)
{
	const struct event_split *raw = split->raw;
	const struct event_process *process = &raw->process;
	struct format_buffer clock, whole, left, right;
	char text[CAUSE_BYTES + 2];
	const char *call = call_text(raw->syscall, text);

	if (has_range(raw))
		sink_line(sink, NULL, "%s  %s[%u]  split by %s at 0x%llx: 0x%llx-0x%llx %s -> %s + %s",
			  format_clock(split->time_ns, &clock), process->comm, process->tgid, call,
			  (unsigned long long)raw->addr, (unsigned long long)raw->start, (unsigned long long)raw->end,
			  format_bytes(raw->end - raw->start, &whole), format_bytes(raw->addr - raw->start, &left),
			  format_bytes(raw->end - raw->addr, &right));
	else
		sink_line(sink, NULL, "%s  %s[%u]  %u %s by %s%s", format_clock(split->time_ns, &clock), process->comm,
			  process->tgid, raw->splits, raw->splits == 1 ? "split" : "splits", call,
			  raw->inferred ? " at least, as the number of mappings shows" : "");
}

int render_split(struct sink *sink, const struct model_split *split)
{
	const struct event_split *raw = split->raw;
	char name[CAUSE_BYTES];

	render_begin(sink, "split", split->time_ns);
	render_process(sink, &raw->process, split->start_time_ns, split->exe, split->cgroup);
	sink_string(sink, "cause", mapping_call_name(raw->syscall, name));
	sink_number(sink, "splits", raw->splits);
	render_halves(sink, raw);
	sink_number(sink, "vma_count", raw->vma_count);
	sink_bool(sink, "inferred", raw->inferred);
	say(sink, split);
	return sink_record_end(sink);
}

static void render_row(struct sink *sink, const struct summary *summary, const struct splits_row *row)
{
	uint64_t start_ns = row->key.start_time_ns + (uint64_t)summary->boottime_offset_ns;
	struct format_buffer buffer;
	char name[CAUSE_BYTES];

	sink_object_begin(sink, NULL);
	sink_number(sink, "pid", row->key.tgid);
	sink_string(sink, "start_time", format_rfc3339(start_ns, &buffer));
	sink_number(sink, "exec_id", row->key.exec_id);
	sink_string(sink, "comm", row->sum.comm);
	sink_string(sink, "cause", mapping_call_name(row->key.syscall, name));
	sink_number(sink, "count", row->sum.splits);
	sink_bool(sink, "inferred", row->key.inferred);
	sink_end(sink);
}

static void say_row(struct sink *sink, const struct splits_row *row, bool first)
{
	char text[CAUSE_BYTES + 2];

	sink_line(sink, first ? "splits" : "", "%s[%u] %s%llu by %s%s", row->sum.comm, row->key.tgid,
		  row->key.inferred ? "at least " : "", (unsigned long long)row->sum.splits,
		  call_text(row->key.syscall, text), row->key.inferred ? ", inferred" : "");
}

void render_split_sums(struct sink *sink, const struct summary *summary)
{
	const struct splits *splits = &summary->splits;

	sink_array_begin(sink, "splits");
	for (size_t i = 0; i < splits->count && i < ROWS_MAX; i++)
		render_row(sink, summary, &splits->rows[i]);
	sink_end(sink);
	for (size_t i = 0; i < splits->count && i < LINES_MAX; i++)
		say_row(sink, &splits->rows[i], i == 0);
	if (splits->count > LINES_MAX)
		sink_line(sink, "", "and %zu more processes and calls", splits->count - LINES_MAX);
}
