/* SPDX-License-Identifier: GPL-2.0-or-later */
/* render_common.h: what render.c and render_failure.c share, and nobody else needs. */
#ifndef VMASNOOP_RENDER_COMMON_H
#define VMASNOOP_RENDER_COMMON_H

#include <stdint.h>

#include "sink.h"

/* Opens a record with the fields that every one has. */
void render_begin(struct sink *sink, const char *event, uint64_t time_ns);

/* The names of the log; "unknown" for a value that is not in the list. */
const char *render_verdict_name(uint32_t verdict);
const char *render_syscall_name(uint32_t syscall);

#endif
