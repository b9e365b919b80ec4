// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_replay.c: vmasnoop replay CAPTURE: raw records through decoder, model, renderer and sink, as when they were new,
 * but without a kernel, privileges or the processes: names that live in /proc or in files are missing, and say so.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "capture.h"
#include "cmd.h"
#include "event.h"
#include "folded.h"
#include "log.h"
#include "model.h"
#include "opts.h"
#include "output.h"
#include "pending.h"
#include "render.h"
#include "summary.h"
#include "version.h"

struct replay {
	struct capture_reader *reader;
	struct model *model;
	struct pending *pending;
	struct output *output;
	struct folded *folded;
	struct summary summary;
	uint64_t first_ns; /* CLOCK_MONOTONIC of the capture's machine */
	uint64_t last_ns;
	int err;
};

static int replay_open(struct replay *replay, const struct opts *opts)
{
	struct model_options options = {};
	int err = capture_open(opts->input, &replay->reader);

	if (err == -EBADMSG)
		log_error("'%s' is not a capture of this version of vmasnoop: make one with --capture FILE",
			  opts->input);
	else if (err)
		log_error("cannot read '%s': %s", opts->input, strerror(-err));
	if (err)
		return err;
	options.realtime_offset_ns = capture_head(replay->reader)->realtime_offset_ns;
	options.boottime_offset_ns = capture_head(replay->reader)->boottime_offset_ns;
	replay->summary.boottime_offset_ns = options.boottime_offset_ns;
	err = model_new(&options, &replay->model) ?: pending_new(replay->model, SIZE_MAX, &replay->pending);
	if (err) {
		log_error("cannot start: %s", strerror(-err));
		return err;
	}
	err = output_open(opts->output, opts->json, opts->verbose, &replay->output);
	if (err)
		log_error("cannot write to '%s': %s; choose another file with -o", opts->output ?: "standard output",
			  strerror(-err));
	if (!err && opts->folded) {
		err = folded_open(opts->folded, &replay->folded);
		if (err)
			log_error("cannot write to '%s': %s; choose another file with --folded", opts->folded,
				  strerror(-err));
	}
	return err;
}

/* Nobody is asked for stacks: each is complete at once. */
static void show_complete(struct replay *replay)
{
	const struct pending_event *first;

	while ((first = pending_first(replay->pending)) != NULL) {
		if (first->event.kind == EVENT_ORIGINS)
			folded_add(replay->folded, &first->origins);
		output_note(replay->output, render_event(output_sink(replay->output), replay->model, first));
		pending_drop_first(replay->pending);
	}
}

static void replay_record(struct replay *replay, const void *data, size_t size)
{
	struct event event;

	if (event_decode(data, size, &event)) {
		replay->summary.bad_records++;
		return;
	}
	/* The CPUs take turns in the ring: times are not in order. */
	if (!replay->first_ns || event.header->time_ns < replay->first_ns)
		replay->first_ns = event.header->time_ns;
	if (event.header->time_ns > replay->last_ns)
		replay->last_ns = event.header->time_ns;
	if (event.kind == EVENT_FAILURE && summary_add(&replay->summary, event.failure))
		replay->err = -ENOMEM;
	if (event.kind == EVENT_SPLIT && splits_add_event(&replay->summary.splits, event.split))
		replay->err = -ENOMEM;
	if (event.kind == EVENT_NEAR)
		summary_add_warning(&replay->summary, event.near);
	output_note(replay->output, pending_add(replay->pending, &event));
	show_complete(replay);
}

/* The summary is of the records: what the capture's own run lost is not in it. */
static int replay_all(struct replay *replay)
{
	const struct capture_head *head = capture_head(replay->reader);
	struct render_start start = {.vma_limit = head->max_map_count};
	const void *data;
	size_t size;
	int more = capture_next(replay->reader, &data, &size);

	if (more > 0)
		start.time_ns = model_realtime_ns(replay->model, ((const struct event_header *)data)->time_ns);
	output_note(replay->output, render_start(output_sink(replay->output), &start));
	while (more > 0 && !output_is_gone(replay->output)) {
		replay_record(replay, data, size);
		more = capture_next(replay->reader, &data, &size);
	}
	if (more < 0)
		replay->summary.bad_records++;
	output_note(replay->output, pending_end(replay->pending));
	show_complete(replay);
	splits_sort(&replay->summary.splits);
	model_read_debt_sums(replay->model, &replay->summary.debts);
	replay->summary.output_errors = output_errors(replay->output);
	replay->summary.duration_ns = replay->last_ns - replay->first_ns;
	replay->summary.time_ns = replay->last_ns ? model_realtime_ns(replay->model, replay->last_ns) : 0;
	output_note(replay->output, render_end(output_sink(replay->output), &replay->summary));
	return more < 0 ? more : replay->err;
}

static int replay_run(const struct opts *opts)
{
	struct replay replay = {.summary.losses_unknown = true};
	int err = replay_open(&replay, opts), status = EXIT_STATUS_FAILED;

	if (!err) {
		err = replay_all(&replay);
		if (err)
			log_error("'%s' is damaged or cannot be read: %s; what came before was shown", opts->input,
				  strerror(-err));
		else if (output_is_gone(replay.output))
			status = EXIT_STATUS_FAILED;
		else if (output_errors(replay.output) || replay.summary.bad_records)
			status = EXIT_STATUS_LOST;
		else
			status = EXIT_STATUS_COMPLETE;
	}
	summary_fini(&replay.summary);
	pending_free(replay.pending);
	model_free(replay.model);
	capture_reader_free(replay.reader);
	if ((folded_close(replay.folded) | output_close(replay.output)) && status == EXIT_STATUS_COMPLETE)
		status = EXIT_STATUS_LOST;
	return status;
}

int cmd_replay(int argc, char **argv)
{
	struct opts opts = {};
	char error[256];
	int status;

	signal(SIGPIPE, SIG_IGN);
	if (opts_parse(OPTS_REPLAY, argc, argv, &opts, error, sizeof(error))) {
		log_error("%s", error);
		return EXIT_STATUS_USAGE;
	}
	log_set_level(log_level_from(opts.quiet, opts.verbose));
	if (opts.help || opts.version) {
		if (opts.help)
			opts_print_help(OPTS_REPLAY, stdout);
		else
			printf("vmasnoop %s\n", VMASNOOP_VERSION);
		status = EXIT_STATUS_COMPLETE;
	} else {
		status = replay_run(&opts);
	}
	opts_fini(&opts);
	return status;
}
