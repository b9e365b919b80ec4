// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * render.c: see render.h: the events of a run. What a failure says is render_failure.c's, a warning
 * render_near.c's, a split render_split.c's, what became of failures render_outcome.c's.
 */
#include "render.h"

#include <sys/utsname.h>

#include "format.h"
#include "render_common.h"
#include "rung.h"
#include "version.h"

#define SCHEMA_VERSION 1

void render_begin(struct sink *sink, const char *event, uint64_t time_ns)
{
	struct format_buffer buffer;

	sink_record_begin(sink);
	sink_string(sink, "event", event);
	sink_number(sink, "schema_version", SCHEMA_VERSION);
	sink_string(sink, "time", format_rfc3339(time_ns, &buffer));
}

int render_event(struct sink *sink, const struct model *model, const struct pending_event *shown)
{
	switch (shown->event.kind) {
	case EVENT_FAILURE:
		return render_failure(sink, &shown->failure);
	case EVENT_LIMIT:
		return render_limit(sink, model, shown->event.limit);
	case EVENT_NEAR:
		return render_near(sink, &shown->near);
	case EVENT_ENDED:
		return render_outcome(sink, &shown->outcome);
	case EVENT_ORIGINS:
		return render_origins(sink, &shown->origins);
	case EVENT_SPLIT:
		return render_split(sink, &shown->split);
	/* These add to what is known of a process, and nothing is said of them. */
	case EVENT_HOT:
	case EVENT_SLICE:
	case EVENT_MAPPED:
	case EVENT_PAID:
	case EVENT_ORIGIN:
	case EVENT_OPS:
	case EVENT_KIND_COUNT:
		break;
	}
	return 0;
}

static void render_hook(struct sink *sink, const struct hook *hook)
{
	sink_object_begin(sink, NULL);
	sink_string(sink, "observation", hook->observation);
	sink_string(sink, "rung", hook->rung == RUNG_AUTO ? NULL : rung_name(hook->rung));
	sink_string(sink, "kind", hook->kind);
	sink_string(sink, "function", hook->function);
	sink_string(sink, "reason", hook->reason);
	sink_end(sink);
}

int render_start(struct sink *sink, const struct render_start *start)
{
	struct utsname kernel = {};

	uname(&kernel);
	render_begin(sink, "run_start", start->time_ns);
	sink_string(sink, "version", VMASNOOP_VERSION);
	sink_object_begin(sink, "kernel");
	sink_string(sink, "release", start->hook_count ? kernel.release : NULL);
	sink_string(sink, "machine", start->hook_count ? kernel.machine : NULL);
	sink_end(sink);
	sink_number(sink, "vma_limit", start->vma_limit);
	sink_array_begin(sink, "hooks");
	for (size_t i = 0; i < start->hook_count; i++)
		render_hook(sink, &start->hooks[i]);
	sink_end(sink);
	return sink_record_end(sink);
}

int render_limit(struct sink *sink, const struct model *model, const struct event_limit *event)
{
	uint64_t time_ns = model_realtime_ns(model, event->header.time_ns);
	struct format_buffer clock;

	render_begin(sink, "limit_changed", time_ns);
	sink_number(sink, "old_limit", event->old_limit);
	sink_number(sink, "new_limit", event->new_limit);
	sink_line(sink, NULL, "%s  vm.max_map_count changed from %u to %u", format_clock(time_ns, &clock),
		  event->old_limit, event->new_limit);
	return sink_record_end(sink);
}

