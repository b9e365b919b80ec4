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
#include <unistd.h>

#include "../bpf/filter.h"
#include "cleanup.h"
#include "clock.h"
#include "ksyms.h"
#include "modules.h"
#include "modules_between.h"
#include "proc.h"
#include "stack_cache.h"

#define PROCESSES_MAX		   16384
#define PROCESSES_WITH_MODULES_MAX 128
#define READS_PER_SEC		   10 /* of the modules of a process, because it mapped code */
#define LOOK_AGAIN_NS		   NSEC_PER_SEC
#define DOUBTS_NS_PER_SEC	   (NSEC_PER_SEC / 50) /* spent on a process, because its modules might be others by now */

struct model_process {
	TAILQ_ENTRY(model_process) by_use;
	uint32_t tgid;
	uint64_t start_time_ns;
	uint64_t exec_id;
	bool looked_up;
	bool watched; /* it is told when it maps code */
	bool stale; /* it mapped code since */
	uint64_t counted_from_ns; /* reads since, because it mapped code */
	unsigned int reads;
	uint64_t read_from_ns; /* when the last reading of its modules began and ended: CLOCK_MONOTONIC */
	uint64_t read_until_ns;
	uint64_t doubted_from_ns; /* time spent since, because of doubts */
	uint64_t doubts_ns;
	uint64_t looked_up_ns; /* when that was tried last: CLOCK_MONOTONIC of the record */
	char *exe;
	char *cgroup;
	struct modules *modules;
	struct modules
		*between; /* of failures until read_until_ns: what the reading before says too; NULL: there was none */
	uint64_t failures;
	uint64_t bytes;
	uint64_t leaks; /* failures that left something mapped */
	uint64_t second_began_ns; /* the second of which the rate of failures is taken, and what was shown in it */
	unsigned int shown_in_second;
};

TAILQ_HEAD(process_list, model_process);

