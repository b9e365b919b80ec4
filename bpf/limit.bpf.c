// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * limit.bpf.c: follow vm.max_map_count, and vm.overcommit_memory. A cgroup/sysctl program on the cgroup2 root sees each write
 * with its value, on hardened kernels too; it lets every write pass.
 */
#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "emit.h"
#include "event.h"
#include "filter.h"
#include "state.h"

#define LIMIT_NAME	"vm/max_map_count"
#define OVERCOMMIT_NAME "vm/overcommit_memory"
#define SYSCTL_ALLOW	1

/* `size` is that of the name with its end. */
static __always_inline bool is_name(const char *name, const char *wanted, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		if (name[i] != wanted[i])
			return false;
	return true;
}

#define IS(name, wanted) is_name(name, wanted, sizeof(wanted))

static __always_inline void report_limit(__u32 old_limit, __u32 new_limit)
{
	struct event_limit *record = emit_reserve(struct event_limit);

	if (!record)
		return;
	record->old_limit = old_limit;
	record->new_limit = new_limit;
	emit_submit(record, &record->header, EVENT_LIMIT, sizeof(*record));
}

static __always_inline void on_limit(__u32 value)
{
	limit.before = limit.now;
	limit.changed_ns = bpf_ktime_get_ns();
	limit.hot_at = filter_hot_at(&config, value);
	limit.now = value;
	report_limit(limit.before, value);
}

SEC("cgroup/sysctl")
int limit_written(struct bpf_sysctl *ctx)
{
	char name[sizeof(OVERCOMMIT_NAME) + 1] = {}, text[16] = {};
	unsigned long value = 0;
	int length;

	if (!ctx->write || bpf_sysctl_get_name(ctx, name, sizeof(name), 0) < 0 ||
	    (!IS(name, LIMIT_NAME) && !IS(name, OVERCOMMIT_NAME)))
		return SYSCTL_ALLOW;
	length = bpf_sysctl_get_new_value(ctx, text, sizeof(text));
	/* What is not a number up to INT_MAX the kernel refuses itself: proc_dointvec_minmax(). */
	if (length <= 0 || bpf_strtoul(text, sizeof(text) - 1, 0, &value) <= 0 || value > 0x7fffffff)
		return SYSCTL_ALLOW;
	if (IS(name, LIMIT_NAME))
		on_limit(value);
	else if (value <= 2)
		memory.overcommit = value;
	return SYSCTL_ALLOW;
}

char LICENSE[] SEC("license") = "GPL";