static void render_total(struct sink *sink, const struct summary *summary, const struct tracer_total *total)
{
	uint64_t start_ns = total->key.start_time_ns + (uint64_t)summary->boottime_offset_ns;
	const char *errno_name = format_errno(total->key.errno_code);
	struct format_buffer buffer;

	sink_object_begin(sink, NULL);
	sink_number(sink, "pid", total->key.tgid);
	sink_string(sink, "start_time", format_rfc3339(start_ns, &buffer));
	sink_number(sink, "exec_id", total->key.exec_id);
	sink_string(sink, "comm", total->total.comm);
	sink_string(sink, "syscall", render_syscall_name(total->key.syscall));
	sink_string(sink, "errno", errno_name);
	sink_string(sink, "verdict", render_verdict_name(total->key.verdict));
	sink_number(sink, "failures", total->total.failures);
	sink_number(sink, "bytes_not_released", total->total.bytes);
	sink_end(sink);
	sink_line(sink, "", "%7u  %-15s  %-8s  %-8s %-14s  %9llu  %s", total->key.tgid, total->total.comm,
		  render_syscall_name(total->key.syscall), errno_name ?: "?", render_verdict_name(total->key.verdict),
		  (unsigned long long)total->total.failures, format_bytes(total->total.bytes, &buffer));
}

/* A cause of which nothing is known is null: of a capture's own run, of misses that the kernel does not count. */
static void render_loss(struct sink *sink, const char *name, bool known, uint64_t lost, const char *text)
{
	if (!known)
		sink_null(sink, name);
	else
		sink_number(sink, name, lost);
	if (known && lost)
		sink_line(sink, "lost", "%llu %s", (unsigned long long)lost, text);
}

static void render_losses(struct sink *sink, const struct summary *summary)
{
	const struct tracer_losses *losses = &summary->losses;
	bool known = !summary->losses_unknown;

	sink_object_begin(sink, "lost");
	for (int cause = 0; cause < LOSS_CAUSE_COUNT; cause++)
		render_loss(sink, summary_loss_name(cause), known, losses->causes[cause], summary_loss_text(cause));
	render_loss(sink, "hook_missed", known && losses->missed >= 0, (uint64_t)losses->missed,
		    "calls at most that no hook saw: its program was busy on that CPU");
	render_loss(sink, "output_errors", true, summary->output_errors, "records that could not be written");
	render_loss(sink, "bad_records", true, summary->bad_records, "records that could not be read");
	sink_end(sink);
	if (!known)
		sink_line(sink, "lost", "not known: a capture does not tell what its run lost");
	else if (losses->missed < 0)
		sink_line(sink, "lost", "%s known; this kernel does not count calls that a busy hook missed",
			  summary_lost(summary) ? "more than what is" : "nothing is");
	else if (!summary_lost(summary))
		sink_line(sink, "lost", "nothing");
}

int render_end(struct sink *sink, const struct summary *summary)
{
	uint64_t failures = summary_failures(summary), bytes = summary_bytes(summary);
	struct format_buffer size;

	render_begin(sink, "run_end", summary->time_ns);
	sink_number(sink, "duration_ns", summary->duration_ns);
	sink_line(sink, NULL, "summary after %.1f s: %llu %s, %s not released", (double)summary->duration_ns / 1e9,
		  (unsigned long long)failures, failures == 1 ? "failure" : "failures", format_bytes(bytes, &size));
	sink_object_begin(sink, "totals");
	sink_number(sink, "failures", failures);
	sink_number(sink, "bytes_not_released", bytes);
	sink_number(sink, "near_limit", summary->warnings);
	sink_number(sink, "splits", splits_sum(&summary->splits));
	sink_end(sink);
	if (summary->count)
		sink_line(sink, "", "%7s  %-15s  %-8s  %-8s %-14s  %9s  %s", "PID", "PROCESS", "CALL", "ERRNO", "CAUSE",
			  "FAILURES", "NOT RELEASED");
	sink_array_begin(sink, "processes");
	for (size_t i = 0; i < summary->count; i++)
		render_total(sink, summary, &summary->totals[i]);
	sink_end(sink);
	if (summary->warnings)
		sink_line(sink, "near", "%llu %s; nearest came %s[%u], with %u of %u mappings",
			  (unsigned long long)summary->warnings, summary->warnings == 1 ? "warning" : "warnings",
			  summary->nearest.process.comm, summary->nearest.process.tgid, summary->nearest.vma_count,
			  summary->nearest.vma_limit);
	render_split_sums(sink, summary);
	render_debt_sums(sink, &summary->debts);
	render_losses(sink, summary);
	return sink_record_end(sink);
}
