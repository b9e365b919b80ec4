// SPDX-License-Identifier: GPL-2.0-or-later
/* sink.c: the primitives of sink.h, and what they share; the sinks themselves are sink_json.c and sink_text.c. */
#include "sink.h"

#include <inttypes.h>
#include <string.h>

void sink_free(struct sink *sink)
{
	if (sink)
		sink->ops->destroy(sink);
}

void sink_record_begin(struct sink *sink)
{
	sink->ops->record_begin(sink);
}

int sink_record_end(struct sink *sink)
{
	return sink->ops->record_end(sink);
}

void sink_object_begin(struct sink *sink, const char *name)
{
	sink->ops->object_begin(sink, name);
}

void sink_array_begin(struct sink *sink, const char *name)
{
	sink->ops->array_begin(sink, name);
}

void sink_end(struct sink *sink)
{
	sink->ops->end(sink);
}

void sink_null(struct sink *sink, const char *name)
{
	sink->ops->null(sink, name);
}

void sink_bool(struct sink *sink, const char *name, bool value)
{
	sink->ops->boolean(sink, name, value);
}

void sink_number(struct sink *sink, const char *name, uint64_t value)
{
	sink->ops->number(sink, name, value);
}

void sink_integer(struct sink *sink, const char *name, int64_t value)
{
	sink->ops->integer(sink, name, value);
}

void sink_real(struct sink *sink, const char *name, double value)
{
	sink->ops->real(sink, name, value);
}

void sink_hex(struct sink *sink, const char *name, uint64_t value)
{
	char text[2 + 16 + 1];
	int length = snprintf(text, sizeof(text), "0x%" PRIx64, value);

	sink->ops->string(sink, name, text, (size_t)length);
}

void sink_string(struct sink *sink, const char *name, const char *value)
{
	if (value)
		sink->ops->string(sink, name, value, strlen(value));
	else
		sink->ops->null(sink, name);
}

void sink_line(struct sink *sink, const char *label, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sink->ops->line(sink, label, format, args);
	va_end(args);
}

void sink_detail(struct sink *sink, const char *label, const char *format, ...)
{
	va_list args;

	if (!sink->verbose)
		return;
	va_start(args, format);
	sink->ops->line(sink, label, format, args);
	va_end(args);
}
