// SPDX-License-Identifier: GPL-2.0-or-later
/* See work.h. Does no step itself. */
#define _GNU_SOURCE 1
#include "work.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crew.h"

struct work_options {
	const char *oracle_path;
	size_t threads;
	bool waits;
};

struct fill work_fill;
struct oracle work_oracle;

static struct crew crew;
static const struct work *crew_work;

static void *work_in_thread(void *arg)
{
	const struct crew_member *member = arg;

	for (size_t i = 0; i < crew_work->step_count; i++) {
		const struct work_step *step = &crew_work->steps[i];

		crew_meet(member->crew);
		if (step->by_crew)
			step->by_crew(member->number, member->crew->size);
		crew_meet(member->crew);
	}
	crew_park();
}

static int lead_crew(const struct work *work)
{
	for (size_t i = 0; i < work->step_count; i++) {
		const struct work_step *step = &work->steps[i];

		crew_meet(&crew);
		crew_meet(&crew);
		if (step->by_main && step->by_main())
			return -1;
	}
	return 0;
}

static int work_alone(const struct work *work)
{
	for (size_t i = 0; i < work->step_count; i++) {
		const struct work_step *step = &work->steps[i];

		if (step->by_crew)
			step->by_crew(0, 1);
		if (step->by_main && step->by_main())
			return -1;
	}
	return 0;
}

static void wait_for_end_of_input(void)
{
	char byte;

	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static int start(const struct work_options *options, const struct work *work)
{
	int fd, err = oracle_open(options->oracle_path, &fd);

	if (err) {
		fprintf(stderr, "%s: cannot write '%s': %s\n", program_invocation_short_name, options->oracle_path,
			strerror(-err));
		return err;
	}
	err = fill_init(&work_fill);
	if (!err)
		err = oracle_init(&work_oracle, fd, work_fill.page_count);
	if (!err && options->threads > 1) {
		crew_work = work;
		err = crew_start(&crew, options->threads, work_in_thread);
	}
	return err;
}

static bool parse_options(int argc, char **argv, const struct work *work, struct work_options *ret)
{
	struct work_options options = {.threads = 1};
	int option;

	while ((option = getopt(argc, argv, work->blocks ? "t:o:wb:" : "t:o:w")) != -1) {
		if (option == 't')
			options.threads = crew_parse_size(optarg);
		else if (option == 'o')
			options.oracle_path = optarg;
		else if (option == 'w')
			options.waits = true;
		else if (option == 'b')
			*work->blocks = crew_parse_size(optarg);
		else
			return false;
	}
	if (options.threads == 0 || optind < argc)
		return false;
	if (work->blocks && (*work->blocks == 0 || *work->blocks > work->blocks_most))
		return false;
	*ret = options;
	return true;
}

int work_main(int argc, char **argv, const struct work *work)
{
	struct work_options options;

	if (!parse_options(argc, argv, work, &options)) {
		fprintf(stderr,
			"usage: %s [-t THREADS] [-o ORACLE] [-w]%s\n"
			"  -w  with all threads there, first wait for the end of standard input\n",
			program_invocation_short_name, work->blocks ? " [-b BLOCKS]" : "");
		return 2;
	}
	if (start(&options, work))
		return 1;
	if (options.waits)
		wait_for_end_of_input();
	if (options.threads > 1 ? lead_crew(work) : work_alone(work))
		return 1;
	return work->report();
}

int work_write_oracle(void)
{
	if (!oracle_write_failures(&work_oracle) && !oracle_write_total(work_oracle.fd, &work_oracle.totals))
		return 0;
	fprintf(stderr, "%s: cannot write the oracle\n", program_invocation_short_name);
	return -1;
}
