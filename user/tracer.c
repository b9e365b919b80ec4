// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tracer.c: see tracer.h. Each observation has a table of candidates, best first; the first that feature.c sees work is
 * taken. Then one skeleton load with just those programs.
 */
#include "tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../bpf/filter.h"
#include "cgroup.h"
#include "cleanup.h"
#include "clock.h"
#include "family.h"
#include "feature.h"
#include "kernelfs.h"
#include "kretprobe.h"
#include "misses.h"
#include "proc.h"
#include "undisturbed.h"
#include "vmasnoop.skel.h"

enum observation {
	OBSERVE_MUNMAP,
	OBSERVE_MUNMAP_RETURN,
	OBSERVE_SPLIT,
	OBSERVE_FORK,
	OBSERVE_LIMIT,
	OBSERVE_MAPPING,
	OBSERVE_WATCH,
	OBSERVE_EARLIER,
	OBSERVE_CALLS,
	OBSERVE_MEMORY_END,
	OBSERVE_EXIT,
	OBSERVE_EXEC,
	OBSERVE_SPLIT_ENTRY,
	OBSERVATION_COUNT
};

static const char *const observation_names[OBSERVATION_COUNT] = {
	[OBSERVE_MUNMAP] = "munmap",
	[OBSERVE_MUNMAP_RETURN] = "munmap_return",
	[OBSERVE_SPLIT] = "split",
	[OBSERVE_FORK] = "fork",
	[OBSERVE_LIMIT] = "limit",
	[OBSERVE_MAPPING] = "mapping",
	[OBSERVE_WATCH] = "watch",
	[OBSERVE_EARLIER] = "earlier",
	[OBSERVE_MEMORY_END] = "memory_end",
	[OBSERVE_EXIT] = "exit",
	[OBSERVE_EXEC] = "exec",
	[OBSERVE_CALLS] = "calls",
	[OBSERVE_SPLIT_ENTRY] = "split_entry",
};

struct tracer {
	struct vmasnoop_bpf *skeleton;
	struct hook hooks[OBSERVATION_COUNT];
	struct bpf_program *programs[OBSERVATION_COUNT];
	struct bpf_link *links[OBSERVATION_COUNT];
	struct kretprobe *probes[OBSERVATION_COUNT]; /* those of the links that need one of our own */
	struct bpf_program *exit_program; /* goes with the fork observation, as does its link */
	struct bpf_link *exit_link; /* of follow_exit, which goes with the fork observation */
	struct family family; /* of the calls observation */
	int64_t missed; /* when it was stopped */
	int64_t missed_without_net; /* by the core hook before the hook on the return was there as well */
	bool preemptible; /* programs can be preempted here: feature_is_preemptible() */
	bool missed_outcomes; /* likewise */
	bool stopped;
	bool saw_all; /* of the calls of hot processes, until it was stopped */
};

enum hook_kind { KIND_FENTRY, KIND_FEXIT, KIND_KPROBE, KIND_KRETPROBE, KIND_TP_BTF, KIND_TP };

static const char *const kind_names[] = {
	[KIND_FENTRY] = "fentry",	[KIND_FEXIT] = "fexit",	  [KIND_KPROBE] = "kprobe",
	[KIND_KRETPROBE] = "kretprobe", [KIND_TP_BTF] = "tp_btf", [KIND_TP] = "tp",
};

struct candidate {
	enum rung rung;
	enum hook_kind kind;
	const char *function;
	size_t program; /* its offset in the skeleton */
	const char *event; /* KIND_TP: category/name */
	int args; /* KIND_TP_BTF: the arguments that the program is written for; 0: any */
	bool by_rung; /* not inlined, or out of a plain munmap()'s reach: it is as good as its rung, and not seen to fire */
};

#define ROW(r, k, f, p, ...)                                                                                        \
	{                                                                                                           \
		.rung = r, .kind = k, .function = f, .program = offsetof(struct vmasnoop_bpf, progs.p), __VA_ARGS__ \
	}
#define FENTRY(function, program, ...)	  ROW(RUNG_FENTRY, KIND_FENTRY, function, program, __VA_ARGS__)
#define FEXIT(function, program, ...)	  ROW(RUNG_FENTRY, KIND_FEXIT, function, program, __VA_ARGS__)
#define KPROBE(function, program, ...)	  ROW(RUNG_KPROBE, KIND_KPROBE, function, program, __VA_ARGS__)
#define KRETPROBE(function, program, ...) ROW(RUNG_KPROBE, KIND_KRETPROBE, function, program, __VA_ARGS__)
#define TP_BTF(function, program, ...)	  ROW(RUNG_TRACEPOINT, KIND_TP_BTF, function, program, __VA_ARGS__)
#define TP(function, program, path)	  ROW(RUNG_TRACEPOINT, KIND_TP, function, program, .event = path)

/* Kretprobes only on functions that run under mmap_lock: on their callers the instances run out (docs/KERNELS.md 4). */
static const struct candidate munmap_candidates[] = {
	FEXIT("do_vmi_align_munmap", core_do_vmi_align_munmap),
	FEXIT("do_vmi_munmap", core_do_vmi_munmap),
	FEXIT("do_mas_munmap", core_do_mas_munmap),
	FEXIT("__do_munmap", core_do_munmap),
	KRETPROBE("do_vmi_align_munmap", core_kretprobe),
	KRETPROBE("do_mas_align_munmap", core_kretprobe),
	KRETPROBE("__do_munmap", core_kretprobe_locked),
	TP_BTF("mmap_lock_released", released, .args = 2),
	TP_BTF("mmap_lock_released", released_with_path, .args = 3),
	{},
};

/* Runs with preemption off everywhere. */
static const struct candidate steady_candidates[] = {
	TP("mmap_lock_released", released_event, "mmap_lock/mmap_lock_released"),
	{},
};

static const struct candidate return_candidates[] = {
	FEXIT("__vm_munmap", return_vm_munmap),
	TP("sys_exit_munmap", return_sys_exit, "syscalls/sys_exit_munmap"),
	{},
};

static const struct candidate split_candidates[] = {
	FEXIT("__split_vma", split_fexit, .by_rung = true),
	KRETPROBE("__split_vma", split_kretprobe, .by_rung = true),
	{},
};

