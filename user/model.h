/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * model.h: what is known of the processes that were seen, and each failure in the light of it: its number, the sums so
 * far, names, stacks with symbols. Reads /proc and files only when live; on a replay it knows what the records say.
 */
#ifndef VMASNOOP_MODEL_H
#define VMASNOOP_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "debts.h"
#include "advised.h"
#include "event.h"
#include "near.h"
#include "origins.h"
#include "stack_cache.h"

struct model;
struct model_process; /* of one exec: tgid, start time and exec id together */

struct model_options {
	bool live; /* the processes are those of this machine, now */
	int64_t realtime_offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC */
	int64_t boottime_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME */
	struct stack_cache_options stacks; /* who is asked for user stacks */
	/* Modules about which nothing will be asked any more; with stacks.context. May be NULL. */
	void (*forget)(void *context, const struct modules *modules);
};

/* A failure, complete but for its user stack, which may still be on its way. Owns all but `raw`. */
struct model_failure {
	const struct event_failure *raw;
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t start_time_ns; /* of the process, likewise */
	char *exe; /* NULL: not known */
	char *cgroup; /* likewise */
	char *vma_path; /* of the file that is mapped; NULL: none, or not known */
	uint64_t number; /* of this process's failures, from 1 */
	uint64_t bytes; /* not released by this call, or by all that it stands for */
	struct debt_now owed; /* by the process, this one included: each page once */
	uint64_t count; /* of the failures that this one stands for, itself included: see repeats.h */
	uint64_t span_ns; /* from this one to the last of them; `number` is the last one's */
	uint64_t first_number;
	struct modules *modules; /* NULL: not known */
	struct shared_stack *user_stack; /* NULL: not taken; its stack is NULL as long as it is on its way */
	struct stack *kernel_stack; /* NULL: not taken */
	struct origins_table *origins; /* NULL: not read for this one, or not watched */
	struct event_ops *ops; /* the calls before it; NULL: not handed out with this one, or not watched */
	struct advice_basis advice;
};

int model_new(const struct model_options *options, struct model **ret);
void model_free(struct model *model);

/* The clock was set, or a while has passed. */
void model_set_clock(struct model *model, int64_t realtime_offset_ns);
uint64_t model_realtime_ns(const struct model *model, uint64_t monotonic_ns);

/* 0 or -ENOMEM. */
int model_failure(struct model *model, const struct event_failure *raw, struct model_failure *ret);
void model_failure_fini(struct model_failure *failure);

/*
 * Counts this failure among those of its second, once each. True: it is to be shown by itself; false: it is one too many.
 * Its process has failed FLOOD_AFTER times, is now failing more than FLOOD_PER_SEC times a second, and failures with the
 * same stack were shown.
 */
#define FLOOD_AFTER   10000
#define FLOOD_PER_SEC 1000
bool model_admit(struct model *model, const struct event_failure *raw);

/* Lets `failure` stand for one more failure of its process, from the same place and for the same cause. 0 or -ENOMEM. */
int model_failure_repeat(struct model *model, const struct event_failure *raw, struct model_failure *failure);

bool model_failure_is_complete(const struct model_failure *failure);

/* Its user stack is waited for no longer: it has addresses and `reason` from now on. 0 or -ENOMEM. */
int model_failure_give_up(struct model_failure *failure, const char *reason);

/*
 * The memory that it takes beside its record, but for the user stack; its part of that, which others may share; and what
 * all stacks take that only failures have.
 */
size_t model_failure_bytes(const struct model_failure *failure);
size_t model_failure_stack_bytes(const struct model_failure *failure);
size_t model_loose_bytes(const struct model *model);

/* The number of the first failure with the same user stack, 0: this is the first. */
uint64_t model_failure_repeat_of(const struct model_failure *failure);

/* A process that crossed a threshold. Owns all but `raw`. */
struct model_near {
	const struct event_near *raw;
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t start_time_ns; /* of the process, likewise */
	char *exe; /* NULL: not known */
	char *cgroup; /* likewise */
	struct near_growth growth;
	struct origins_table *origins; /* as of a failure */
	struct advice_basis advice;
};

/* 0 or -ENOMEM. */
int model_near(struct model *model, const struct event_near *raw, struct model_near *ret);
void model_near_fini(struct model_near *near);
size_t model_near_bytes(const struct model_near *near); /* as of a failure */

/* A split. Owns all but `raw`. Nothing is read for it: of its process is known what others were read for. */
struct model_split {
	const struct event_split *raw;
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t start_time_ns; /* of the process, likewise */
	char *exe; /* NULL: not known */
	char *cgroup; /* likewise */
};

/* 0 or -ENOMEM. */
int model_split(struct model *model, const struct event_split *raw, struct model_split *ret);
void model_split_fini(struct model_split *split);
size_t model_split_bytes(const struct model_split *split); /* as of a failure */

/* What became of failures: after each record there may be some to take. Owns all but `what`. */
struct model_outcome {
	struct outcome what;
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t start_time_ns; /* of the process, likewise */
	char *exe; /* NULL: not known */
	char *cgroup; /* likewise */
};

/* 1: there was one; 0: there is none; or -ENOMEM. */
int model_take_outcome(struct model *model, struct model_outcome *ret);
void model_outcome_fini(struct model_outcome *outcome);
size_t model_outcome_bytes(const struct model_outcome *outcome); /* as of a failure */

/* See debts.h; the time is CLOCK_MONOTONIC. */
int model_paid(struct model *model, const struct event_paid *raw);
int model_ended(struct model *model, const struct event_ended *raw);
int model_sweep_debts(struct model *model, uint64_t now_ns);
int model_finish_debts(struct model *model);
void model_read_debt_sums(const struct model *model, struct debt_sums *ret);

/* What became of the mappings of a process that has ended, or that is there at the end of the run. Owns all but `raw`. */
struct model_origins {
	const struct event_origins *raw;
	uint64_t time_ns; /* CLOCK_REALTIME */
	uint64_t start_time_ns; /* of the process, likewise */
	uint64_t since_ns; /* of the watch, likewise */
	char *exe; /* NULL: not known */
	char *cgroup; /* likewise */
	struct origins_table *table;
};

/*
 * Whether origins are to be read before this event goes its way, so that it has them: of a warning, and of the 1st, 2nd, 4th ...
 * failure of a process.
 */
bool model_wants_origins(struct model *model, const struct event *event);

/* A place from which mappings were made. The calls before a failure that is to come. */
int model_origin(struct model *model, const struct event_origin *raw);
int model_ops(struct model *model, const struct event_ops *raw);

/*
 * What was read: for the next failure or warning of the process, or, when it is final, to be shown by itself. 0 or -ENOMEM.
 */
int model_origins(struct model *model, const struct event_origins *raw, struct model_origins *ret);
void model_origins_fini(struct model_origins *origins);

/* Notes a hot process, while it lives to be looked at; one that maps code; a slice, whose failure is to come. */
int model_hot(struct model *model, const struct event_hot *raw);
int model_mapped(struct model *model, const struct event_mapped *raw);
int model_slice(struct model *model, const struct event_slice *raw);

/* Records were lost on their way: what processes have told of themselves may not be all. */
void model_note_losses(struct model *model);

bool model_has_ops(const struct model *model, const struct event_failure *failure);
bool model_has_slice(const struct model *model, const struct event_failure *failure);

/* The answer to what options.stacks.ask was asked, as symbolizer_answered. */
void model_answered(struct model *model, uint64_t id, struct stack *stack);
void model_read_stack_counts(const struct model *model, struct stack_cache_counts *ret);

#endif
