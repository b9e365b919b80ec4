// SPDX-License-Identifier: GPL-2.0-or-later
/* capture.c: see capture.h. */
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event.h"

#define RECORD_ALIGN 8

struct capture_writer {
	FILE *file;
	int err;
	uint64_t record[(EVENT_PACKED_MAX + 7) / 8];
};

struct capture_reader {
	FILE *file;
	struct capture_head head;
	union {
		struct event_header header;
		uint64_t room[(EVENT_PACKED_MAX + 7) / 8]; /* the largest there is; aligned as a record must be */
	} record;
};

/* Somebody else's file is not overwritten by a slip of the command line. */
static int check_overwrite(FILE *file)
{
	char magic[sizeof(((struct capture_head *)0)->magic)];
	size_t got = fread(magic, 1, sizeof(magic), file);

	if (got && (got != sizeof(magic) || memcmp(magic, CAPTURE_MAGIC, sizeof(magic))))
		return -EEXIST;
	rewind(file);
	return ftruncate(fileno(file), 0) ? -errno : 0;
}

int capture_create(const char *path, const struct capture_head *head, struct capture_writer **ret)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	struct capture_writer *writer;
	struct stat status;
	int err = 0;

	if (fd < 0)
		return -errno;
	writer = calloc(1, sizeof(*writer));
	if (writer)
		writer->file = fdopen(fd, "r+");
	if (!writer || !writer->file) {
		close(fd);
		free(writer);
		return -ENOMEM;
	}
	if (!fstat(fd, &status) && S_ISREG(status.st_mode))
		err = check_overwrite(writer->file) ?: fchmod(fd, 0600) ? -errno : 0;
	if (!err && fwrite(head, sizeof(*head), 1, writer->file) != 1)
		err = -errno;
	if (err) {
		fclose(writer->file);
		free(writer);
		return err;
	}
	*ret = writer;
	return 0;
}

int capture_write(struct capture_writer *writer, const struct event *event)
{
	static const char zeros[RECORD_ALIGN];
	size_t size = event_pack(event, writer->record);
	size_t padding = -size % RECORD_ALIGN;

	if (fwrite(writer->record, size, 1, writer->file) != 1 ||
	    (padding && fwrite(zeros, padding, 1, writer->file) != 1))
		writer->err = writer->err ?: -errno;
	return writer->err;
}

int capture_close(struct capture_writer *writer)
{
	int err;

	if (!writer)
		return 0;
	err = writer->err;
	if (fclose(writer->file) && !err)
		err = -errno;
	free(writer);
	return err;
}

int capture_open(const char *path, struct capture_reader **ret)
{
	struct capture_reader *reader = calloc(1, sizeof(*reader));
	int err = 0;

	if (!reader)
		return -ENOMEM;
	reader->file = fopen(path, "re");
	if (!reader->file)
		err = -errno;
	else if (fread(&reader->head, sizeof(reader->head), 1, reader->file) != 1)
		err = ferror(reader->file) ? -errno : -EBADMSG;
	else if (memcmp(reader->head.magic, CAPTURE_MAGIC, sizeof(reader->head.magic)) ||
		 reader->head.version != CAPTURE_VERSION)
		err = -EBADMSG;
	if (err) {
		capture_reader_free(reader);
		return err;
	}
	*ret = reader;
	return 0;
}

const struct capture_head *capture_head(const struct capture_reader *reader)
{
	return &reader->head;
}

void capture_reader_free(struct capture_reader *reader)
{
	if (!reader)
		return;
	if (reader->file)
		fclose(reader->file);
	free(reader);
}

int capture_next(struct capture_reader *reader, const void **data, size_t *size)
{
	struct event_header *header = &reader->record.header;
	size_t got = fread(header, 1, sizeof(*header), reader->file);
	size_t rest;

	if (ferror(reader->file))
		return -EIO;
	if (!got)
		return 0;
	if (got < sizeof(*header))
		return -EBADMSG;
	if (header->size < sizeof(*header) || header->size > sizeof(reader->record))
		return -EBADMSG;
	rest = header->size - sizeof(*header) + -header->size % RECORD_ALIGN;
	if (rest > sizeof(reader->record) - sizeof(*header) || (rest && fread(header + 1, rest, 1, reader->file) != 1))
		return -EBADMSG;
	*data = &reader->record;
	*size = header->size;
	return 1;
}
