/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * render.h: what is said of each event, once, field by field, to whichever sink. The names of the fields are the log's
 * contract: docs/events.schema.json.
 */
#ifndef VMASNOOP_RENDER_H
#define VMASNOOP_RENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "event.h"
#include "model.h"
#include "sink.h"
#include "summary.h"
#include "tracer.h"

/* Each returns 0, or the negative errno with which the sink could not write the record: it is lost. */

struct render_start {
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint32_t vma_limit;
	const struct hook *hooks; /* none on a replay */
	size_t hook_count;
};
int render_start(struct sink *sink, const struct render_start *start);

int render_end(struct sink *sink, const struct summary *summary);

/* One for each kind of event. `model` completes what the record alone does not say. */
#define X(NAME, name) int render_##name(struct sink *sink, struct model *model, const struct event_##name *event);
EVENT_KINDS(X)
#undef X

int render_event(struct sink *sink, struct model *model, const struct event *event);

#endif
