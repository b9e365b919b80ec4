// SPDX-License-Identifier: GPL-2.0-or-later
/* symbolizer_dying.c: see symbolizer_dying.h. */
#include "symbolizer_dying.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"

#define NSEC_PER_MSEC  1000000ULL
#define LAST_WAIT_MSEC 3000

struct dying {
	int epoll;
	struct symbolizer_process *list[DYING_MAX]; /* NULL: a free place */
};

int dying_new(struct dying **ret)
{
	struct dying *dying = calloc(1, sizeof(*dying));
	int err;

	if (!dying)
		return -ENOMEM;
	dying->epoll = epoll_create1(EPOLL_CLOEXEC);
	err = dying->epoll < 0 ? -errno : 0;
	if (err)
		dying_free(dying);
	else
		*ret = dying;
	return err;
}

int dying_fd(const struct dying *dying)
{
	return dying->epoll;
}

/* The descriptor goes out of the set first: a child that is just being started has a copy, which would keep it there. */
static void let_go(struct dying *dying, struct symbolizer_process **process)
{
	epoll_ctl(dying->epoll, EPOLL_CTL_DEL, symbolizer_process_pidfd(*process), NULL);
	symbolizer_process_free(cleanup_take(*process));
}

void dying_reap(struct dying *dying)
{
	bool killed;

	for (size_t i = 0; i < DYING_MAX; i++)
		if (dying->list[i] && symbolizer_process_reap(dying->list[i], &killed))
			let_go(dying, &dying->list[i]);
}

static size_t count_of(const struct dying *dying)
{
	size_t count = 0;

	for (size_t i = 0; i < DYING_MAX; i++)
		count += dying->list[i] != NULL;
	return count;
}

bool dying_is_full(const struct dying *dying)
{
	return count_of(dying) == DYING_MAX;
}

/* One that cannot be watched is reaped along with another one. */
void dying_add(struct dying *dying, struct symbolizer_process *process)
{
	struct epoll_event event = {.events = EPOLLIN};
	size_t place = 0;

	symbolizer_process_end(process);
	while (place < DYING_MAX && dying->list[place])
		place++;
	assert(place < DYING_MAX);
	dying->list[place] = process;
	epoll_ctl(dying->epoll, EPOLL_CTL_ADD, symbolizer_process_pidfd(process), &event);
	dying_reap(dying);
}

static void wait_for_all(struct dying *dying)
{
	struct pollfd ended = {.fd = dying->epoll, .events = POLLIN};
	uint64_t now_ns = clock_now_ns(CLOCK_MONOTONIC), end_ns = now_ns + LAST_WAIT_MSEC * NSEC_PER_MSEC;

	dying_reap(dying);
	while (count_of(dying) && now_ns < end_ns) {
		poll(&ended, 1, (int)((end_ns - now_ns) / NSEC_PER_MSEC) + 1);
		dying_reap(dying);
		now_ns = clock_now_ns(CLOCK_MONOTONIC);
	}
}

void dying_free(struct dying *dying)
{
	if (!dying)
		return;
	wait_for_all(dying);
	for (size_t i = 0; i < DYING_MAX; i++)
		symbolizer_process_free(dying->list[i]);
	if (dying->epoll >= 0)
		close(dying->epoll);
	free(dying);
}
