// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Holds the failures that a workload met (its oracle) against those that vmasnoop flagged (its
 * event log): none missing, none invented, each one described rightly. Here: options, the
 * comparison as multisets and the result.
 *
 * Exit status: 0 all holds, 1 differences, 2 usage or unreadable input.
 */
#define _GNU_SOURCE 1
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "differences.h"
#include "flagged.h"
#include "happened.h"

struct options {
	const char *oracle_path;
	const char *log_path;
	bool expect_none;
	bool its_processes;
	struct happened_filter filter;
	struct expected expected;
};

enum {
	OPTION_SYSCALL = 1,
	OPTION_ERRNO,
	OPTION_VERDICT,
	OPTION_ALLOW_UNKNOWN,
	OPTION_EVIDENCE,
	OPTION_LIMIT,
	OPTION_STACK,
	OPTION_KERNEL_STACK,
	OPTION_ALLOW_LOST,
	OPTION_ALLOW_MISSED,
	OPTION_IGNORE_MISSED,
	OPTION_EXPECT_NONE,
	OPTION_SHORTAGES_ONLY,
	OPTION_ITS_PROCESSES,
};

static const struct option option_table[] = {
	{"syscall", required_argument, NULL, OPTION_SYSCALL},
	{"errno", required_argument, NULL, OPTION_ERRNO},
	{"verdict", required_argument, NULL, OPTION_VERDICT},
	{"allow-unknown", no_argument, NULL, OPTION_ALLOW_UNKNOWN},
	{"evidence", required_argument, NULL, OPTION_EVIDENCE},
	{"limit", required_argument, NULL, OPTION_LIMIT},
	{"stack", required_argument, NULL, OPTION_STACK},
	{"kernel-stack", required_argument, NULL, OPTION_KERNEL_STACK},
	{"allow-lost", no_argument, NULL, OPTION_ALLOW_LOST},
	{"allow-missed", no_argument, NULL, OPTION_ALLOW_MISSED},
	{"ignore-missed", no_argument, NULL, OPTION_IGNORE_MISSED},
	{"expect-none", no_argument, NULL, OPTION_EXPECT_NONE},
	{"shortages-only", no_argument, NULL, OPTION_SHORTAGES_ONLY},
	{"its-processes", no_argument, NULL, OPTION_ITS_PROCESSES},
	{0},
};

static const char usage_text[] =
	"usage: compare ORACLE LOG.ndjson [OPTIONS]\n"
	"  --syscall NAME                 compare this call only, on both sides\n"
	"  --errno NAME[,NAME...]         of what happened, only these errnos are to be flagged\n"
	"  --verdict NAME                 every failure has this verdict\n"
	"  --allow-unknown                or the verdict unknown; also where the oracle says one\n"
	"  --evidence under_lock|after_unlock\n"
	"  --limit N                      vm.max_map_count of the run\n"
	"  --stack SYMBOL[,SYMBOL...]     in every user stack, in this order, innermost first\n"
	"  --kernel-stack SYMBOL[,...]    in every kernel stack; parts of symbols will do\n"
	"  --allow-lost                   losses and totals that differ from the log are no "
	"difference\n"
	"  --allow-missed                 so many may be unflagged as lost.hook_missed admits\n"
	"  --ignore-missed                lost.hook_missed counts other calls: none of these may be unflagged\n"
	"  --expect-none                  nothing happened and nothing is flagged\n"
	"  --shortages-only               of what happened, unmapped_range and bad_request are not to be flagged\n"
	"  --its-processes                of the log, what the processes did that the oracle names; the totals are "
	"all\n";

static bool parse_symbols(char *text, struct expected_symbols *ret)
{
	char *name;

	ret->count = 0;
	while ((name = strsep(&text, ","))) {
		if (*name == '\0' || ret->count == EXPECTED_SYMBOLS_MOST)
			return false;
		ret->names[ret->count++] = name;
	}
	return true;
}

static bool parse_option(int option, struct options *options)
{
	struct expected *expected = &options->expected;
	char *end;

	switch (option) {
	case OPTION_SYSCALL:
		expected->syscall = optarg;
		options->filter.syscall = optarg;
		return true;
	case OPTION_ERRNO:
		options->filter.errno_names = optarg;
		return true;
	case OPTION_VERDICT:
		expected->verdict = optarg;
		return true;
	case OPTION_ALLOW_UNKNOWN:
		expected->allow_unknown = true;
		return true;
	case OPTION_EVIDENCE:
		expected->evidence = optarg;
		return strcmp(optarg, "under_lock") == 0 || strcmp(optarg, "after_unlock") == 0;
	case OPTION_LIMIT:
		expected->limit = strtol(optarg, &end, 10);
		return *end == '\0' && expected->limit > 0;
	case OPTION_STACK:
		return parse_symbols(optarg, &expected->user_symbols);
	case OPTION_KERNEL_STACK:
		return parse_symbols(optarg, &expected->kernel_symbols);
	case OPTION_ALLOW_LOST:
		expected->allow_lost = true;
		return true;
	case OPTION_ALLOW_MISSED:
		expected->allow_missed = true;
		return true;
	case OPTION_IGNORE_MISSED:
		expected->ignore_missed = true;
		return true;
	case OPTION_EXPECT_NONE:
		options->expect_none = true;
		return true;
	case OPTION_SHORTAGES_ONLY:
		options->filter.shortages_only = true;
		return true;
	case OPTION_ITS_PROCESSES:
		options->its_processes = true;
		return true;
	default:
		return false;
	}
}

