// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_trace.c: vmasnoop [OPTIONS] [-- COMMAND]: a run of the tracer from its options to its exit status. Each record
 * goes one way: ring -> event_decode() -> capture (if asked for) -> pending (where a failure waits for its user stack, which
 * the symbolizer's process is asked for) -> render_event() -> sink.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#include "../bpf/filter.h"
#include "capture.h"
#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "command.h"
#include "event.h"
#include "folded.h"
#include "format.h"
#include "log.h"
#include "model.h"
#include "opts.h"
#include "output.h"
#include "pending.h"
#include "proc.h"
#include "render.h"
#include "sandbox.h"
#include "summary.h"
#include "symbolizer_client.h"
#include "tracer.h"
#include "version.h"
#include "waiter.h"

#define CLOCK_NOISE_NS	10000000
#define RECORDS_AT_ONCE 256
#define DRAIN_TRIES	256

/* What waits for stacks at once. Many times what comes while one stack is cold: 150 ms of 30,000 failures a second. */
#define PENDING_BYTES_MAX (8 << 20)

/* At the end of a run stacks are waited for so long, all together. */
#define LAST_STACKS_NS (10 * NSEC_PER_SEC)

/* A slice that was submitted may stand in the ring behind one that another CPU is still copying: some microseconds. */
#define SLICE_TRIES 1000

struct trace {
	const struct opts *opts;
	struct command *command;
	struct waiter *waiter;
	struct tracer *tracer;
	struct ring_buffer *ring;
	struct ring_buffer *slices;
	struct symbolizer_client *symbolizer;
	struct model *model;
	struct pending *pending;
	struct output *output;
	struct capture_writer *capture;
	struct folded *folded;
	struct summary summary;
	int64_t realtime_offset_ns; /* CLOCK_REALTIME minus CLOCK_MONOTONIC; one value for log and capture */
	int64_t boottime_offset_ns; /* CLOCK_REALTIME minus CLOCK_BOOTTIME */
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t shown; /* failures */
	uint64_t ring_full; /* records that were lost for that, at the last tick */
	unsigned int batch; /* records taken since the waiter was last asked */
	uint32_t
		limit_doubted; /* what /proc said at the last tick, where it was not what the tracer goes by; 0: it agreed */
};

static bool has_shown_enough(const struct trace *trace)
{
	return trace->opts->max_events && trace->shown >= trace->opts->max_events;
}

static void show_complete(struct trace *trace)
{
	const struct pending_event *first;

	while ((first = pending_first(trace->pending)) != NULL) {
		if (first->event.kind == EVENT_ORIGINS)
			folded_add(trace->folded, &first->origins);
		output_note(trace->output, render_event(output_sink(trace->output), trace->model, first));
		pending_drop_first(trace->pending);
	}
}

/* Takes a while, so its modules were read before, and are read once more for what was mapped in between. */
static void arm_mapping(struct trace *trace, const struct event_hot *hot)
{
	struct event_mapped mapped = {.header = hot->header, .process = hot->process};
	struct event event = {.kind = EVENT_MAPPED, .mapped = &mapped};
	int err = tracer_arm_mapping(trace->tracer);

	if (err < 0)
		log_debug("cannot watch what hot processes map: %s", strerror(-err));
	else if (err > 0)
		output_note(trace->output, pending_add(trace->pending, &event));
}

/* What is for hot processes only begins with the first of them. */
static void arm_for_hot(struct trace *trace, const struct event_hot *hot)
{
	int err = tracer_arm_watch(trace->tracer);

	if (err < 0)
		log_debug("cannot watch hot processes under their lock: %s", strerror(-err));
	err = tracer_arm_calls(trace->tracer);
	if (err < 0)
		log_debug("cannot see calls other than munmap() fail: %s", strerror(-err));
	if (!trace->opts->no_user_stack)
		arm_mapping(trace, hot);
}

/* What the kernel side has counted becomes a record like any other. */
static void read_origins(struct trace *trace, const struct event_process *process, bool final)
{
	struct event_origins_full full;
	struct origin_maps maps;
	struct event event = {.kind = EVENT_ORIGINS, .origins = &full.origins};
	int err;

	tracer_origin_maps(trace->tracer, &maps);
	err = origin_maps_read(&maps, process, final, &full);
	if (err) {
		if (err != -ENOENT)
			log_debug("cannot read who made the mappings of PID %u: %s", process->tgid, strerror(-err));
		return;
	}
	if (trace->capture)
		capture_write(trace->capture, &event);
	output_note(trace->output, pending_add(trace->pending, &event));
}

static void take_event(struct trace *trace, const struct event *event)
{
	if (model_wants_origins(trace->model, event))
		read_origins(trace, event->kind == EVENT_NEAR ? &event->near->process : &event->failure->process,
			     false);
	/* A write that fails is told once, by capture_close(). */
	if (trace->capture)
		capture_write(trace->capture, event);
	/* Told of anew from here on: what is read after this has all that was mapped before. */
	if (event->kind == EVENT_MAPPED)
		tracer_expect_mapping(trace->tracer, &event->mapped->process);
	if (event->kind == EVENT_NEAR)
		summary_add_warning(&trace->summary, event->near);
	output_note(trace->output, pending_add(trace->pending, event));
	if (event->kind == EVENT_HOT)
		arm_for_hot(trace, event->hot);
}

static int on_slice(void *context, void *data, size_t size)
{
	struct trace *trace = context;
	struct event event;

	if (event_decode(data, size, &event))
		trace->summary.bad_records++;
	else if (!has_shown_enough(trace))
		take_event(trace, &event);
	return 0;
}

/* The slice of a failure, and the calls before it, were submitted before it was. */
static void take_slice(struct trace *trace, const struct event_failure *failure)
{
	if (!failure->has_slice && !failure->has_ops)
		return;
	for (int i = 0; i < SLICE_TRIES; i++) {
		ring_buffer__consume(trace->slices);
		if ((!failure->has_slice || model_has_slice(trace->model, failure)) &&
		    (!failure->has_ops || model_has_ops(trace->model, failure)))
			return;
		sched_yield();
	}
}

/*
 * Taken from the ring. After so many records -EAGAIN leaves the rest for the next turn: libbpf goes on for as long as there
 * is one, and in a storm that is for ever, whatever else there is to wait for.
 */
static int on_record(void *context, void *data, size_t size)
{
	struct trace *trace = context;
	struct event_ended ended;
	struct event event;
	int full = ++trace->batch >= RECORDS_AT_ONCE ? -EAGAIN : 0;

	if (event_decode(data, size, &event)) {
		trace->summary.bad_records++;
		return full;
	}
	/* After the last failure that was asked for, what becomes of those shown and the limit are still of interest. */
	if (has_shown_enough(trace) && event.kind != EVENT_LIMIT && event.kind != EVENT_PAID &&
	    event.kind != EVENT_ENDED)
		return full;
	if (event.kind == EVENT_ORIGIN)
		take_slice(trace, &event.origin->place);
	if (event.kind == EVENT_FAILURE) {
		take_slice(trace, event.failure);
		trace->shown++;
	}
	if (event.kind == EVENT_ENDED && tracer_misses_outcomes(trace->tracer)) {
		ended = *event.ended;
		ended.debt |= DEBT_DOUBTFUL;
		event.ended = &ended;
	}
	take_event(trace, &event);
	return full;
}

/* --- what the model asks the symbolizer --- */

static int ask_symbolizer(void *context, struct modules *modules, const struct raw_stack *raw, uint64_t id)
{
	struct trace *trace = context;

	return symbolizer_client_ask(trace->symbolizer, modules, raw, id);
}

static void on_answer(void *context, uint64_t id, struct stack *stack)
{
	struct trace *trace = context;

	model_answered(trace->model, id, stack);
}

static void on_ambiguous(void *context, uint64_t key)
{
	struct trace *trace = context;
	int err = tracer_widen_stack_key(trace->tracer, key);

	if (err)
		log_debug("cannot tell two stacks with the same key apart: %s", strerror(-err));
}

static void on_want_slice(void *context, uint64_t key)
{
	struct trace *trace = context;

	/* A key that the kernel side has dropped has a slice with its next failure anyway. */
	tracer_owe_slice(trace->tracer, key);
}

static void on_forget(void *context, const struct modules *modules)
{
	struct trace *trace = context;

	/* At the end the process is gone before the model is. */
	if (trace->symbolizer)
		symbolizer_client_forget(trace->symbolizer, modules);
}

/* What the options ask of the kernel side. Shortage is the default: munmap() has ENOMEM for it, others EAGAIN too. */
static void fill_config(const struct opts *opts, struct config *config)
{
	bool named = false;

	for (int word = 0; word < CONFIG_ERRNO_WORDS; word++) {
		config->errno_wanted[word] = opts->all ? ~0ULL : opts->errno_wanted[word];
		named |= config->errno_wanted[word] != 0;
	}
	if (!named)
		config->errno_wanted[0] = 1ULL << ENOMEM | 1ULL << EAGAIN;
	config->shortages_only = !named;
	config->filter_followed = opts->pid_count || opts->command;
	config->filter_uid = opts->filter_uid;
	config->uid = opts->uid;
	config->filter_comm = opts->comm != NULL;
	if (opts->comm)
		memcpy(config->comm, opts->comm, strnlen(opts->comm, sizeof(config->comm) - 1));
	config->filter_cgroup = opts->cgroup != NULL;
	config->user_stack = !opts->no_user_stack;
	config->slice_max_bytes = opts->no_user_stack ? 0 : (uint32_t)opts->stack_bytes;
	config->kernel_stack = !opts->no_kernel_stack;
	config->recorder_ops = (uint8_t)opts->recorder_ops;
	memcpy(config->warn_percent, opts->warn_percent, sizeof(config->warn_percent));
	config->warn_count = opts->warn_count;
	config->splits = opts->splits;
}

static void tell_refused(const char *function, enum rung rung, const char *reason)
{
	log_debug("%s by %s: no: %s", function, rung_name(rung), reason);
}

/* Which PID is meant, and is there one: asked before anything is loaded. */
static int check_pids(const struct opts *opts)
{
	pid_t tgid;
	int err;

	for (size_t i = 0; i < opts->pid_count; i++) {
		err = proc_read_tgid(opts->pids[i], &tgid);
		if (err) {
			log_error("cannot trace PID %d: %s", opts->pids[i],
				  err == -ESRCH ? "there is no such process" : strerror(-err));
			return EXIT_STATUS_FAILED;
		}
		if (tgid != opts->pids[i]) {
			log_error("%d is a thread of process %d: use -p %d", opts->pids[i], tgid, tgid);
			return EXIT_STATUS_USAGE;
		}
	}
	return 0;
}

static int check_namespace(void)
{
	int initial = proc_in_initial_pid_namespace();

	if (initial)
		return 0;
	log_error(
		"cannot run inside a PID namespace: the PIDs here are not the kernel's, so neither -p nor /proc would "
		"be of the right process; run it on the host, or in a container with --pid=host");
	return EXIT_STATUS_CANNOT;
}

static int open_outputs(struct trace *trace)
{
	const struct opts *opts = trace->opts;
	struct capture_head head = {.magic = CAPTURE_MAGIC, .version = CAPTURE_VERSION, .notice = CAPTURE_NOTICE};
	int err = output_open(opts->output, opts->json, opts->verbose, &trace->output);

	if (err) {
		log_error("cannot write to '%s': %s; choose another file with -o", opts->output ?: "standard output",
			  strerror(-err));
		return err;
	}
	if (opts->folded) {
		err = folded_open(opts->folded, &trace->folded);
		if (err) {
			log_error("cannot write to '%s': %s; choose another file with --folded", opts->folded,
				  strerror(-err));
			return err;
		}
	}
	if (!opts->capture)
		return 0;
	head.realtime_offset_ns = trace->realtime_offset_ns;
	head.boottime_offset_ns = trace->boottime_offset_ns;
	err = proc_read_max_map_count(&head.max_map_count);
	if (!err)
		err = capture_create(opts->capture, &head, &trace->capture);
	if (err == -EEXIST)
		log_error("will not overwrite '%s': it is not a capture; choose another file with --capture",
			  opts->capture);
	else if (err)
		log_error("cannot write the capture '%s': %s", opts->capture, strerror(-err));
	return err;
}

static int open_tracer(struct trace *trace)
{
	const struct opts *opts = trace->opts;
	pid_t command = trace->command ? command_pid(trace->command) : 0;
	struct tracer_options options = {
		.rung = opts->hook,
		.cgroup = opts->cgroup,
		.pids = command ? &command : opts->pids,
		.pid_count = command ? 1 : opts->pid_count,
	};
	char error[512];
	int err;

	fill_config(opts, &options.config);
	tracer_set_tell(tell_refused);
	libbpf_set_print(log_libbpf_print);
	err = tracer_new(&options, &trace->tracer, error, sizeof(error));
	if (err) {
		if (log_last_libbpf(0))
			log_debug("libbpf said last: %s", log_last_libbpf(0));
		log_error("%s", error);
		return err;
	}
	trace->ring = ring_buffer__new(tracer_ring_fd(trace->tracer), on_record, trace, NULL);
	trace->slices = ring_buffer__new(tracer_slices_fd(trace->tracer), on_slice, trace, NULL);
	if (!trace->ring || !trace->slices) {
		err = -errno;
		log_error("cannot map the ring buffers: %s", strerror(-err));
	}
	return err;
}

/* Before anything is attached, and before there is anything in memory that it must not see. */
static int open_symbolizer(struct trace *trace)
{
	struct symbolizer_client_options options = {
		.debuginfod = trace->opts->debuginfod,
		.answered = on_answer,
		.context = trace,
	};
	int err = symbolizer_client_new(&options, &trace->symbolizer);

	if (err)
		log_error("cannot start the process that reads symbols: %s", strerror(-err));
	return err;
}

static int open_model(struct trace *trace)
{
	struct model_options options = {
		.live = true,
		.realtime_offset_ns = trace->realtime_offset_ns,
		.boottime_offset_ns = trace->boottime_offset_ns,
		.stacks = {.ask = ask_symbolizer,
			   .ambiguous = on_ambiguous,
			   .want_slice = on_want_slice,
			   .context = trace},
		.forget = on_forget,
	};
	int err = model_new(&options, &trace->model);

	if (!err)
		err = pending_new(trace->model, PENDING_BYTES_MAX, &trace->pending);
	trace->summary.boottime_offset_ns = trace->boottime_offset_ns;
	if (err)
		log_error("cannot start: %s", strerror(-err));
	return err;
}

static int wait_for(struct trace *trace)
{
	const struct opts *opts = trace->opts;
	int err = waiter_add_ring(trace->waiter, ring_buffer__epoll_fd(trace->ring));

	if (!err)
		err = waiter_add_symbolizer(trace->waiter, symbolizer_client_fd(trace->symbolizer));
	if (!err && opts->duration_ns)
		err = waiter_add_duration(trace->waiter, opts->duration_ns);
	if (!err && trace->command)
		err = waiter_add_command(trace->waiter, command_pidfd(trace->command));
	for (size_t i = 0; !err && i < opts->pid_count; i++) {
		err = waiter_add_process(trace->waiter, opts->pids[i]);
		if (err == -ESRCH) {
			log_error("cannot trace PID %d: it has just ended", opts->pids[i]);
			return err;
		}
	}
	if (err)
		log_error("cannot wait for events: %s", strerror(-err));
	return err;
}

static void tell_hooks(const struct hook *hooks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (hooks[i].kind)
			log_debug("%s: %s %s", hooks[i].observation, hooks[i].kind, hooks[i].function);
		else
			log_debug("%s: none: %s", hooks[i].observation, hooks[i].reason);
	}
}

