// SPDX-License-Identifier: GPL-2.0-or-later
/* debuginfod.c: see debuginfod.h. */
#include "debuginfod.h"

#include <errno.h>
#include <stddef.h>

int debuginfod_new(int program, struct debuginfod **ret)
{
	(void)program, (void)ret;
	return -EOPNOTSUPP;
}

void debuginfod_free(struct debuginfod *debuginfod)
{
	(void)debuginfod;
}

int debuginfod_fd(const struct debuginfod *debuginfod)
{
	(void)debuginfod;
	return -1;
}

int debuginfod_fetch(struct debuginfod *debuginfod, const char *build_id)
{
	(void)debuginfod, (void)build_id;
	return -EAGAIN;
}

bool debuginfod_take(struct debuginfod *debuginfod, int *fd)
{
	(void)debuginfod, (void)fd;
	return false;
}
