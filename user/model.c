// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * model.c: see model.h. Processes are found through a tree (tsearch) and kept in the order of last use: the modules of
 * the least recently used are dropped first, since they hold files open, and processes only when there are very many.
 */
#include "model.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "../bpf/filter.h"
#include "cleanup.h"
#include "compare.h"
#include "debts.h"
#include "ksyms.h"
#include "modules.h"
#include "proc.h"
#include "readings.h"
#include "recent.h"
#include "stack_cache.h"

#define PROCESSES_MAX		   16384
#define PROCESSES_WITH_MODULES_MAX 128

struct model_process {
	TAILQ_ENTRY(model_process) by_use;
	uint32_t tgid;
	uint64_t start_time_ns;
	uint64_t exec_id;
	struct reading reading;
	uint64_t failures;
	uint64_t second_began_ns; /* the second of which the rate of failures is taken, and what was shown in it */
	unsigned int shown_in_second;
	struct origins *origins; /* NULL: no place is known */
	struct origins_table *fresh; /* for the next failure or warning; or NULL */
	struct advised advised;
};

TAILQ_HEAD(process_list, model_process);

struct model {
	struct model_options options;
	struct stack_cache *stacks;
	struct ksyms *ksyms;
	void *tree;
	struct process_list processes; /* the last used at the end */
	size_t count;
	struct readings readings;
	struct debts *debts;
	struct origins_account places;
	struct recent *recent;
	struct advised_machine machine;
};

static int process_compare(const void *left, const void *right)
{
	const struct model_process *a = left, *b = right;

	return compare_u64(a->tgid, b->tgid)
		       ?: compare_u64(a->start_time_ns, b->start_time_ns) ?: compare_u64(a->exec_id, b->exec_id);
}

static void drop_process(struct model *model, struct model_process *process)
{
	reading_fini(&model->readings, &process->reading);
	origins_free(process->origins);
	origins_table_free(process->fresh);
	tdelete(process, &model->tree, process_compare);
	TAILQ_REMOVE(&model->processes, process, by_use);
	model->count--;
	free(process);
}

static void drop_least_used(struct model *model, const struct model_process *keep)
{
	struct model_process *process;

	if (model->count > PROCESSES_MAX)
		drop_process(model, TAILQ_FIRST(&model->processes));
	TAILQ_FOREACH(process, &model->processes, by_use)
	{
		if (model->readings.with_modules <= PROCESSES_WITH_MODULES_MAX)
			break;
		if (process != keep)
			reading_drop_modules(&model->readings, &process->reading);
	}
}

static struct model_process *process_add(struct model *model, const struct event_process *raw)
{
	struct model_process *process = calloc(1, sizeof(*process));

	if (!process)
		return NULL;
	process->tgid = raw->tgid;
	process->start_time_ns = raw->start_time_ns;
	process->exec_id = raw->exec_id;
	if (!tsearch(process, &model->tree, process_compare)) {
		free(process);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&model->processes, process, by_use);
	model->count++;
	return process;
}

/* NULL: it was not seen before. */
static struct model_process *process_known(struct model *model, const struct event_process *raw)
{
	struct model_process key = {.tgid = raw->tgid, .start_time_ns = raw->start_time_ns, .exec_id = raw->exec_id};
	struct model_process **found = tfind(&key, &model->tree, process_compare);

	return found ? *found : NULL;
}

static struct model_process *process_of(struct model *model, const struct event_process *raw)
{
	struct model_process *process = process_known(model, raw) ?: process_add(model, raw);

	if (!process)
		return NULL;
	TAILQ_REMOVE(&model->processes, process, by_use);
	TAILQ_INSERT_TAIL(&model->processes, process, by_use);
	drop_least_used(model, process);
	return process;
}

static int find_user_stack(struct model *model, struct model_process *process, struct model_failure *failure)
{
	const struct event_failure *raw = failure->raw;

	if (model->options.live && !stack_cache_has(model->stacks, raw))
		reading_renew(&model->readings, &process->reading, raw);
	failure->modules = modules_ref(reading_modules_at(&model->readings, &process->reading, raw->header.time_ns));
	return stack_cache_find(model->stacks, failure->modules, raw, process->failures, &failure->user_stack);
}

static int name_kernel_stack(struct model *model, const struct event_failure *raw, struct stack **ret)
{
	size_t count;
	const uint64_t *addrs = event_addrs(raw, &raw->kernel_stack, &count);

	if (!count && !raw->kernel_stack_error)
		return 0;
	return ksyms_name_stack(model->ksyms, addrs, count, raw->kernel_stack_error, ret);
}

