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
#include "pending.h"
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

int render_failure(struct sink *sink, const struct model_failure *failure);
int render_limit(struct sink *sink, const struct model *model, const struct event_limit *event);

int render_near(struct sink *sink, const struct model_near *near);

int render_split(struct sink *sink, const struct model_split *split);

/* Of a whole run: who split most, of summary.splits. */
void render_split_sums(struct sink *sink, const struct summary *summary);

int render_outcome(struct sink *sink, const struct model_outcome *outcome);

/* Of a whole run: what is owed, and how many came to what; of summary.debts. */
void render_debt_sums(struct sink *sink, const struct debt_sums *sums);

int render_origins(struct sink *sink, const struct model_origins *origins);

/* Any kind of event. */
int render_event(struct sink *sink, const struct model *model, const struct pending_event *shown);

#endif