/* Whether there may be more. */
static bool take_records(struct trace *trace)
{
	bool more;

	trace->batch = 0;
	more = ring_buffer__consume(trace->ring) == -EAGAIN;
	show_complete(trace);
	return more;
}

/* Takes what is in the ring by now, and more; false: it comes faster than it can be taken. */
static bool drain(struct trace *trace)
{
	for (int i = 0; i < DRAIN_TRIES; i++)
		if (!take_records(trace))
			return true;
	return false;
}

/* Who asks for splits is told what of them is not seen. */
static void tell_splits(const struct trace *trace)
{
	if (!trace->opts->splits)
		return;
	switch (tracer_splits(trace->tracer)) {
	case TRACER_SPLITS_SEEN:
		break;
	case TRACER_SPLITS_INFERRED:
		log_info("splits are inferred from the number of mappings, under the lock: there are as many at least, "
			 "and where they are is not seen");
		break;
	case TRACER_SPLITS_UNSEEN:
		log_warn("splits are not seen: this kernel has no tracepoint for them; try --hook auto");
		break;
	}
}

/* From here on nothing is missed: say so to the log, to people, and to whoever waits for it. */
static void announce(struct trace *trace)
{
	struct render_start start = {.time_ns = clock_now_ns(CLOCK_REALTIME), .vma_limit = tracer_limit(trace->tracer)};
	const char newline = '\n';

	/* What loading took: libbpf held the kernel's BTF and its own tables for a while. */
	malloc_trim(0);
	start.hooks = tracer_hooks(trace->tracer, &start.hook_count);
	trace->started_ns = clock_now_ns(CLOCK_MONOTONIC);
	output_note(trace->output, render_start(output_sink(trace->output), &start));
	tell_hooks(start.hooks, start.hook_count);
	/* Processes that are hot already are watched from here on. */
	drain(trace);
	tell_splits(trace);
	log_info("tracing munmap() through %s %s; vm.max_map_count is %u%s", start.hooks[0].kind ?: start.hooks[1].kind,
		 start.hooks[0].function ?: start.hooks[1].function, start.vma_limit,
		 trace->opts->command || trace->opts->duration_ns ? "" : "; Ctrl-C ends with a summary");
	if (trace->opts->ready_fd < 0)
		return;
	if (write(trace->opts->ready_fd, &newline, 1) != 1)
		log_warn("cannot write to the descriptor of --ready-fd: %s", strerror(errno));
	close(trace->opts->ready_fd);
}

