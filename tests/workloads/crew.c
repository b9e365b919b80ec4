// SPDX-License-Identifier: GPL-2.0-or-later
/* Starts worker threads and keeps them in step. Does no work itself. */
#define _GNU_SOURCE 1
#include "crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int crew_start(struct crew *crew, size_t size, void *(*work)(void *))
{
	static struct crew_member members[CREW_MOST];

	crew->size = size;
	pthread_barrier_init(&crew->barrier, NULL, (unsigned int)size + 1);
	for (size_t i = 0; i < size; i++) {
		int error;

		members[i] = (struct crew_member){.crew = crew, .number = i};
		error = pthread_create(&crew->threads[i], NULL, work, &members[i]);
		if (error) {
			fprintf(stderr, "cannot start thread %zu of %zu: %s\n", i + 1, size, strerror(error));
			return -error;
		}
	}
	return 0;
}

void crew_meet(struct crew *crew)
{
	pthread_barrier_wait(&crew->barrier);
}

_Noreturn void crew_park(void)
{
	for (;;)
		pause();
}

size_t crew_parse_size(const char *text)
{
	char *end;
	unsigned long size = strtoul(text, &end, 10);

	return *text == '\0' || *end != '\0' || size > CREW_MOST ? 0 : size;
}
