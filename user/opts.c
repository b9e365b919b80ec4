// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * opts.c: see opts.h. To add an option: a field in struct opts and a row in rows[]. A row's setter turns the argument
 * into the field's value or says why it cannot; what holds between options stands in conflicts[] and check_all().
 */
#include "opts.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../bpf/event.h"
#include "cleanup.h"
#include "text.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
	COMM_MAX_BYTES = CONFIG_COMM_BYTES - 1,
	PID_MAX = 4194304, /* PID_MAX_LIMIT, include/linux/threads.h */
	ERRNO_LAST = 133, /* EHWPOISON */
	DURATION_MAX_SEC = 999999999, /* so that a deadline in ns always fits */
	NSEC_DIGITS = 9,
	ERROR_BYTES = 1024,
	HELP_COLUMN = 30,
	FIRST_LONG = 256, /* getopt's value of rows[0]; above any letter */
	OPERAND = 1, /* getopt's value of a word that is no option */
};

struct parse {
	struct opts opts;
	uint64_t given; /* bit I: rows[I] was */
	enum opts_command command;
	char *error;
	size_t error_size;
};

struct row {
	const char *name;
	char letter; /* 0: none */
	bool once; /* a second one would silently undo the first: an error */
	uint8_t commands; /* those that take it */
	const char *argument; /* its name in the help; NULL: takes none */
	const char *help;
	size_t offset; /* of the field in struct opts */
	int (*set)(struct parse *parse, const struct row *row, const char *value);
};

/* Says what is wrong. The words come from the command line, and the line goes to a terminal. */
static int __attribute__((format(printf, 2, 3))) fail(struct parse *parse, const char *format, ...)
{
	char line[ERROR_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	text_neutralise(line, strlen(line), parse->error, parse->error_size);
	return -EINVAL;
}

/* The end of a message that has no better way out. */
static const char *try_help(const struct parse *parse)
{
	switch (parse->command) {
	case OPTS_REPLAY:
		return "try 'vmasnoop replay --help'";
	case OPTS_CENSUS:
		return "try 'vmasnoop census --help'";
	case OPTS_TRACE:
		break;
	}
	return "try 'vmasnoop --help'";
}

static int fail_value(struct parse *parse, const struct row *row, const char *value, const char *wanted)
{
	return fail(parse, "--%s: '%s' is not %s; %s", row->name, value, wanted, try_help(parse));
}

static void *field(struct parse *parse, const struct row *row)
{
	return (char *)&parse->opts + row->offset;
}

static int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long value;

	/* strtoull() takes signs and blanks, and wraps "-1". */
	if (!*text || text[strspn(text, "0123456789")])
		return -EINVAL;
	errno = 0;
	value = strtoull(text, NULL, 10);
	if (errno || value > max)
		return -ERANGE;
	*ret = value;
	return 0;
}

/* SEC[.FRACTION], exactly; digits below a nanosecond are dropped. */
static int parse_seconds(const char *text, uint64_t *ret_ns)
{
	size_t whole = strspn(text, "0123456789"), digits = 0;
	const char *fraction = text + whole + (text[whole] == '.');
	uint64_t seconds = 0, ns = 0;

	digits = strspn(fraction, "0123456789");
	if (fraction[digits] || whole + digits == 0)
		return -EINVAL;
	for (size_t i = 0; i < whole; i++) {
		seconds = seconds * 10 + (text[i] - '0');
		if (seconds > DURATION_MAX_SEC)
			return -ERANGE;
	}
	for (size_t i = 0; i < NSEC_DIGITS; i++)
		ns = ns * 10 + (i < digits ? fraction[i] - '0' : 0);
	*ret_ns = seconds * 1000000000ULL + ns;
	return 0;
}

static int set_flag(struct parse *parse, const struct row *row, const char *value)
{
	(void)value;
	*(bool *)field(parse, row) = true;
	return 0;
}