/* Takes a new offset when the wall's clock was set, and not for the noise of two readings. */
static void follow_clock(struct trace *trace)
{
	int64_t offset_ns = clock_offset_ns(CLOCK_MONOTONIC);

	if (llabs(offset_ns - trace->realtime_offset_ns) < CLOCK_NOISE_NS)
		return;
	trace->realtime_offset_ns = offset_ns;
	model_set_clock(trace->model, offset_ns);
}

/*
 * The limit where no program sees the writes, and elsewhere after one that the kernel refused. Only what two ticks say
 * alike is taken: a single one may fall between a write and its being seen.
 */
static void follow_limit(struct trace *trace)
{
	struct event_limit changed = {.header = {.kind = EVENT_LIMIT, .size = sizeof(changed)}};
	uint32_t known = tracer_limit(trace->tracer), limit;

	if (proc_read_max_map_count(&limit))
		return;
	if (limit == known || limit != trace->limit_doubted) {
		trace->limit_doubted = limit == known ? 0 : limit;
		return;
	}
	changed.header.time_ns = clock_now_ns(CLOCK_MONOTONIC);
	changed.old_limit = known;
	changed.new_limit = limit;
	tracer_set_limit(trace->tracer, limit);
	on_record(trace, &changed, sizeof(changed));
}