uint64_t model_realtime_ns(const struct model *model, uint64_t monotonic_ns)
{
	return monotonic_ns + (uint64_t)model->options.realtime_offset_ns;
}

void model_set_clock(struct model *model, int64_t realtime_offset_ns)
{
	model->options.realtime_offset_ns = realtime_offset_ns;
}

static int copy_string(const char *string, char **ret)
{
	*ret = string ? strdup(string) : NULL;
	return string && !*ret ? -ENOMEM : 0;
}

static int fill_numbers(struct model *model, struct model_process *process, const struct event_failure *raw,
			struct model_failure *failure)
{
	failure->count++;
	failure->bytes += filter_bytes_not_released(raw);
	failure->number = ++process->failures;
	failure->first_number = failure->first_number ?: failure->number;
	return debts_failure(model->debts, raw, &failure->owed);
}

bool model_admit(struct model *model, const struct event_failure *raw)
{
	struct model_process *process = process_of(model, &raw->process);

	if (!process || process->failures < FLOOD_AFTER)
		return true;
	if (raw->header.time_ns - process->second_began_ns >= NSEC_PER_SEC) {
		process->second_began_ns = raw->header.time_ns;
		process->shown_in_second = 0;
	}
	/* A new place is shown whole, and a slice goes with its failure. */
	if (process->shown_in_second >= FLOOD_PER_SEC && (!raw->stack_key || stack_cache_has(model->stacks, raw)))
		return false;
	process->shown_in_second++;
	return true;
}

static int keep_fresh(struct model_process *process, struct origins_table *table)
{
	origins_table_free(process->fresh);
	process->fresh = table;
	return 0;
}

int model_failure_repeat(struct model *model, const struct event_failure *raw, struct model_failure *failure)
{
	struct model_process *process = process_of(model, &raw->process);
	/* Signed: a record of another CPU may be a little older than the one before it. */
	int64_t span_ns = (int64_t)(raw->header.time_ns - failure->raw->header.time_ns);

	if (!process)
		return -ENOMEM;
	reading_note_failure(&process->reading, raw);
	/* Read for this one, it would say of a later one what was true before. */
	keep_fresh(process, NULL);
	if (span_ns > (int64_t)failure->span_ns)
		failure->span_ns = (uint64_t)span_ns;
	stack_cache_count_repeat(model->stacks, raw);
	return fill_numbers(model, process, raw, failure);
}

int model_failure(struct model *model, const struct event_failure *raw, struct model_failure *ret)
{
	struct model_process *process = process_of(model, &raw->process);
	struct model_failure failure = {.raw = raw};
	int err;

	if (!process)
		return -ENOMEM;
	reading_note_failure(&process->reading, raw);
	reading_take(&model->readings, &process->reading, &raw->process, raw->header.time_ns);
	failure.time_ns = model_realtime_ns(model, raw->header.time_ns);
	failure.start_time_ns = raw->process.start_time_ns + (uint64_t)model->options.boottime_offset_ns;
	advised_note_failure(&process->advised, &model->machine, process->reading.is_contained, raw, &failure.advice);
	err = fill_numbers(model, process, raw, &failure);
	failure.origins = cleanup_take(process->fresh);
	failure.ops = recent_take(model->recent, raw);
	err = err ?: find_user_stack(model, process, &failure);
	err = err ?: copy_string(process->reading.exe, &failure.exe) ?: copy_string(process->reading.cgroup, &failure.cgroup);
	if (model->options.live && raw->vma.kind == VMA_FILE)
		reading_mapped_path(raw, &failure.vma_path);
	err = err ?: name_kernel_stack(model, raw, &failure.kernel_stack);
	if (err) {
		model_failure_fini(&failure);
		return err;
	}
	*ret = failure;
	return 0;
}

void model_failure_fini(struct model_failure *failure)
{
	free(failure->exe);
	free(failure->cgroup);
	free(failure->vma_path);
	modules_free(failure->modules);
	shared_stack_free(failure->user_stack);
	stack_free(failure->kernel_stack);
	origins_table_free(failure->origins);
	free(failure->ops);
}

bool model_failure_is_complete(const struct model_failure *failure)
{
	return !failure->user_stack || failure->user_stack->stack;
}

int model_failure_give_up(struct model_failure *failure, const char *reason)
{
	if (model_failure_is_complete(failure))
		return 0;
	return shared_stack_give_up(&failure->user_stack, failure->raw, failure->first_number, failure->modules,
				    reason);
}

static size_t string_bytes(const char *string)
{
	return string ? strlen(string) + 1 : 0;
}

