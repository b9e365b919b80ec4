// SPDX-License-Identifier: GPL-2.0-or-later
/* rung.c: the names of the rungs. */
#include "rung.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <strings.h>

static const char *const rung_names[] = {
	[RUNG_AUTO] = "auto",
	[RUNG_FENTRY] = "fentry",
	[RUNG_KPROBE] = "kprobe",
	[RUNG_TRACEPOINT] = "tracepoint",
};

static const unsigned int rungs = sizeof(rung_names) / sizeof(rung_names[0]);

const char *rung_name(enum rung rung)
{
	assert(rung < rungs);
	return rung_names[rung];
}

int rung_parse(const char *name, enum rung *ret)
{
	for (unsigned int rung = 0; rung < rungs; rung++) {
		if (strcasecmp(name, rung_names[rung]) == 0) {
			*ret = rung;
			return 0;
		}
	}
	return -EINVAL;
}