static int set_count(struct parse *parse, const struct row *row, const char *value)
{
	(void)value;
	(*(unsigned int *)field(parse, row))++;
	return 0;
}

static int set_string(struct parse *parse, const struct row *row, const char *value)
{
	if (!*value)
		return fail(parse, "--%s: the %s is empty; %s", row->name, row->argument, try_help(parse));
	*(const char **)field(parse, row) = value;
	return 0;
}

static int set_positive(struct parse *parse, const struct row *row, const char *value)
{
	uint64_t number = 0;

	if (parse_number(value, UINT64_MAX, &number) || number == 0)
		return fail_value(parse, row, value, "a whole number above 0");
	*(uint64_t *)field(parse, row) = number;
	return 0;
}

/* The kernel side copies in these classes: a ring buffer takes constant sizes only. */
static int set_stack_bytes(struct parse *parse, const struct row *row, const char *value)
{
	static const char *const names[] = {"0", "4K", "16K", "64K"};
	static const uint64_t sizes[] = {0, 4096, 16384, EVENT_SLICE_BYTES_MAX};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcasecmp(value, names[i])) {
			*(uint64_t *)field(parse, row) = sizes[i];
			return 0;
		}
	}
	return fail_value(parse, row, value, "0, 4K, 16K or 64K");
}

static int set_recorder(struct parse *parse, const struct row *row, const char *value)
{
	uint64_t number = 0;

	if (parse_number(value, EVENT_OPS_MAX, &number))
		return fail_value(parse, row, value, "a whole number from 0 to 64");
	*(uint64_t *)field(parse, row) = number;
	return 0;
}

static int set_duration(struct parse *parse, const struct row *row, const char *value)
{
	uint64_t ns;

	if (parse_seconds(value, &ns) || ns == 0)
		return fail_value(parse, row, value, "a number of seconds above 0, such as 10 or 0.5");
	*(uint64_t *)field(parse, row) = ns;
	return 0;
}

static int set_comm(struct parse *parse, const struct row *row, const char *value)
{
	if (strlen(value) > COMM_MAX_BYTES)
		return fail(parse, "--%s: '%s' has %zu bytes, and the kernel keeps %d of a name; try '%.*s'", row->name,
			    value, strlen(value), COMM_MAX_BYTES, COMM_MAX_BYTES, value);
	return set_string(parse, row, value);
}

static int find_user(const char *name, uid_t *ret)
{
	struct passwd entry, *found = NULL;
	char buffer[16384]; /* an entry that is longer than this is no user of ours */
	int err = getpwnam_r(name, &entry, buffer, sizeof(buffer), &found);

	if (!found)
		return err ? -err : -ENOENT;
	*ret = found->pw_uid;
	return 0;
}

static int set_uid(struct parse *parse, const struct row *row, const char *value)
{
	uid_t uid;
	uint64_t number = 0;

	/* (uid_t)-1 is nobody: the kernel uses it for "no change". */
	if (parse_number(value, UINT32_MAX - 1, &number) == 0)
		uid = number;
	else if (find_user(value, &uid))
		return fail_value(parse, row, value, "a user of this machine or a user id");
	*(uid_t *)field(parse, row) = uid;
	parse->opts.filter_uid = true;
	return 0;
}

static int set_rung(struct parse *parse, const struct row *row, const char *value)
{
	if (rung_parse(value, field(parse, row)))
		return fail(parse, "--%s: '%s' is none of auto, fentry, kprobe, tracepoint", row->name, value);
	return 0;
}

static int set_descriptor(struct parse *parse, const struct row *row, const char *value)
{
	uint64_t fd;

	if (parse_number(value, INT32_MAX, &fd) || fcntl(fd, F_GETFD) < 0)
		return fail_value(parse, row, value, "an open file descriptor");
	*(int *)field(parse, row) = fd;
	return 0;
}

