/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * debts.h: what failed munmap() calls left mapped, as sets of ranges for each memory, and what became of it: paid by a later
 * call, closed by the end of the process, or still owed. By the records alone: a replay comes to the same result. Whose
 * names these are is model.c's; shows nothing.
 */
#ifndef VMASNOOP_DEBTS_H
#define VMASNOOP_DEBTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"

/* What became of it; the names are those of the log. X(NAME, name) */
#define OUTCOMES(X)                             \
	X(RETRIED_AND_FREED, retried_and_freed) \
	X(FREED_LATER, freed_later)             \
	X(PROCESS_ENDED, process_ended)         \
	X(NOT_FREED, not_freed)                 \
	X(UNKNOWN, unknown)

enum outcome_kind {
#define X(NAME, name) OUTCOME_##NAME,
	OUTCOMES(X)
#undef X
		OUTCOME_COUNT
};

/* What the program was seen to do; exactly what is said of it in docs/events.schema.json. */
enum outcome_behaviour {
	BEHAVIOUR_UNKNOWN,
	BEHAVIOUR_RETRIED,
	BEHAVIOUR_ABORTED,
	BEHAVIOUR_WENT_ON,
};

enum outcome_end {
	OUTCOME_END_UNKNOWN, /* or it has not ended */
	OUTCOME_END_EXIT,
	OUTCOME_END_SIGNAL,
	OUTCOME_END_EXEC,
};

/* Of one debt, from the first failure of memory that owed nothing, to its end; or of several of one process, added up. */
struct outcome {
	enum outcome_kind kind;
	enum outcome_behaviour behaviour;
	enum outcome_end end;
	uint32_t end_code; /* the exit status or the signal */
	uint64_t time_ns; /* CLOCK_MONOTONIC */
	struct event_process process; /* the one that failed last */
	uint64_t debts; /* that it is of */
	uint64_t failures; /* that opened or raised it, or asked for it again in vain */
	uint64_t retries; /* calls that asked for nothing but what was owed, in vain or not */
	uint64_t bytes_failed;
	uint64_t bytes_freed; /* of these */
	uint64_t bytes_not_released; /* the others; of a process that has ended: when it did */
	uint64_t peak_bytes; /* owed at once */
};

struct debt_sums {
	uint64_t bytes; /* owed now */
	uint64_t peak_bytes;
	struct {
		uint64_t debts;
		uint64_t bytes_failed;
		uint64_t bytes_freed;
		uint64_t bytes_not_released;
	} by_kind[OUTCOME_COUNT];
};

/* Of the memory of one process, now. */
struct debt_now {
	uint64_t bytes;
	uint64_t ranges;
	bool doubtful; /* something was lost: it may be more, or less */
};

struct debts;

int debts_new(struct debts **ret);
void debts_free(struct debts *debts);

/* Each returns 0 or -ENOMEM, and may have outcomes to take afterwards. */
int debts_failure(struct debts *debts, const struct event_failure *failure, struct debt_now *ret);
int debts_paid(struct debts *debts, const struct event_paid *paid);
int debts_ended(struct debts *debts, const struct event_ended *ended);

/* Memory that has ended waits a second for how its process did: until now_ns (CLOCK_MONOTONIC). */
int debts_sweep(struct debts *debts, uint64_t now_ns);

/* Tracing is over: what is still owed has its outcome as it stands. */
int debts_finish(struct debts *debts);

/* The next outcome, if there is one. */
bool debts_take_outcome(struct debts *debts, struct outcome *ret);

/* Outcomes that were taken, and what is owed, that of debts_finish() included. */
void debts_read_sums(const struct debts *debts, struct debt_sums *ret);

const char *outcome_kind_name(enum outcome_kind kind);
const char *outcome_behaviour_name(enum outcome_behaviour behaviour); /* NULL: unknown */
const char *outcome_end_name(enum outcome_end end); /* likewise */

#endif