size_t model_failure_bytes(const struct model_failure *failure)
{
	return string_bytes(failure->exe) + string_bytes(failure->cgroup) + string_bytes(failure->vma_path) +
	       (failure->kernel_stack ? stack_bytes(failure->kernel_stack) : 0) +
	       origins_table_bytes(failure->origins) + (failure->ops ? sizeof(*failure->ops) : 0);
}

size_t model_failure_stack_bytes(const struct model_failure *failure)
{
	const struct shared_stack *shared = failure->user_stack;

	return shared ? shared->bytes / shared->references : 0;
}

size_t model_loose_bytes(const struct model *model)
{
	return stack_cache_loose_bytes(model->stacks);
}

uint64_t model_failure_repeat_of(const struct model_failure *failure)
{
	uint64_t number = failure->user_stack ? failure->user_stack->number : 0;

	return number != failure->first_number ? number : 0;
}

int model_near(struct model *model, const struct event_near *raw, struct model_near *ret)
{
	struct model_process *process = process_of(model, &raw->process);
	struct model_near near = {.raw = raw};

	if (!process)
		return -ENOMEM;
	reading_take(&model->readings, &process->reading, &raw->process, raw->header.time_ns);
	near.time_ns = model_realtime_ns(model, raw->header.time_ns);
	near.start_time_ns = raw->process.start_time_ns + (uint64_t)model->options.boottime_offset_ns;
	near_read_growth(raw, &near.growth);
	near.origins = cleanup_take(process->fresh);
	advised_note_near(&process->advised, &model->machine, process->reading.is_contained, raw, &near.growth,
			  &near.advice);
	if (copy_string(process->reading.exe, &near.exe) || copy_string(process->reading.cgroup, &near.cgroup)) {
		model_near_fini(&near);
		return -ENOMEM;
	}
	*ret = near;
	return 0;
}

void model_near_fini(struct model_near *near)
{
	free(near->exe);
	free(near->cgroup);
	origins_table_free(near->origins);
}

size_t model_near_bytes(const struct model_near *near)
{
	return string_bytes(near->exe) + string_bytes(near->cgroup) + origins_table_bytes(near->origins);
}

int model_split(struct model *model, const struct event_split *raw, struct model_split *ret)
{
	struct model_process *process = process_known(model, &raw->process);
	struct model_split split = {.raw = raw};

	split.time_ns = model_realtime_ns(model, raw->header.time_ns);
	split.start_time_ns = raw->process.start_time_ns + (uint64_t)model->options.boottime_offset_ns;
	if (process &&
	    (copy_string(process->reading.exe, &split.exe) || copy_string(process->reading.cgroup, &split.cgroup))) {
		model_split_fini(&split);
		return -ENOMEM;
	}
	*ret = split;
	return 0;
}

void model_split_fini(struct model_split *split)
{
	free(split->exe);
	free(split->cgroup);
}

size_t model_split_bytes(const struct model_split *split)
{
	return string_bytes(split->exe) + string_bytes(split->cgroup);
}

bool model_wants_origins(struct model *model, const struct event *event)
{
	struct model_process *process;

	if (event->kind == EVENT_NEAR)
		return true;
	if (event->kind != EVENT_FAILURE)
		return false;
	process = process_of(model, &event->failure->process);
	return process && !(process->failures & (process->failures + 1));
}

int model_origin(struct model *model, const struct event_origin *raw)
{
	const struct event_failure *place = &raw->place;
	struct model_process *process = process_of(model, &place->process);
	struct shared_stack *stack = NULL;
	struct modules *modules;
	int err;

	if (!process)
		return -ENOMEM;
	if (!process->origins)
		process->origins = origins_new(&model->places);
	if (!process->origins)
		return -ENOMEM;
	reading_take(&model->readings, &process->reading, &place->process, place->header.time_ns);
	if (model->options.live)
		reading_renew(&model->readings, &process->reading, place);
	modules = modules_ref(reading_modules_at(&model->readings, &process->reading, place->header.time_ns));
	err = stack_cache_find(model->stacks, modules, place, 0, &stack);
	modules_free(modules);
	if (err || !stack)
		return err;
	return origins_add(process->origins, place->stack_key, stack);
}

int model_ops(struct model *model, const struct event_ops *raw)
{
	return recent_add(model->recent, raw);
}

bool model_has_ops(const struct model *model, const struct event_failure *failure)
{
	return recent_has(model->recent, failure);
}

