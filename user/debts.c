// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * debts.c: see debts.h. One account for each memory; its key is never used again, so an account ends with its memory. What
 * cannot be proven, since a record was lost or there is no room, makes every outcome of that memory unknown.
 */
#include "debts.h"

#include <errno.h>
#include <search.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/queue.h>

#include "../bpf/filter.h"
#include "compare.h"
#include "extents.h"

#define ACCOUNTS_MAX 4096 /* as many as the kernel side has */
#define RANGES_MAX   (512 << 10) /* of all: 16 bytes each, up to twice that */

/* Within this time after a failure an end is the answer to it, and beyond it the program went on. */
#define ANSWER_NS NSEC_PER_SEC

/* How often what was freed is told of one process. */
#define TELL_NS NSEC_PER_SEC

struct account {
	TAILQ_ENTRY(account) by_use; /* or by the end of the memory, when it waits */
	uint64_t mm;
	struct extents owed;
	struct outcome now; /* the debt so far; no failures: there is none */
	struct outcome *held[OUTCOME_COUNT]; /* debts that were paid and not told yet */
	uint64_t told_ns; /* when one was; 0: never */
	uint64_t last_failure_ns;
	uint64_t ended_ns; /* the process; 0: it has not */
	uint64_t memory_ended_ns; /* likewise */
	uint64_t retried_bytes; /* of now.bytes_freed: by retries */
	bool several_threads; /* more than one has failed */
	bool doubtful; /* what is owed may be more, or less */
	bool went_on; /* a thread that had failed called for something else */
	bool called_since; /* the thread that failed last has made another call */
};

TAILQ_HEAD(account_list, account);

struct queued {
	TAILQ_ENTRY(queued) next;
	struct outcome outcome;
};

TAILQ_HEAD(queue, queued);

struct debts {
	void *tree;
	struct account_list accounts; /* the last used at the end */
	struct account_list waiting; /* whose memory has ended; the oldest first */
	struct queue outcomes;
	size_t count;
	size_t ranges;
	uint64_t last_ns;
	struct debt_sums sums;
};

const char *outcome_kind_name(enum outcome_kind kind)
{
	static const char *const names[OUTCOME_COUNT] = {
#define X(NAME, name) [OUTCOME_##NAME] = #name,
		OUTCOMES(X)
#undef X
	};

	return names[kind];
}

const char *outcome_behaviour_name(enum outcome_behaviour behaviour)
{
	static const char *const names[] = {
		[BEHAVIOUR_RETRIED] = "retried", [BEHAVIOUR_ABORTED] = "aborted", [BEHAVIOUR_WENT_ON] = "went_on"};

	return names[behaviour];
}

const char *outcome_end_name(enum outcome_end end)
{
	static const char *const names[] = {
		[OUTCOME_END_EXIT] = "exit", [OUTCOME_END_SIGNAL] = "signal", [OUTCOME_END_EXEC] = "exec"};

	return names[end];
}

int debts_new(struct debts **ret)
{
	struct debts *debts = calloc(1, sizeof(*debts));

	if (!debts)
		return -ENOMEM;
	TAILQ_INIT(&debts->accounts);
	TAILQ_INIT(&debts->waiting);
	TAILQ_INIT(&debts->outcomes);
	*ret = debts;
	return 0;
}

static int account_compare(const void *left, const void *right)
{
	const struct account *a = left, *b = right;

	return compare_u64(a->mm, b->mm);
}

static void account_free(struct debts *debts, struct account *account)
{
	tdelete(account, &debts->tree, account_compare);
	TAILQ_REMOVE(account->memory_ended_ns ? &debts->waiting : &debts->accounts, account, by_use);
	debts->count--;
	debts->ranges -= account->owed.count;
	extents_fini(&account->owed);
	for (int kind = 0; kind < OUTCOME_COUNT; kind++)
		free(account->held[kind]);
	free(account);
}

void debts_free(struct debts *debts)
{
	struct outcome outcome;

	if (!debts)
		return;
	while (!TAILQ_EMPTY(&debts->accounts))
		account_free(debts, TAILQ_FIRST(&debts->accounts));
	while (!TAILQ_EMPTY(&debts->waiting))
		account_free(debts, TAILQ_FIRST(&debts->waiting));
	while (debts_take_outcome(debts, &outcome))
		;
	free(debts);
}

/* --- outcomes --- */

static int tell(struct debts *debts, const struct outcome *outcome)
{
	struct queued *queued = calloc(1, sizeof(*queued));

	if (!queued)
		return -ENOMEM;
	queued->outcome = *outcome;
	TAILQ_INSERT_TAIL(&debts->outcomes, queued, next);
	debts->sums.by_kind[outcome->kind].debts += outcome->debts;
	debts->sums.by_kind[outcome->kind].bytes_failed += outcome->bytes_failed;
	debts->sums.by_kind[outcome->kind].bytes_freed += outcome->bytes_freed;
	debts->sums.by_kind[outcome->kind].bytes_not_released += outcome->bytes_not_released;
	return 0;
}

