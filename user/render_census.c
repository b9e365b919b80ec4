// SPDX-License-Identifier: GPL-2.0-or-later
/* render_census.c: see render_census.h. One function for each part of the record, in its order. */
#include "render_census.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "format.h"
#include "render_common.h"
#include "text.h"
#include "version.h"

enum {
	LABEL_COLUMNS = 10, /* that the sink puts before a line */
	ROW_BYTES = 2048,
	NAMES_LOGGED = 100,
	NAMES_SHOWN = 5,
	RUNS_SHOWN = 5,
	NAME_COLUMN = 22, /* where the names of render_names() begin */
};

/* A sentence that is cut where the line ends. */
static void __attribute__((format(printf, 4, 5)))
row(struct sink *sink, const struct render_census *input, const char *label, const char *format, ...)
{
	char text[ROW_BYTES];
	size_t length, room = input->columns - LABEL_COLUMNS;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	length = strlen(text);
	if (length > room) {
		/* Between characters. */
		while (room && (text[room] & 0xc0) == 0x80)
			room--;
		text[room] = '\0';
	}
	sink_line(sink, label, "%s", text);
}

/* A list of ours, its items apart by ", ", in as many lines as it takes; those after the first begin with the indent alone. */
static void rows(struct sink *sink, const struct render_census *input, const char *label, const char *head,
		 const char *indent, const char *list)
{
	size_t room = input->columns - LABEL_COLUMNS;

	while (*list) {
		size_t length = strlen(list), taken = 0, most = room - strlen(head);

		for (size_t end = 0; end < length && (end <= most || !taken); end++)
			if (list[end] == ' ' && list[end - 1] == ',')
				taken = end;
		if (length <= most || !taken)
			taken = length;
		row(sink, input, label, "%s%.*s", head, (int)taken, list);
		list += taken + (list[taken] == ' ');
		label = "";
		head = indent;
	}
}

/* A stranger's name made fit to show, with "..." for what of its beginning has no room. NULL: no memory. */
static char *fit(const char *name, size_t room)
{
	size_t length = strlen(name), size = TEXT_NEUTRALISED_BYTES(length);
	char *safe = malloc(size);
	const char *tail;

	if (!safe)
		return NULL;
	length = text_neutralise(name, length, safe, size);
	room = room < 8 ? 8 : room;
	if (length <= room)
		return safe;
	tail = safe + length - (room - 3);
	while ((*tail & 0xc0) == 0x80)
		tail++;
	memmove(safe + 3, tail, strlen(tail) + 1);
	return memcpy(safe, "...", 3);
}

static void render_sum(struct sink *sink, const struct census_sum *sum)
{
	sink_number(sink, "count", sum->count);
	sink_number(sink, "bytes", sum->bytes);
}

static void render_headline(struct sink *sink, const struct render_census *input)
{
	const struct census *census = input->census;
	unsigned long long count = census->total.count, limit = input->limit;
	_cleanup_free_ char *subject = fit(input->file ?: input->comm, input->columns / 2);
	char who[ROW_BYTES];
	struct format_buffer size;

	format_bytes(census->total.bytes, &size);
	if (input->file)
		snprintf(who, sizeof(who), "%s", subject ?: "?");
	else
		snprintf(who, sizeof(who), "%s[%d]", subject ?: "?", input->tgid);
	if (!limit)
		sink_line(sink, NULL, "%s: %llu mappings, %s", who, count, size.text);
	else
		sink_line(sink, NULL, "%s: %llu of %llu mappings used (%.1f %%), %llu left; %s", who, count, limit,
			  100.0 * (double)count / (double)limit, limit > count ? limit - count : 0, size.text);
	if (!limit)
		row(sink, input, "limit", "not known: --limit N gives vm.max_map_count where the file is from");
	if (census->changed)
		row(sink, input, "note", "the process changed %llu of them while they were read",
		    (unsigned long long)census->changed);
}

static void render_subject(struct sink *sink, const struct render_census *input)
{
	struct format_buffer start;

	sink_string(sink, "file", input->file);
	if (input->file) {
		sink_null(sink, "process");
		return;
	}
	sink_object_begin(sink, "process");
	sink_number(sink, "pid", (uint64_t)input->tgid);
	sink_string(sink, "comm", input->comm);
	sink_string(sink, "exe", input->exe);
	sink_string(sink, "start_time", format_rfc3339(input->start_time_ns, &start));
	sink_end(sink);
}