struct model {
	struct model_options options;
	struct stack_cache *stacks;
	struct ksyms *ksyms;
	void *tree;
	struct process_list processes; /* the last used at the end */
	size_t count;
	size_t with_modules;
	uint64_t generation; /* the last that modules were given */
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

static int process_compare(const void *left, const void *right)
{
	const struct model_process *a = left, *b = right;

	return compare_u64(a->tgid, b->tgid)
		       ?: compare_u64(a->start_time_ns, b->start_time_ns) ?: compare_u64(a->exec_id, b->exec_id);
}

static void release_modules(const struct model *model, struct modules **modules)
{
	if (*modules && model->options.forget)
		model->options.forget(model->options.stacks.context, *modules);
	modules_free(cleanup_take(*modules));
}

static void drop_between(const struct model *model, struct model_process *process)
{
	/* The same list is still asked about. */
	if (process->between == process->modules)
		modules_free(cleanup_take(process->between));
	else
		release_modules(model, &process->between);
}

static void drop_modules(struct model *model, struct model_process *process)
{
	drop_between(model, process);
	model->with_modules -= process->modules != NULL;
	release_modules(model, &process->modules);
}

static void drop_process(struct model *model, struct model_process *process)
{
	drop_modules(model, process);
	tdelete(process, &model->tree, process_compare);
	TAILQ_REMOVE(&model->processes, process, by_use);
	model->count--;
	free(process->exe);
	free(process->cgroup);
	free(process);
}

static void drop_least_used(struct model *model, const struct model_process *keep)
{
	struct model_process *process;

	if (model->count > PROCESSES_MAX)
		drop_process(model, TAILQ_FIRST(&model->processes));
	TAILQ_FOREACH(process, &model->processes, by_use)
	{
		if (model->with_modules <= PROCESSES_WITH_MODULES_MAX)
			break;
		if (process != keep) {
			drop_modules(model, process);
			process->looked_up = false; /* it may live, and fail again */
		}
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

static struct model_process *process_of(struct model *model, const struct event_process *raw)
{
	struct model_process key = {.tgid = raw->tgid, .start_time_ns = raw->start_time_ns, .exec_id = raw->exec_id};
	struct model_process **found = tfind(&key, &model->tree, process_compare);
	struct model_process *process = found ? *found : process_add(model, raw);

	if (!process)
		return NULL;
	TAILQ_REMOVE(&model->processes, process, by_use);
	TAILQ_INSERT_TAIL(&model->processes, process, by_use);
	drop_least_used(model, process);
	return process;
}

/* The thread that failed may be gone, and the leader too, but mostly not both while the process lives. */
static pid_t living_thread(const struct event_process *raw)
{
	uint64_t start_stack;

	return proc_read_start_stack((pid_t)raw->tid, &start_stack) ? (pid_t)raw->tgid : (pid_t)raw->tid;
}

/* Whether the process of the record is the one that /proc shows under its id, and still runs the same image. */
static bool is_still(const struct event_process *raw)
{
	uint64_t start_ns, start_stack, tick_ns = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);

	if (proc_read_start_ns((pid_t)raw->tgid, &start_ns) || start_ns / tick_ns != raw->start_time_ns / tick_ns)
		return false;
	if (proc_read_start_stack(living_thread(raw), &start_stack))
		return false;
	return !start_stack || !raw->start_stack || start_stack == raw->start_stack;
}

static void forget_names(struct model_process *process)
{
	free(process->exe);
	free(process->cgroup);
	process->exe = process->cgroup = NULL;
}

/* The modules as they can have been at that time: two readings around it count both. */
static struct modules *modules_at(const struct model *model, struct model_process *process, uint64_t time_ns)
{
	if (time_ns > process->read_until_ns)
		drop_between(model, process);
	return process->between ?: process->modules;
}

/* Takes over `modules`, which were read because of a record of that time. */
static void set_modules(struct model *model, struct model_process *process, struct modules *modules, uint64_t time_ns)
{
	struct modules *before = modules_at(model, process, time_ns), *between = NULL;

	process->looked_up = true;
	/* What has been unwound with them, and the files that were handed on, stay good. */
	if (process->modules && modules_are_same(process->modules, modules)) {
		modules_free(modules);
		return;
	}
	modules_set_generation(modules, ++model->generation);
	if (before && modules_between(before, modules, &between)) {
		modules_free(modules);
		return;
	}
	drop_modules(model, process);
	process->modules = modules;
	process->between = between;
	model->with_modules++;
}

/*
 * Reads what /proc tells, once: a process that is gone does not come back. What it says is of the thread that the
 * record names, which is alive or was a moment ago; its leader may be long gone.
 */
static void look_up(struct model *model, struct model_process *process, const struct event_process *raw,
		    uint64_t now_ns, bool again)
{
	struct modules *modules;
	uint64_t read_from_ns = clock_now_ns(CLOCK_MONOTONIC);
	pid_t tid = living_thread(raw);

	if (!model->options.live || (process->looked_up && !again))
		return;
	/* One that is gone, or cannot be read, is not tried at each of its failures. */
	if (!again && process->looked_up_ns && now_ns - process->looked_up_ns < LOOK_AGAIN_NS)
		return;
	process->looked_up_ns = now_ns;
	process->stale = false;
	if (!is_still(raw))
		return;
	if (!process->exe)
		proc_read_exe(tid, &process->exe);
	if (!process->cgroup)
		proc_read_cgroup(tid, &process->cgroup);
	if (modules_read(tid, &modules))
		return;
	/* The process ended while they were read again: what was read before is more. */
	if (process->modules && modules_are_partial(modules)) {
		modules_free(modules);
		return;
	}
	/* The id may have been given to another process meanwhile, or the thread's process be replaced by it. */
	if (!is_still(raw)) {
		modules_free(modules);
		forget_names(process);
		return;
	}
	set_modules(model, process, modules, now_ns);
	process->read_from_ns = read_from_ns;
	process->read_until_ns = clock_now_ns(CLOCK_MONOTONIC);
	/* Never before the record that it was read for. */
	if (process->read_until_ns < now_ns)
		process->read_until_ns = now_ns;
}

static bool covers(const struct modules *modules, const uint64_t *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!modules_find(modules, addrs[i]))
			return false;
	return true;
}

/*
 * Nobody tells what a process maps that is not near the limit: after the last reading another library may have come to
 * where one was. The list is read again when a stack is asked for, and not for each failure; within a bound of time, since
 * reading costs 20 ms for 65,000 mappings before 6.11, and a process can come to its failures by ever new ways. Beyond the
 * bound names are of the last reading, which then is less than a second old.
 */
static bool is_in_doubt(struct model_process *process, const struct event_failure *raw)
{
	const uint64_t now_ns = raw->header.time_ns;

	if (process->watched || now_ns <= process->read_from_ns)
		return false;
	if (now_ns - process->doubted_from_ns >= NSEC_PER_SEC) {
		process->doubted_from_ns = now_ns;
		process->doubts_ns = 0;
	}
	return process->doubts_ns < DOUBTS_NS_PER_SEC;
}

static void resolve_doubt(struct model *model, struct model_process *process, const struct event_failure *raw)
{
	const uint64_t began_ns = clock_now_ns(CLOCK_MONOTONIC);

	look_up(model, process, &raw->process, raw->header.time_ns, true);
	process->doubts_ns += clock_now_ns(CLOCK_MONOTONIC) - began_ns;
}

/*
 * Something may have been loaded since: look once more. Not at every failure: what a frame-pointer walk finds is often no
 * code at all, and reading takes the process's own lock.
 */
static void look_up_changes(struct model *model, struct model_process *process, const struct event_failure *raw)
{
	const uint64_t now_ns = raw->header.time_ns;
	size_t count;
	const uint64_t *addrs = event_addrs(raw, &raw->user_stack, &count);

	if (process->stale || (process->modules && now_ns - process->looked_up_ns > LOOK_AGAIN_NS &&
			       !covers(process->modules, addrs, count)))
		look_up(model, process, &raw->process, now_ns, true);
	else if (process->modules && is_in_doubt(process, raw))
		resolve_doubt(model, process, raw);
}

static int find_user_stack(struct model *model, struct model_process *process, struct model_failure *failure)
{
	const struct event_failure *raw = failure->raw;

	if (model->options.live && !stack_cache_has(model->stacks, raw))
		look_up_changes(model, process, raw);
	failure->modules = modules_ref(modules_at(model, process, raw->header.time_ns));
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

static void fill_numbers(struct model_process *process, const struct event_failure *raw, struct model_failure *failure)
{
	uint64_t bytes = filter_bytes_not_released(raw);

	failure->count++;
	failure->bytes += bytes;
	failure->number = ++process->failures;
	failure->process_bytes = process->bytes += bytes;
	failure->process_leaks = process->leaks += bytes != 0;
}

bool model_is_flood(struct model *model, const struct event_failure *raw)
{
	struct model_process *process = process_of(model, &raw->process);

	if (!process || process->failures < FLOOD_AFTER)
		return false;
	if (raw->header.time_ns - process->second_began_ns >= NSEC_PER_SEC) {
		process->second_began_ns = raw->header.time_ns;
		process->shown_in_second = 0;
	}
	/* A new place is shown whole, and a slice goes with its failure. */
	if (process->shown_in_second >= FLOOD_PER_SEC && (!raw->stack_key || stack_cache_has(model->stacks, raw)))
		return true;
	process->shown_in_second++;
	return false;
}

int model_failure_repeat(struct model *model, const struct event_failure *raw, struct model_failure *failure)
{
	struct model_process *process = process_of(model, &raw->process);

	if (!process)
		return -ENOMEM;
	fill_numbers(process, raw, failure);
	failure->last_time_ns = model_realtime_ns(model, raw->header.time_ns);
	return 0;
}

int model_failure(struct model *model, const struct event_failure *raw, struct model_failure *ret)
{
	struct model_process *process = process_of(model, &raw->process);
	struct model_failure failure = {.raw = raw};
	int err;

	if (!process)
		return -ENOMEM;
	look_up(model, process, &raw->process, raw->header.time_ns, false);
	failure.time_ns = failure.last_time_ns = model_realtime_ns(model, raw->header.time_ns);
	failure.start_time_ns = raw->process.start_time_ns + (uint64_t)model->options.boottime_offset_ns;
	fill_numbers(process, raw, &failure);
	err = find_user_stack(model, process, &failure);
	err = err ?: copy_string(process->exe, &failure.exe) ?: copy_string(process->cgroup, &failure.cgroup);
	if (model->options.live && raw->vma.kind == VMA_FILE)
		proc_read_mapped_path((pid_t)raw->process.tid, raw->vma.start, raw->vma.end, &failure.vma_path);
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
}

bool model_failure_is_complete(const struct model_failure *failure)
{
	return !failure->user_stack || failure->user_stack->stack;
}

int model_failure_give_up(struct model_failure *failure, const char *reason)
{
	if (model_failure_is_complete(failure))
		return 0;
	return shared_stack_give_up(&failure->user_stack, failure->raw, failure->number, failure->modules, reason);
}

static size_t string_bytes(const char *string)
{
	return string ? strlen(string) + 1 : 0;
}

size_t model_failure_bytes(const struct model_failure *failure)
{
	return string_bytes(failure->exe) + string_bytes(failure->cgroup) + string_bytes(failure->vma_path) +
	       (failure->kernel_stack ? stack_bytes(failure->kernel_stack) : 0);
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

	return number != failure->number ? number : 0;
}

int model_near(struct model *model, const struct event_near *raw, struct model_near *ret)
{
	struct model_process *process = process_of(model, &raw->process);
	struct model_near near = {.raw = raw};

	if (!process)
		return -ENOMEM;
	look_up(model, process, &raw->process, raw->header.time_ns, false);
	near.time_ns = model_realtime_ns(model, raw->header.time_ns);
	near.start_time_ns = raw->process.start_time_ns + (uint64_t)model->options.boottime_offset_ns;
	near_read_growth(raw, &near.growth);
	if (copy_string(process->exe, &near.exe) || copy_string(process->cgroup, &near.cgroup)) {
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
}

size_t model_near_bytes(const struct model_near *near)
{
	return string_bytes(near->exe) + string_bytes(near->cgroup);
}

int model_hot(struct model *model, const struct event_hot *raw)
{
	struct model_process *process = process_of(model, &raw->process);

	if (!process)
		return -ENOMEM;
	look_up(model, process, &raw->process, raw->header.time_ns, false);
	return 0;
}

int model_mapped(struct model *model, const struct event_mapped *raw)
{
	struct model_process *process = process_of(model, &raw->process);

	if (!process)
		return -ENOMEM;
	process->watched = true;
	/* What generates code maps it all the time: then it is looked at when it matters. */
	process->stale = true;
	if (raw->header.time_ns - process->counted_from_ns >= NSEC_PER_SEC) {
		process->counted_from_ns = raw->header.time_ns;
		process->reads = 0;
	}
	if (process->reads++ >= READS_PER_SEC)
		return 0;
	look_up(model, process, &raw->process, raw->header.time_ns, true);
	return 0;
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
	TAILQ_INIT(&model->processes);
	err = stack_cache_new(&options->stacks, &model->stacks);
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
	ksyms_free(model->ksyms);
	free(model);
}
