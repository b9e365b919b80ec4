/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memcg.h: is the current task in a memory cgroup that is at its maximum? Then no more is charged to it, and allocations
 * that are charged fail: VMAs are (SLAB_ACCOUNT, kernel/fork.c).
 */
#ifndef VMASNOOP_MEMCG_H
#define VMASNOOP_MEMCG_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"

#define MEMCG_DEPTH 24 /* levels that are looked at: a container in a container is about 12 deep */

/*
 * The address of the struct page_counter of the nearest level that is at its maximum, or 0. Global and weak, as vma_find().
 * Of the cgroup that is not v2 as well: the counters are the same.
 */
__weak __noinline __u64 memcg_full(void)
{
	const struct css_set *set = BPF_CORE_READ(kernel_current(), cgroups);
	const struct page_counter *level;
	struct cgroup_subsys_state *css = NULL;
	__u64 at = bpf_core_field_offset(struct css_set, subsys);

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return 0;
	at += bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) * sizeof(css);
	bpf_probe_read_kernel(&css, sizeof(css), (const char *)set + at);
	if (!css)
		return 0;
	level = (const void *)css - bpf_core_field_offset(struct mem_cgroup, css) +
		bpf_core_field_offset(struct mem_cgroup, memory);
	for (int i = 0; i < MEMCG_DEPTH && level; i++) {
		if ((__u64)BPF_CORE_READ(level, usage.counter) >= BPF_CORE_READ(level, max))
			return (__u64)level;
		level = BPF_CORE_READ(level, parent);
	}
	return 0;
}

static __always_inline void memcg_describe(__u64 counter, struct event_proof *proof)
{
	const struct page_counter *level = (const void *)counter;

	proof->memcg_pages_max = ~0ULL;
	if (!counter)
		return;
	proof->memcg_pages = BPF_CORE_READ(level, usage.counter);
	proof->memcg_pages_max = BPF_CORE_READ(level, max);
}

#endif
