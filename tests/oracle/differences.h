/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The differences found: all are counted, the first ones are kept to be printed. */
#ifndef ORACLE_DIFFERENCES_H
#define ORACLE_DIFFERENCES_H

#include <stddef.h>

enum { DIFFERENCES_KEPT = 20 };

struct differences {
	size_t count;
	char *lines[DIFFERENCES_KEPT];
};

__attribute__((format(printf, 2, 3))) void differences_add(struct differences *differences, const char *format, ...);
void differences_print(const struct differences *differences);
void differences_fini(struct differences *differences);

#endif