static void render_totals(struct sink *sink, const struct render_census *input)
{
	const struct census *census = input->census;
	uint64_t count = census->total.count;

	sink_number(sink, "vma_count", count);
	if (input->limit) {
		sink_number(sink, "vma_limit", input->limit);
		sink_number(sink, "headroom", input->limit > count ? input->limit - count : 0);
	} else {
		sink_null(sink, "vma_limit");
		sink_null(sink, "headroom");
	}
	sink_number(sink, "bytes", census->total.bytes);
	sink_bool(sink, "vsyscall", census->gate);
	sink_number(sink, "changed", census->changed);
}

static void render_kinds(struct sink *sink, const struct render_census *input)
{
	const struct census_sum *kinds = input->census->kinds;
	struct format_buffer size;

	row(sink, input, "kinds", "%8s  %9s", "COUNT", "MAPPED");
	sink_array_begin(sink, "kinds");
	for (int kind = 0; kind < CENSUS_KIND_COUNT; kind++) {
		sink_object_begin(sink, NULL);
		sink_string(sink, "kind", census_kind_name(kind));
		render_sum(sink, &kinds[kind]);
		sink_end(sink);
		if (kinds[kind].count)
			row(sink, input, "", "%8llu  %9s  %c %-10s %s", (unsigned long long)kinds[kind].count,
			    format_bytes(kinds[kind].bytes, &size), census_strip_letter(kind), census_kind_name(kind),
			    census_kind_text(kind));
	}
	sink_end(sink);
}

static void render_perms(struct sink *sink, const struct render_census *input)
{
	const struct census_sum *sums = input->census->perms;
	struct format_buffer size;
	const char *label = "perms";
	char perms[5];

	sink_array_begin(sink, "permissions");
	for (int i = 0; i < CENSUS_PERMS_COUNT; i++) {
		if (!sums[i].count)
			continue;
		census_format_perms((uint8_t)i, perms);
		sink_object_begin(sink, NULL);
		sink_string(sink, "perms", perms);
		render_sum(sink, &sums[i]);
		sink_end(sink);
		row(sink, input, label, "%8llu  %9s  %s", (unsigned long long)sums[i].count,
		    format_bytes(sums[i].bytes, &size), perms);
		label = "";
	}
	sink_end(sink);
}

static void render_names(struct sink *sink, const struct render_census *input)
{
	const struct census_names *names = &input->census->names;
	size_t room = input->columns - LABEL_COLUMNS - NAME_COLUMN;
	struct format_buffer size;

	sink_array_begin(sink, "names");
	for (size_t i = 0; i < names->count && i < NAMES_LOGGED; i++) {
		const struct census_name *name = &names->list[i];
		_cleanup_free_ char *shown = i < NAMES_SHOWN ? fit(name->name, room) : NULL;

		sink_object_begin(sink, NULL);
		sink_string(sink, "kind", census_kind_name(name->kind));
		sink_string(sink, "name", name->name);
		sink_number(sink, "count", name->count);
		sink_number(sink, "bytes", name->bytes);
		sink_end(sink);
		if (shown)
			row(sink, input, i ? "" : "names", "%8llu  %9s  %s", (unsigned long long)name->count,
			    format_bytes(name->bytes, &size), shown);
	}
	sink_end(sink);
	sink_number(sink, "name_count", names->count);
	sink_object_begin(sink, "names_beyond");
	sink_number(sink, "count", names->beyond_count);
	sink_number(sink, "bytes", names->beyond_bytes);
	sink_end(sink);
	if (names->count > NAMES_SHOWN)
		row(sink, input, "", "and %zu more%s", names->count - NAMES_SHOWN,
		    names->beyond_count ? ", and some that there was no room for" : "");
}