/* Told late, but told: what is read of a process after this is right again. */
static void follow_losses(struct trace *trace)
{
	struct tracer_losses losses;

	if (tracer_read_losses(trace->tracer, &losses) || losses.causes[LOSS_RING_FULL] == trace->ring_full)
		return;
	trace->ring_full = losses.causes[LOSS_RING_FULL];
	model_note_losses(trace->model);
}

static bool has_ended(const struct event_process *process)
{
	uint64_t start_ns, start_stack, tick_ns = NSEC_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);

	if (proc_read_start_ns((pid_t)process->tgid, &start_ns) ||
	    start_ns / tick_ns != process->start_time_ns / tick_ns)
		return true;
	/* Another image; 0 is said of a leader that has exited, too. */
	return !proc_read_start_stack((pid_t)process->tgid, &start_stack) && start_stack &&
	       start_stack != process->start_stack;
}

/* Of the hot processes that have ended, or of all of them: what is known, and then the room is for others. */
static void finish_origins(struct trace *trace, bool all)
{
	_cleanup_free_ struct event_process *processes = NULL;
	size_t count = 0, ended = 0;
	struct origin_maps maps;

	tracer_origin_maps(trace->tracer, &maps);
	if (origin_maps_list(&maps, &processes, &count))
		return;
	for (size_t i = 0; i < count; i++)
		if (all || has_ended(&processes[i]))
			processes[ended++] = processes[i];
	/* Their failures first. */
	if (!ended || (!all && !drain(trace)))
		return;
	for (size_t i = 0; i < ended; i++) {
		read_origins(trace, &processes[i], true);
		origin_maps_forget(&maps, &processes[i]);
	}
}

