// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line: what each option turns into, what is refused and with which words, and the shape of the help. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "opts.h"

enum { WORDS = 16 };

static char error[512];

/* `line` is split at single blanks; an argument that is to hold one is written with '_'. */
static int parse(enum opts_command command, const char *line, struct opts *ret)
{
	static char words[512];
	static char *argv[WORDS + 1];
	char *rest = words;
	int argc = 0;

	snprintf(words, sizeof(words), "vmasnoop %s", line);
	memset(argv, 0, sizeof(argv));
	error[0] = '\0';
	for (char *word; argc < WORDS && (word = strsep(&rest, " "));)
		argv[argc++] = word;
	if (!*argv[argc - 1] && !*line)
		argv[--argc] = NULL;
	return opts_parse(command, argc, argv, ret, error, sizeof(error));
}

static struct opts trace(const char *line)
{
	struct opts opts;

	if (parse(OPTS_TRACE, line, &opts))
		fail_msg("'%s': %s", line, error);
	return opts;
}

/* The line is refused, and the message has all of these words (up to a NULL). */
static void assert_refused(enum opts_command command, const char *line, ...)
{
	struct opts opts = {.ready_fd = 77};
	const char *word;
	va_list words;

	assert_int_equal(parse(command, line, &opts), -EINVAL);
	assert_int_equal(opts.ready_fd, 77);
	assert_null(strchr(error, '\n'));
	va_start(words, line);
	while ((word = va_arg(words, const char *))) {
		if (!strstr(error, word))
			fail_msg("'%s': no \"%s\" in: %s", line, word, error);
	}
	va_end(words);
}

#define REFUSED(line, ...)	  assert_refused(OPTS_TRACE, line, __VA_ARGS__, NULL)
#define REPLAY_REFUSED(line, ...) assert_refused(OPTS_REPLAY, line, __VA_ARGS__, NULL)
#define CENSUS_REFUSED(line, ...) assert_refused(OPTS_CENSUS, line, __VA_ARGS__, NULL)

static void test_nothing_given(void **state)
{
	struct opts opts = trace("");

	(void)state;
	assert_int_equal(opts.ready_fd, -1);
	assert_int_equal(opts.hook, RUNG_AUTO);
	assert_null(opts.command);
	assert_null(opts.comm);
	assert_int_equal(opts.pid_count, 0);
	assert_int_equal(opts.duration_ns, 0);
	assert_int_equal(opts.max_events, 0);
	assert_false(opts.all || opts.json || opts.quiet || opts.filter_uid || opts.help || opts.version);
}

static void test_pids(void **state)
{
	struct opts opts = trace("-p 10,20 --pid=30 -p20 --pid 10");

	(void)state;
	assert_int_equal(opts.pid_count, 3);
	assert_int_equal(opts.pids[0], 10);
	assert_int_equal(opts.pids[1], 20);
	assert_int_equal(opts.pids[2], 30);
	opts_fini(&opts);
	REFUSED("-p 0", "--pid", "'0'", "process id");
	REFUSED("-p 1,,2", "''", "process id");
	REFUSED("-p 1,x", "'x'");
	REFUSED("-p -1", "'-1'");
	REFUSED("-p 4194305", "'4194305'");
	REFUSED("-p 99999999999999999999999", "process id");
	REFUSED("-p", "--pid needs a PID", "try 'vmasnoop --help'");
}

static void test_warnings(void **state)
{
	const uint8_t usual[CONFIG_WARN_MAX] = {80, 90, 95}, given[CONFIG_WARN_MAX] = {5, 70, 100};
	struct opts opts = trace("");

	(void)state;
	assert_int_equal(opts.warn_count, 3);
	assert_memory_equal(opts.warn_percent, usual, sizeof(usual));
	opts = trace("--warn 70,100,5,70");
	assert_int_equal(opts.warn_count, 3);
	assert_memory_equal(opts.warn_percent, given, sizeof(given));
	assert_int_equal(trace("--warn none").warn_count, 0);
	assert_false(trace("--warn none").splits);
	assert_true(trace("--splits").splits);
	assert_int_equal(trace("--warn 11,12,13,14,15,16,17,18,18").warn_count, CONFIG_WARN_MAX);
	REFUSED("--warn 11,12,13,14,15,16,17,18,19", "--warn", "more than 8");
	REFUSED("--warn 4", "'4'", "from 5 to 100");
	REFUSED("--warn 101", "'101'");
	REFUSED("--warn 80,", "''");
	REFUSED("--warn 80,none", "'none'");
	REFUSED("--warn 80 --warn 90", "--warn was given twice");
	REPLAY_REFUSED("x --warn 80", "--warn");
}