/* Where nothing tells when the lock is released, this is one of the hooks that see what a call does under it. */
static const struct candidate split_locked_candidates[] = {
	FEXIT("__split_vma", split_fexit_locked, .by_rung = true),
	KRETPROBE("__split_vma", split_kretprobe_locked, .by_rung = true),
	{},
};

/* The mapping that is about to be split: with --splits. */
static const struct candidate split_entry_candidates[] = {
	FENTRY("__split_vma", split_entry_fentry, .by_rung = true),
	KPROBE("__split_vma", split_entry_kprobe, .by_rung = true),
	{},
};

/*
 * Mappings that are made; at the entry, which costs least: all that is asked is in place by then. In 5.10 nothing but mmap()
 * itself can be hooked there: mprotect() is seen by the splits that it makes.
 */
static const struct candidate mapping_candidates[] = {
	FENTRY("perf_event_mmap", mapping_fentry, .by_rung = true),
	FEXIT("mmap_region", mapping_fexit, .by_rung = true),
	KPROBE("perf_event_mmap", mapping_kprobe, .by_rung = true),
	KRETPROBE("mmap_region", mapping_kretprobe, .by_rung = true),
	{},
};

/* Each release of the lock, beside a core hook that does not see them. */
static const struct candidate watch_candidates[] = {
	TP_BTF("mmap_lock_released", watch_released, .args = 2),
	TP_BTF("mmap_lock_released", watch_released_with_path, .args = 3),
	{},
};

static const struct candidate steady_watch_candidates[] = {
	TP("mmap_lock_released", watch_released_event, "mmap_lock/mmap_lock_released"),
	{},
};

/* Whoever used it last, and no munmap() of ours, comes there. */
static const struct candidate memory_end_candidates[] = {
	FEXIT("exit_mmap", memory_end_fexit, .by_rung = true),
	KPROBE("exit_mmap", memory_end_kprobe, .by_rung = true),
	{},
};

static tracer_tell tell_refused;

void tracer_set_tell(tracer_tell tell)
{
	tell_refused = tell;
}

static int fail(int err, char *error, size_t size, const char *format, ...) __attribute__((format(printf, 4, 5)));
static int fail(int err, char *error, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, size, format, args);
	va_end(args);
	return err;
}

/* A try takes up to 0.2 s to take back, so not twice what the rung was seen to do. */
static int candidate_try(const struct tracer *tracer, struct feature *feature, const struct candidate *candidate)
{
	int args;

	if (candidate->by_rung && tracer->hooks[OBSERVE_MUNMAP].rung == candidate->rung)
		return feature_function_type(feature, candidate->function) < 0 ? -ESRCH : 0;
	switch (candidate->kind) {
	case KIND_FENTRY:
		/* What takes the one takes the other. */
		return candidate->by_rung ? feature_try_fexit_attach(feature, candidate->function)
					  : feature_try_fentry(feature, candidate->function);
	case KIND_FEXIT:
		return candidate->by_rung ? feature_try_fexit_attach(feature, candidate->function)
					  : feature_try_fexit(feature, candidate->function);
	case KIND_KPROBE:
		return candidate->by_rung ? feature_try_kprobe_attach(feature, candidate->function)
					  : feature_try_kprobe(feature, candidate->function);
	case KIND_KRETPROBE:
		return candidate->by_rung ? feature_try_kretprobe_attach(feature, candidate->function)
					  : feature_try_kretprobe(feature, candidate->function);
	case KIND_TP_BTF:
		args = feature_tp_btf_args(feature, candidate->function);
		if (candidate->args && args != candidate->args)
			return -ESRCH;
		return feature_try_tp_btf(feature, candidate->function);
	case KIND_TP:
		return feature_try_tp(feature, candidate->event);
	}
	return -EINVAL;
}

/*
 * Takes the first candidate of an allowed rung that works. The reason that stays in the hook when none does is that of
 * the last one that was not merely absent from this kernel.
 */
static bool observe(struct tracer *tracer, struct feature *feature, enum observation observation,
		    const struct candidate *candidates, enum rung allowed)
{
	struct hook *hook = &tracer->hooks[observation];
	int err;

	for (const struct candidate *c = candidates; c->function; c++) {
		if (allowed != RUNG_AUTO && c->rung != allowed)
			continue;
		err = candidate_try(tracer, feature, c);
		if (!err) {
			hook->rung = c->rung;
			hook->kind = kind_names[c->kind];
			hook->function = c->function;
			hook->reason = NULL;
			tracer->programs[observation] = *(struct bpf_program **)((char *)tracer->skeleton + c->program);
			return true;
		}
		if (tell_refused)
			tell_refused(c->function, c->rung, feature_reason(err));
		if (!hook->reason || err != -ESRCH)
			hook->reason = feature_reason(err);
	}
	return false;
}

/* Anything but ENOMEM can come from the checks before the core function, where only the return is seen. */
static bool wants_more_than_enomem(const struct config *config)
{
	for (int word = 0; word < CONFIG_ERRNO_WORDS; word++) {
		__u64 enomem = word == ERRNO_ENOMEM / 64 ? 1ULL << ERRNO_ENOMEM % 64 : 0;
		__u64 eagain = word == EAGAIN / 64 ? 1ULL << EAGAIN % 64 : 0; /* munmap() has no EAGAIN */

		if (config->errno_wanted[word] & ~(enomem | eagain))
			return true;
	}
	return false;
}

/*
 * The return hook is needed for errnos that the core function does not return; as a net for calls that the core's program
 * missed, where a preempted one makes the kernel skip it; and where there is no core hook at all. It goes with the
 * core's rung: fexit beside fexit; beside a kretprobe or tracepoint the syscall's exit.
 */
static int choose_return(struct tracer *tracer, struct feature *feature, const struct tracer_options *options,
			 char *error, size_t size)
{
	struct hook *core = &tracer->hooks[OBSERVE_MUNMAP], *hook = &tracer->hooks[OBSERVE_MUNMAP_RETURN];
	bool wanted = wants_more_than_enomem(&options->config);
	bool net = core->rung == RUNG_FENTRY && tracer->preemptible;
	enum rung rung = core->rung == RUNG_FENTRY || options->rung == RUNG_AUTO ? RUNG_FENTRY : RUNG_TRACEPOINT;

	if (core->rung != RUNG_AUTO && core->rung != RUNG_TRACEPOINT && !wanted && !net) {
		hook->reason = "not needed: the core function's exit has every errno that is asked for";
		return 0;
	}
	if (observe(tracer, feature, OBSERVE_MUNMAP_RETURN, return_candidates, rung) ||
	    (rung == RUNG_FENTRY && options->rung == RUNG_AUTO &&
	     observe(tracer, feature, OBSERVE_MUNMAP_RETURN, return_candidates, RUNG_TRACEPOINT)))
		return 0;
	if (core->rung == RUNG_AUTO)
		return fail(-EOPNOTSUPP, error, size, "no way to see a munmap() fail with --hook %s: %s; %s",
			    rung_name(options->rung), core->reason ?: hook->reason,
			    options->rung == RUNG_AUTO ? hook->reason : "try --hook auto");
	if (wanted)
		return fail(-EOPNOTSUPP, error, size,
			    "cannot see the errno that --errno or --all asks for at munmap's return: %s", hook->reason);
	return 0;
}

