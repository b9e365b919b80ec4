// SPDX-License-Identifier: GPL-2.0-or-later
/* readings.c: see readings.h. */
#include "readings.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "../bpf/filter.h"
#include "cleanup.h"
#include "clock.h"
#include "container.h"
#include "event.h"
#include "modules_between.h"
#include "proc.h"

#define READS_PER_SEC	  10 /* of the modules of a process, because it mapped code */
#define LOOK_AGAIN_NS	  NSEC_PER_SEC
#define DOUBTS_NS_PER_SEC (NSEC_PER_SEC / 50) /* spent on a process, because its modules might be others by now */

/*
 * What is shown hot twice within this time was hot all the while. It would have to unmap much, map code and come back to
 * the limit: with the usual one these are 60,000 calls.
 */
#define HOT_FOR_NS (NSEC_PER_SEC / 10)

/* ---- what is kept ---- */

static void release_modules(const struct readings *readings, struct modules **modules)
{
	if (*modules && readings->forget)
		readings->forget(readings->context, *modules);
	modules_free(cleanup_take(*modules));
}

static void drop_between(const struct readings *readings, struct reading *reading)
{
	/* The same list is still asked about. */
	if (reading->between == reading->modules)
		modules_free(cleanup_take(reading->between));
	else
		release_modules(readings, &reading->between);
}

void reading_drop_modules(struct readings *readings, struct reading *reading)
{
	drop_between(readings, reading);
	readings->with_modules -= reading->modules != NULL;
	release_modules(readings, &reading->modules);
	reading->done = false; /* it may live, and fail again */
}

static void forget_names(struct reading *reading)
{
	free(cleanup_take(reading->exe));
	free(cleanup_take(reading->cgroup));
	reading->is_contained = false;
}

void reading_fini(struct readings *readings, struct reading *reading)
{
	reading_drop_modules(readings, reading);
	forget_names(reading);
}

struct modules *reading_modules_at(const struct readings *readings, struct reading *reading, uint64_t time_ns)
{
	if (time_ns > reading->until_ns)
		drop_between(readings, reading);
	return reading->between ?: reading->modules;
}

/*
 * Takes over `modules`, which were read because of a record of that time. 1: they are others than before; 0: what has been
 * unwound with those, and the files that were handed on, stay good; -ENOMEM.
 */
static int set_modules(struct readings *readings, struct reading *reading, struct modules *modules, uint64_t time_ns)
{
	struct modules *before = reading_modules_at(readings, reading, time_ns), *between = NULL;

	if (reading->modules && modules_are_same(reading->modules, modules)) {
		modules_free(modules);
		return 0;
	}
	if (before && modules_between(before, modules, &between)) {
		modules_free(modules);
		return -ENOMEM;
	}
	/* Held against each of them in turn, a shared stack of before is not taken for one of a moment between. */
	if (between && between != modules)
		modules_set_generation(between, ++readings->generation);
	modules_set_generation(modules, ++readings->generation);
	reading_drop_modules(readings, reading);
	reading->modules = modules;
	reading->between = between;
	readings->with_modules++;
	return 1;
}

/* ---- how it is read ---- */

/* The thread that failed may be gone, and the leader too, but mostly not both while the process lives. */
static pid_t living_thread(const struct event_process *raw)
{
	uint64_t start_stack;

	return proc_read_start_stack((pid_t)raw->tid, &start_stack) ? (pid_t)raw->tgid : (pid_t)raw->tid;
}

/* Whether the process of the record is the one that /proc shows under its id, and still runs the same image. */
static bool is_still(const struct event_process *raw, pid_t tid)
{
	uint64_t start_ns, start_stack, tick_ns = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);

	if (proc_read_start_ns((pid_t)raw->tgid, &start_ns) || start_ns / tick_ns != raw->start_time_ns / tick_ns)
		return false;
	if (proc_read_start_stack(tid, &start_stack))
		return false;
	return !start_stack || !raw->start_stack || start_stack == raw->start_stack;
}

void reading_mapped_path(const struct event_failure *raw, char **ret)
{
	pid_t tid = living_thread(&raw->process);

	if (is_still(&raw->process, tid) && !proc_read_mapped_path(tid, raw->vma.start, raw->vma.end, ret) &&
	    is_still(&raw->process, tid))
		return;
	free(*ret);
	*ret = NULL;
}

/* What it says is of the thread that the record names, which is alive or was a moment ago; its leader may be long gone. */
static struct modules *read_all(struct reading *reading, const struct event_process *raw)
{
	pid_t tid = living_thread(raw);
	/* Those of before were of this process for sure. */
	const bool had_names = reading->exe || reading->cgroup;
	struct modules *modules;

	if (!is_still(raw, tid))
		return NULL;
	if (!reading->exe)
		proc_read_exe(tid, &reading->exe);
	if (!reading->cgroup)
		proc_read_cgroup(tid, &reading->cgroup);
	reading->is_contained = container_has_cgroup(reading->cgroup);
	if (modules_read(tid, &modules)) {
		/* It has ended, or is another one by now. */
		if (!had_names && !is_still(raw, living_thread(raw)))
			forget_names(reading);
		return NULL;
	}
	/* The process ended while they were read again: what was read before is more. */
	if (reading->modules && modules_are_partial(modules)) {
		modules_free(modules);
		return NULL;
	}
	/* The id may have been given to another process meanwhile, or the thread's process be replaced by it. */
	if (!is_still(raw, living_thread(raw))) {
		modules_free(modules);
		if (!had_names)
			forget_names(reading);
		return NULL;
	}
	return modules;
}

