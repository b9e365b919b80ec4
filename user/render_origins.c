// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * render_origins.c: what is said of the origins of a process's mappings: with a failure and a warning in short, at its end
 * as a record of its own. And of the calls before a failure.
 */
#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "mapping_calls.h"
#include "recent.h"
#include "render.h"
#include "render_common.h"

#define SAID_IN_SHORT 3 /* rows */
#define SAID_AT_END   10
#define SAID_OPS      5
#define PLACE_BYTES   256

static void render_frame(struct sink *sink, const struct frame *frame)
{
	sink_object_begin(sink, NULL);
	sink_hex(sink, "addr", frame->addr);
	sink_string(sink, "symbol", frame->symbol);
	sink_string(sink, "module", frame->module);
	sink_string(sink, "file", frame->file);
	if (frame->line > 0)
		sink_number(sink, "line", (uint64_t)frame->line);
	else
		sink_null(sink, "line");
	sink_end(sink);
}

static const struct stack *stack_of(const struct origins_row *row, bool without_stacks)
{
	static const struct stack on_its_way = {.reason = "symbolizer_busy"}, none = {.reason = "capture_failed"},
				  not_asked = {.reason = "not_requested"};

	if (row->stack)
		return row->stack->stack ?: &on_its_way;
	return without_stacks ? &not_asked : &none;
}

static void render_row(struct sink *sink, const struct origins_row *row, bool without_stacks)
{
	const struct stack *stack = stack_of(row, without_stacks);
	char name[32];

	sink_object_begin(sink, NULL);
	sink_integer(sink, "net", row->net);
	sink_number(sink, "plus", row->plus);
	sink_number(sink, "minus", row->minus);
	sink_number(sink, "calls", row->calls);
	sink_string(sink, "syscall", mapping_call_name(row->syscall, name));
	sink_hex(sink, "stack_key", row->stack_key);
	sink_string(sink, "reason", stack->reason);
	sink_array_begin(sink, "frames");
	for (size_t i = 0; i < stack->count; i++)
		render_frame(sink, &stack->frames[i]);
	sink_end(sink);
	sink_end(sink);
}

static void render_table(struct sink *sink, const struct origins_table *table, size_t rows)
{
	int64_t others_net = table->others_net;

	rows = rows < table->count ? rows : table->count;
	for (size_t i = rows; i < table->count; i++)
		others_net = (int64_t)((uint64_t)others_net + (uint64_t)table->rows[i].net);
	sink_object_begin(sink, "origins");
	sink_number(sink, "older", table->older);
	sink_integer(sink, "made", table->made);
	sink_integer(sink, "other", others_net);
	sink_bool(sink, "approximate", table->approximate);
	sink_array_begin(sink, "top");
	for (size_t i = 0; i < rows; i++)
		render_row(sink, &table->rows[i], table->without_stacks);
	sink_end(sink);
	sink_end(sink);
}

/* "munmap main b.c:17", "mmap 0x55d2a0c01149 (b)" */
static const char *place_text(const struct origins_row *row, char text[PLACE_BYTES])
{
	const struct frame *frame = origins_row_frame(row);
	const char *file = frame && frame->file ? strrchr(frame->file, '/') : NULL;
	char name[32];

	file = file ? file + 1 : frame ? frame->file : NULL;
	mapping_call_name(row->syscall, name);
	if (!frame)
		snprintf(text, PLACE_BYTES, "%s", mapping_call_name(row->syscall, name));
	else if (frame->symbol && file)
		snprintf(text, PLACE_BYTES, "%s %s %s:%d", mapping_call_name(row->syscall, name), frame->symbol, file,
			 frame->line);
	else if (frame->symbol)
		snprintf(text, PLACE_BYTES, "%s %s", mapping_call_name(row->syscall, name), frame->symbol);
	else
		snprintf(text, PLACE_BYTES, "%s 0x%" PRIx64, mapping_call_name(row->syscall, name), frame->addr);
	return text;
}

/* ", roughly": the sum is right, and who has which part of it may not be. */
static const char *hedge(const struct origins_table *table)
{
	return table->approximate ? ", roughly" : "";
}

/* "+32765 of the 61400 mappings made since it was watched: munmap main b.c:17; 4130 are older" */
static void say_in_short(struct sink *sink, const struct origins_table *table)
{
	char text[PLACE_BYTES];

	if (!table->count) {
		sink_line(sink, "grew", "by %+" PRId64 " since it was watched; %u mappings are older", table->made,
			  table->older);
		return;
	}
	sink_line(sink, "grew",
		  "%+" PRId64 " of the %" PRId64 " mappings made since it was watched%s: %s; %u are older",
		  table->rows[0].net, table->made, hedge(table), place_text(&table->rows[0], text), table->older);
	for (size_t i = 1; i < table->count && i < SAID_IN_SHORT; i++)
		sink_line(sink, "", "%+" PRId64 ": %s", table->rows[i].net, place_text(&table->rows[i], text));
}