/*
 * Best first. But where programs can be preempted, calls of other processes on that CPU are missed meanwhile, on the
 * fentry rung and on tp_btf alike (seen in 7.2: half of the failures of 20 busy processes): there the one hook that
 * misses none goes first.
 */
static bool observe_munmap(struct tracer *tracer, struct feature *feature, enum rung rung)
{
	if ((rung == RUNG_AUTO || rung == RUNG_TRACEPOINT) && tracer->preemptible &&
	    observe(tracer, feature, OBSERVE_MUNMAP, steady_candidates, RUNG_TRACEPOINT))
		return true;
	return observe(tracer, feature, OBSERVE_MUNMAP, munmap_candidates, rung);
}

/* What is to be told of a split is there when it begins; by the same rung as its end. */
static void choose_split_entry(struct tracer *tracer, struct feature *feature, const struct config *config)
{
	struct hook *hook = &tracer->hooks[OBSERVE_SPLIT_ENTRY];

	if (!config->splits)
		hook->reason = "not needed: splits are not to be shown";
	else if (!tracer->programs[OBSERVE_SPLIT])
		hook->reason = "no use: nothing sees the end of a split";
	else
		observe(tracer, feature, OBSERVE_SPLIT_ENTRY, split_entry_candidates,
			tracer->hooks[OBSERVE_SPLIT].rung);
}

/* The split path goes with the core's rung, but on the tracepoint rung with whatever there is, unless it was asked for. */
static void choose_split(struct tracer *tracer, struct feature *feature, enum rung asked)
{
	const struct hook *hook = &tracer->hooks[OBSERVE_MUNMAP];
	/* Under the lock when it returns, as this one is: from before the days of the lock's tracepoint. */
	bool locked = hook->function && !strcmp(hook->function, "__do_munmap");
	const struct candidate *candidates = locked ? split_locked_candidates : split_candidates;
	enum rung core = hook->rung;

	if (core == RUNG_FENTRY || core == RUNG_KPROBE)
		observe(tracer, feature, OBSERVE_SPLIT, candidates, core);
	/* The rung that misses none: see observe_munmap(). */
	else if (asked == RUNG_AUTO && tracer->preemptible &&
		 observe(tracer, feature, OBSERVE_SPLIT, candidates, RUNG_KPROBE))
		return;
	else if (asked == RUNG_AUTO)
		observe(tracer, feature, OBSERVE_SPLIT, candidates, RUNG_AUTO);
	else
		tracer->hooks[OBSERVE_SPLIT].reason = "no tracepoint is in the split path";
}

/* An observation that the core's hook makes as well. */
static void observe_by_core(struct tracer *tracer, enum observation observation)
{
	const struct hook *core = &tracer->hooks[OBSERVE_MUNMAP];
	struct hook *hook = &tracer->hooks[observation];

	hook->rung = core->rung;
	hook->kind = core->kind;
	hook->function = core->function;
}

/* mmap_lock_released sees the mapping calls itself. */
static void choose_mapping(struct tracer *tracer, struct feature *feature)
{
	const struct hook *core = &tracer->hooks[OBSERVE_MUNMAP];
	struct hook *hook = &tracer->hooks[OBSERVE_MAPPING];

	if (core->rung == RUNG_FENTRY || core->rung == RUNG_KPROBE)
		observe(tracer, feature, OBSERVE_MAPPING, mapping_candidates, core->rung);
	else if (core->rung == RUNG_TRACEPOINT)
		observe_by_core(tracer, OBSERVE_MAPPING);
	else
		hook->reason = "nothing sees it: a process is warned of what it maps when it next calls munmap(), and "
			       "looked at again "
			       "when a stack leads to code that is not known";
}

/* The lock's release, which is a tracepoint on every rung. */
static void choose_watch(struct tracer *tracer, struct feature *feature)
{
	if (tracer->hooks[OBSERVE_MUNMAP].rung == RUNG_TRACEPOINT)
		observe_by_core(tracer, OBSERVE_WATCH);
	else if (!tracer->preemptible ||
		 !observe(tracer, feature, OBSERVE_WATCH, steady_watch_candidates, RUNG_TRACEPOINT))
		observe(tracer, feature, OBSERVE_WATCH, watch_candidates, RUNG_TRACEPOINT);
}

/*
 * The end of memory in which a munmap() failed: exit_mmap(), or the lock that it takes from 5.17 on (64591e8605d6); nothing in
 * 5.17 tells that, the maple tree of 6.1 does.
 */
static void choose_memory_end(struct tracer *tracer, struct feature *feature)
{
	const struct hook *core = &tracer->hooks[OBSERVE_MUNMAP];

	if (core->rung == RUNG_FENTRY || core->rung == RUNG_KPROBE)
		observe(tracer, feature, OBSERVE_MEMORY_END, memory_end_candidates, core->rung);
	else if (core->rung == RUNG_TRACEPOINT && feature_has_member(feature, "mm_struct", "mm_mt"))
		observe_by_core(tracer, OBSERVE_MEMORY_END);
	else
		tracer->hooks[OBSERVE_MEMORY_END].reason = "nothing sees it: it is taken to end with its process";
}

/* Where programs can be preempted, through perf, as long as there is tracefs. */
static void observe_process(struct tracer *tracer, enum observation observation, const char *event,
			    struct bpf_program *program, struct bpf_program *steady)
{
	int fd = tracer->preemptible ? feature_open_tp(event) : -ENOENT;
	struct hook *hook = &tracer->hooks[observation];