static void test_comm(void **state)
{
	(void)state;
	assert_string_equal(trace("-n fifteen_bytes_x").comm, "fifteen_bytes_x");
	REFUSED("--comm sixteen_bytes_xy", "16 bytes", "keeps 15", "'sixteen_bytes_x'");
	REFUSED("--comm=", "--comm", "empty");
	REFUSED("-n a -n b", "--comm was given twice");
}

static void test_uid(void **state)
{
	struct opts opts = trace("-u 1234");

	(void)state;
	assert_true(opts.filter_uid);
	assert_int_equal(opts.uid, 1234);
	opts = trace("--uid root");
	assert_true(opts.filter_uid);
	assert_int_equal(opts.uid, 0);
	REFUSED("-u no_such_user_here", "'no_such_user_here'", "user");
	REFUSED("-u 4294967295", "'4294967295'");
	REFUSED("-u -1", "'-1'");
	REFUSED("-u 1 -u 2", "twice");
}

static void test_errnos(void **state)
{
	struct opts opts = trace("-e ENOMEM,eagain -e EHWPOISON");

	(void)state;
	assert_int_equal(opts.errno_wanted[0], 1ULL << ENOMEM | 1ULL << EAGAIN);
	assert_int_equal(opts.errno_wanted[EHWPOISON / 64], 1ULL << EHWPOISON % 64);
	REFUSED("-e ENOMEN", "'ENOMEN'", "ENOMEM", "EAGAIN");
	REFUSED("-e 12", "'12'", "ENOMEM");
	REFUSED("-e ENOMEM,", "''");
	REFUSED("-a -e ENOMEM", "--all", "--errno", "exclude");
}

static void test_duration(void **state)
{
	(void)state;
	assert_int_equal(trace("-d 10").duration_ns, 10000000000);
	assert_int_equal(trace("-d 0.5").duration_ns, 500000000);
	assert_int_equal(trace("-d .25").duration_ns, 250000000);
	assert_int_equal(trace("-d 3.").duration_ns, 3000000000);
	assert_int_equal(trace("-d 1.0000000019").duration_ns, 1000000001);
	assert_int_equal(trace("-d 999999999").duration_ns, 999999999000000000);
	REFUSED("-d 0", "'0'", "above 0");
	REFUSED("-d 0.0000000001", "above 0");
	REFUSED("-d .", "seconds");
	REFUSED("-d -1", "seconds");
	REFUSED("-d 1e3", "seconds");
	REFUSED("-d nan", "seconds");
	REFUSED("-d 1.2.3", "seconds");
	REFUSED("-d 1000000000", "seconds");
	REFUSED("-d 99999999999999999999999999", "seconds");
	REFUSED("--duration=", "seconds");
}

static void test_max_events(void **state)
{
	(void)state;
	assert_int_equal(trace("-M 5 -M 7").max_events, 7);
	REFUSED("-M 0", "--max-events", "above 0");
	REFUSED("-M -3", "'-3'");
	REFUSED("-M +3", "'+3'");
	REFUSED("-M 3x", "'3x'");
	REFUSED("-M 99999999999999999999", "--max-events");
}

static void test_recorder(void **state)
{
	(void)state;
	assert_int_equal(trace("").recorder_ops, 64);
	assert_int_equal(trace("--recorder 0").recorder_ops, 0);
	assert_int_equal(trace("--recorder 64").recorder_ops, 64);
	REFUSED("--recorder 65", "--recorder", "'65'", "from 0 to 64");
	REFUSED("--recorder -1", "'-1'");
	REFUSED("--recorder 99999999999999999999", "--recorder");
	assert_null(trace("").folded);
	assert_string_equal(trace("--folded f").folded, "f");
}

