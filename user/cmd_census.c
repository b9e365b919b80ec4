// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_census.c: vmasnoop census PID, or --maps FILE: what the mappings of one process are, and why neighbours did not
 * merge. Needs no privileges for one's own processes, and no BPF.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "census_iterator.h"
#include "census_source.h"
#include "cleanup.h"
#include "clock.h"
#include "cmd.h"
#include "log.h"
#include "opts.h"
#include "output.h"
#include "proc.h"
#include "render_census.h"
#include "terminal.h"
#include "version.h"

CLEANUP_DEFINE(cleanup_output, struct output *, output_close)

/* All that is said, and who owns it. */
struct subject {
	struct census_source source;
	struct render_census said;
	char comm[64];
	char *exe;
};

static int explain_process(pid_t tid, int err)
{
	switch (err) {
	case -ESRCH:
		log_error("cannot read the mappings of PID %d: there is no such process, or it has just ended", tid);
		return EXIT_STATUS_FAILED;
	case -ENODATA:
		log_error("PID %d is a kernel thread: it has no mappings of its own", tid);
		return EXIT_STATUS_FAILED;
	case -EACCES:
	case -EPERM:
		log_error("cannot read the mappings of PID %d: %s; run as root or as its user, or save them there (cat "
			  "/proc/%d/maps >FILE) and give --maps FILE",
			  tid, strerror(-err), tid);
		return EXIT_STATUS_CANNOT;
	default:
		log_error("cannot read the mappings of PID %d: %s", tid, strerror(-err));
		return EXIT_STATUS_FAILED;
	}
}

static int take_process(struct subject *subject, const struct opts *opts)
{
	struct render_census *said = &subject->said;
	uint32_t limit = 0;
	uint64_t start_ns = 0;
	pid_t tid = opts->pids[0];
	int err = proc_read_tgid(tid, &said->tgid);

	subject->source.open_records = census_iterator_open;
	err = err ?: census_source_read_process(&subject->source, tid, opts->smaps);
	err = err ?: proc_read_comm(said->tgid, subject->comm);
	err = err ?: proc_read_start_ns(said->tgid, &start_ns);
	if (err)
		return explain_process(tid, err);
	err = proc_read_max_map_count(&limit);
	if (err) {
		log_error("cannot read vm.max_map_count: %s; is /proc mounted?", strerror(-err));
		return EXIT_STATUS_FAILED;
	}
	/* That of a process whose file is gone or not ours to see stays unknown. */
	if (proc_read_exe(tid, &subject->exe))
		subject->exe = NULL;
	said->comm = subject->comm;
	said->exe = subject->exe;
	said->start_time_ns = start_ns + (uint64_t)clock_offset_ns(CLOCK_BOOTTIME);
	said->limit = limit;
	return EXIT_STATUS_COMPLETE;
}

static void explain_file(const struct subject *subject, const struct opts *opts, int err)
{
	const struct maps_reader *reader = subject->source.reader;
	uint64_t line = reader ? maps_reader_line(reader) : 0;

	if (err == -EBADMSG && maps_reader_met_smaps(reader))
		log_error("line %" PRIu64 " of '%s' is one of smaps: give --smaps too", line, opts->maps);
	else if (err == -EBADMSG)
		log_error("line %" PRIu64 " of '%s' is garbled; save it anew: cat /proc/PID/%s >FILE", line, opts->maps,
			  opts->smaps ? "smaps" : "maps");
	else if (err == -ENODATA)
		log_error("line %" PRIu64 " of '%s' was cut off: it has no end; save it anew", line, opts->maps);
	else if (err == -ERANGE)
		log_error("the mapping in line %" PRIu64
			  " of '%s' overlaps the one before, is out of order or in no whole "
			  "pages: this is no maps file as the kernel writes it",
			  line, opts->maps);
	else
		log_error("cannot read '%s': %s", opts->maps, strerror(-err));
}

static int take_file(struct subject *subject, const struct opts *opts)
{
	bool standard_input = !strcmp(opts->maps, "-");
	_cleanup_close_ int opened = standard_input ? -1 : open(opts->maps, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err;

	if (opened < 0 && !standard_input)
		err = -errno;
	else
		err = census_source_read_file(&subject->source, standard_input ? STDIN_FILENO : opened, opts->smaps);
	if (err) {
		explain_file(subject, opts, err);
		return EXIT_STATUS_FAILED;
	}
	if (!subject->source.census->total.count) {
		log_error(
			"'%s' has no mappings: the maps of a kernel thread, or of a process that has ended, are empty",
			opts->maps);
		return EXIT_STATUS_FAILED;
	}
	subject->said.file = opts->maps;
	subject->said.limit = opts->limit;
	return EXIT_STATUS_COMPLETE;
}

static int show(struct subject *subject, const struct opts *opts)
{
	_cleanup_(cleanup_output) struct output *output = NULL;
	const char *name = opts->output ?: "standard output";
	int closed, err = output_open(opts->output, opts->json, opts->verbose, &output);

	if (err) {
		log_error("cannot write to '%s': %s; choose another file with -o", name, strerror(-err));
		return EXIT_STATUS_FAILED;
	}
	subject->said.columns = terminal_columns(opts->output ? -1 : STDOUT_FILENO);
	err = render_census(output_sink(output), &subject->said);
	closed = output_close(cleanup_take(output));
	err = err ?: closed;
	if (err)
		log_error("cannot write to '%s': %s", name, strerror(-err));
	return err ? EXIT_STATUS_FAILED : EXIT_STATUS_COMPLETE;
}

static int census_run(const struct opts *opts)
{
	uint64_t begun_ns = clock_now_ns(CLOCK_MONOTONIC);
	struct subject subject = {.said = {.time_ns = clock_now_ns(CLOCK_REALTIME), .smaps = opts->smaps}};
	int status = opts->maps ? take_file(&subject, opts) : take_process(&subject, opts);

	if (status == EXIT_STATUS_COMPLETE) {
		subject.said.census = subject.source.census;
		subject.said.codes = maps_reader_codes(subject.source.reader);
		status = show(&subject, opts);
		if (subject.source.records_err)
			log_debug("what maps does not show is not known: %s", strerror(-subject.source.records_err));
		log_debug("%" PRIu64 " lines in %.3f s", maps_reader_line(subject.source.reader),
			  (double)(clock_now_ns(CLOCK_MONOTONIC) - begun_ns) / 1e9);
	}
	census_source_fini(&subject.source);
	free(subject.exe);
	return status;
}

int cmd_census(int argc, char **argv)
{
	struct opts opts = {};
	char error[256];
	int status = EXIT_STATUS_COMPLETE;

	signal(SIGPIPE, SIG_IGN);
	if (opts_parse(OPTS_CENSUS, argc, argv, &opts, error, sizeof(error))) {
		log_error("%s", error);
		return EXIT_STATUS_USAGE;
	}
	log_set_level(log_level_from(opts.quiet, opts.verbose));
	if (opts.help)
		opts_print_help(OPTS_CENSUS, stdout);
	else if (opts.version)
		printf("vmasnoop %s\n", VMASNOOP_VERSION);
	else
		status = census_run(&opts);
	opts_fini(&opts);
	return status;
}
