/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h: from raw records (bpf/event.h) to checked ones. Every record passes here, from the ring buffer and from a
 * capture file alike; whatever is right of it may trust lengths, offsets and kinds.
 */
#ifndef VMASNOOP_USER_EVENT_H
#define VMASNOOP_USER_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"

/* A checked record; it borrows the bytes it was decoded from. */
struct event {
	enum event_kind kind;
	union {
		const struct event_header *header;
#define X(NAME, name) const struct event_##name *name;
		EVENT_KINDS(X)
#undef X
	};
};

/*
 * `data` must be aligned to 8 bytes, as ring entries are. Returns 0, or -EBADMSG when it is no record: too short, a
 * kind that is not known, a length that does not fit.
 */
int event_decode(const void *data, size_t size, struct event *ret);

/* The addresses of a span of a checked failure, and their number. */
const uint64_t *event_addrs(const struct event_failure *failure, const struct event_span *span, size_t *count);

/* What was in force when a checked failure failed, or NULL: its own fields are all. */
const struct event_proof *event_proof(const struct event_failure *failure);

/* The sums of a checked record of origins, and their number. */
const struct event_origin_sum *event_origin_sums(const struct event_origins *origins, size_t *count);

/*
 * The bytes of a record that mean something: a failure's or a slice's without the room that its stacks did not need.
 * What is written to a capture is this, so that it holds no stale memory. `ret` has room for EVENT_PACKED_MAX bytes;
 * returns the size.
 */
#define EVENT_PACKED_MAX EVENT_SLICE_RECORD_MAX
size_t event_pack(const struct event *event, void *ret);

#endif