void render_origins_of(struct sink *sink, const struct origins_table *table)
{
	if (!table) {
		sink_null(sink, "origins");
		return;
	}
	render_table(sink, table, ORIGINS_SHOWN);
	say_in_short(sink, table);
}

static void say_at_end(struct sink *sink, const struct origins_table *table)
{
	char text[PLACE_BYTES];
	uint64_t others = table->others;
	int64_t net = table->others_net;

	sink_line(sink, "", "%9s  %9s  %9s  %9s  %s", "NET", "MADE", "TAKEN", "CALLS", "WHERE");
	for (size_t i = 0; i < table->count; i++) {
		const struct origins_row *row = &table->rows[i];

		if (i < SAID_AT_END) {
			sink_line(sink, "", "%+9" PRId64 "  %9" PRIu64 "  %9" PRIu64 "  %9" PRIu64 "  %s", row->net,
				  row->plus, row->minus, row->calls, place_text(row, text));
			continue;
		}
		net = (int64_t)((uint64_t)net + (uint64_t)row->net);
		others++;
	}
	if (net || others)
		sink_line(sink, "", "%+9" PRId64 "  in %" PRIu64 " other places, or not known where", net, others);
}

int render_origins(struct sink *sink, const struct model_origins *origins)
{
	const struct event_process *process = &origins->raw->process;
	const struct origins_table *table = origins->table;
	struct format_buffer clock, since;

	render_begin(sink, "origins", origins->time_ns);
	render_process(sink, process, origins->start_time_ns, origins->exe, origins->cgroup);
	sink_string(sink, "since", format_rfc3339(origins->since_ns, &since));
	render_table(sink, table, EVENT_ORIGINS_MAX);
	sink_line(sink, NULL, "%s  %s[%u]  %+" PRId64 " mappings since it was watched%s; %u are older",
		  format_clock(origins->time_ns, &clock), process->comm, process->tgid, table->made, hedge(table),
		  table->older);
	if (table->count)
		say_at_end(sink, table);
	return sink_record_end(sink);
}

/* The Nth of the arguments as the call has it, or null where it has none such. */
static void render_arg(struct sink *sink, const char *name, const struct event_op *op, int n)
{
	if (n < 0)
		sink_null(sink, name);
	else
		sink_hex(sink, name, op->args[n & 1]);
}

static void render_op(struct sink *sink, const struct event_op *op, uint64_t time_ns)
{
	static const struct mapping_call other = {.addr = -1, .length = -1};
	const struct mapping_call *call = mapping_call_find(op->syscall) ?: &other;
	struct format_buffer time;
	char name[32];

	sink_object_begin(sink, NULL);
	sink_string(sink, "time", format_rfc3339(time_ns, &time));
	sink_number(sink, "tid", op->tid);
	sink_string(sink, "syscall", mapping_call_name(op->syscall, name));
	sink_bool(sink, "compat", op->syscall != EVENT_SYSCALL_NONE && op->syscall & EVENT_SYSCALL_COMPAT);
	render_arg(sink, "addr", op, call->addr);
	render_arg(sink, "length_hex", op, call->length);
	sink_integer(sink, "delta", op->delta);
	sink_number(sink, "vma_count", op->vma_count);
	sink_end(sink);
}

static void say_op(struct sink *sink, const char *label, const struct event_op *op, uint64_t time_ns)
{
	const struct mapping_call *call = mapping_call_find(op->syscall);
	struct format_buffer clock, size;
	char name[32], range[96] = "";

	if (call && call->addr >= 0 && call->length >= 0)
		snprintf(range, sizeof(range), "(0x%" PRIx64 ", %s)", (uint64_t)op->args[call->addr & 1],
			 format_bytes(op->args[call->length & 1], &size));
	sink_detail(sink, label, "%s [%u] %s%s %+d: %u mappings", format_clock(time_ns, &clock), op->tid,
		    mapping_call_name(op->syscall, name), range, op->delta, op->vma_count);
}

void render_recent(struct sink *sink, const struct event_ops *ops, uint64_t realtime_offset_ns)
{
	const struct event_op *op;
	size_t count = 0;

	if (!ops) {
		sink_null(sink, "recent_operations");
		return;
	}
	sink_array_begin(sink, "recent_operations");
	for (; (op = recent_op(ops, count)) != NULL; count++)
		render_op(sink, op, op->time_ns + realtime_offset_ns);
	sink_end(sink);
	for (size_t i = count > SAID_OPS ? count - SAID_OPS : 0; i < count; i++) {
		op = recent_op(ops, i);
		say_op(sink, i + SAID_OPS == count || !i ? "before" : "", op, op->time_ns + realtime_offset_ns);
	}
}