/* What is done once a second: nothing of it is on the path of an event. */
static void on_tick(struct trace *trace)
{
	int err;

	follow_clock(trace);
	follow_limit(trace);
	tracer_refresh_memory(trace->tracer);
	follow_losses(trace);
	finish_origins(trace, false);
	output_note(trace->output, pending_flush(trace->pending, clock_now_ns(CLOCK_MONOTONIC)));
	show_complete(trace);
	err = tracer_arm_return_if_needed(trace->tracer);
	if (err > 0)
		log_info("munmap() failed with an errno that could not be seen: now watching its return as well");
	else if (err < 0)
		log_debug("cannot watch munmap's return: %s", strerror(-err));
}

static void take_answers(struct trace *trace)
{
	int err = symbolizer_client_dispatch(trace->symbolizer);

	if (err)
		log_debug("the symbolizer: %s", strerror(-err));
	show_complete(trace);
}

/* With a command a request to end is passed on to it, and the keys are its business. Whether it was a request to us. */
static bool take_signals(struct trace *trace, int wakes)
{
	if (trace->command && wakes & WAKE_TERMINATE)
		kill(command_pid(trace->command), SIGTERM);
	return !trace->command && wakes & (WAKE_INTERRUPT | WAKE_TERMINATE);
}

/* The stacks that are still on their way; after a while, or on one more request to end, failures go out without. */
static void wait_for_stacks(struct trace *trace)
{
	uint64_t now_ns = clock_now_ns(CLOCK_MONOTONIC), end_ns = now_ns + LAST_STACKS_NS;
	int wakes = 0;

	while (symbolizer_client_outstanding(trace->symbolizer) && now_ns < end_ns && !output_is_gone(trace->output) &&
	       wakes >= 0 && !take_signals(trace, wakes)) {
		wakes = waiter_wait_briefly(trace->waiter, symbolizer_client_fd(trace->symbolizer), end_ns - now_ns);
		if (wakes > 0 && wakes & WAKE_SYMBOLIZER)
			take_answers(trace);
		now_ns = clock_now_ns(CLOCK_MONOTONIC);
	}
	output_note(trace->output, pending_give_up(trace->pending, "symbolizer_busy"));
	show_complete(trace);
}

