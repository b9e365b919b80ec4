/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Checks of one failure record by itself, without regard to the other records of the log. */
#ifndef ORACLE_RECORD_H
#define ORACLE_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "calls.h"
#include "differences.h"
#include "flagged.h"

/* Fields by path, "process.pid"; what is missing or of another type is false or NULL. */
const char *record_string(const json_t *record, const char *path);
bool record_integer(const json_t *record, const char *path, json_int_t *ret);
bool record_address(const json_t *record, const char *path, uint64_t *ret);

/* False: the record does not identify a call. */
bool record_call(const json_t *record, struct call *ret);

void record_check(const json_t *record, size_t line, const struct call *call, const struct expected *expected,
		  struct differences *differences);

#endif
