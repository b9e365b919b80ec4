/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * origin_maps.h: what the kernel side has counted of the origins of mappings, out of its maps: read as a record, and taken out
 * when a process has ended. Decodes none and names nothing: see origins.h.
 */
#ifndef VMASNOOP_ORIGIN_MAPS_H
#define VMASNOOP_ORIGIN_MAPS_H

#include <stdbool.h>
#include <stddef.h>

#include "../bpf/config.h"
#include "../bpf/event.h"

struct origin_maps {
	int watched; /* descriptors of the maps: by struct hot_key, struct watched */
	int origins; /* by stack key, struct origin */
	struct marks *marks;
	bool exact; /* the hooks have seen each call */
	bool without_stacks; /* nobody asked for them */
};

/*
 * What is known of the process by now, as a record. 0; -ENOENT: it is not watched; or another negative errno.
 */
int origin_maps_read(const struct origin_maps *maps, const struct event_process *process, bool final,
		     struct event_origins_full *ret);

/* All that are watched; the caller frees *ret. 0 or a negative errno. */
int origin_maps_list(const struct origin_maps *maps, struct event_process **ret, size_t *count);

/* Makes room: nothing more is known of the process. */
void origin_maps_forget(const struct origin_maps *maps, const struct event_process *process);

#endif