/* Hands each item of a comma list to add_one. */
static int add_each(struct parse *parse, const struct row *row, const char *value,
		    int (*add_one)(struct parse *parse, const struct row *row, const char *item))
{
	_cleanup_free_ char *copy = strdup(value);
	char *rest = copy, *item;
	int err = copy ? 0 : -ENOMEM;

	while (!err && (item = strsep(&rest, ",")))
		err = add_one(parse, row, item);
	return err;
}

static int add_pid(struct parse *parse, const struct row *row, const char *item)
{
	struct opts *opts = &parse->opts;
	uint64_t pid;
	pid_t *grown;

	if (parse_number(item, PID_MAX, &pid) || pid == 0)
		return fail_value(parse, row, item, "a process id");
	for (size_t i = 0; i < opts->pid_count; i++) {
		if (opts->pids[i] == (pid_t)pid)
			return 0;
	}
	grown = reallocarray(opts->pids, opts->pid_count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	opts->pids = grown;
	opts->pids[opts->pid_count++] = pid;
	return 0;
}

static int set_pids(struct parse *parse, const struct row *row, const char *value)
{
	return add_each(parse, row, value, add_pid);
}

static int add_errno(struct parse *parse, const struct row *row, const char *item)
{
	uint64_t *wanted = field(parse, row);

	for (int code = 1; code <= ERRNO_LAST; code++) {
		const char *name = strerrorname_np(code);

		if (!name || strcasecmp(name, item) != 0)
			continue;
		wanted[code / 64] |= 1ULL << (code % 64);
		return 0;
	}
	return fail(
		parse, "--%s: '%s' is no errno name; calls on mappings fail with %s", row->name, item,
		"ENOMEM, EAGAIN, EINVAL, EPERM, EACCES, EEXIST, EFAULT, EINTR, EBUSY, EBADF, ENODEV, EIO, EOVERFLOW");
}

static int add_warning(struct parse *parse, const struct row *row, const char *item)
{
	struct opts *opts = &parse->opts;
	uint64_t percent;
	int at;

	/* Below 5 % of the limit are half of the processes of a machine. */
	if (parse_number(item, 100, &percent) || percent < 5)
		return fail_value(parse, row, item, "a percentage from 5 to 100, or none");
	for (at = 0; at < opts->warn_count && opts->warn_percent[at] < percent; at++)
		;
	if (at < opts->warn_count && opts->warn_percent[at] == percent)
		return 0;
	if (opts->warn_count == CONFIG_WARN_MAX)
		return fail(parse, "--%s: more than %d thresholds; give fewer", row->name, CONFIG_WARN_MAX);
	memmove(&opts->warn_percent[at + 1], &opts->warn_percent[at], (size_t)(opts->warn_count - at));
	opts->warn_percent[at] = (uint8_t)percent;
	opts->warn_count++;
	return 0;
}

static int set_warnings(struct parse *parse, const struct row *row, const char *value)
{
	struct opts *opts = &parse->opts;

	/* What is given takes the place of the default. */
	memset(opts->warn_percent, 0, sizeof(opts->warn_percent));
	opts->warn_count = 0;
	return strcasecmp(value, "none") ? add_each(parse, row, value, add_warning) : 0;
}

static int set_errnos(struct parse *parse, const struct row *row, const char *value)
{
	return add_each(parse, row, value, add_errno);
}

#define FIELD(name) offsetof(struct opts, name)
#define BOTH	    (OPTS_TRACE | OPTS_REPLAY)
#define ALL	    (OPTS_TRACE | OPTS_REPLAY | OPTS_CENSUS)

/* In the order of the help. */
static const struct row rows[] = {
	{"pid", 'p', false, OPTS_TRACE, "PID[,PID...]", "only these processes and their children; repeatable",
	 FIELD(pids), set_pids},
	{"comm", 'n', true, OPTS_TRACE, "NAME", "only processes of this name (at most 15 bytes)", FIELD(comm),
	 set_comm},
	{"uid", 'u', true, OPTS_TRACE, "USER", "only processes of this user: a name or an id", FIELD(uid), set_uid},
	{"cgroup", 0, true, OPTS_TRACE, "PATH", "only processes in this cgroup and below", FIELD(cgroup), set_string},
	{"errno", 'e', false, OPTS_TRACE, "NAME[,NAME...]", "only failures with these errnos, ENOMEM say; repeatable",
	 FIELD(errno_wanted), set_errnos},
	{"all", 'a', false, OPTS_TRACE, NULL, "every failure, not only those that are a shortage", FIELD(all),
	 set_flag},
	{"warn", 0, true, OPTS_TRACE, "PCT[,PCT...]", "warn at so many percent of the limit (80,90,95), or none",
	 FIELD(warn_percent), set_warnings},
	{"splits", 0, false, OPTS_TRACE, NULL, "show each split of a mapping, with the mapping before and after",
	 FIELD(splits), set_flag},
	{"duration", 'd', false, OPTS_TRACE, "SEC", "stop after so many seconds, 0.5 say", FIELD(duration_ns),
	 set_duration},
	{"max-events", 'M', false, OPTS_TRACE, "N", "stop after so many failures", FIELD(max_events), set_positive},
	{"maps", 0, true, OPTS_CENSUS, "FILE", "of a saved /proc/PID/maps; '-' is standard input", FIELD(maps),
	 set_string},
	{"limit", 0, true, OPTS_CENSUS, "N", "with --maps: vm.max_map_count of the machine that FILE is from",
	 FIELD(limit), set_positive},
	{"smaps", 0, false, OPTS_CENSUS, NULL, "read flags too, from /proc/PID/smaps: slow; FILE is then a saved one",
	 FIELD(smaps), set_flag},
	{"json", 'j', false, ALL, NULL, "write JSON, one object a line", FIELD(json), set_flag},
	{"output", 'o', false, ALL, "FILE", "write to FILE and not to stdout", FIELD(output), set_string},
	{"capture", 0, false, OPTS_TRACE, "FILE", "also keep the raw records in FILE, for 'vmasnoop replay'",
	 FIELD(capture), set_string},
	{"folded", 0, false, BOTH, "FILE", "at the end write who made the mappings, for flame graphs", FIELD(folded),
	 set_string},
	{"recorder", 0, false, OPTS_TRACE, "N", "keep the last N calls of a hot process for its failure (64); 0: none",
	 FIELD(recorder_ops), set_recorder},
	{"hook", 0, false, OPTS_TRACE, "RUNG", "auto (the default), fentry, kprobe or tracepoint", FIELD(hook),
	 set_rung},
	{"stack-bytes", 0, false, OPTS_TRACE, "SIZE", "copy at most SIZE of a user stack: 0, 4K, 16K or 64K (default)",
	 FIELD(stack_bytes), set_stack_bytes},
	{"debuginfod", 0, false, OPTS_TRACE, NULL, "ask the servers in DEBUGINFOD_URLS for debug files",
	 FIELD(debuginfod), set_flag},
	{"no-user-stack", 0, false, OPTS_TRACE, NULL, "do not show who called", FIELD(no_user_stack), set_flag},
	{"no-kernel-stack", 0, false, OPTS_TRACE, NULL, "do not show the way through the kernel",
	 FIELD(no_kernel_stack), set_flag},
	{"ready-fd", 0, false, OPTS_TRACE, "FD", "write a line to this descriptor once tracing is on", FIELD(ready_fd),
	 set_descriptor},
	{"quiet", 'q', false, ALL, NULL, "no messages but errors", FIELD(quiet), set_flag},
	{"verbose", 'v', false, ALL, NULL, "more messages; -vv: libbpf's too", FIELD(verbose), set_count},
	{"version", 'V', false, ALL, NULL, "show the version", FIELD(version), set_flag},
	{"help", 'h', false, ALL, NULL, "show this help", FIELD(help), set_flag},
};

static_assert(COUNT_OF(rows) <= 64, "struct parse has one bit for each row");

static const struct conflict {
	const char *one, *other; /* rows */
	const char *why;
} conflicts[] = {
	{"all", "errno", "give one: all failures, or those that are named"},
	{"quiet", "verbose", "give one: fewer messages, or more"},
};

static const struct row *find_row(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	}
	return NULL;
}

