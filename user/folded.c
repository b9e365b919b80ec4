// SPDX-License-Identifier: GPL-2.0-or-later
/* folded.c: see folded.h. */
#include "folded.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mapping_calls.h"
#include "text.h"

struct folded {
	FILE *file;
};

int folded_open(const char *path, struct folded **ret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600);
	struct folded *folded;

	if (fd < 0)
		return -errno;
	folded = calloc(1, sizeof(*folded));
	if (folded)
		folded->file = fdopen(fd, "w");
	if (!folded || !folded->file) {
		close(fd);
		free(folded);
		return -ENOMEM;
	}
	*ret = folded;
	return 0;
}

/* A stranger's bytes: neither an end of the line, nor of the frame. */
static void put_name(struct folded *folded, const char *name)
{
	char safe[512];

	text_neutralise(name, strlen(name), safe, sizeof(safe));
	for (char *c = safe; *c; c++)
		if (*c == ';')
			*c = ':';
	fputs(safe, folded->file);
}

static void put_frame(struct folded *folded, const struct frame *frame)
{
	const char *base = frame->module ? strrchr(frame->module, '/') : NULL;
	char text[512];

	fputc(';', folded->file);
	if (frame->symbol) {
		put_name(folded, frame->symbol);
		return;
	}
	base = base ? base + 1 : frame->module;
	if (base)
		snprintf(text, sizeof(text), "%s+0x%" PRIx64, base, frame->offset);
	else
		snprintf(text, sizeof(text), "0x%" PRIx64, frame->addr);
	put_name(folded, text);
}

static void put_row(struct folded *folded, const char *comm, const struct origins_row *row)
{
	const struct stack *stack = row->stack ? row->stack->stack : NULL;
	char name[32];

	put_name(folded, comm);
	for (size_t i = stack ? stack->count : 0; i-- > 0;)
		put_frame(folded, &stack->frames[i]);
	if (!stack || !stack->count)
		fprintf(folded->file, ";[%s]", mapping_call_name(row->syscall, name));
	fprintf(folded->file, " %" PRId64 "\n", row->net);
}

static void put_rest(struct folded *folded, const char *comm, const char *what, int64_t net)
{
	if (net <= 0)
		return;
	put_name(folded, comm);
	fprintf(folded->file, ";[%s] %" PRId64 "\n", what, net);
}

void folded_add(struct folded *folded, const struct model_origins *origins)
{
	const char *comm = origins->raw->process.comm;
	const struct origins_table *table = origins->table;

	if (!folded)
		return;
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].net > 0)
			put_row(folded, comm, &table->rows[i]);
	put_rest(folded, comm, "other places", table->others_net);
	put_rest(folded, comm, "older than the watch", origins->raw->older);
}

int folded_close(struct folded *folded)
{
	int err;

	if (!folded)
		return 0;
	err = ferror(folded->file) ? -EIO : 0;
	if (fclose(folded->file) && !err)
		err = -errno;
	free(folded);
	return err;
}
