// SPDX-License-Identifier: GPL-2.0-or-later
/* maps_reader.c: see maps_reader.h. */
#include "maps_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (256 * 1024)

struct maps_reader {
	int fd;
	bool smaps;
	bool met_smaps;
	bool ended; /* the file has nothing more than what is in the buffer */
	uint64_t line;
	size_t start; /* of what is in the buffer and not taken */
	size_t end;
	struct vm_flag_codes codes;
	char name[MAPS_LINE_BYTES]; /* of the mapping whose other lines are being read */
	char buffer[BUFFER_BYTES];
};

int maps_reader_new(int fd, bool smaps, struct maps_reader **ret)
{
	struct maps_reader *reader = calloc(1, sizeof(*reader));

	if (!reader)
		return -ENOMEM;
	reader->fd = fd;
	reader->smaps = smaps;
	vm_flag_codes_init(&reader->codes);
	*ret = reader;
	return 0;
}

void maps_reader_free(struct maps_reader *reader)
{
	free(reader);
}

uint64_t maps_reader_line(const struct maps_reader *reader)
{
	return reader->line;
}

bool maps_reader_met_smaps(const struct maps_reader *reader)
{
	return reader->met_smaps;
}

const struct vm_flag_codes *maps_reader_codes(const struct maps_reader *reader)
{
	return &reader->codes;
}

/* Reads once more behind what is there. */
static int fill(struct maps_reader *reader)
{
	ssize_t got;

	memmove(reader->buffer, reader->buffer + reader->start, reader->end - reader->start);
	reader->end -= reader->start;
	reader->start = 0;
	do
		got = read(reader->fd, reader->buffer + reader->end, BUFFER_BYTES - reader->end);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	reader->ended = got == 0;
	reader->end += (size_t)got;
	return 0;
}

/* The first byte of the next line without taking it: 1, 0 at the end of the file, or a negative errno. */
static int peek(struct maps_reader *reader, char *ret)
{
	int err = 0;

	while (!err && reader->start == reader->end && !reader->ended)
		err = fill(reader);
	if (err || reader->start == reader->end)
		return err;
	*ret = reader->buffer[reader->start];
	return 1;
}

/* The next line without its newline, in the buffer: 1, 0 at the end of the file, or a negative errno. */
static int take_line(struct maps_reader *reader, char **ret, size_t *ret_length)
{
	size_t searched = 0;

	for (;;) {
		char *line = reader->buffer + reader->start;
		size_t there = reader->end - reader->start;
		char *newline = memchr(line + searched, '\n', there - searched);
		int err;

		if (newline || there > MAPS_LINE_BYTES || (reader->ended && there))
			reader->line++;
		if (newline) {
			*ret = line;
			*ret_length = (size_t)(newline - line);
			reader->start += *ret_length + 1;
			return *ret_length > MAPS_LINE_BYTES ? -EBADMSG : 1;
		}
		if (there > MAPS_LINE_BYTES)
			return -EBADMSG;
		if (reader->ended)
			return there ? -ENODATA : 0;
		searched = there;
		err = fill(reader);
		if (err)
			return err;
	}
}

/* Attributes have names that begin with a capital letter ("Rss:"), mappings begin with a lower-case hex digit. */
static bool is_attribute(char first)
{
	return first >= 'A' && first <= 'Z';
}

/* What smaps says below the line of the mapping. */
static int take_attributes(struct maps_reader *reader, struct maps_entry *entry)
{
	static const char vm_flags[] = "VmFlags:";
	const size_t vm_flags_length = sizeof(vm_flags) - 1;
	size_t length;
	char first, *line;
	int more;

	/* The buffer may be moved below. */
	memcpy(reader->name, entry->line.name, entry->line.name_length);
	entry->line.name = reader->name;
	while ((more = peek(reader, &first)) > 0 && is_attribute(first)) {
		int err = take_line(reader, &line, &length);

		if (err <= 0)
			return err;
		if (!memchr(line, ':', length))
			return -EBADMSG;
		if (length < vm_flags_length || memcmp(line, vm_flags, vm_flags_length))
			continue;
		err = vm_flag_codes_parse(&reader->codes, line + vm_flags_length, length - vm_flags_length,
					  &entry->flags);
		if (err)
			return err;
		entry->flags_known = true;
	}
	return more < 0 ? more : 1;
}

int maps_reader_next(struct maps_reader *reader, struct maps_entry *ret)
{
	struct maps_entry entry = {};
	size_t length;
	char *line;
	int more = take_line(reader, &line, &length);

	if (more <= 0)
		return more;
	if (maps_parse_line(line, length, &entry.line)) {
		reader->met_smaps = !reader->smaps && length && is_attribute(*line) && memchr(line, ':', length);
		return -EBADMSG;
	}
	more = reader->smaps ? take_attributes(reader, &entry) : 1;
	if (more > 0)
		*ret = entry;
	return more;
}