static void read_anew(struct readings *readings, struct reading *reading, const struct event_process *raw,
		      uint64_t time_ns)
{
	const uint64_t losses = readings->losses;
	struct modules *modules;
	uint64_t from_ns;
	int changed;

	if (!readings->live)
		return;
	from_ns = clock_now_ns(CLOCK_MONOTONIC);
	reading->tried_ns = time_ns;
	reading->stale = false;
	modules = read_all(reading, raw);
	if (!modules)
		return;
	changed = set_modules(readings, reading, modules, time_ns);
	if (changed < 0)
		return;
	/* Else a failure after the last one has no more to do with what was there before it than it had. */
	if (changed) {
		reading->until_ns = clock_now_ns(CLOCK_MONOTONIC);
		/* Never before the record that it was read for. */
		if (reading->until_ns < time_ns)
			reading->until_ns = time_ns;
	}
	reading->done = true;
	reading->lapsed = false;
	reading->losses = losses;
	reading->from_ns = from_ns;
}

void reading_take(struct readings *readings, struct reading *reading, const struct event_process *raw, uint64_t time_ns)
{
	/* One that is gone, or cannot be read, is not tried at each of its failures. */
	if (reading->done || (reading->tried_ns && time_ns - reading->tried_ns < LOOK_AGAIN_NS))
		return;
	read_anew(readings, reading, raw, time_ns);
}

/* ---- what is told of it ---- */

/* A record of another CPU may be a little older than the one before it. */
static bool is_later(uint64_t time_ns, uint64_t than_ns)
{
	return (int64_t)(time_ns - than_ns) > 0;
}

static void note_shown_hot(struct reading *reading, uint64_t time_ns)
{
	if (is_later(time_ns, reading->from_ns) && is_later(time_ns, reading->hot_ns + HOT_FOR_NS))
		reading->lapsed = true;
	if (is_later(time_ns, reading->hot_ns))
		reading->hot_ns = time_ns;
}

void reading_note_hot(struct readings *readings, struct reading *reading, const struct event_hot *raw)
{
	/* What it mapped before this is told by nobody, also when it had been hot before and was forgotten as such. */
	reading->lapsed = true;
	reading->watched |= readings->told;
	note_shown_hot(reading, raw->header.time_ns);
	reading_take(readings, reading, &raw->process, raw->header.time_ns);
}

void reading_note_mapped(struct readings *readings, struct reading *reading, const struct event_mapped *raw)
{
	const uint64_t time_ns = raw->header.time_ns;

	readings->told = reading->watched = true;
	note_shown_hot(reading, time_ns);
	/* What generates code maps it all the time: then it is looked at when it matters. */
	reading->stale = true;
	if (time_ns - reading->counted_from_ns >= NSEC_PER_SEC) {
		reading->counted_from_ns = time_ns;
		reading->reads = 0;
	}
	if (reading->reads++ < READS_PER_SEC)
		read_anew(readings, reading, &raw->process, time_ns);
}

void reading_note_failure(struct reading *reading, const struct event_failure *raw)
{
	if (raw->vma_count >= filter_hot_at_most(raw->vma_limit))
		note_shown_hot(reading, raw->header.time_ns);
	else if (is_later(raw->header.time_ns, reading->from_ns))
		reading->lapsed = true;
}

void readings_note_losses(struct readings *readings)
{
	readings->losses++;
}

/* ---- whether to read it again ---- */

static bool covers(const struct modules *modules, const uint64_t *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!modules_find(modules, addrs[i]))
			return false;
	return true;
}

static bool has_told_all(const struct readings *readings, const struct reading *reading)
{
	return reading->watched && !reading->lapsed && reading->losses == readings->losses;
}

/*
 * Nobody tells what a process maps that is not near the limit: after the last reading another library may have come to
 * where one was. The list is read again when a stack is asked for, and not for each failure; within a bound of time, since
 * reading costs 20 ms for 65,000 mappings before 6.11, and a process can come to its failures by ever new ways. Beyond the
 * bound names are of the last reading, which then is less than a second old.
 */
static bool is_in_doubt(const struct readings *readings, struct reading *reading, uint64_t time_ns)
{
	if (time_ns <= reading->from_ns || has_told_all(readings, reading))
		return false;
	if (time_ns - reading->doubted_from_ns >= NSEC_PER_SEC) {
		reading->doubted_from_ns = time_ns;
		reading->doubts_ns = 0;
	}
	return reading->doubts_ns < DOUBTS_NS_PER_SEC;
}

static void resolve_doubt(struct readings *readings, struct reading *reading, const struct event_failure *raw)
{
	const uint64_t began_ns = clock_now_ns(CLOCK_MONOTONIC);

	read_anew(readings, reading, &raw->process, raw->header.time_ns);
	reading->doubts_ns += clock_now_ns(CLOCK_MONOTONIC) - began_ns;
}

/*
 * Something may have been loaded since: look once more. Not at every failure: what a frame-pointer walk finds is often no
 * code at all, and reading takes the process's own lock.
 */
void reading_renew(struct readings *readings, struct reading *reading, const struct event_failure *raw)
{
	const uint64_t time_ns = raw->header.time_ns;
	size_t count;
	const uint64_t *addrs = event_addrs(raw, &raw->user_stack, &count);

	if (reading->stale || (reading->modules && time_ns - reading->tried_ns > LOOK_AGAIN_NS &&
			       !covers(reading->modules, addrs, count)))
		read_anew(readings, reading, &raw->process, time_ns);
	else if (reading->modules && is_in_doubt(readings, reading, time_ns))
		resolve_doubt(readings, reading, raw);
}