/* What the symbolizer's process could not give up. */
static void tell_gaps(const struct trace *trace)
{
	const uint32_t grave = SANDBOX_USER | SANDBOX_DIRECTORY | SANDBOX_SECCOMP;
	uint32_t gaps = symbolizer_client_gaps(trace->symbolizer);

	for (size_t bit = 0; sandbox_gap_text(bit); bit++) {
		if (gaps & grave & 1U << bit)
			log_warn("the process that reads symbols is not shut in: %s", sandbox_gap_text(bit));
		else if (gaps & 1U << bit)
			log_debug("the process that reads symbols: %s", sandbox_gap_text(bit));
	}
}

static void tell_stacks(const struct trace *trace)
{
	struct symbolizer_client_counts asks;
	struct stack_cache_counts stacks;

	model_read_stack_counts(trace->model, &stacks);
	symbolizer_client_read_counts(trace->symbolizer, &asks);
	log_debug("user stacks: %llu failures, %llu shared the stack of an earlier one, %llu asked for, %llu keys "
		  "ambiguous; "
		  "%llu slices of %llu bytes; %llu failures went out without, %llu stacks and %llu slices dropped",
		  (unsigned long long)stacks.failures, (unsigned long long)stacks.shared,
		  (unsigned long long)stacks.asked, (unsigned long long)stacks.ambiguous,
		  (unsigned long long)stacks.slices, (unsigned long long)stacks.slice_bytes,
		  (unsigned long long)stacks.given_up, (unsigned long long)stacks.dropped,
		  (unsigned long long)stacks.slices_dropped);
	log_debug(
		"symbolizer: %llu asked, %llu past the deadline, %llu lost, %llu refused; %llu files, %llu debug files",
		(unsigned long long)asks.asked, (unsigned long long)asks.deadlines, (unsigned long long)asks.lost,
		(unsigned long long)asks.refused, (unsigned long long)asks.files, (unsigned long long)asks.debug_files);
}

/* Whether the run goes on after these wakes. */
static bool act_on(struct trace *trace, int wakes)
{
	if (wakes & WAKE_RING)
		take_records(trace);
	if (wakes & WAKE_SYMBOLIZER)
		take_answers(trace);
	if (wakes & WAKE_TICK)
		on_tick(trace);
	if (take_signals(trace, wakes))
		return false;
	if (wakes & (WAKE_TIME_UP | WAKE_COMMAND_ENDED | WAKE_PROCESSES_ENDED))
		return false;
	if (trace->command)
		return true;
	return !output_is_gone(trace->output) && !has_shown_enough(trace);
}

