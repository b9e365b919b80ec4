/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit.h: the one way out to user space: the ring buffer, the exact totals beside it, and the count of all that was
 * lost, by cause. Nothing else calls a ring-buffer helper.
 */
#ifndef VMASNOOP_EMIT_H
#define VMASNOOP_EMIT_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "event.h"

#define SPLIT_RING_BYTES (2 << 20) /* of the ring, that may be full when a split still takes room in it */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps") __weak;

/* Apart from the records, so that slices never cost one. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} slices SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct total_key);
	__type(value, struct total);
} totals SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct split_key);
	__type(value, struct split_sum);
} split_sums SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOSS_CAUSE_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps") __weak;

static __always_inline void emit_loss(__u32 cause)
{
	__u64 *count = bpf_map_lookup_elem(&losses, &cause);

	/* Atomic although per CPU: a fentry program can be preempted by another task's on the same CPU. */
	if (count)
		__sync_fetch_and_add(count, 1);
}

/* A record to fill and then to emit_submit(), or NULL, and then it is counted as lost. */
#define emit_reserve(type)                                                      \
	({                                                                      \
		void *reserved = bpf_ringbuf_reserve(&events, sizeof(type), 0); \
                                                                                \
		if (!reserved)                                                  \
			emit_loss(LOSS_RING_FULL);                              \
		(type *)reserved;                                               \
	})

/* The same for a slice, or what else goes ahead of a failure; what it means that there is no room is for others to say. */
#define emit_reserve_slice(type) (type *)bpf_ringbuf_reserve(&slices, sizeof(type), 0)

/* A record that comes again when there was no room: nothing is lost. */
#define emit_reserve_again(type) (type *)bpf_ringbuf_reserve(&events, sizeof(type), 0)

/* The same for a split: there are many, and half of the ring is kept for what there is less of. */
#define emit_reserve_split(type)                                                      \
	({                                                                            \
		void *reserved = NULL;                                                \
                                                                                      \
		if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < SPLIT_RING_BYTES) \
			reserved = bpf_ringbuf_reserve(&events, sizeof(type), 0);     \
		if (!reserved)                                                        \
			emit_loss(LOSS_SPLIT_LOST);                                   \
		(type *)reserved;                                                     \
	})

static __always_inline void emit_submit(void *record, struct event_header *header, __u16 kind, __u32 size)
{
	header->time_ns = bpf_ktime_get_ns();
	header->size = size;
	header->kind = kind;
	header->reserved = 0;
	/* Nobody waits for what is in the ring of slices: it is looked for when its failure comes. */
	bpf_ringbuf_submit(record, kind == EVENT_SLICE || kind == EVENT_OPS ? BPF_RB_NO_WAKEUP : 0);
}

/* Of what was reserved nothing is to be told after all. */
static __always_inline void emit_discard(void *record)
{
	bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
}

/* Counts a failure in the totals, whether or not its record finds room in the ring. */
static __always_inline void emit_total(const struct total_key *key, __u64 bytes, const char *comm)
{
	struct total *total = bpf_map_lookup_elem(&totals, key);

	if (!total) {
		struct total fresh = {};

		__builtin_memcpy(fresh.comm, comm, sizeof(fresh.comm));
		bpf_map_update_elem(&totals, key, &fresh, BPF_NOEXIST);
		total = bpf_map_lookup_elem(&totals, key);
	}
	if (!total) {
		emit_loss(LOSS_TOTALS_FULL);
		return;
	}
	__sync_fetch_and_add(&total->failures, 1);
	__sync_fetch_and_add(&total->bytes, bytes);
}

#endif
