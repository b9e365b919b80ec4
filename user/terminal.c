// SPDX-License-Identifier: GPL-2.0-or-later
/* terminal.c: see terminal.h. */
#include "terminal.h"

#include <stdlib.h>
#include <sys/ioctl.h>

#define COLUMNS_LEAST	40
#define COLUMNS_MOST	500
#define COLUMNS_DEFAULT 80

static size_t within_bounds(size_t columns)
{
	if (columns < COLUMNS_LEAST)
		return COLUMNS_LEAST;
	return columns > COLUMNS_MOST ? COLUMNS_MOST : columns;
}

size_t terminal_columns(int fd)
{
	const char *variable = getenv("COLUMNS");
	struct winsize size = {};
	char *end = NULL;
	unsigned long columns = variable ? strtoul(variable, &end, 10) : 0;

	if (columns && !*end)
		return within_bounds(columns);
	if (fd >= 0 && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		return within_bounds(size.ws_col);
	return COLUMNS_DEFAULT;
}
