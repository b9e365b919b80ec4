// SPDX-License-Identifier: GPL-2.0-or-later
/* Collects differences. Does not find them. */
#define _GNU_SOURCE 1
#include "differences.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void differences_add(struct differences *differences, const char *format, ...)
{
	size_t number = differences->count++;
	va_list args;

	if (number >= DIFFERENCES_KEPT)
		return;
	va_start(args, format);
	if (vasprintf(&differences->lines[number], format, args) < 0)
		differences->lines[number] = NULL;
	va_end(args);
}

void differences_print(const struct differences *differences)
{
	for (size_t i = 0; i < differences->count && i < DIFFERENCES_KEPT; i++)
		printf("  %s\n", differences->lines[i] ? differences->lines[i] : "(out of memory)");
	if (differences->count > DIFFERENCES_KEPT)
		printf("  and %zu more\n", differences->count - DIFFERENCES_KEPT);
}

void differences_fini(struct differences *differences)
{
	for (size_t i = 0; i < differences->count && i < DIFFERENCES_KEPT; i++)
		free(differences->lines[i]);
}