bool debts_take_outcome(struct debts *debts, struct outcome *ret)
{
	struct queued *first = TAILQ_FIRST(&debts->outcomes);

	if (!first)
		return false;
	*ret = first->outcome;
	TAILQ_REMOVE(&debts->outcomes, first, next);
	free(first);
	return true;
}

/* What was held back of one kind, and `outcome` with it. */
static void add_held(struct account *account, struct outcome *outcome)
{
	struct outcome *held = account->held[outcome->kind];

	if (!held)
		return;
	outcome->debts += held->debts;
	outcome->failures += held->failures;
	outcome->retries += held->retries;
	outcome->bytes_failed += held->bytes_failed;
	outcome->bytes_freed += held->bytes_freed;
	if (outcome->peak_bytes < held->peak_bytes)
		outcome->peak_bytes = held->peak_bytes;
	if (outcome->retries)
		outcome->behaviour = BEHAVIOUR_RETRIED;
	account->held[outcome->kind] = NULL;
	free(held);
}

static int tell_held(struct debts *debts, struct account *account)
{
	struct outcome *held;
	int err = 0;

	for (int kind = 0; kind < OUTCOME_COUNT; kind++) {
		held = account->held[kind];
		if (!held)
			continue;
		account->held[kind] = NULL;
		err = err ?: tell(debts, held);
		free(held);
	}
	return err;
}

/* At once, but not more often than once a second: a program may fail and retry all the time. */
static int tell_paid(struct debts *debts, struct account *account, struct outcome *outcome)
{
	add_held(account, outcome);
	if (account->told_ns && outcome->time_ns - account->told_ns < TELL_NS) {
		struct outcome *held = malloc(sizeof(*held));

		if (!held)
			return -ENOMEM;
		*held = *outcome;
		account->held[outcome->kind] = held;
		return 0;
	}
	account->told_ns = outcome->time_ns;
	return tell(debts, outcome);
}

/* By itself, and not by somebody who wanted it gone. */
static bool ended_badly(const struct outcome *outcome)
{
	if (outcome->end == OUTCOME_END_EXIT)
		return outcome->end_code != 0;
	if (outcome->end != OUTCOME_END_SIGNAL)
		return false;
	switch (outcome->end_code) {
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGSEGV:
	case SIGSYS:
	case SIGTRAP:
		return true;
	default:
		return false;
	}
}

static enum outcome_behaviour behaviour_of(const struct account *account, uint64_t now_ns)
{
	uint64_t until_ns = account->ended_ns ?: now_ns;
	/* Signed: a record of another CPU may be a little older than the one before it. */
	bool soon = (int64_t)(until_ns - account->last_failure_ns) <= (int64_t)ANSWER_NS;
	const struct outcome *debt = &account->now;

	if (ended_badly(debt) && soon && !account->called_since && !account->doubtful)
		return BEHAVIOUR_ABORTED;
	if (debt->retries)
		return BEHAVIOUR_RETRIED;
	if (account->went_on || !soon || debt->end == OUTCOME_END_EXEC ||
	    (debt->end == OUTCOME_END_EXIT && !debt->end_code))
		return BEHAVIOUR_WENT_ON;
	return BEHAVIOUR_UNKNOWN;
}

static struct outcome conclude(const struct account *account, enum outcome_kind kind, uint64_t now_ns)
{
	struct outcome outcome = account->now;

	outcome.kind = account->doubtful ? OUTCOME_UNKNOWN : kind;
	outcome.behaviour = behaviour_of(account, now_ns);
	outcome.time_ns = now_ns;
	outcome.debts = 1;
	outcome.bytes_not_released = account->owed.bytes;
	return outcome;
}

/* All that was owed is paid. */
static int close_paid(struct debts *debts, struct account *account, uint64_t now_ns)
{
	bool by_retries = account->retried_bytes == account->now.bytes_freed;
	struct outcome outcome =
		conclude(account, by_retries ? OUTCOME_RETRIED_AND_FREED : OUTCOME_FREED_LATER, now_ns);

	/* It lives, and made the call that paid. */
	outcome.behaviour = outcome.retries ? BEHAVIOUR_RETRIED : BEHAVIOUR_WENT_ON;
	outcome.end = OUTCOME_END_UNKNOWN;
	account->now.failures = 0;
	return tell_paid(debts, account, &outcome);
}

