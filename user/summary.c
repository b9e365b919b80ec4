// SPDX-License-Identifier: GPL-2.0-or-later
/* summary.c: see summary.h. */
#include "summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/filter.h"

static const struct {
	const char *name;
	const char *text;
} causes[LOSS_CAUSE_COUNT] = {
#define X(NAME, name, text) [LOSS_##NAME] = {#name, text},
	LOSS_CAUSES(X)
#undef X
};

const char *summary_loss_name(enum loss_cause cause)
{
	return causes[cause].name;
}

const char *summary_loss_text(enum loss_cause cause)
{
	return causes[cause].text;
}

void summary_fini(struct summary *summary)
{
	free(summary->totals);
	splits_fini(&summary->splits);
}

uint64_t summary_failures(const struct summary *summary)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < summary->count; i++)
		sum += summary->totals[i].total.failures;
	return sum;
}

uint64_t summary_bytes(const struct summary *summary)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < summary->count; i++)
		sum += summary->totals[i].total.bytes;
	return sum;
}

uint64_t summary_lost(const struct summary *summary)
{
	uint64_t sum = summary->output_errors + summary->bad_records;

	for (int cause = 0; cause < LOSS_CAUSE_COUNT; cause++)
		sum += summary->losses.causes[cause];
	return summary->losses.missed > 0 ? sum + (uint64_t)summary->losses.missed : sum;
}

static struct tracer_total *total_of(struct summary *summary, const struct total_key *key)
{
	struct tracer_total *grown;

	for (size_t i = 0; i < summary->count; i++)
		if (!memcmp(&summary->totals[i].key, key, sizeof(*key)))
			return &summary->totals[i];
	grown = reallocarray(summary->totals, summary->count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	summary->totals = grown;
	memset(&grown[summary->count], 0, sizeof(*grown));
	grown[summary->count].key = *key;
	return &grown[summary->count++];
}

int summary_add(struct summary *summary, const struct event_failure *failure)
{
	struct total_key key = {
		.start_time_ns = failure->process.start_time_ns,
		.exec_id = failure->process.exec_id,
		.tgid = failure->process.tgid,
		.errno_code = failure->errno_code,
		.syscall = (__u16)failure->syscall,
		.verdict = failure->verdict,
	};
	struct tracer_total *total = total_of(summary, &key);

	if (!total)
		return -ENOMEM;
	total->total.failures++;
	total->total.bytes += filter_bytes_not_released(failure);
	memcpy(total->total.comm, failure->process.comm, sizeof(total->total.comm));
	return 0;
}

/* Signed: the count may be above the limit. */
static int64_t headroom(const struct event_near *near)
{
	return (int64_t)near->vma_limit - near->vma_count;
}

void summary_add_warning(struct summary *summary, const struct event_near *near)
{
	if (!summary->warnings++ || headroom(near) < headroom(&summary->nearest))
		summary->nearest = *near;
}