/* The reasons at boundaries, the most frequent first. */
static void sort_reasons(const struct census_boundaries *boundaries, int order[CENSUS_REASON_COUNT])
{
	for (int i = 0; i < CENSUS_REASON_COUNT; i++) {
		int at = i;

		for (; at > 0 && boundaries[order[at - 1]].count < boundaries[i].count; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
}

static void render_flags(struct sink *sink, const struct render_census *input)
{
	char text[ROW_BYTES] = "";
	size_t used = 0;

	if (!input->smaps || !input->census->flags_known) {
		sink_null(sink, "flags");
		if (input->smaps)
			row(sink, input, "flags", "not known: there is no VmFlags line");
		return;
	}
	sink_array_begin(sink, "flags");
	for (size_t i = 0; i < input->codes->count; i++) {
		uint64_t count = input->census->flags[i];

		if (!count)
			continue;
		sink_object_begin(sink, NULL);
		sink_string(sink, "flag", input->codes->codes[i]);
		sink_number(sink, "count", count);
		sink_end(sink);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %llu", used ? ", " : "",
					 input->codes->codes[i], (unsigned long long)count);
	}
	sink_end(sink);
	rows(sink, input, "flags", "that differ: ", "  ", text);
}

static void render_boundary(struct sink *sink, const struct render_census *input, enum census_reason reason)
{
	const struct census_boundaries *boundaries = &input->census->boundaries[reason];

	sink_object_begin(sink, NULL);
	sink_string(sink, "reason", census_reason_name(reason));
	sink_number(sink, "count", boundaries->count);
	sink_number(sink, "alone", boundaries->alone);
	sink_hex(sink, "first", boundaries->first);
	sink_end(sink);
	row(sink, input, "", "%8llu %8llu  0x%-14llx %s", (unsigned long long)boundaries->count,
	    (unsigned long long)boundaries->alone, (unsigned long long)boundaries->first, census_reason_text(reason));
}

static void render_boundaries(struct sink *sink, const struct render_census *input)
{
	const struct census_boundaries *boundaries = input->census->boundaries;
	int order[CENSUS_REASON_COUNT] = {};

	sort_reasons(boundaries, order);
	row(sink, input, "apart", "%8s %8s  %-16s %s", "COUNT", "ALONE", "FIRST AT", "WHY NEIGHBOURS DID NOT MERGE");
	sink_array_begin(sink, "boundaries");
	for (int i = 0; i < CENSUS_REASON_COUNT; i++)
		if (boundaries[order[i]].count)
			render_boundary(sink, input, order[i]);
	sink_end(sink);
	render_flags(sink, input);
	if (!boundaries[CENSUS_REASON_NOT_VISIBLE].count)
		return;
	row(sink, input, "", "What does not show: %sanon_vma, NUMA policy,",
	    input->smaps ? "" : "flags (try --smaps), ");
	row(sink, input, "", "userfaultfd, another open() of the file, memory that mremap() moved");
	if (!input->file)
		row(sink, input, "", "(to root it does, on kernels from 5.12 on)");
}

static void render_holes(struct sink *sink, const struct render_census *input)
{
	const struct census_holes *holes = &input->census->holes;
	const struct census_sum *guards = &input->census->kinds[CENSUS_KIND_GUARD];
	struct format_buffer size, largest;

	sink_object_begin(sink, "holes");
	sink_number(sink, "count", holes->count);
	sink_number(sink, "bytes", holes->bytes);
	sink_number(sink, "one_page", holes->one_page);
	sink_number(sink, "up_to_1_mib", holes->up_to_1_mib);
	sink_number(sink, "largest_bytes", holes->largest_bytes);
	sink_end(sink);
	if (holes->count)
		row(sink, input, "holes", "%llu: %llu of one page, %llu of at most 1 MiB; the largest %s",
		    (unsigned long long)holes->count, (unsigned long long)holes->one_page,
		    (unsigned long long)holes->up_to_1_mib, format_bytes(holes->largest_bytes, &largest));
	sink_object_begin(sink, "guards");
	render_sum(sink, guards);
	sink_number(sink, "one_page", input->census->guards_of_one_page);
	sink_end(sink);
	if (guards->count)
		row(sink, input, "guards", "%llu: %llu of one page; %s in all", (unsigned long long)guards->count,
		    (unsigned long long)input->census->guards_of_one_page, format_bytes(guards->bytes, &size));
}

static void render_look(struct sink *sink, const struct render_census *input, const struct census_look *look,
			const char *before, bool shown)
{
	_cleanup_free_ char *name = fit(look->name, input->columns - LABEL_COLUMNS - strlen(before) - 16);
	char perms[5];

	census_format_perms(look->perms, perms);
	sink_object_begin(sink, NULL);
	sink_string(sink, "kind", census_kind_name(look->kind));
	sink_string(sink, "perms", perms);
	sink_string(sink, "name", *look->name ? look->name : NULL);
	sink_end(sink);
	if (shown)
		row(sink, input, "", "%s%s %s%s%s", before, perms, census_kind_name(look->kind), *look->name ? " " : "",
		    name ?: "");
}

static void render_run_reasons(struct sink *sink, const struct render_census *input, const struct census_run *run,
			       bool shown)
{
	char text[ROW_BYTES] = "";
	size_t used = 0;

	sink_array_begin(sink, "boundaries");
	for (int reason = 0; reason < CENSUS_REASON_COUNT; reason++) {
		if (!run->reasons[reason])
			continue;
		sink_object_begin(sink, NULL);
		sink_string(sink, "reason", census_reason_name(reason));
		sink_number(sink, "count", run->reasons[reason]);
		sink_end(sink);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s %llu", used ? ", " : "",
					 census_reason_name(reason), (unsigned long long)run->reasons[reason]);
	}
	sink_end(sink);
	if (shown)
		rows(sink, input, "", "  apart: ", "    ", text);
}