static bool was_given(const struct parse *parse, const char *name)
{
	const struct row *row = find_row(name);

	assert(row);
	return parse->given >> (row - rows) & 1;
}

static const struct row *row_of(int value)
{
	if (value >= FIRST_LONG)
		return &rows[value - FIRST_LONG];
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].letter && rows[i].letter == value)
			return &rows[i];
	}
	return NULL;
}

/* The tables of getopt_long(), made from ours. */
struct getopt_tables {
	char letters[2 + 2 * COUNT_OF(rows) + 1];
	struct option names[COUNT_OF(rows) + 1];
};

static void make_getopt_tables(struct getopt_tables *tables)
{
	char *letter = tables->letters;

	memset(tables, 0, sizeof(*tables));
	*letter++ = '-'; /* words come in their order, as OPERAND */
	*letter++ = ':'; /* a missing argument is told apart, and getopt prints nothing */
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		tables->names[i].name = rows[i].name;
		tables->names[i].has_arg = rows[i].argument ? required_argument : no_argument;
		tables->names[i].val = FIRST_LONG + (int)i;
		if (!rows[i].letter)
			continue;
		*letter++ = rows[i].letter;
		if (rows[i].argument)
			*letter++ = ':';
	}
}

static const char *command_name(const struct parse *parse)
{
	switch (parse->command) {
	case OPTS_REPLAY:
		return "replay";
	case OPTS_CENSUS:
		return "census";
	case OPTS_TRACE:
		break;
	}
	return "tracing";
}

