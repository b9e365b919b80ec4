// SPDX-License-Identifier: GPL-2.0-or-later
/* misses.c: see misses.h. */
#include "misses.h"

#include <stdbool.h>
#include <stddef.h>

#include <bpf/bpf.h>

/*
 * The head of struct bpf_link_info for a kprobe, as UAPI since 6.7 has it; older headers that we also build with do
 * not. The kernel says in the length how much of it it filled.
 */
struct kprobe_link_info {
	__u32 type;
	__u32 id;
	__u32 prog_id;
	__u32 padding;
	__u32 perf_type;
	__u32 reserved;
	__u64 func_name;
	__u32 name_len;
	__u32 offset;
	__u64 addr;
	__u64 missed;
	__u64 cookie;
};

/* Likewise of a probe of the multi kind. */
struct kprobe_multi_link_info {
	__u32 type;
	__u32 id;
	__u32 prog_id;
	__u32 padding;
	__u64 addrs;
	__u32 count;
	__u32 flags;
	__u64 missed;
	__u64 cookies;
};

#define PERF_TYPE_KPROBE    3 /* BPF_PERF_EVENT_KPROBE */
#define PERF_TYPE_KRETPROBE 4 /* BPF_PERF_EVENT_KRETPROBE */

static bool perf_misses_are_counted;

void misses_set_up(bool perf_counted)
{
	perf_misses_are_counted = perf_counted;
}

static bool is_counted(const struct bpf_program *program)
{
	switch (bpf_program__type(program)) {
	case BPF_PROG_TYPE_TRACEPOINT:
	case BPF_PROG_TYPE_KPROBE:
		return perf_misses_are_counted;
	default:
		return true;
	}
}

static int64_t link_misses(const struct bpf_link *link)
{
	struct kprobe_link_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size))
		return -1;
	if ((info.perf_type != PERF_TYPE_KRETPROBE && info.perf_type != PERF_TYPE_KPROBE) ||
	    size < offsetof(struct kprobe_link_info, cookie))
		return -1;
	return (int64_t)info.missed;
}

int64_t misses_of_program(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (!is_counted(program) || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size))
		return -1;
	if (size < offsetof(struct bpf_prog_info, recursion_misses) + sizeof(info.recursion_misses))
		return -1;
	return (int64_t)info.recursion_misses;
}

int64_t misses_of_multi(const struct bpf_link *link, const struct bpf_program *program)
{
	struct kprobe_multi_link_info info = {};
	int64_t recursion = misses_of_program(program);
	__u32 size = sizeof(info);

	if (recursion < 0 || bpf_obj_get_info_by_fd(bpf_link__fd(link), &info, &size))
		return -1;
	if (size < offsetof(struct kprobe_multi_link_info, cookies))
		return -1;
	return (int64_t)info.missed + recursion;
}

int64_t misses_of(const struct bpf_link *link, const struct bpf_program *program)
{
	bool is_kprobe = bpf_program__type(program) == BPF_PROG_TYPE_KPROBE;
	int64_t kprobe = is_kprobe ? link_misses(link) : 0, recursion = misses_of_program(program);

	return kprobe < 0 || recursion < 0 ? -1 : kprobe + recursion;
}