int model_origins(struct model *model, const struct event_origins *raw, struct model_origins *ret)
{
	struct model_process *process = process_of(model, &raw->process);
	struct model_origins origins = {.raw = raw};

	if (!process)
		return -ENOMEM;
	origins.table = origins_table_new(process->origins, raw);
	if (!origins.table)
		return -ENOMEM;
	if (!raw->final)
		return keep_fresh(process, origins.table);
	/* Nothing more will be said of them. */
	origins_free(cleanup_take(process->origins));
	origins.time_ns = model_realtime_ns(model, raw->header.time_ns);
	origins.since_ns = model_realtime_ns(model, raw->since_ns);
	origins.start_time_ns = raw->process.start_time_ns + (uint64_t)model->options.boottime_offset_ns;
	if (copy_string(process->reading.exe, &origins.exe) || copy_string(process->reading.cgroup, &origins.cgroup)) {
		model_origins_fini(&origins);
		return -ENOMEM;
	}
	*ret = origins;
	return 0;
}

void model_origins_fini(struct model_origins *origins)
{
	free(origins->exe);
	free(origins->cgroup);
	origins_table_free(origins->table);
}

int model_take_outcome(struct model *model, struct model_outcome *ret)
{
	struct model_outcome outcome = {};
	struct model_process *process;

	if (!debts_take_outcome(model->debts, &outcome.what))
		return 0;
	process = process_of(model, &outcome.what.process);
	if (!process)
		return -ENOMEM;
	outcome.time_ns = model_realtime_ns(model, outcome.what.time_ns);
	outcome.start_time_ns = outcome.what.process.start_time_ns + (uint64_t)model->options.boottime_offset_ns;
	if (copy_string(process->reading.exe, &outcome.exe) || copy_string(process->reading.cgroup, &outcome.cgroup)) {
		model_outcome_fini(&outcome);
		return -ENOMEM;
	}
	*ret = outcome;
	return 1;
}

void model_outcome_fini(struct model_outcome *outcome)
{
	free(outcome->exe);
	free(outcome->cgroup);
}

size_t model_outcome_bytes(const struct model_outcome *outcome)
{
	return string_bytes(outcome->exe) + string_bytes(outcome->cgroup);
}

int model_paid(struct model *model, const struct event_paid *raw)
{
	return debts_paid(model->debts, raw);
}

int model_ended(struct model *model, const struct event_ended *raw)
{
	return debts_ended(model->debts, raw);
}

int model_sweep_debts(struct model *model, uint64_t now_ns)
{
	return debts_sweep(model->debts, now_ns);
}

int model_finish_debts(struct model *model)
{
	return debts_finish(model->debts);
}

void model_read_debt_sums(const struct model *model, struct debt_sums *ret)
{
	debts_read_sums(model->debts, ret);
}

int model_hot(struct model *model, const struct event_hot *raw)
{
	struct model_process *process = process_of(model, &raw->process);

	if (!process)
		return -ENOMEM;
	reading_note_hot(&model->readings, &process->reading, raw);
	return 0;
}

int model_mapped(struct model *model, const struct event_mapped *raw)
{
	struct model_process *process = process_of(model, &raw->process);

	if (!process)
		return -ENOMEM;
	reading_note_mapped(&model->readings, &process->reading, raw);
	return 0;
}

void model_note_losses(struct model *model)
{
	readings_note_losses(&model->readings);
}

int model_slice(struct model *model, const struct event_slice *raw)
{
	return stack_cache_slice(model->stacks, raw);
}

bool model_has_slice(const struct model *model, const struct event_failure *failure)
{
	return stack_cache_has_slice(model->stacks, failure);
}

void model_answered(struct model *model, uint64_t id, struct stack *stack)
{
	stack_cache_answered(model->stacks, id, stack);
}

void model_read_stack_counts(const struct model *model, struct stack_cache_counts *ret)
{
	stack_cache_read_counts(model->stacks, ret);
}

int model_new(const struct model_options *options, struct model **ret)
{
	struct model *model = calloc(1, sizeof(*model));
	int err;

	if (!model)
		return -ENOMEM;
	model->options = *options;
	model->readings.live = options->live;
	model->machine.live = options->live;
	model->readings.forget = options->forget;
	model->readings.context = options->stacks.context;
	TAILQ_INIT(&model->processes);
	model->recent = recent_new();
	err = model->recent ? stack_cache_new(&options->stacks, &model->stacks) : -ENOMEM;
	if (!err)
		err = debts_new(&model->debts);
	if (!err)
		err = ksyms_new(options->live ? "/proc/kallsyms" : "/dev/null", &model->ksyms);
	if (err) {
		model_free(model);
		return err;
	}
	*ret = model;
	return 0;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	while (!TAILQ_EMPTY(&model->processes))
		drop_process(model, TAILQ_FIRST(&model->processes));
	stack_cache_free(model->stacks);
	debts_free(model->debts);
	recent_free(model->recent);
	ksyms_free(model->ksyms);
	free(model);
}
