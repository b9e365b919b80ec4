// SPDX-License-Identifier: GPL-2.0-or-later
/* log.c: see log.h. The level and the ring of libbpf's last warnings are all the state there is. */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "text.h"

#define PREFIX "vmasnoop: "

enum {
	LINE_BYTES = 1024, /* of a message as formatted; the rest is cut */
	LIBBPF_LINES = 16, /* a refused program's last words: verifier verdict, errno, which object */
	LIBBPF_LINE_BYTES = 256,
};

static enum log_level current_level = LOG_LEVEL_INFO;

static struct {
	char lines[LIBBPF_LINES][LIBBPF_LINE_BYTES];
	size_t written; /* since the start or the last clear */
} libbpf_ring;

enum log_level log_level_from(bool quiet, unsigned int verbose)
{
	if (quiet)
		return LOG_LEVEL_ERROR;
	if (verbose == 0)
		return LOG_LEVEL_INFO;
	return verbose == 1 ? LOG_LEVEL_DEBUG : LOG_LEVEL_LIBBPF;
}

void log_set_level(enum log_level level)
{
	current_level = level;
}

/* One write, so that the lines of the tracer and of COMMAND do not mix on the same terminal. */
static void write_line(const char *line, size_t length)
{
	char out[sizeof(PREFIX) + TEXT_NEUTRALISED_BYTES(LINE_BYTES) + 1] = PREFIX;
	size_t used = strlen(PREFIX);

	if (length > LINE_BYTES)
		length = LINE_BYTES;
	used += text_neutralise(line, length, out + used, TEXT_NEUTRALISED_BYTES(LINE_BYTES));
	out[used++] = '\n';
	/* Nobody is left to tell when stderr itself fails. */
	if (write(STDERR_FILENO, out, used) < 0)
		return;
}

void log_message(enum log_level level, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_BYTES + 1];
	va_list args;

	if (level > current_level)
		return;
	va_start(args, format);
	if (vsnprintf(line, sizeof(line), format, args) >= 0)
		write_line(line, strlen(line));
	va_end(args);
	errno = saved_errno;
}

static void keep_line(const char *line, size_t length)
{
	char *slot = libbpf_ring.lines[libbpf_ring.written++ % LIBBPF_LINES];

	text_neutralise(line, length, slot, LIBBPF_LINE_BYTES);
}

/* One call may bring a whole verifier log: megabytes, in many lines. */
int log_libbpf_print(enum libbpf_print_level level, const char *format, va_list args)
{
	int saved_errno = errno;
	_cleanup_free_ char *text = NULL;
	int length = vasprintf(&text, format, args);

	if (length < 0) {
		text = NULL; /* vasprintf() leaves it undefined */
		errno = saved_errno;
		return 0;
	}
	for (const char *line = text, *end; *line; line = *end ? end + 1 : end) {
		end = strchrnul(line, '\n');
		if (end == line)
			continue;
		if (level == LIBBPF_WARN)
			keep_line(line, end - line);
		if (current_level >= LOG_LEVEL_LIBBPF)
			write_line(line, end - line);
	}
	errno = saved_errno;
	return length;
}

const char *log_last_libbpf(size_t back)
{
	if (back >= LIBBPF_LINES || back >= libbpf_ring.written)
		return NULL;
	return libbpf_ring.lines[(libbpf_ring.written - 1 - back) % LIBBPF_LINES];
}

void log_clear_libbpf(void)
{
	libbpf_ring.written = 0;
}
