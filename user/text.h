/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h: byte strings of strangers (names, paths, cgroups) made fit to show: on a terminal, or in JSON. Knows bytes and
 * code points only; quoting and JSON's own escapes are the sinks'.
 */
#ifndef VMASNOOP_TEXT_H
#define VMASNOOP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* A buffer of this size, the final NUL included, is enough for any `length` bytes. */
#define TEXT_NEUTRALISED_BYTES(length) (4 * (length) + 1)
#define TEXT_UTF8_FIXED_BYTES(length)  (3 * (length) + 1)

/*
 * For terminals: control bytes and bytes that are no UTF-8 become \xNN; code points that steer a terminal or hide or
 * reorder text (C1, bidirectional overrides, zero-width, tags, line separators) become \u{...}. A backslash stays as it
 * is, so this is for people and cannot be undone. Like snprintf(): always ends with a NUL when size is not 0, returns
 * the length that the whole text needs, and cuts at no place inside an escape or a character.
 */
size_t text_neutralise(const char *bytes, size_t length, char *ret, size_t size);

/*
 * For JSON: bytes that are no UTF-8 become U+FFFD, one for each maximal part of a character (as in Unicode 3.9 and
 * Python), and so does NUL. Returns whether the text differs from the bytes, also when it did not fit.
 */
bool text_utf8_fix(const char *bytes, size_t length, char *ret, size_t size);

#endif