	hook->rung = RUNG_TRACEPOINT;
	hook->kind = kind_names[fd >= 0 ? KIND_TP : KIND_TP_BTF];
	hook->function = strchr(event, '/') + 1;
	tracer->programs[observation] = fd >= 0 ? steady : program;
	if (fd >= 0)
		close(fd);
}

/* The processes that have many mappings when tracing begins. */
static void choose_earlier(struct tracer *tracer, struct feature *feature, const struct config *config)
{
	struct hook *hook = &tracer->hooks[OBSERVE_EARLIER];
	int err = feature_try_iter(feature, "task");

	if (!config->warn_count) {
		hook->reason = "not needed: nobody is to be warned";
	} else if (err) {
		hook->reason = feature_reason(err);
	} else {
		hook->kind = "iter";
		hook->function = "task";
		tracer->programs[OBSERVE_EARLIER] = tracer->skeleton->progs.find_hot;
	}
}

static void fill_hook(struct hook *hook, enum rung rung, enum hook_kind kind, const char *function)
{
	hook->rung = rung;
	hook->kind = kind_names[kind];
	hook->function = function;
}

/* The calls other than munmap(), at their return. */
static void choose_calls(struct tracer *tracer, struct feature *feature, enum rung rung)
{
	const struct hook *back = &tracer->hooks[OBSERVE_MUNMAP_RETURN];
	struct hook *hook = &tracer->hooks[OBSERVE_CALLS];
	const struct family_seen seen = {
		.fexit = tracer->hooks[OBSERVE_MUNMAP].rung == RUNG_FENTRY,
		.sys_exit = back->kind && !strcmp(back->kind, kind_names[KIND_TP]),
	};
	int err = family_choose(&tracer->family, tracer->skeleton->obj, feature, rung, tracer->preemptible, &seen);

	if (err) {
		hook->reason = feature_reason(err);
		return;
	}
	switch (tracer->family.how) {
	case FAMILY_FEXIT:
		fill_hook(hook, RUNG_FENTRY, KIND_FEXIT, "__x64_sys_mmap");
		break;
	case FAMILY_KRETPROBE:
		fill_hook(hook, RUNG_KPROBE, KIND_KRETPROBE, "__x64_sys_mmap");
		break;
	default:
		fill_hook(hook, RUNG_TRACEPOINT, KIND_TP, "sys_exit_mmap");
	}
}

static int choose_hooks(struct tracer *tracer, struct feature *feature, const struct tracer_options *options,
			char *error, size_t size)
{
	struct hook *core = &tracer->hooks[OBSERVE_MUNMAP];
	enum rung rung = options->rung;
	int err;

	for (int i = 0; i < OBSERVATION_COUNT; i++)
		tracer->hooks[i].observation = observation_names[i];
	if (!observe_munmap(tracer, feature, rung) && rung != RUNG_AUTO && rung != RUNG_TRACEPOINT)
		return fail(-EOPNOTSUPP, error, size, "cannot trace munmap() with --hook %s: %s; try --hook auto",
			    rung_name(rung), core->reason);
	err = choose_return(tracer, feature, options, error, size);
	if (err)
		return err;
	choose_split(tracer, feature, rung);
	choose_split_entry(tracer, feature, &options->config);
	choose_mapping(tracer, feature);
	choose_watch(tracer, feature);
	choose_earlier(tracer, feature, &options->config);
	choose_calls(tracer, feature, rung);
	choose_memory_end(tracer, feature);
	observe_process(tracer, OBSERVE_EXIT, "sched/sched_process_exit", tracer->skeleton->progs.process_exit,
			tracer->skeleton->progs.process_exit_event);
	observe_process(tracer, OBSERVE_EXEC, "sched/sched_process_exec", tracer->skeleton->progs.process_exec,
			tracer->skeleton->progs.process_exec_event);
	return 0;
}

static void choose_fork(struct tracer *tracer, const struct config *config)
{
	__typeof__(tracer->skeleton->progs) *progs = &tracer->skeleton->progs;
	struct hook *hook = &tracer->hooks[OBSERVE_FORK];
	int event = tracer->preemptible ? feature_open_tp("sched/sched_process_fork") : -ENOENT;
	bool steady = event >= 0;

	if (steady)
		close(event);
	if (!config->filter_followed) {
		hook->reason = "not needed: no process was chosen";
		return;
	}
	hook->rung = RUNG_TRACEPOINT;
	hook->kind = kind_names[steady ? KIND_TP : KIND_TP_BTF];
	hook->function = "sched_process_fork";
	tracer->programs[OBSERVE_FORK] = steady ? progs->follow_fork_event : progs->follow_fork;
	tracer->exit_program = steady ? progs->follow_exit_event : progs->follow_exit;
}

static void choose_programs(struct tracer *tracer, bool limit_followed)
{
	struct vmasnoop_bpf *skeleton = tracer->skeleton;
	struct bpf_program *program;

	bpf_object__for_each_program (program, skeleton->obj)
		bpf_program__set_autoload(program, false);
	for (int i = 0; i < OBSERVATION_COUNT; i++)
		if (tracer->programs[i])
			bpf_program__set_autoload(tracer->programs[i], true);
	family_load(&tracer->family);
	if (tracer->exit_program)
		bpf_program__set_autoload(tracer->exit_program, true);
	bpf_program__set_autoload(skeleton->progs.limit_written, limit_followed);
}

/* Follows the limit by the program where there is a cgroup2 root to attach it to, else by reading it once a second. */
static int follow_limit(struct tracer *tracer, int cgroup_root)
{
	struct hook *hook = &tracer->hooks[OBSERVE_LIMIT];
	struct limit_state *state = &tracer->skeleton->bss->limit;
	uint32_t value;
	int err;

	hook->function = "vm.max_map_count";
	if (cgroup_root >= 0)
		tracer->links[OBSERVE_LIMIT] =
			bpf_program__attach_cgroup(tracer->skeleton->progs.limit_written, cgroup_root);
	hook->kind = tracer->links[OBSERVE_LIMIT] ? "cgroup/sysctl" : "poll";
	state->polled = !tracer->links[OBSERVE_LIMIT];
	/* Read after the program is attached: a write before is in the value, one after is seen. */
	err = proc_read_max_map_count(&value);
	if (err || state->changed_ns)
		return err;
	state->before = state->now = value;
	state->hot_at = filter_hot_at(&tracer->skeleton->rodata->config, value);
	return 0;
}

