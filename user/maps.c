// SPDX-License-Identifier: GPL-2.0-or-later
/* maps.c: see maps.h. The format is show_map_vma()'s, fs/proc/task_mmu.c. */
#include "maps.h"

#include <errno.h>
#include <string.h>

#define HEX_DIGITS_MAX	   16
#define DECIMAL_DIGITS_MAX 20

/* What is left of the line. */
struct cursor {
	const char *at;
	const char *end;
};

/* 16 for a byte that is no digit: the kernel writes lower case. */
static unsigned int digit_of(char c)
{
	unsigned int value = (unsigned char)c - '0';

	if (value < 10)
		return value;
	value = (unsigned char)c - 'a';
	return value < 6 ? value + 10 : 16;
}

static bool take_hex(struct cursor *cursor, uint64_t *ret)
{
	const char *first = cursor->at;
	uint64_t value = 0;
	unsigned int digit;

	while (cursor->at < cursor->end && (digit = digit_of(*cursor->at)) < 16) {
		value = value << 4 | digit;
		cursor->at++;
	}
	*ret = value;
	return cursor->at != first && cursor->at - first <= HEX_DIGITS_MAX;
}

static bool take_hex32(struct cursor *cursor, uint32_t *ret)
{
	uint64_t value;

	if (!take_hex(cursor, &value) || value > UINT32_MAX)
		return false;
	*ret = (uint32_t)value;
	return true;
}

static bool take_decimal(struct cursor *cursor, uint64_t *ret)
{
	const char *first = cursor->at;
	uint64_t value = 0;
	unsigned int digit;

	while (cursor->at < cursor->end && (digit = digit_of(*cursor->at)) < 10) {
		if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, digit, &value))
			return false;
		cursor->at++;
	}
	*ret = value;
	return cursor->at != first && cursor->at - first <= DECIMAL_DIGITS_MAX;
}

static bool take_byte(struct cursor *cursor, char byte)
{
	if (cursor->at == cursor->end || *cursor->at != byte)
		return false;
	cursor->at++;
	return true;
}

static bool take_perms(struct cursor *cursor, uint8_t *ret)
{
	static const char set[] = "rwxs", unset[] = "---p";
	uint8_t perms = 0;

	if (cursor->end - cursor->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		if (cursor->at[i] == set[i])
			perms |= (uint8_t)(1 << i);
		else if (cursor->at[i] != unset[i])
			return false;
	}
	cursor->at += 4;
	*ret = perms;
	return true;
}

int maps_parse_line(char *line, size_t length, struct maps_line *ret)
{
	struct cursor cursor = {line, line + length};

	if (!take_hex(&cursor, &ret->start) || !take_byte(&cursor, '-') || !take_hex(&cursor, &ret->end) ||
	    !take_byte(&cursor, ' ') || !take_perms(&cursor, &ret->perms) || !take_byte(&cursor, ' ') ||
	    !take_hex(&cursor, &ret->offset) || !take_byte(&cursor, ' ') || !take_hex32(&cursor, &ret->dev_major) ||
	    !take_byte(&cursor, ':') || !take_hex32(&cursor, &ret->dev_minor) || !take_byte(&cursor, ' ') ||
	    !take_decimal(&cursor, &ret->inode))
		return -EBADMSG;
	if (ret->start >= ret->end)
		return -EBADMSG;
	if (cursor.at < cursor.end && !take_byte(&cursor, ' '))
		return -EBADMSG;
	while (take_byte(&cursor, ' '))
		;
	ret->name = line + (cursor.at - line);
	ret->name_length = (size_t)(cursor.end - cursor.at);
	return memchr(ret->name, '\0', ret->name_length) ? -EBADMSG : 0;
}

size_t maps_unescape(char *name, size_t length)
{
	char *in = memchr(name, '\\', length), *out = in, *end = name + length;

	if (!in)
		return length;
	while (in < end) {
		if (end - in >= 4 && !memcmp(in, "\\012", 4)) {
			*out++ = '\n';
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	if (out < end)
		*out = '\0';
	return (size_t)(out - name);
}
