// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c: the table of commands. Without the name of one, what is typed are the tracer's options. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "debuginfod.h"
#include "symbolizer_child.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{"replay", cmd_replay},
	{"census", cmd_census},
	/* What the tracer starts beside itself; not for people. */
	{SYMBOLIZER_CHILD_WORD, cmd_symbolizer_child},
	{DEBUGINFOD_HELPER_WORD, cmd_debuginfod_helper},
};

/*
 * Started with a standard stream closed, the next file opened would take its place, and data would go into it. Where
 * data is expected to be read, writing must fail: /dev/full, not /dev/null.
 */
static int fill_standard_streams(void)
{
	static const char *const stand_ins[] = {"/dev/null", "/dev/full", "/dev/null"};

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open(stand_ins[fd], O_RDWR) != fd)
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	if (fill_standard_streams())
		return EXIT_STATUS_FAILED;
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	return cmd_trace(argc, argv);
}