static int follow_pids(struct tracer *tracer, const struct tracer_options *options)
{
	int map = bpf_map__fd(tracer->skeleton->maps.followed);
	uint8_t yes = 1;

	for (size_t i = 0; i < options->pid_count; i++) {
		uint32_t tgid = options->pids[i];

		if (bpf_map_update_elem(map, &tgid, &yes, BPF_ANY))
			return -errno;
	}
	return 0;
}

/* "/system.slice/x.service" as the log has it, or the directory's path in the file system. */
static int open_cgroup(int cgroup_root, const char *path)
{
	const char *below = path + strspn(path, "/");
	int fd = openat(cgroup_root, *below ? below : ".", O_DIRECTORY | O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int filter_by_cgroup(struct tracer *tracer, int fd)
{
	uint32_t first = 0;

	return bpf_map_update_elem(bpf_map__fd(tracer->skeleton->maps.cgroup), &first, &fd, BPF_ANY) ? -errno : 0;
}

/* Takes over `fd`, which may be a negative errno. */
static struct bpf_link *attach_event(const struct bpf_program *program, int fd)
{
	struct bpf_link *link;

	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	link = bpf_program__attach_perf_event(program, fd);
	if (!link)
		close(fd);
	return link;
}

static struct bpf_link *attach_program(const struct bpf_program *program)
{
	/* Not by libbpf, which wants tracefs mounted. The section is "tp/category/name". */
	if (bpf_program__type(program) == BPF_PROG_TYPE_TRACEPOINT)
		return attach_event(program, feature_open_tp(bpf_program__section_name(program) + strlen("tp/")));
	return bpf_program__attach(program);
}

/* By a probe with room for many calls, or where tracefs is out of reach the way that libbpf has. */
static struct bpf_link *attach_kretprobe(struct tracer *tracer, enum observation observation)
{
	const struct bpf_program *program = tracer->programs[observation];
	const char *function = tracer->hooks[observation].function;

	if (kretprobe_new(function, &tracer->probes[observation]))
		return bpf_program__attach_kprobe(program, true, function);
	return attach_event(program, kretprobe_open_event(tracer->probes[observation]));
}

static int attach_one(struct tracer *tracer, enum observation observation)
{
	struct bpf_program *program = tracer->programs[observation];
	const struct hook *hook = &tracer->hooks[observation];
	struct bpf_link *link;

	if (!strcmp(hook->kind, kind_names[KIND_KRETPROBE]))
		link = attach_kretprobe(tracer, observation);
	else if (!strcmp(hook->kind, kind_names[KIND_KPROBE]))
		link = bpf_program__attach_kprobe(program, false, hook->function);
	else
		link = attach_program(program);
	if (!link)
		return -errno;
	tracer->links[observation] = link;
	return 0;
}

/* Whether an observation is not made from the beginning. */
static bool comes_later(const struct tracer *tracer, const struct config *config, enum observation observation)
{
	switch (observation) {
	case OBSERVE_MUNMAP_RETURN:
		/* With an under-lock hook on the tracepoint rung the return is armed on first need: it slows every syscall. */
		return tracer->hooks[OBSERVE_MUNMAP].rung == RUNG_TRACEPOINT && !wants_more_than_enomem(config);
	case OBSERVE_MAPPING:
		/* What a process maps that is not hot is of interest only to those who warn. */
		return !config->warn_count;
	case OBSERVE_CALLS:
		/* An armed tracepoint of any syscall slows all of them: for the whole machine not before there is a hot process. */
		return tracer->hooks[OBSERVE_CALLS].rung == RUNG_TRACEPOINT && !config->filter_followed &&
		       config->shortages_only;
	default:
		return observation == OBSERVE_EARLIER || observation == OBSERVE_WATCH;
	}
}

static int arm_calls(struct tracer *tracer)
{
	int err = family_attach(&tracer->family);

	if (!err)
		tracer->skeleton->bss->switches.calls_armed = 1;
	return err;
}

static int attach_all(struct tracer *tracer, const struct config *config, char *error, size_t size)
{
	struct tracer *t = tracer;
	int err;

	/* What comes now is there when tracing begins. */
	t->skeleton->bss->switches.calls_armed = t->hooks[OBSERVE_CALLS].kind && !comes_later(t, config, OBSERVE_CALLS);
	for (int i = 0; i < OBSERVATION_COUNT; i++) {
		if (!t->programs[i] || comes_later(t, config, i))
			continue;
		err = attach_one(t, i);
		if (err)
			return fail(err, error, size, "cannot attach to %s %s: %s; try another rung with --hook",
				    t->hooks[i].kind, t->hooks[i].function, feature_reason(err));
		if (i == OBSERVE_MUNMAP && t->programs[OBSERVE_MUNMAP_RETURN] &&
		    !comes_later(t, config, OBSERVE_MUNMAP_RETURN))
			t->skeleton->bss->switches.return_armed = t->skeleton->bss->switches.return_attached = 1;
	}
	err = comes_later(t, config, OBSERVE_CALLS) ? 0 : family_attach(&t->family);
	if (err)
		return fail(err, error, size,
			    "cannot attach to the returns of mmap() and its kin: %s; try another rung "
			    "with --hook",
			    feature_reason(err));
	if (t->exit_program) {
		t->exit_link = attach_program(t->exit_program);
		if (!t->exit_link)
			return fail(-errno, error, size, "cannot attach to sched_process_exit: %s", strerror(errno));
	}
	return 0;
}

/* Those who come to many mappings while this runs are seen by the hooks, which are at work. */
static int find_earlier(struct tracer *tracer)
{
	_cleanup_close_ int fd = -1;
	char nothing[64];
	struct bpf_link *link;
	ssize_t got;

	if (!tracer->programs[OBSERVE_EARLIER])
		return 0;
	link = bpf_program__attach_iter(tracer->programs[OBSERVE_EARLIER], NULL);
	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link);
	if (fd < 0)
		return -errno;
	/* The program prints nothing: the end comes when all tasks were seen. */
	do
		got = read(fd, nothing, sizeof(nothing));
	while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
	return got < 0 ? -errno : 0;
}

static void fill_config(struct tracer *tracer, const struct tracer_options *options, int cgroup)
{
	struct config *config = (struct config *)&tracer->skeleton->rodata->config;
	struct stat status;

	*config = options->config;
	config->return_only = !tracer->programs[OBSERVE_MUNMAP];
	config->return_is_native = tracer->hooks[OBSERVE_MUNMAP_RETURN].rung == RUNG_TRACEPOINT;
	config->split_hooked = tracer->programs[OBSERVE_SPLIT] != NULL;
	config->memory_end_seen = tracer->hooks[OBSERVE_MEMORY_END].kind != NULL;
	/* The inode's number is the cgroup's id: kernfs has it so on 64-bit machines. */
	config->cgroup_id = cgroup >= 0 && !fstat(cgroup, &status) ? status.st_ino : 0;
}

static int load(struct tracer *tracer, const struct tracer_options *options, char *error, size_t size)
{
	_cleanup_close_ int cgroup_root = cgroup_open_root();
	_cleanup_close_ int cgroup = options->cgroup ? open_cgroup(cgroup_root, options->cgroup) : -1;
	struct vmasnoop_bpf *skeleton = tracer->skeleton;
	int err;

	choose_fork(tracer, &options->config);
	choose_programs(tracer, cgroup_root >= 0);
	fill_config(tracer, options, cgroup);
	err = vmasnoop_bpf__load(skeleton);
	if (err)
		return fail(-EOPNOTSUPP, error, size,
			    "this kernel does not take the BPF programs: %s; run with -vv for the verifier's words",
			    strerror(-err));
	err = family_link(&tracer->family);
	if (err)
		return fail(err, error, size, "cannot join the programs of mmap() and its kin: %s", strerror(-err));
	err = follow_limit(tracer, cgroup_root);
	if (err)
		return fail(err, error, size, "cannot read /proc/sys/vm/max_map_count: %s", strerror(-err));
	tracer_refresh_memory(tracer);
	err = follow_pids(tracer, options);
	if (err)
		return fail(err, error, size, "cannot note the processes to follow: %s", strerror(-err));
	if (options->cgroup) {
		err = cgroup < 0 ? cgroup : filter_by_cgroup(tracer, cgroup);
		if (err)
			return fail(err, error, size,
				    "cannot filter by the cgroup '%s': %s; it takes a directory of cgroup v2",
				    options->cgroup, strerror(-err));
	}
	err = attach_all(tracer, &options->config, error, size);
	if (err)
		return err;
	err = find_earlier(tracer);
	/* Whoever is hot already may fail at once. Where this fails, the record of that process has it tried again, and tells. */
	if (!err && skeleton->bss->switches.hot)
		tracer_arm_calls(tracer);
	return err ? fail(err, error, size, "cannot look at the processes that there are: %s", strerror(-err)) : 0;
}

static int explain_feature(int err, char *error, size_t size)
{
	switch (-err) {
	case EPERM:
	case EACCES:
		return fail(-EPERM, error, size,
			    "no permission to use BPF: run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_RESOURCE");
	case ENOENT:
		return fail(-EOPNOTSUPP, error, size,
			    "this kernel has no type information (/sys/kernel/btf/vmlinux): it needs one built with "
			    "CONFIG_DEBUG_INFO_BTF=y, as distributions have had since 2020");
	case EOPNOTSUPP:
		return fail(-EOPNOTSUPP, error, size,
			    "this kernel has no BPF ring buffer: it needs Linux 5.8 or newer");
	default:
		return fail(err, error, size, "cannot ask what this kernel allows: %s", strerror(-err));
	}
}

/* Under lockdown=confidentiality programs may read no kernel memory: what fails then, and how, depends on the kernel. */
static int explain_lockdown(int err, char *error, size_t size)
{
	char lockdown[64];

	if (kernelfs_read_line("securityfs", "lockdown", lockdown, sizeof(lockdown)) ||
	    !strstr(lockdown, "[confidentiality]"))
		return err;
	return fail(
		-EOPNOTSUPP, error, size,
		"this kernel is locked down (confidentiality), which forbids BPF to read kernel memory; vmasnoop needs "
		"lockdown=integrity or none on the kernel's command line");
}

static void *take_back(void *feature)
{
	feature_free(feature);
	return NULL;
}

int tracer_new(const struct tracer_options *options, struct tracer **ret, char *error, size_t error_size)
{
	struct feature *feature;
	struct tracer *tracer;
	pthread_t thread; /* which takes back what was tried while the verifier is at work */
	bool taken_back;
	int err;

	err = feature_new(&feature);
	if (err)
		return explain_lockdown(explain_feature(err, error, error_size), error, error_size);
	tracer = calloc(1, sizeof(*tracer));
	if (tracer)
		tracer->skeleton = vmasnoop_bpf__open();
	if (!tracer || !tracer->skeleton)
		err = fail(-ENOMEM, error, error_size, "cannot open the BPF object: %s", strerror(errno));
	if (!err) {
		tracer->preemptible = feature_is_preemptible();
		undisturbed_set_up(tracer->preemptible);
		misses_set_up(feature_counts_perf_misses(feature));
		err = choose_hooks(tracer, feature, options, error, error_size);
	}
	taken_back = pthread_create(&thread, NULL, take_back, feature) != 0;
	if (taken_back)
		feature_free(feature);
	if (!err)
		err = load(tracer, options, error, error_size);
	if (!taken_back)
		pthread_join(thread, NULL);
	if (err) {
		tracer_free(tracer);
		return explain_lockdown(err, error, error_size);
	}
	*ret = tracer;
	return 0;
}

static void detach_all(struct tracer *tracer)
{
	for (int i = 0; i < OBSERVATION_COUNT; i++) {
		bpf_link__destroy(tracer->links[i]);
		tracer->links[i] = NULL;
		kretprobe_free(tracer->probes[i]);
		tracer->probes[i] = NULL;
	}
	family_detach(&tracer->family);
	bpf_link__destroy(tracer->exit_link);
	tracer->exit_link = NULL;
}

void tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	detach_all(tracer);
	vmasnoop_bpf__destroy(tracer->skeleton);
	free(tracer);
}