static int take_census_pid(struct parse *parse, const char *word)
{
	static const struct row operand = {.name = "PID", .offset = FIELD(pids)};
	uint64_t pid;

	if (parse->opts.pid_count)
		return fail(parse, "census takes one PID, and '%s' is a second; %s", word, try_help(parse));
	if (parse_number(word, PID_MAX, &pid) || pid == 0)
		return fail(parse, "'%s' is not a process id; a saved maps file is given with --maps FILE", word);
	return add_pid(parse, &operand, word);
}

static int take_operand(struct parse *parse, const char *word)
{
	if (parse->command == OPTS_TRACE)
		return fail(parse, "'%s' is no option; before a command put '--': vmasnoop [OPTIONS] -- %s", word,
			    word);
	if (parse->command == OPTS_CENSUS)
		return take_census_pid(parse, word);
	if (parse->opts.input)
		return fail(parse, "replay takes one CAPTURE, and '%s' is a second; %s", word, try_help(parse));
	parse->opts.input = word;
	return 0;
}

static int take_option(struct parse *parse, const struct row *row, const char *value)
{
	uint64_t bit = 1ULL << (row - rows);
	int err;

	if (!(row->commands & parse->command))
		return fail(parse, "%s does not take --%s; %s", command_name(parse), row->name, try_help(parse));
	if (row->once && parse->given & bit)
		return fail(parse, "--%s was given twice, and only one can be matched", row->name);
	err = row->set(parse, row, value);
	if (err)
		return err;
	parse->given |= bit;
	return 0;
}

/* What getopt made '?' of: a letter or name that is in no row, a name that is short for several, or "--flag=value". */
static int fail_unknown(struct parse *parse, const char *word)
{
	const char *name = word + strspn(word, "-");
	size_t length = strcspn(name, "=");

	if (optopt >= FIRST_LONG)
		return fail(parse, "--%s takes no argument; %s", row_of(optopt)->name, try_help(parse));
	if (optopt)
		return fail(parse, "unknown option '-%c'; %s", optopt, try_help(parse));
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (strncmp(rows[i].name, name, length) == 0)
			return fail(parse, "'%s' is short for more than one option; %s", word, try_help(parse));
	}
	return fail(parse, "unknown option '%.*s'; %s", (int)(name - word + length), word, try_help(parse));
}

