/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output.h: where the data goes: standard output or the file of -o, as text or as JSON. Counts what could not be
 * written; whether that ends the run is the command's to say.
 */
#ifndef VMASNOOP_OUTPUT_H
#define VMASNOOP_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "sink.h"

struct output;

/* `path` NULL: standard output. `verbose`: see sink_detail(). A file is created 0600 and appended to. Returns 0 or a negative errno. */
int output_open(const char *path, bool json, bool verbose, struct output **ret);

/* Flushes and closes. Returns the negative errno of that. */
int output_close(struct output *output);

struct sink *output_sink(const struct output *output);

/* Takes the return of a render function: counts a record that was not written, and says so once, on stderr. */
void output_note(struct output *output, int err);
uint64_t output_errors(const struct output *output);

/* The reader of the pipe is gone: nothing will ever be written again. */
bool output_is_gone(const struct output *output);

#endif