const struct hook *tracer_hooks(const struct tracer *tracer, size_t *count)
{
	*count = OBSERVATION_COUNT;
	return tracer->hooks;
}

int tracer_ring_fd(const struct tracer *tracer)
{
	return bpf_map__fd(tracer->skeleton->maps.events);
}

int tracer_slices_fd(const struct tracer *tracer)
{
	return bpf_map__fd(tracer->skeleton->maps.slices);
}

static int arm(struct tracer *tracer, enum observation observation)
{
	if (!tracer->programs[observation] || tracer->links[observation])
		return 0;
	return attach_one(tracer, observation) ?: 1;
}

int tracer_arm_mapping(struct tracer *tracer)
{
	return arm(tracer, OBSERVE_MAPPING);
}

int tracer_arm_watch(struct tracer *tracer)
{
	return arm(tracer, OBSERVE_WATCH);
}

int tracer_arm_calls(struct tracer *tracer)
{
	if (family_is_attached(&tracer->family) || !tracer->hooks[OBSERVE_CALLS].kind)
		return 0;
	return arm_calls(tracer) ?: 1;
}

void tracer_refresh_memory(struct tracer *tracer)
{
	struct memory_state *memory = &tracer->skeleton->bss->memory;
	uint64_t pages;
	uint32_t overcommit;

	if (proc_read_memory(&pages, &overcommit))
		return;
	memory->pages = pages;
	memory->overcommit = overcommit;
}