static int run(struct trace *trace)
{
	int wakes;

	do {
		wakes = waiter_wait(trace->waiter);
		if (wakes < 0) {
			log_error("cannot wait for events: %s", strerror(-wakes));
			return wakes;
		}
	} while (act_on(trace, wakes));
	return 0;
}

/* Of memory that owes when tracing ends: what the kernel side knows and no record told. */
static int take_debtors(struct trace *trace)
{
	_cleanup_free_ struct event_ended *ended = NULL;
	size_t count;
	int err = tracer_read_debtors(trace->tracer, &ended, &count);

	for (size_t i = 0; !err && i < count; i++)
		on_record(trace, &ended[i], sizeof(ended[i]));
	return err;
}

/* Stops, shows what is still in the ring, and sums up. */
static int finish(struct trace *trace)
{
	struct summary *summary = &trace->summary;
	struct format_buffer size;
	int err;

	tracer_stop(trace->tracer);
	summary->duration_ns = clock_now_ns(CLOCK_MONOTONIC) - trace->started_ns;
	while (take_records(trace))
		take_answers(trace);
	output_note(trace->output, pending_flush(trace->pending, UINT64_MAX));
	finish_origins(trace, true);
	err = take_debtors(trace);
	if (err)
		log_error("cannot read what became of the failures: %s", strerror(-err));
	output_note(trace->output, pending_end(trace->pending));
	wait_for_stacks(trace);
	model_read_debt_sums(trace->model, &summary->debts);
	tell_gaps(trace);
	tell_stacks(trace);
	symbolizer_client_free(cleanup_take(trace->symbolizer));
	summary->time_ns = clock_now_ns(CLOCK_REALTIME);
	summary->output_errors = output_errors(trace->output);
	err = tracer_read_totals(trace->tracer, &summary->totals, &summary->count);
	if (!err)
		err = tracer_read_splits(trace->tracer, &summary->splits);
	splits_sort(&summary->splits);
	if (!err)
		err = tracer_read_losses(trace->tracer, &summary->losses);
	summary->losses.causes[LOSS_SPLIT_LOST] += pending_splits_dropped(trace->pending);
	if (err) {
		log_error("cannot read the totals: %s", strerror(-err));
		return err;
	}
	output_note(trace->output, render_end(output_sink(trace->output), summary));
	summary->output_errors = output_errors(trace->output);
	if (trace->opts->json || trace->opts->output)
		log_info("%llu failures, %s not released, %llu events lost",
			 (unsigned long long)summary_failures(summary), format_bytes(summary_bytes(summary), &size),
			 (unsigned long long)summary_lost(summary));
	return 0;
}

/* Modules of the watched processes are held open, so that their exit loses nothing. After the fork: not COMMAND's. */
static void raise_open_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files))
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

static int start(struct trace *trace)
{
	int err = waiter_new(&trace->waiter);

	trace->realtime_offset_ns = clock_offset_ns(CLOCK_MONOTONIC);
	trace->boottime_offset_ns = clock_offset_ns(CLOCK_BOOTTIME);
	raise_open_files();
	signal(SIGCHLD, SIG_DFL); /* ignored, how a process of ours ended would not be told */
	signal(SIGPIPE, SIG_IGN); /* a reader that is gone is an error of write(), told and counted */
	if (err) {
		log_error("cannot start: %s", strerror(-err));
		return err;
	}
	err = open_outputs(trace);
	/* Told apart from what the tracer may be refused: an exit status says which. */
	if (err)
		return -EIO;
	err = open_symbolizer(trace);
	if (!err)
		err = open_model(trace);
	if (!err)
		err = open_tracer(trace);
	if (!err)
		err = wait_for(trace);
	return err;
}

static void trace_fini(struct trace *trace)
{
	ring_buffer__free(trace->ring);
	ring_buffer__free(trace->slices);
	tracer_free(trace->tracer);
	pending_free(trace->pending);
	model_free(trace->model);
	symbolizer_client_free(trace->symbolizer);
	waiter_free(trace->waiter);
	command_free(trace->command);
	summary_fini(&trace->summary);
}

