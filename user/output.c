// SPDX-License-Identifier: GPL-2.0-or-later
/* output.c: see output.h. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

struct output {
	FILE *file;
	const char *name;
	struct sink *sink;
	uint64_t errors;
	bool told;
	bool gone;
};

static FILE *file_open(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600);
	FILE *file;

	if (fd < 0)
		return NULL;
	file = fdopen(fd, "a");
	if (!file)
		close(fd);
	return file;
}

static bool wants_colour(const FILE *file)
{
	const char *no_color = getenv("NO_COLOR");

	/* https://no-color.org: present and not empty, whatever its value. */
	return isatty(fileno((FILE *)file)) && !(no_color && *no_color);
}

int output_open(const char *path, bool json, bool verbose, struct output **ret)
{
	struct output *output = calloc(1, sizeof(*output));
	int err;

	if (!output)
		return -ENOMEM;
	output->name = path ?: "standard output";
	output->file = path ? file_open(path) : stdout;
	if (!output->file)
		err = -errno;
	else if (json)
		err = sink_json_new(output->file, &output->sink);
	else
		err = sink_text_new(output->file, wants_colour(output->file), &output->sink);
	if (err) {
		output_close(output);
		return err;
	}
	output->sink->verbose = verbose;
	*ret = output;
	return 0;
}

int output_close(struct output *output)
{
	int err = 0;

	if (!output)
		return 0;
	sink_free(output->sink);
	if (output->file && output->file != stdout && fclose(output->file))
		err = -errno;
	free(output);
	return err;
}

struct sink *output_sink(const struct output *output)
{
	return output->sink;
}

void output_note(struct output *output, int err)
{
	if (!err)
		return;
	output->errors++;
	if (err == -EPIPE)
		output->gone = true;
	if (output->told)
		return;
	output->told = true;
	if (output->gone)
		log_warn("cannot write to %s: its reader is gone", output->name);
	else
		log_warn("cannot write to %s: %s; tracing goes on, and what is lost is counted", output->name,
			 strerror(-err));
}

uint64_t output_errors(const struct output *output)
{
	return output->errors;
}

bool output_is_gone(const struct output *output)
{
	return output->gone;
}
