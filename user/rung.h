/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rung.h: the alternatives by which an observation is hooked, best first, and their names. Which one a kernel accepts is
 * found by trying, elsewhere.
 */
#ifndef VMASNOOP_RUNG_H
#define VMASNOOP_RUNG_H

enum rung {
	RUNG_AUTO, /* the best that the kernel accepts; never the rung of an attached hook */
	RUNG_FENTRY,
	RUNG_KPROBE,
	RUNG_TRACEPOINT,
};

/* "auto", "fentry", "kprobe", "tracepoint": the same on the command line, in the log and in messages. */
const char *rung_name(enum rung rung);

/* The rung of that name, any case; -EINVAL when there is none. */
int rung_parse(const char *name, enum rung *ret);

#endif