/* The account ends, with what is still owed. */
static int close_account(struct debts *debts, struct account *account, enum outcome_kind kind, uint64_t now_ns)
{
	int err = tell_held(debts, account);
	struct outcome outcome;

	if (!err && account->now.failures) {
		outcome = conclude(account, kind, now_ns);
		err = tell(debts, &outcome);
	}
	/* Memory that has ended owes nothing. */
	if (account->memory_ended_ns)
		debts->sums.bytes -= account->owed.bytes;
	account_free(debts, account);
	return err;
}

/* --- accounts --- */

static struct account *account_of(struct debts *debts, uint64_t mm)
{
	struct account key = {.mm = mm};
	struct account **found = tfind(&key, &debts->tree, account_compare);

	if (!found)
		return NULL;
	if (!(*found)->memory_ended_ns) {
		TAILQ_REMOVE(&debts->accounts, *found, by_use);
		TAILQ_INSERT_TAIL(&debts->accounts, *found, by_use);
	}
	return *found;
}

static int make_account(struct debts *debts, uint64_t mm, struct account **ret)
{
	struct account *account = calloc(1, sizeof(*account));

	if (!account)
		return -ENOMEM;
	account->mm = mm;
	if (!tsearch(account, &debts->tree, account_compare)) {
		free(account);
		return -ENOMEM;
	}
	TAILQ_INSERT_TAIL(&debts->accounts, account, by_use);
	debts->count++;
	*ret = account;
	return 0;
}

/* Makes room for one more: the one that was used least goes, and nobody knows what becomes of it. */
static int drop_least_used(struct debts *debts)
{
	struct account *first = TAILQ_FIRST(&debts->accounts);

	if (debts->count < ACCOUNTS_MAX || !first)
		return 0;
	first->doubtful = true;
	return close_account(debts, first, OUTCOME_UNKNOWN, debts->last_ns);
}

static void note_time(struct debts *debts, uint64_t time_ns)
{
	if (time_ns > debts->last_ns)
		debts->last_ns = time_ns;
}

static void note_lost(struct account *account, uint8_t debt)
{
	if (!(debt & DEBT_OPEN) || debt & (DEBT_DOUBTFUL | DEBT_FAILURE_LOST | DEBT_PAYMENT_LOST))
		account->doubtful = true;
}

/* A call, of which it is known whether it asked for nothing but what is owed. */
static void note_call(struct account *account, uint32_t tid, bool retry)
{
	if (!account->now.failures || tid != account->now.process.tid)
		return;
	account->called_since = true;
	account->went_on |= !retry;
}

static bool is_same_process(const struct event_process *a, const struct event_process *b)
{
	return a->tgid == b->tgid && a->start_time_ns == b->start_time_ns;
}

/* Of the debt that there is, or of a new one. */
static void note_failure(struct account *account, const struct event_failure *failure)
{
	struct outcome *debt = &account->now;

	if (!debt->failures) {
		*debt = (struct outcome){.process = failure->process};
		account->retried_bytes = 0;
		account->several_threads = account->went_on = false;
		account->ended_ns = 0;
	}
	account->several_threads |= debt->process.tid != failure->process.tid;
	if (!is_same_process(&debt->process, &failure->process)) {
		debt->end = OUTCOME_END_UNKNOWN;
		account->ended_ns = 0;
	}
	debt->process = failure->process;
	debt->failures++;
	account->called_since = false;
	account->last_failure_ns = failure->header.time_ns;
	note_lost(account, failure->debt);
}

static int owe(struct debts *debts, struct account *account, uint64_t start, uint64_t end)
{
	size_t count = account->owed.count;
	uint64_t added = 0;
	int err = 0;

	if (debts->ranges >= RANGES_MAX || start >= end)
		account->doubtful = true;
	else
		err = extents_add(&account->owed, start, end, &added);
	debts->ranges += account->owed.count - count;
	debts->sums.bytes += added;
	if (debts->sums.peak_bytes < debts->sums.bytes)
		debts->sums.peak_bytes = debts->sums.bytes;
	account->now.bytes_failed += added;
	if (account->now.peak_bytes < account->owed.bytes)
		account->now.peak_bytes = account->owed.bytes;
	return err;
}

static int add_failure(struct debts *debts, struct account *account, const struct event_failure *failure)
{
	uint64_t start = failure->addr, end = start + filter_page_align(failure->length_bytes);
	bool retry = extents_cover(&account->owed, start, end);

	note_call(account, failure->process.tid, retry);
	note_failure(account, failure);
	account->now.retries += retry;
	return retry ? 0 : owe(debts, account, start, end);
}