/* A failure that is counted meanwhile may go uncounted: then a slice comes once too often. */
static int change_place(struct tracer *tracer, uint64_t key, size_t field)
{
	struct stack_place place;
	int map = bpf_map__fd(tracer->skeleton->maps.stack_places), err;

	err = undisturbed_lookup(map, &key, &place);
	if (err)
		return err;
	*(__u32 *)((char *)&place + field) = 1;
	return undisturbed_update(map, &key, &place, BPF_EXIST);
}

int tracer_widen_stack_key(struct tracer *tracer, uint64_t key)
{
	return change_place(tracer, key, offsetof(struct stack_place, words));
}

int tracer_owe_slice(struct tracer *tracer, uint64_t key)
{
	return change_place(tracer, key, offsetof(struct stack_place, owed));
}

int tracer_expect_mapping(struct tracer *tracer, const struct event_process *process)
{
	struct hot_key key = {
		.mm = process->mm,
		.start_time_ns = process->start_time_ns,
		.exec_id = process->exec_id,
		.tgid = process->tgid,
	};

	return undisturbed_delete(bpf_map__fd(tracer->skeleton->maps.mapped), &key);
}

uint32_t tracer_limit(const struct tracer *tracer)
{
	return tracer->skeleton->bss->limit.now;
}

void tracer_set_limit(struct tracer *tracer, uint32_t value)
{
	struct limit_state *state = &tracer->skeleton->bss->limit;

	state->before = state->now;
	state->changed_ns = clock_now_ns(CLOCK_MONOTONIC);
	state->hot_at = filter_hot_at(&tracer->skeleton->rodata->config, value);
	state->now = value;
}

static int64_t observation_misses(const struct tracer *tracer, enum observation observation)
{
	int64_t probe, program;

	if (!tracer->links[observation] || !tracer->programs[observation])
		return 0;
	if (!tracer->probes[observation])
		return misses_of(tracer->links[observation], tracer->programs[observation]);
	/* A kretprobe's program runs with preemption off: nothing recurs but in an NMI, so older kernels hide nothing. */
	probe = kretprobe_misses(tracer->probes[observation]);
	program = misses_of_program(tracer->programs[observation]);
	return probe < 0 ? -1 : probe + (program > 0 ? program : 0);
}

/* A call is lost when both hooks missed it, or the one that there was. A missed split loses no call. */
static int64_t munmap_misses(const struct tracer *tracer)
{
	int64_t core = observation_misses(tracer, OBSERVE_MUNMAP);
	int64_t back = observation_misses(tracer, OBSERVE_MUNMAP_RETURN);
	int64_t alone = tracer->missed_without_net;

	if (!tracer->links[OBSERVE_MUNMAP])
		return back;
	if (!tracer->links[OBSERVE_MUNMAP_RETURN])
		return core;
	if (core < 0 || back < 0 || alone < 0)
		return -1;
	return alone + (back < core - alone ? back : core - alone);
}

/* The hook that sees each call of a hot process under its lock, OBSERVATION_COUNT: there is none. */
static enum observation watching(const struct tracer *tracer)
{
	if (tracer->links[OBSERVE_WATCH])
		return OBSERVE_WATCH;
	return tracer->hooks[OBSERVE_MUNMAP].rung == RUNG_TRACEPOINT ? OBSERVE_MUNMAP : OBSERVATION_COUNT;
}

void tracer_origin_maps(const struct tracer *tracer, struct origin_maps *ret)
{
	enum observation observation = watching(tracer);

	ret->watched = bpf_map__fd(tracer->skeleton->maps.watched);
	ret->origins = bpf_map__fd(tracer->skeleton->maps.origins);
	ret->marks = &tracer->skeleton->bss->marks;
	ret->without_stacks = !tracer->skeleton->rodata->config.user_stack;
	ret->exact = tracer->stopped ? tracer->saw_all
				     : observation != OBSERVATION_COUNT && !observation_misses(tracer, observation);
}

/* Of those that were asked for; others are counted as far as they are seen. */
static int64_t split_misses(const struct tracer *tracer)
{
	return tracer->skeleton->rodata->config.splits ? observation_misses(tracer, OBSERVE_SPLIT) : 0;
}

static int64_t count_misses(const struct tracer *tracer)
{
	int64_t calls = munmap_misses(tracer), forks = observation_misses(tracer, OBSERVE_FORK);
	int64_t others = family_misses(&tracer->family), splits = split_misses(tracer);

	return calls < 0 || forks < 0 || others < 0 || splits < 0 ? -1 : calls + forks + others + splits;
}

int tracer_arm_return_if_needed(struct tracer *tracer)
{
	struct tracer_losses losses;
	int err;

	if (!tracer->programs[OBSERVE_MUNMAP_RETURN] || tracer->links[OBSERVE_MUNMAP_RETURN])
		return 0;
	err = tracer_read_losses(tracer, &losses);
	if (err || !losses.causes[LOSS_ERRNO_UNSEEN])
		return err;
	/* The switch first: from then on the under-lock hooks leave word, so that nothing is reported twice. */
	tracer->skeleton->bss->switches.return_armed = 1;
	err = attach_one(tracer, OBSERVE_MUNMAP_RETURN);
	if (err) {
		tracer->skeleton->bss->switches.return_armed = 0;
		return err;
	}
	tracer->skeleton->bss->switches.return_attached = 1;
	/* What the core hook missed so far had no net. */
	tracer->missed_without_net = observation_misses(tracer, OBSERVE_MUNMAP);
	return 1;
}