static void test_flags_and_files(void **state)
{
	struct opts opts =
		trace("-aj -o out --capture raw --cgroup /sys/fs/cgroup/a --no-user-stack --no-kernel-stack");

	(void)state;
	assert_true(opts.all && opts.json && opts.no_user_stack && opts.no_kernel_stack);
	assert_string_equal(opts.output, "out");
	assert_string_equal(opts.capture, "raw");
	assert_string_equal(opts.cgroup, "/sys/fs/cgroup/a");
	assert_int_equal(trace("-vvv --verbose").verbose, 4);
	assert_true(trace("-q").quiet);
	REFUSED("-q -v", "--quiet", "--verbose");
	REFUSED("-o same --capture same", "--capture", "--output", "'same'");
	REFUSED("--output=", "FILE", "empty");
}

static void test_hook(void **state)
{
	(void)state;
	assert_int_equal(trace("--hook tracepoint").hook, RUNG_TRACEPOINT);
	assert_int_equal(trace("--hook=FENTRY").hook, RUNG_FENTRY);
	assert_int_equal(trace("--hook kprobe").hook, RUNG_KPROBE);
	assert_int_equal(trace("--hook auto").hook, RUNG_AUTO);
	assert_string_equal(rung_name(RUNG_KPROBE), "kprobe");
	REFUSED("--hook uprobe", "'uprobe'", rung_name(RUNG_AUTO), rung_name(RUNG_FENTRY), rung_name(RUNG_KPROBE),
		rung_name(RUNG_TRACEPOINT));
}

static void test_ready_fd(void **state)
{
	char line[32];
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	snprintf(line, sizeof(line), "--ready-fd %d", fd);
	assert_int_equal(trace(line).ready_fd, fd);
	close(fd);
	REFUSED(line, "--ready-fd", "open file descriptor");
	REFUSED("--ready-fd -1", "'-1'");
	REFUSED("--ready-fd x", "'x'");
}

static void test_command(void **state)
{
	struct opts opts = trace("-j -- ls -l -- -p 3");

	(void)state;
	assert_string_equal(opts.command[0], "ls");
	assert_string_equal(opts.command[1], "-l");
	assert_string_equal(opts.command[2], "--");
	assert_string_equal(opts.command[4], "3");
	assert_null(opts.command[5]);
	assert_int_equal(opts.pid_count, 0);
	REFUSED("ls -l", "'ls'", "'--'", "-- ls");
	REFUSED("-j ls -- x", "'ls'", "-- ls");
	REFUSED("-", "'-'", "'--'");
	REFUSED("-p 1 -- ls", "--pid", "command");
	REFUSED("-j --", "no command after '--'");
	REFUSED("-o -- --", "no command after '--'");
	assert_string_equal(trace("-o --").output, "--");
}

static void test_census(void **state)
{
	struct opts opts;

	(void)state;
	assert_int_equal(parse(OPTS_CENSUS, "-j 12 --smaps", &opts), 0);
	assert_int_equal(opts.pid_count, 1);
	assert_int_equal(opts.pids[0], 12);
	assert_true(opts.json && opts.smaps && !opts.maps);
	opts_fini(&opts);
	assert_int_equal(parse(OPTS_CENSUS, "--maps - --limit 65530", &opts), 0);
	assert_string_equal(opts.maps, "-");
	assert_int_equal(opts.limit, 65530);
	CENSUS_REFUSED("", "needs a PID", "--maps FILE", "try 'vmasnoop census --help'");
	CENSUS_REFUSED("1 2", "one PID", "'2'");
	CENSUS_REFUSED("1 --maps x", "exclude each other");
	CENSUS_REFUSED("1 --limit 5", "--limit goes with --maps");
	CENSUS_REFUSED("--maps x --limit 0", "'0'", "above 0");
	CENSUS_REFUSED("file", "'file'", "process id", "--maps FILE");
	CENSUS_REFUSED("0", "'0'", "process id");
	CENSUS_REFUSED("4194305", "'4194305'");
	CENSUS_REFUSED("-p 1", "census does not take --pid");
	REPLAY_REFUSED("raw --smaps", "replay does not take --smaps");
	REFUSED("--maps x", "--maps", "try 'vmasnoop --help'");
}