static int take_word(struct parse *parse, int value, char **argv)
{
	switch (value) {
	case OPERAND:
		return take_operand(parse, optarg);
	case '?':
		return fail_unknown(parse, argv[optind - 1]);
	case ':':
		return fail(parse, "--%s needs a %s; %s", row_of(optopt)->name, row_of(optopt)->argument,
			    try_help(parse));
	default:
		return take_option(parse, row_of(value), optarg);
	}
}

/* What follows "--", if that was there: a command, or operands. */
static int take_rest(struct parse *parse, int argc, char **argv, bool dashes)
{
	int err = 0;

	if (parse->command == OPTS_TRACE) {
		if (dashes && optind == argc)
			return fail(parse, "there is no command after '--'; %s", try_help(parse));
		if (optind < argc)
			parse->opts.command = argv + optind;
		return 0;
	}
	for (int i = optind; i < argc && !err; i++)
		err = take_operand(parse, argv[i]);
	return err;
}

static int check_census(struct parse *parse)
{
	const struct opts *opts = &parse->opts;

	if (!opts->pid_count && !opts->maps)
		return fail(parse, "census needs a PID, or a saved maps file with --maps FILE; %s", try_help(parse));
	if (opts->pid_count && opts->maps)
		return fail(parse, "a PID and --maps exclude each other; give one, the process or its saved maps");
	if (opts->limit && !opts->maps)
		return fail(parse, "--limit goes with --maps: the limit of a process is read from this machine");
	return 0;
}

static int check_all(struct parse *parse)
{
	const struct opts *opts = &parse->opts;

	for (size_t i = 0; i < COUNT_OF(conflicts); i++) {
		const struct conflict *c = &conflicts[i];

		if (was_given(parse, c->one) && was_given(parse, c->other))
			return fail(parse, "--%s and --%s exclude each other; %s", c->one, c->other, c->why);
	}
	if (opts->command && opts->pid_count)
		return fail(parse, "--pid and a command exclude each other; trace one or the other");
	if (opts->capture && opts->output && strcmp(opts->capture, opts->output) == 0)
		return fail(parse, "--capture and --output are both '%s'; give them two files", opts->output);
	if (parse->command == OPTS_REPLAY && !opts->input)
		return fail(parse, "replay needs the CAPTURE to read; %s", try_help(parse));
	return parse->command == OPTS_CENSUS ? check_census(parse) : 0;
}

static int parse_all(struct parse *parse, int argc, char **argv)
{
	struct getopt_tables tables;
	const char *last_argument = NULL;
	int value, err;

	make_getopt_tables(&tables);
	optind = 0; /* glibc: start anew, with a new table */
	while ((value = getopt_long(argc, argv, tables.letters, tables.names, NULL)) != -1) {
		err = take_word(parse, value, argv);
		if (err)
			return err;
		if (parse->opts.help || parse->opts.version)
			return 0;
		last_argument = optarg;
	}
	/* "-o --" has a file of that name, and no end of options. */
	err = take_rest(parse, argc, argv,
			optind > 1 && strcmp(argv[optind - 1], "--") == 0 && argv[optind - 1] != last_argument);
	return err ? err : check_all(parse);
}

int opts_parse(enum opts_command command, int argc, char **argv, struct opts *ret, char *error, size_t error_size)
{
	struct parse parse = {.opts = {.ready_fd = -1,
				       .stack_bytes = EVENT_SLICE_BYTES_MAX,
				       .recorder_ops = EVENT_OPS_MAX,
				       .warn_percent = {80, 90, 95},
				       .warn_count = 3},
			      .command = command,
			      .error = error,
			      .error_size = error_size};
	int err = parse_all(&parse, argc, argv);

	if (err == -ENOMEM)
		fail(&parse, "out of memory");
	if (err) {
		opts_fini(&parse.opts);
		return err;
	}
	*ret = parse.opts;
	return 0;
}