int debts_failure(struct debts *debts, const struct event_failure *failure, struct debt_now *ret)
{
	bool opens = failure->syscall == SYSCALL_MUNMAP && filter_bytes_not_released(failure);
	int err = debts_sweep(debts, failure->header.time_ns);
	struct account *account = account_of(debts, failure->process.mm);

	*ret = (struct debt_now){};
	note_time(debts, failure->header.time_ns);
	if (!err && !account && opens) {
		err = drop_least_used(debts);
		err = err ?: make_account(debts, failure->process.mm, &account);
	}
	if (err || !account)
		return err;
	if (opens)
		err = add_failure(debts, account, failure);
	else
		note_call(account, failure->process.tid, false);
	ret->bytes = account->owed.bytes;
	ret->ranges = account->owed.count;
	ret->doubtful = account->doubtful;
	return err;
}

int debts_paid(struct debts *debts, const struct event_paid *paid)
{
	uint64_t end = paid->addr + filter_page_align(paid->length_bytes), removed = 0;
	int err = debts_sweep(debts, paid->header.time_ns);
	struct account *account = account_of(debts, paid->process.mm);
	size_t count;
	bool retry;

	note_time(debts, paid->header.time_ns);
	if (err || !account)
		return err;
	note_lost(account, paid->debt);
	if (!account->now.failures)
		return 0;
	count = account->owed.count;
	retry = paid->syscall == SYSCALL_MUNMAP && extents_cover(&account->owed, paid->addr, end);
	err = extents_remove(&account->owed, paid->addr, end, &removed);
	debts->ranges += account->owed.count - count;
	debts->sums.bytes -= removed;
	account->now.bytes_freed += removed;
	account->retried_bytes += retry ? removed : 0;
	account->now.retries += retry;
	note_call(account, paid->process.tid, retry);
	if (removed && paid->uncertain && (account->several_threads || account->now.process.tid != paid->process.tid))
		account->doubtful = true;
	if (!err && !account->owed.bytes && removed)
		err = close_paid(debts, account, paid->header.time_ns);
	return err;
}

/* --- ends --- */

static void note_end(struct account *account, const struct event_ended *ended)
{
	struct outcome *debt = &account->now;
	uint32_t signal_number = ended->exit_code & 0x7f;

	if (!debt->failures || !is_same_process(&debt->process, &ended->process))
		return;
	account->ended_ns = ended->header.time_ns;
	if (ended->end == END_EXEC) {
		debt->end = OUTCOME_END_EXEC;
	} else {
		debt->end = signal_number ? OUTCOME_END_SIGNAL : OUTCOME_END_EXIT;
		debt->end_code = signal_number ?: ended->exit_code >> 8 & 0xff;
	}
}

int debts_ended(struct debts *debts, const struct event_ended *ended)
{
	int err = debts_sweep(debts, ended->header.time_ns);
	struct account *account = account_of(debts, ended->process.mm);

	note_time(debts, ended->header.time_ns);
	if (err || !account)
		return err;
	note_lost(account, ended->debt);
	if (ended->end == END_EXIT || ended->end == END_EXEC)
		note_end(account, ended);
	if ((ended->end == END_MEMORY || ended->with_memory) && !account->memory_ended_ns) {
		TAILQ_REMOVE(&debts->accounts, account, by_use);
		TAILQ_INSERT_TAIL(&debts->waiting, account, by_use);
		account->memory_ended_ns = ended->header.time_ns ?: 1;
	}
	/* Which of the two is told first depends on the kernel. */
	if (account->memory_ended_ns && (account->ended_ns || !account->now.failures))
		return close_account(debts, account, OUTCOME_PROCESS_ENDED, ended->header.time_ns);
	return 0;
}

int debts_sweep(struct debts *debts, uint64_t now_ns)
{
	struct account *first;
	int err = 0;

	while (!err && (first = TAILQ_FIRST(&debts->waiting)) != NULL) {
		if ((int64_t)(now_ns - first->memory_ended_ns) < (int64_t)ANSWER_NS)
			break;
		err = close_account(debts, first, OUTCOME_PROCESS_ENDED, first->memory_ended_ns);
	}
	return err;
}

int debts_finish(struct debts *debts)
{
	int err = 0;

	while (!err && !TAILQ_EMPTY(&debts->waiting))
		err = close_account(debts, TAILQ_FIRST(&debts->waiting), OUTCOME_PROCESS_ENDED,
				    TAILQ_FIRST(&debts->waiting)->memory_ended_ns);
	while (!err && !TAILQ_EMPTY(&debts->accounts))
		err = close_account(debts, TAILQ_FIRST(&debts->accounts), OUTCOME_NOT_FREED, debts->last_ns);
	return err;
}

void debts_read_sums(const struct debts *debts, struct debt_sums *ret)
{
	*ret = debts->sums;
}