static void test_unknown_options(void **state)
{
	(void)state;
	REFUSED("--bogus", "unknown option '--bogus'", "try 'vmasnoop --help'");
	REFUSED("--bogus=3", "unknown option '--bogus';");
	REFUSED("-jZ", "unknown option '-Z'");
	REFUSED("-?", "unknown option '-?'");
	REFUSED("--no", "'--no'", "more than one");
	REFUSED("--json=yes", "--json takes no argument");
	REFUSED("--rungs", "unknown option '--rungs'");
	assert_true(trace("--no-u").no_user_stack);
}

static void test_messages_are_safe_to_print(void **state)
{
	char small[8];
	char *argv[] = {"vmasnoop", "--bogus", NULL};
	struct opts opts;

	(void)state;
	REFUSED("\x1b[2J", "'\\x1b[2J'");
	REFUSED("--\x1b", "'--\\x1b'");
	REFUSED("-\x9b", "'-\\x9b'");
	assert_int_equal(opts_parse(OPTS_TRACE, 2, argv, &opts, small, sizeof(small)), -EINVAL);
	assert_string_equal(small, "unknown");
}

static void test_help_and_version_win(void **state)
{
	(void)state;
	assert_true(trace("-h").help);
	assert_true(trace("--help --bogus stray").help);
	assert_true(trace("-a -e ENOMEM -V").version);
	REFUSED("--bogus --help", "'--bogus'");
}

static void test_replay(void **state)
{
	struct opts opts;

	(void)state;
	assert_int_equal(parse(OPTS_REPLAY, "raw -jv -o out", &opts), 0);
	assert_string_equal(opts.input, "raw");
	assert_string_equal(opts.output, "out");
	assert_true(opts.json);
	assert_int_equal(opts.verbose, 1);
	assert_int_equal(parse(OPTS_REPLAY, "-q -- -raw", &opts), 0);
	assert_string_equal(opts.input, "-raw");
	assert_int_equal(parse(OPTS_REPLAY, "-h", &opts), 0);
	assert_true(opts.help);
	REPLAY_REFUSED("", "CAPTURE", "try 'vmasnoop replay --help'");
	REPLAY_REFUSED("a b", "'b'");
	REPLAY_REFUSED("a -- b", "'b'");
	REPLAY_REFUSED("a -p 3", "replay does not take --pid");
	REPLAY_REFUSED("a --hook auto", "replay does not take --hook");
}

static void test_every_line_of_the_help(void **state)
{
	const enum opts_command commands[] = {OPTS_TRACE, OPTS_REPLAY, OPTS_CENSUS};

	(void)state;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		char *text = NULL, *rest;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		assert_non_null(out);
		opts_print_help(commands[i], out);
		fclose(out);
		assert_int_equal(!!strstr(text, "vmasnoop replay CAPTURE [OPTIONS]"), commands[i] != OPTS_CENSUS);
		assert_int_equal(!!strstr(text, "vmasnoop census PID [OPTIONS]"), commands[i] != OPTS_REPLAY);
		assert_int_equal(!!strstr(text, "      --maps FILE             of a saved"),
				 commands[i] == OPTS_CENSUS);
		assert_non_null(strstr(text, "  -o, --output FILE           write to FILE"));
		assert_int_equal(!!strstr(text, "  -p, --pid PID[,PID...]      only"), commands[i] == OPTS_TRACE);
		assert_int_equal(!!strstr(text, "vmasnoop [OPTIONS] -- COMMAND [ARG..]"), commands[i] == OPTS_TRACE);
		rest = text;
		for (char *line; (line = strsep(&rest, "\n"));)
			assert_true(strlen(line) < 100);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_given),
		cmocka_unit_test(test_pids),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_comm),
		cmocka_unit_test(test_uid),
		cmocka_unit_test(test_errnos),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_max_events),
		cmocka_unit_test(test_recorder),
		cmocka_unit_test(test_flags_and_files),
		cmocka_unit_test(test_hook),
		cmocka_unit_test(test_ready_fd),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_census),
		cmocka_unit_test(test_unknown_options),
		cmocka_unit_test(test_messages_are_safe_to_print),
		cmocka_unit_test(test_help_and_version_win),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_every_line_of_the_help),
	};

	return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}