static int read_total(int map, int cpus, const struct total_key *key, struct total *per_cpu, struct tracer_total *ret)
{
	if (bpf_map_lookup_elem(map, key, per_cpu))
		return -errno;
	memset(ret, 0, sizeof(*ret));
	ret->key = *key;
	for (int cpu = 0; cpu < cpus; cpu++) {
		ret->total.failures += per_cpu[cpu].failures;
		ret->total.bytes += per_cpu[cpu].bytes;
		if (per_cpu[cpu].comm[0])
			memcpy(ret->total.comm, per_cpu[cpu].comm, sizeof(ret->total.comm));
	}
	return 0;
}

int tracer_read_totals(const struct tracer *tracer, struct tracer_total **ret, size_t *count)
{
	int map = bpf_map__fd(tracer->skeleton->maps.totals), cpus = libbpf_num_possible_cpus();
	uint32_t room = bpf_map__max_entries(tracer->skeleton->maps.totals);
	_cleanup_free_ struct tracer_total *totals = calloc(room, sizeof(*totals));
	_cleanup_free_ struct total *per_cpu = calloc(cpus > 0 ? cpus : 1, sizeof(*per_cpu));
	struct total_key key, *previous = NULL;
	size_t found = 0;
	int err;

	if (!totals || !per_cpu || cpus < 0)
		return -ENOMEM;
	while (found < room && !bpf_map_get_next_key(map, previous, &key)) {
		err = read_total(map, cpus, &key, per_cpu, &totals[found]);
		if (err)
			return err;
		found++;
		previous = &key;
	}
	*ret = totals;
	totals = NULL;
	*count = found;
	return 0;
}

enum tracer_splits tracer_splits(const struct tracer *tracer)
{
	if (tracer->programs[OBSERVE_SPLIT])
		return TRACER_SPLITS_SEEN;
	return tracer->hooks[OBSERVE_MUNMAP].rung == RUNG_TRACEPOINT ? TRACER_SPLITS_INFERRED : TRACER_SPLITS_UNSEEN;
}

int tracer_read_splits(const struct tracer *tracer, struct splits *ret)
{
	int map = bpf_map__fd(tracer->skeleton->maps.split_sums), cpus = libbpf_num_possible_cpus();
	_cleanup_free_ struct split_sum *per_cpu = calloc(cpus > 0 ? cpus : 1, sizeof(*per_cpu));
	struct split_key key, *previous = NULL;
	int err = 0;

	if (!per_cpu || cpus < 0)
		return -ENOMEM;
	for (; !err && !bpf_map_get_next_key(map, previous, &key); previous = &key) {
		if (bpf_map_lookup_elem(map, &key, per_cpu))
			return -errno;
		for (int cpu = 0; cpu < cpus && !err; cpu++)
			err = per_cpu[cpu].comm[0] || per_cpu[cpu].splits ? splits_add(ret, &key, &per_cpu[cpu]) : 0;
	}
	return err;
}

bool tracer_misses_outcomes(const struct tracer *tracer)
{
	return observation_misses(tracer, OBSERVE_MUNMAP) > 0 || observation_misses(tracer, OBSERVE_MEMORY_END) > 0 ||
	       observation_misses(tracer, OBSERVE_EXIT) > 0 || observation_misses(tracer, OBSERVE_EXEC) > 0 ||
	       family_misses(&tracer->family) > 0;
}

static void fill_ended(const struct tracer *tracer, uint64_t mm, const struct debtor *debtor, struct event_ended *ret)
{
	*ret = (struct event_ended){
		.header = {.time_ns = clock_now_ns(CLOCK_MONOTONIC), .size = sizeof(*ret), .kind = EVENT_ENDED},
		.process = {.mm = mm},
		.end = debtor->ended ? END_MEMORY : END_TRACING,
		.with_memory = debtor->ended != 0,
		.debt = DEBT_OPEN,
	};
	if (tracer->missed_outcomes)
		ret->debt |= DEBT_DOUBTFUL;
	if (debtor->failure_lost)
		ret->debt |= DEBT_FAILURE_LOST;
	if (debtor->payment_lost)
		ret->debt |= DEBT_PAYMENT_LOST;
}

int tracer_read_debtors(const struct tracer *tracer, struct event_ended **ret, size_t *count)
{
	int map = bpf_map__fd(tracer->skeleton->maps.debtors);
	uint32_t room = bpf_map__max_entries(tracer->skeleton->maps.debtors);
	_cleanup_free_ struct event_ended *ended = NULL;
	uint64_t key, *previous = NULL;
	struct debtor debtor;
	size_t found = 0;

	*ret = NULL;
	*count = 0;
	if (!tracer->skeleton->bss->switches.debtors)
		return 0;
	ended = calloc(room, sizeof(*ended));
	if (!ended)
		return -ENOMEM;
	for (; found < room && !bpf_map_get_next_key(map, previous, &key); previous = &key) {
		if (bpf_map_lookup_elem(map, &key, &debtor))
			return -errno;
		fill_ended(tracer, key, &debtor, &ended[found++]);
	}
	*ret = cleanup_take(ended);
	*count = found;
	return 0;
}

void tracer_stop(struct tracer *tracer)
{
	struct origin_maps maps;

	tracer_origin_maps(tracer, &maps);
	tracer->saw_all = maps.exact;
	tracer->missed = count_misses(tracer);
	tracer->missed_outcomes = tracer_misses_outcomes(tracer);
	tracer->stopped = true;
	detach_all(tracer);
	/* A program may still be at work on another CPU. This waits for an RCU grace period: they run under its lock. */
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

int tracer_read_losses(const struct tracer *tracer, struct tracer_losses *ret)
{
	int map = bpf_map__fd(tracer->skeleton->maps.losses), cpus = libbpf_num_possible_cpus();
	_cleanup_free_ uint64_t *per_cpu = calloc(cpus > 0 ? cpus : 1, sizeof(*per_cpu));
	struct tracer_losses losses = {};
	int err;

	if (!per_cpu || cpus < 0)
		return -ENOMEM;
	for (uint32_t cause = 0; cause < LOSS_CAUSE_COUNT; cause++) {
		err = undisturbed_lookup(map, &cause, per_cpu);
		if (err)
			return err;
		for (int cpu = 0; cpu < cpus; cpu++)
			losses.causes[cause] += per_cpu[cpu];
	}
	losses.missed = tracer->stopped ? tracer->missed : count_misses(tracer);
	*ret = losses;
	return 0;
}