void opts_fini(struct opts *opts)
{
	free(opts->pids);
	opts->pids = NULL;
	opts->pid_count = 0;
}

/* A part of the help, and the commands whose help has it. */
struct help_line {
	unsigned int commands;
	const char *text;
};

static const struct help_line usage[] = {
	{OPTS_TRACE, "  vmasnoop [OPTIONS]                      trace the whole machine"},
	{OPTS_TRACE, "  vmasnoop -p PID[,PID...] [OPTIONS]      trace these processes"},
	{OPTS_TRACE, "  vmasnoop [OPTIONS] -- COMMAND [ARG..]   run COMMAND, and trace it and its children"},
	{BOTH, "  vmasnoop replay CAPTURE [OPTIONS]       show again what --capture has kept"},
	{OPTS_TRACE | OPTS_CENSUS, "  vmasnoop census PID [OPTIONS]           what the mappings of a process are"},
	{OPTS_CENSUS, "  vmasnoop census --maps FILE [OPTIONS]   the same of a saved /proc/PID/maps"},
};

static const struct help_line examples[] = {
	{OPTS_TRACE, "  vmasnoop                       who fails to unmap memory, and why, on the whole machine"},
	{OPTS_TRACE, "  vmasnoop -p 1234 -d 60         one process, for a minute"},
	{OPTS_TRACE, "  vmasnoop -n java -j -o log     all that are called java, as JSON, to a file"},
	{OPTS_TRACE, "  vmasnoop -- ./server --port 1  run a program under watch, from its first instruction"},
	{OPTS_TRACE, "  vmasnoop --capture raw -M 100  keep the first 100 failures for later"},
	{BOTH, "  vmasnoop replay raw -j         ... and show them as JSON, on any machine"},
	{OPTS_TRACE | OPTS_CENSUS,
	 "  vmasnoop census 1234           its mappings by kind, and why neighbours did not merge"},
	{OPTS_CENSUS, "  vmasnoop census --smaps 1234   and which flags differ"},
	{OPTS_CENSUS, "  ssh host cat /proc/1234/maps | vmasnoop census --maps - --limit 65530"},
};

static const struct help_line exit_statuses[] = {
	{ALL, "  0  complete"},
	{ALL, "  1  failed"},
	{ALL, "  2  wrong usage"},
	{OPTS_TRACE | OPTS_CENSUS, "  3  this kernel or these privileges cannot do it"},
	{BOTH, "  4  finished, but events were lost"},
	{OPTS_TRACE, "With COMMAND: its own status (128 + N when signal N killed it), or"},
	{OPTS_TRACE, "  125  vmasnoop failed"},
	{OPTS_TRACE, "  126  COMMAND cannot be executed"},
	{OPTS_TRACE, "  127  COMMAND was not found"},
};

static void print_lines(const char *heading, const struct help_line *lines, size_t count, enum opts_command command,
			FILE *out)
{
	fprintf(out, "%s\n", heading);
	for (size_t i = 0; i < count; i++) {
		if (lines[i].commands & command)
			fprintf(out, "%s\n", lines[i].text);
	}
}

static void print_row(const struct row *row, FILE *out)
{
	int used = row->letter ? fprintf(out, "  -%c, ", row->letter) : fprintf(out, "      ");

	used += fprintf(out, "--%s%s%s", row->name, row->argument ? " " : "", row->argument ? row->argument : "");
	fprintf(out, "%*s%s\n", used < HELP_COLUMN ? HELP_COLUMN - used : 1, "", row->help);
}

void opts_print_help(enum opts_command command, FILE *out)
{
	print_lines("Usage:", usage, COUNT_OF(usage), command, out);
	fprintf(out, "\nOPTIONS\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (rows[i].commands & command)
			print_row(&rows[i], out);
	}
	print_lines("\nEXAMPLES", examples, COUNT_OF(examples), command, out);
	print_lines("\nEXIT STATUS", exit_statuses, COUNT_OF(exit_statuses), command, out);
}
