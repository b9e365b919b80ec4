// SPDX-License-Identifier: GPL-2.0-or-later
/* render_near.c: what is said of a process that comes near the limit: how far it is, how fast it grows, when it is there. */
#include "format.h"
#include "render.h"
#include "render_advice.h"
#include "render_common.h"

#define TEXT_BYTES 64

/* ", +120000/s, limit in 0.1 s", or nothing where nothing is known. */
static const char *growth_text(const struct model_near *near, char text[TEXT_BYTES])
{
	const struct near_growth *growth = &near->growth;

	if (near->raw->already)
		snprintf(text, TEXT_BYTES, ", as it was before tracing began");
	else if (growth->ends)
		snprintf(text, TEXT_BYTES, ", %+.0f/s, limit in %.3g s", growth->per_second, growth->eta_seconds);
	else if (growth->known)
		snprintf(text, TEXT_BYTES, ", %+.0f/s", growth->per_second);
	else
		*text = '\0';
	return text;
}

static void render_growth(struct sink *sink, const struct near_growth *growth)
{
	if (growth->known) {
		sink_real(sink, "mappings_per_second", growth->per_second);
		sink_real(sink, "mappings_per_second_since_hot", growth->per_second_since_hot);
	} else {
		sink_null(sink, "mappings_per_second");
		sink_null(sink, "mappings_per_second_since_hot");
	}
	if (growth->ends)
		sink_real(sink, "eta_seconds", growth->eta_seconds);
	else
		sink_null(sink, "eta_seconds");
}

int render_near(struct sink *sink, const struct model_near *near)
{
	const struct event_near *raw = near->raw;
	const struct event_process *process = &raw->process;
	struct format_buffer clock;
	char growth[TEXT_BYTES];

	render_begin(sink, "near_limit", near->time_ns);
	render_process(sink, process, near->start_time_ns, near->exe, near->cgroup);
	sink_number(sink, "threshold_percent", raw->percent);
	sink_number(sink, "vma_count", raw->vma_count);
	sink_number(sink, "vma_limit", raw->vma_limit);
	sink_number(sink, "peak", raw->peak);
	render_growth(sink, &near->growth);
	sink_bool(sink, "already", raw->already);
	sink_line(sink, NULL, "%s  %s[%u]  near the limit: %u of %u mappings (%u %%)%s",
		  format_clock(near->time_ns, &clock), process->comm, process->tgid, raw->vma_count, raw->vma_limit,
		  raw->percent, growth_text(near, growth));
	render_origins_of(sink, near->origins);
	render_advice_of_near(sink, near);
	return sink_record_end(sink);
}
