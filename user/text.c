// SPDX-License-Identifier: GPL-2.0-or-later
/* text.c: see text.h. One strict UTF-8 decoder, and two ways to write what it finds. */
#include "text.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* One step through the bytes: a whole character, or bytes that are none. */
struct unit {
	uint32_t code; /* valid when `valid` is */
	size_t length; /* of the bytes it takes, at least 1 */
	bool valid;
};

/* What has been written, and what would have been. */
struct output {
	char *bytes;
	size_t size;
	size_t used;
	size_t needed;
};

/* How a lead byte goes on. The bounds on the second byte shut out overlong forms, surrogates and all above U+10FFFF. */
struct lead {
	uint8_t first, last;
	uint8_t length;
	uint8_t second_min, second_max;
};

static const struct lead leads[] = {
	{0x00, 0x7f, 1, 0x00, 0x00}, {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
	{0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
	{0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

static const struct lead *find_lead(uint8_t byte)
{
	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		if (byte >= leads[i].first && byte <= leads[i].last)
			return &leads[i];
	}
	return NULL;
}

static struct unit next_unit(const char *text, size_t length)
{
	const uint8_t *bytes = (const uint8_t *)text;
	const struct lead *lead = find_lead(bytes[0]);
	struct unit unit = {.length = 1};

	if (!lead)
		return unit;
	unit.code = lead->length == 1 ? bytes[0] : bytes[0] & (0x7f >> lead->length);
	for (; unit.length < lead->length; unit.length++) {
		uint8_t min = unit.length == 1 ? lead->second_min : 0x80;
		uint8_t max = unit.length == 1 ? lead->second_max : 0xbf;

		if (unit.length == length || bytes[unit.length] < min || bytes[unit.length] > max)
			return unit;
		unit.code = unit.code << 6 | (bytes[unit.length] & 0x3f);
	}
	unit.valid = true;
	return unit;
}

/* Writes the piece whole or, once one did not fit, not at all. */
static void put(struct output *out, const char *piece, size_t length)
{
	if (out->used == out->needed && out->used + length < out->size) {
		memcpy(out->bytes + out->used, piece, length);
		out->used += length;
	}
	out->needed += length;
}

static size_t finish(struct output *out)
{
	if (out->size)
		out->bytes[out->used] = '\0';
	return out->needed;
}

static bool is_control_byte(uint32_t code)
{
	return code < 0x20 || code == 0x7f;
}

/* Code points that a terminal may act upon, or by which a text reads otherwise than it is. */
static bool is_deceptive(uint32_t code)
{
	static const struct {
		uint32_t first, last;
	} ranges[] = {
		{0x80, 0x9f}, /* C1 controls: U+009B is CSI */
		{0xad, 0xad}, /* soft hyphen */
		{0x61c, 0x61c}, /* Arabic letter mark */
		{0x180e, 0x180e}, /* Mongolian vowel separator */
		{0x200b, 0x200f}, /* zero-width, LRM, RLM */
		{0x2028, 0x202e}, /* line separators, bidirectional embeddings and overrides */
		{0x2060, 0x206f}, /* invisible operators, bidirectional isolates */
		{0xfeff, 0xfeff}, /* byte order mark */
		{0xfff9, 0xfffb}, /* interlinear annotations */
		{0xe0000, 0xe007f}, /* tags */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (code >= ranges[i].first && code <= ranges[i].last)
			return true;
	}
	return false;
}

static void put_escaped_bytes(struct output *out, const char *bytes, size_t length)
{
	char escape[sizeof("\\xNN")];

	for (size_t i = 0; i < length; i++) {
		snprintf(escape, sizeof(escape), "\\x%02x", (uint8_t)bytes[i]);
		put(out, escape, strlen(escape));
	}
}

static void put_escaped_code(struct output *out, uint32_t code)
{
	char escape[sizeof("\\u{ffffffff}")];

	snprintf(escape, sizeof(escape), "\\u{%x}", code);
	put(out, escape, strlen(escape));
}

size_t text_neutralise(const char *bytes, size_t length, char *ret, size_t size)
{
	struct output out = {.bytes = ret, .size = size};
	struct unit unit;

	for (size_t at = 0; at < length; at += unit.length) {
		unit = next_unit(bytes + at, length - at);
		if (!unit.valid || is_control_byte(unit.code))
			put_escaped_bytes(&out, bytes + at, unit.length);
		else if (is_deceptive(unit.code))
			put_escaped_code(&out, unit.code);
		else
			put(&out, bytes + at, unit.length);
	}
	return finish(&out);
}

bool text_utf8_fix(const char *bytes, size_t length, char *ret, size_t size)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	struct output out = {.bytes = ret, .size = size};
	struct unit unit;
	bool changed = false;

	for (size_t at = 0; at < length; at += unit.length) {
		unit = next_unit(bytes + at, length - at);
		if (unit.valid && unit.code) {
			put(&out, bytes + at, unit.length);
			continue;
		}
		put(&out, replacement, strlen(replacement));
		changed = true;
	}
	return finish(&out) > out.used || changed;
}
