// SPDX-License-Identifier: GPL-2.0-or-later
/* render_outcome.c: what is said of what became of failures: whether the range was freed after all, and what the program did. */
#include "format.h"
#include "render.h"
#include "render_common.h"

#define TEXT_BYTES 128

static void render_end_of(struct sink *sink, const struct outcome *outcome)
{
	bool exited = outcome->end == OUTCOME_END_EXIT, killed = outcome->end == OUTCOME_END_SIGNAL;

	sink_string(sink, "ended_by", outcome_end_name(outcome->end));
	if (exited)
		sink_number(sink, "exit_code", outcome->end_code);
	else
		sink_null(sink, "exit_code");
	if (killed)
		sink_number(sink, "exit_signal", outcome->end_code);
	else
		sink_null(sink, "exit_signal");
}

/* ", after 3 retries" */
static const char *retries_text(const struct outcome *outcome, char text[TEXT_BYTES])
{
	*text = '\0';
	if (outcome->retries)
		snprintf(text, TEXT_BYTES, ", %llu %s", (unsigned long long)outcome->retries,
			 outcome->retries == 1 ? "retry" : "retries");
	return text;
}

/* " by signal 6" */
static const char *end_text(const struct outcome *outcome, char text[TEXT_BYTES])
{
	*text = '\0';
	if (outcome->end == OUTCOME_END_EXIT)
		snprintf(text, TEXT_BYTES, " with status %u", outcome->end_code);
	else if (outcome->end == OUTCOME_END_SIGNAL)
		snprintf(text, TEXT_BYTES, " by signal %u", outcome->end_code);
	else if (outcome->end == OUTCOME_END_EXEC)
		snprintf(text, TEXT_BYTES, " by exec");
	return text;
}

static const char *behaviour_text(const struct outcome *outcome)
{
	switch (outcome->behaviour) {
	case BEHAVIOUR_ABORTED:
		return "; it aborted";
	case BEHAVIOUR_WENT_ON:
		return "; it went on as if it were freed";
	case BEHAVIOUR_RETRIED:
	case BEHAVIOUR_UNKNOWN:
		break;
	}
	return "";
}

static void say(struct sink *sink, const struct model_outcome *outcome)
{
	const struct outcome *what = &outcome->what;
	struct format_buffer clock, failed, left;
	char retries[TEXT_BYTES], end[TEXT_BYTES], debts[TEXT_BYTES] = "";

	format_clock(outcome->time_ns, &clock);
	format_bytes(what->bytes_failed, &failed);
	format_bytes(what->bytes_not_released, &left);
	retries_text(what, retries);
	if (what->debts > 1)
		snprintf(debts, sizeof(debts), " in %llu times", (unsigned long long)what->debts);
#define SAY(format, ...) \
	sink_line(sink, NULL, "%s  %s[%u]  " format, clock.text, what->process.comm, what->process.tgid, __VA_ARGS__)
	switch (what->kind) {
	case OUTCOME_RETRIED_AND_FREED:
		SAY("freed after all: %s%s by asking again%s", failed.text, debts, retries);
		break;
	case OUTCOME_FREED_LATER:
		SAY("freed after all: %s%s by a later call%s", failed.text, debts, retries);
		break;
	case OUTCOME_PROCESS_ENDED:
		SAY("ended%s with %s of %s still not released%s%s", end_text(what, end), left.text, failed.text,
		    retries, behaviour_text(what));
		break;
	case OUTCOME_NOT_FREED:
		SAY("not freed so far: %s of %s%s%s", left.text, failed.text, retries, behaviour_text(what));
		break;
	case OUTCOME_UNKNOWN:
	case OUTCOME_COUNT:
		SAY("not known whether %s was freed: calls may have been missed%s", failed.text, retries);
		break;
	}
#undef SAY
}

int render_outcome(struct sink *sink, const struct model_outcome *outcome)
{
	const struct outcome *what = &outcome->what;

	render_begin(sink, "outcome", outcome->time_ns);
	render_process(sink, &what->process, outcome->start_time_ns, outcome->exe, outcome->cgroup);
	sink_string(sink, "outcome", outcome_kind_name(what->kind));
	sink_string(sink, "behaviour", outcome_behaviour_name(what->behaviour));
	sink_number(sink, "debts", what->debts);
	sink_number(sink, "failures", what->failures);
	sink_number(sink, "retries", what->retries);
	sink_number(sink, "bytes_failed", what->bytes_failed);
	sink_number(sink, "bytes_freed", what->bytes_freed);
	sink_number(sink, "bytes_not_released", what->bytes_not_released);
	sink_number(sink, "peak_bytes_not_released", what->peak_bytes);
	render_end_of(sink, what);
	say(sink, outcome);
	return sink_record_end(sink);
}

static void say_sums(struct sink *sink, const struct debt_sums *sums)
{
	static const char *const texts[OUTCOME_COUNT] = {
		[OUTCOME_RETRIED_AND_FREED] = "freed by asking again",
		[OUTCOME_FREED_LATER] = "freed by a later call",
		[OUTCOME_PROCESS_ENDED] = "kept until the process ended",
		[OUTCOME_NOT_FREED] = "not freed so far",
		[OUTCOME_UNKNOWN] = "not known",
	};
	struct format_buffer now, peak;

	sink_line(sink, "kept", "%s now, %s at the most", format_bytes(sums->bytes, &now),
		  format_bytes(sums->peak_bytes, &peak));
	for (int kind = 0; kind < OUTCOME_COUNT; kind++)
		if (sums->by_kind[kind].debts)
			sink_line(sink, "", "%llu %s: %s", (unsigned long long)sums->by_kind[kind].debts, texts[kind],
				  format_bytes(sums->by_kind[kind].bytes_failed, &now));
}

void render_debt_sums(struct sink *sink, const struct debt_sums *sums)
{
	sink_object_begin(sink, "debts");
	sink_number(sink, "bytes_not_released", sums->bytes);
	sink_number(sink, "peak_bytes_not_released", sums->peak_bytes);
	sink_array_begin(sink, "outcomes");
	for (int kind = 0; kind < OUTCOME_COUNT; kind++) {
		if (!sums->by_kind[kind].debts)
			continue;
		sink_object_begin(sink, NULL);
		sink_string(sink, "outcome", outcome_kind_name(kind));
		sink_number(sink, "debts", sums->by_kind[kind].debts);
		sink_number(sink, "bytes_failed", sums->by_kind[kind].bytes_failed);
		sink_number(sink, "bytes_freed", sums->by_kind[kind].bytes_freed);
		sink_number(sink, "bytes_not_released", sums->by_kind[kind].bytes_not_released);
		sink_end(sink);
	}
	sink_end(sink);
	sink_end(sink);
	if (sums->peak_bytes)
		say_sums(sink, sums);
}