static void render_run(struct sink *sink, const struct render_census *input, const struct census_run *run, bool shown)
{
	struct format_buffer size;

	sink_object_begin(sink, NULL);
	sink_hex(sink, "start", run->start);
	sink_hex(sink, "end", run->end);
	if (shown)
		row(sink, input, "", "%8llu  %9s  0x%llx-0x%llx", (unsigned long long)run->count,
		    format_bytes(run->bytes, &size), (unsigned long long)run->start, (unsigned long long)run->end);
	sink_number(sink, "count", run->count);
	sink_number(sink, "bytes", run->bytes);
	sink_array_begin(sink, "looks");
	for (unsigned int i = 0; i < run->period; i++)
		render_look(sink, input, &run->looks[i], i ? "  in turns with " : "  each ", shown);
	sink_end(sink);
	render_run_reasons(sink, input, run, shown);
	sink_end(sink);
}

static void render_runs(struct sink *sink, const struct render_census *input)
{
	const struct census_runs *runs = &input->census->runs;

	if (runs->count)
		row(sink, input, "runs", "%8s  %9s  %s", "COUNT", "MAPPED", "NEIGHBOURS THAT LOOK THE SAME");
	sink_array_begin(sink, "runs");
	for (size_t i = 0; i < runs->count; i++)
		render_run(sink, input, &runs->list[i], i < RUNS_SHOWN);
	sink_end(sink);
}

static void render_region(struct sink *sink, const struct render_census *input, const struct census_region *region)
{
	struct format_buffer mapped, column;
	struct census_row drawn;

	sink_object_begin(sink, NULL);
	sink_hex(sink, "start", region->start);
	sink_hex(sink, "end", region->end);
	sink_number(sink, "count", region->count);
	sink_number(sink, "bytes", region->bytes);
	sink_end(sink);
	census_strip_draw(region, input->columns - LABEL_COLUMNS, &drawn);
	row(sink, input, "", "0x%llx: %llu %s, %s; a column is %s", (unsigned long long)region->start,
	    (unsigned long long)region->count, region->count == 1 ? "mapping" : "mappings",
	    format_bytes(region->bytes, &mapped), format_bytes(drawn.cell_bytes, &column));
	row(sink, input, "", "%s", drawn.kinds);
	row(sink, input, "", "%s", drawn.counts);
}

static void render_regions(struct sink *sink, const struct render_census *input)
{
	const struct census_strip *strip = &input->census->strip;

	row(sink, input, "space", "the letter of most bytes (see kinds; . is a hole); below it the");
	row(sink, input, "", "mappings that begin there: %s", CENSUS_STRIP_LEGEND);
	sink_array_begin(sink, "regions");
	for (size_t i = 0; i < strip->count; i++)
		render_region(sink, input, &strip->regions[i]);
	sink_end(sink);
}

int render_census(struct sink *sink, const struct render_census *input)
{
	render_begin(sink, "census", input->time_ns);
	sink_string(sink, "version", VMASNOOP_VERSION);
	render_headline(sink, input);
	render_subject(sink, input);
	render_totals(sink, input);
	render_kinds(sink, input);
	render_perms(sink, input);
	render_names(sink, input);
	render_boundaries(sink, input);
	render_holes(sink, input);
	render_runs(sink, input);
	render_regions(sink, input);
	return sink_record_end(sink);
}
