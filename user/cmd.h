/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd.h: the commands that main.c dispatches to, and the exit statuses that they all have. */
#ifndef VMASNOOP_CMD_H
#define VMASNOOP_CMD_H

enum exit_status {
	EXIT_STATUS_COMPLETE = 0,
	EXIT_STATUS_FAILED = 1,
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_CANNOT = 3, /* this kernel or these privileges cannot do it */
	EXIT_STATUS_LOST = 4, /* finished, but events were lost */
};

/* argv[0] is the command's own name. Each returns the exit status. */
int cmd_trace(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_census(int argc, char **argv);

#endif
