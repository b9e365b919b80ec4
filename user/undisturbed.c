// SPDX-License-Identifier: GPL-2.0-or-later
/* undisturbed.c: see undisturbed.h. */
#include "undisturbed.h"

#include <errno.h>
#include <sched.h>

#include <bpf/bpf.h>

/* What the thread goes back to. */
static struct {
	bool needed;
	int policy;
	struct sched_param param;
} usual;

void undisturbed_set_up(bool preemptible)
{
	usual.policy = sched_getscheduler(0);
	usual.needed = preemptible && usual.policy >= 0 && !sched_getparam(0, &usual.param);
}

/* Whether there is something to be undone. */
static bool begin(void)
{
	struct sched_param least = {.sched_priority = sched_get_priority_min(SCHED_FIFO)};

	return usual.needed && !sched_setscheduler(0, SCHED_FIFO, &least);
}

static int end(bool begun, int result)
{
	int err = result ? -errno : 0;

	if (begun)
		sched_setscheduler(0, usual.policy, &usual.param);
	return err;
}

int undisturbed_lookup(int map, const void *key, void *value)
{
	bool begun = begin();

	return end(begun, bpf_map_lookup_elem(map, key, value));
}

int undisturbed_update(int map, const void *key, const void *value, uint64_t flags)
{
	bool begun = begin();

	return end(begun, bpf_map_update_elem(map, key, value, flags));
}

int undisturbed_delete(int map, const void *key)
{
	bool begun = begin();

	return end(begun, bpf_map_delete_elem(map, key));
}