static bool parse_options(int argc, char **argv, struct options *ret)
{
	int option;

	while ((option = getopt_long(argc, argv, "", option_table, NULL)) != -1)
		if (!parse_option(option, ret))
			return false;
	if (argc - optind != 2)
		return false;
	ret->oracle_path = argv[optind];
	ret->log_path = argv[optind + 1];
	return true;
}

static void add_lone_call(struct differences *differences, const char *what, const struct call *call)
{
	differences_add(differences, "%s: %s 0x%" PRIx64 " %" PRIu64 " %s pid %ld tid %ld%s%s", what, call->syscall,
			call->addr, call->length, call->errno_name, call->pid, call->tid, call->verdict[0] ? ", " : "",
			call->verdict);
}

/* What happened says no verdict where it cannot know it. */
static void compare_verdicts(const struct call *happened, const struct call *flagged, bool allow_unknown,
			     struct differences *differences)
{
	if (!happened->verdict[0] || strcmp(happened->verdict, flagged->verdict) == 0)
		return;
	if (allow_unknown && strcmp(flagged->verdict, "unknown") == 0)
		return;
	differences_add(differences, "verdict %s, not %s: %s 0x%" PRIx64 " %" PRIu64 " %s pid %ld", flagged->verdict,
			happened->verdict, happened->syscall, happened->addr, happened->length, happened->errno_name,
			happened->pid);
}

/* `missed` calls at most may be unflagged without being a difference. */
static void compare_calls(struct call_list *happened, struct call_list *flagged, json_int_t missed, bool allow_unknown,
			  struct differences *differences)
{
	size_t h = 0, f = 0;

	call_list_sort(happened);
	call_list_sort(flagged);
	while (h < happened->count || f < flagged->count) {
		int order;

		if (h == happened->count)
			order = 1;
		else if (f == flagged->count)
			order = -1;
		else
			order = call_compare(&happened->calls[h], &flagged->calls[f]);
		if (order < 0 && missed > 0)
			missed--;
		else if (order < 0)
			add_lone_call(differences, "not flagged", &happened->calls[h]);
		else if (order > 0)
			add_lone_call(differences, "did not happen", &flagged->calls[f]);
		else if (order == 0)
			compare_verdicts(&happened->calls[h], &flagged->calls[f], allow_unknown, differences);
		h += order <= 0;
		f += order >= 0;
	}
}

static bool read_flagged(struct options *options, struct differences *differences, struct flagged *ret)
{
	static const struct happened_filter everything;
	struct call_list of = {0};
	bool read;

	if (options->its_processes && !happened_read(options->oracle_path, &everything, &of))
		return false;
	options->expected.of = options->its_processes ? &of : NULL;
	read = flagged_read(options->log_path, &options->expected, differences, ret);
	options->expected.of = NULL;
	call_list_fini(&of);
	return read;
}

int main(int argc, char **argv)
{
	struct differences differences = {0};
	struct options options = {0};
	struct call_list happened = {0};
	struct flagged flagged = {0};
	int result;

	if (!parse_options(argc, argv, &options)) {
		fputs(usage_text, stderr);
		return 2;
	}
	if (!happened_read(options.oracle_path, &options.filter, &happened))
		return 2;
	if (!read_flagged(&options, &differences, &flagged)) {
		call_list_fini(&happened);
		return 2;
	}
	if (options.expect_none != (happened.count == 0))
		differences_add(&differences,
				options.expect_none ? "something happened" : "the oracle has no such failure");
	compare_calls(&happened, &flagged.calls, flagged.hook_missed, options.expected.allow_unknown, &differences);
	printf("happened %zu flagged %zu", happened.count, flagged.calls.count);
	if (flagged.unknown_verdicts)
		printf(", verdict unknown %zu", flagged.unknown_verdicts);
	if (flagged.hook_missed)
		printf(", %" JSON_INTEGER_FORMAT " missed at most", flagged.hook_missed);
	printf("\n");
	differences_print(&differences);
	result = differences.count ? 1 : 0;
	differences_fini(&differences);
	call_list_fini(&happened);
	call_list_fini(&flagged.calls);
	return result;
}
