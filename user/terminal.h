/* SPDX-License-Identifier: GPL-2.0-or-later */
/* terminal.h: how wide the lines for people may be. */
#ifndef VMASNOOP_TERMINAL_H
#define VMASNOOP_TERMINAL_H

#include <stddef.h>

/*
 * COLUMNS where it is a number in bounds, else what the terminal says, else 80, as for a file. At least 40 and at most 500.
 * `fd` -1: none.
 */
size_t terminal_columns(int fd);

#endif
