// SPDX-License-Identifier: GPL-2.0-or-later
/* waiter.c: see waiter.h. Every source is a descriptor in one epoll set. */
#include "waiter.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define NSEC_PER_SEC	1000000000ULL
#define SOURCES_AT_ONCE 16

struct waiter {
	int epoll;
	int signals;
	int tick;
	int duration;
	int *pidfds;
	size_t pidfd_count;
	size_t alive;
};

/* What is stored with a descriptor: which wake it means, and itself. */
static uint64_t source_tag(enum waiter_wake wake, int fd)
{
	return (uint64_t)wake << 32 | (uint32_t)fd;
}

static int source_add(struct waiter *waiter, enum waiter_wake wake, int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = source_tag(wake, fd)};

	return epoll_ctl(waiter->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int timer_add(struct waiter *waiter, enum waiter_wake wake, uint64_t first_ns, uint64_t every_ns, int *ret)
{
	struct itimerspec spec = {
		.it_value = {(time_t)(first_ns / NSEC_PER_SEC), (long)(first_ns % NSEC_PER_SEC)},
		.it_interval = {(time_t)(every_ns / NSEC_PER_SEC), (long)(every_ns % NSEC_PER_SEC)},
	};

	*ret = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (*ret < 0 || timerfd_settime(*ret, 0, &spec, NULL))
		return -errno;
	return source_add(waiter, wake, *ret);
}

static int signals_add(struct waiter *waiter)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	waiter->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (waiter->signals < 0)
		return -errno;
	return source_add(waiter, WAKE_INTERRUPT, waiter->signals);
}

int waiter_new(struct waiter **ret)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	int err = 0;

	if (!waiter)
		return -ENOMEM;
	waiter->signals = waiter->tick = waiter->duration = -1;
	waiter->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (waiter->epoll < 0)
		err = -errno;
	if (!err)
		err = signals_add(waiter);
	if (!err)
		err = timer_add(waiter, WAKE_TICK, NSEC_PER_SEC, NSEC_PER_SEC, &waiter->tick);
	if (err) {
		waiter_free(waiter);
		return err;
	}
	*ret = waiter;
	return 0;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void waiter_free(struct waiter *waiter)
{
	if (!waiter)
		return;
	close_if_open(waiter->epoll);
	close_if_open(waiter->signals);
	close_if_open(waiter->tick);
	close_if_open(waiter->duration);
	for (size_t i = 0; i < waiter->pidfd_count; i++)
		close(waiter->pidfds[i]);
	free(waiter->pidfds);
	free(waiter);
}

int waiter_add_ring(struct waiter *waiter, int epoll_fd)
{
	return source_add(waiter, WAKE_RING, epoll_fd);
}

int waiter_add_symbolizer(struct waiter *waiter, int fd)
{
	return source_add(waiter, WAKE_SYMBOLIZER, fd);
}

int waiter_add_duration(struct waiter *waiter, uint64_t duration_ns)
{
	return timer_add(waiter, WAKE_TIME_UP, duration_ns, 0, &waiter->duration);
}

int waiter_add_command(struct waiter *waiter, int pidfd)
{
	return source_add(waiter, WAKE_COMMAND_ENDED, pidfd);
}

int waiter_add_process(struct waiter *waiter, pid_t pid)
{
	int *grown = reallocarray(waiter->pidfds, waiter->pidfd_count + 1, sizeof(*grown));
	int fd;

	if (!grown)
		return -ENOMEM;
	waiter->pidfds = grown;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return -errno;
	waiter->pidfds[waiter->pidfd_count++] = fd;
	waiter->alive++;
	/* Readable when the whole thread group has ended, not when only its leader has: pidfd_open(2). */
	return source_add(waiter, WAKE_PROCESSES_ENDED, fd);
}

static int read_signals(const struct waiter *waiter)
{
	struct signalfd_siginfo info;
	int wakes = 0;

	while (read(waiter->signals, &info, sizeof(info)) == sizeof(info))
		wakes |= info.ssi_signo == SIGTERM ? WAKE_TERMINATE : WAKE_INTERRUPT;
	return wakes;
}

static int take_wake(struct waiter *waiter, uint64_t tag)
{
	enum waiter_wake wake = tag >> 32;
	int fd = (int)(uint32_t)tag;
	uint64_t expirations;

	switch (wake) {
	case WAKE_INTERRUPT:
		return read_signals(waiter);
	case WAKE_TICK:
	case WAKE_TIME_UP:
		return read(fd, &expirations, sizeof(expirations)) == sizeof(expirations) ? (int)wake : 0;
	case WAKE_PROCESSES_ENDED:
		epoll_ctl(waiter->epoll, EPOLL_CTL_DEL, fd, NULL);
		return --waiter->alive ? 0 : WAKE_PROCESSES_ENDED;
	default:
		return (int)wake;
	}
}

int waiter_wait(struct waiter *waiter)
{
	struct epoll_event events[SOURCES_AT_ONCE];
	int count, wakes = 0;

	while (!wakes) {
		count = epoll_wait(waiter->epoll, events, SOURCES_AT_ONCE, -1);
		if (count < 0 && errno != EINTR)
			return -errno;
		for (int i = 0; i < count; i++)
			wakes |= take_wake(waiter, events[i].data.u64);
	}
	return wakes;
}

int waiter_wait_briefly(struct waiter *waiter, int fd, uint64_t most_ns)
{
	struct pollfd sources[] = {{.fd = fd, .events = POLLIN}, {.fd = waiter->signals, .events = POLLIN}};
	const struct timespec most = {(time_t)(most_ns / NSEC_PER_SEC), (long)(most_ns % NSEC_PER_SEC)};
	int wakes = 0;

	if (ppoll(sources, sizeof(sources) / sizeof(sources[0]), &most, NULL) < 0)
		return errno == EINTR ? 0 : -errno;
	if (sources[0].revents)
		wakes |= WAKE_SYMBOLIZER;
	if (sources[1].revents)
		wakes |= read_signals(waiter);
	return wakes;
}