/* Closing can fail where writing did not (a full disk, a quota): then events are lost after all. */
static bool close_outputs(struct trace *trace)
{
	int capture_err = capture_close(trace->capture), output_err = output_close(trace->output);
	int folded_err = folded_close(trace->folded);

	if (capture_err)
		log_error("the capture '%s' is not complete: %s", trace->opts->capture, strerror(-capture_err));
	if (output_err)
		log_error("'%s' is not complete: %s", trace->opts->output, strerror(-output_err));
	if (folded_err)
		log_error("'%s' is not complete: %s", trace->opts->folded, strerror(-folded_err));
	return !capture_err && !output_err && !folded_err;
}

static int status_of(int err)
{
	if (!err)
		return EXIT_STATUS_COMPLETE;
	return err == -EPERM || err == -EOPNOTSUPP ? EXIT_STATUS_CANNOT : EXIT_STATUS_FAILED;
}

static int run_until_end(struct trace *trace)
{
	int status = status_of(run(trace) ?: finish(trace));

	if (!status && summary_lost(&trace->summary))
		status = EXIT_STATUS_LOST;
	if (output_is_gone(trace->output))
		status = EXIT_STATUS_FAILED;
	if (!close_outputs(trace) && !status)
		status = EXIT_STATUS_LOST;
	return status;
}

static int trace_processes(const struct opts *opts)
{
	struct trace trace = {.opts = opts};
	int status = check_namespace() ?: check_pids(opts);

	if (status)
		return status;
	status = status_of(start(&trace));
	if (!status) {
		announce(&trace);
		status = run_until_end(&trace);
	} else {
		close_outputs(&trace);
	}
	trace_fini(&trace);
	return status;
}

/* The tracing may end before the command does (-d, -M): from then on requests to end are still passed on to it. */
static void wait_for_command(struct trace *trace)
{
	int wakes;

	do {
		wakes = waiter_wait(trace->waiter);
		if (wakes > 0 && wakes & WAKE_TERMINATE)
			kill(command_pid(trace->command), SIGTERM);
	} while (wakes >= 0 && !(wakes & WAKE_COMMAND_ENDED));
}

/* The command ran: its own status is ours, whatever became of the tracing; what went wrong was said on stderr. */
static int trace_released(struct trace *trace)
{
	int status, err;

	announce(trace);
	err = command_release(trace->command);
	if (err) {
		log_error("cannot run '%s': %s", trace->opts->command[0], strerror(-err));
		finish(trace);
		close_outputs(trace);
		return command_refused_status(err);
	}
	run_until_end(trace);
	wait_for_command(trace);
	err = command_wait(trace->command, &status);
	return err ? COMMAND_EXIT_OURS : status;
}

/* Forked before anything of ours changes what it would inherit, held until all is armed. */
static int trace_command(const struct opts *opts)
{
	struct trace trace = {.opts = opts};
	struct command_signals signals;
	int err, status = COMMAND_EXIT_OURS;

	if (check_namespace())
		return COMMAND_EXIT_OURS;
	command_signals_save(&signals);
	err = command_new(opts->command, &signals, &trace.command);
	if (err) {
		log_error("cannot fork: %s", strerror(-err));
		return COMMAND_EXIT_OURS;
	}
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	if (!start(&trace)) {
		status = trace_released(&trace);
	} else {
		close_outputs(&trace);
		command_kill(trace.command);
	}
	trace_fini(&trace);
	return status;
}

int cmd_trace(int argc, char **argv)
{
	struct opts opts = {};
	char error[256];
	int status = EXIT_STATUS_COMPLETE;

	if (opts_parse(OPTS_TRACE, argc, argv, &opts, error, sizeof(error))) {
		log_error("%s", error);
		return EXIT_STATUS_USAGE;
	}
	log_set_level(log_level_from(opts.quiet, opts.verbose));
	if (opts.ready_fd >= 0)
		fcntl(opts.ready_fd, F_SETFD, FD_CLOEXEC);
	if (opts.help)
		opts_print_help(OPTS_TRACE, stdout);
	else if (opts.version)
		printf("vmasnoop %s\n", VMASNOOP_VERSION);
	else
		status = opts.command ? trace_command(&opts) : trace_processes(&opts);
	opts_fini(&opts);
	return status;
}
