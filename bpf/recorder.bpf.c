// SPDX-License-Identifier: GPL-2.0-or-later
/* recorder.bpf.c: hand out what the flight recorder has of the current process. What writes it is recorder.h. */
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "emit.h"
#include "event.h"
#include "hot.h"
#include "kernel.h"
#include "recorder.h"
#include "state.h"
#include "watched.h"

int recorder_dump(__u64 stack_key, __u32 stack_seen)
{
	const struct watched *known;
	struct event_ops *record;
	struct hot_key key;

	if (!config.recorder_ops)
		return 0;
	hot_fill_key(&key, kernel_current());
	known = bpf_map_lookup_elem(&watched, &key);
	if (!known)
		return 0;
	record = emit_reserve_slice(struct event_ops);
	if (!record) {
		emit_loss(LOSS_OPS_FULL);
		return 0;
	}
	if (bpf_probe_read_kernel(record->ops, sizeof(record->ops), known->ops)) {
		emit_discard(record);
		return 0;
	}
	record->stack_key = stack_key;
	record->stack_seen = stack_seen;
	record->total = known->op_total;
	record->room = config.recorder_ops;
	emit_submit(record, &record->header, EVENT_OPS, sizeof(*record));
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
