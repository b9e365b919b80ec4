/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * folded.h: the origins of mappings as folded stacks, a line each, as flamegraph.pl and speedscope read them: process;outermost
 * frame;...;innermost frame, a space, and how many mappings it made net.
 */
#ifndef VMASNOOP_FOLDED_H
#define VMASNOOP_FOLDED_H

#include "model.h"

struct folded;

/* Creates the file 0600, or empties it. 0 or a negative errno. */
int folded_open(const char *path, struct folded **ret);

/* NULL is fine. Places that took away as much as they made or more have no line: the format knows no numbers below 1. */
void folded_add(struct folded *folded, const struct model_origins *origins);

/* Flushes and closes; the first error of any write is returned here. NULL is fine. */
int folded_close(struct folded *folded);

#endif
