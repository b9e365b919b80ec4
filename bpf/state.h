/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.h: what the programs of all areas share: their configuration and the maps that more than one of them reads.
 * Weak, so that each object file may be compiled alone and `bpftool gen object` links them to one instance.
 */
#ifndef VMASNOOP_STATE_H
#define VMASNOOP_STATE_H

#include "vmlinux.h"

#include <bpf/bpf_helpers.h>

#include "config.h"
#include "watched.h"

const volatile struct config config __weak = {};
struct limit_state limit __weak = {};
struct memory_state memory __weak = {};
struct switches switches __weak = {};
struct marks marks __weak = {};

/* The processes that are followed, by tgid, with -p and -- COMMAND: those, and all that they fork. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u8);
} followed SEC(".maps") __weak;

/*
 * What one hook of a call leaves for a later one of the same call, by tid. An entry names its call, so that one whose
 * later hook never ran is recognised as old.
 */
struct call_state {
	__u64 addr;
	__u64 length_bytes;
	__u32 split_errno;
	__u16 syscall; /* SYSCALL_* */
	__u16 reported; /* the failure is out: the hook on the return has nothing to add */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct call_state);
} calls SEC(".maps") __weak;

/* Hot processes that are watched call by call. None gives way to another one: user space takes out those that have ended. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct hot_key);
	__type(value, struct watched);
} watched SEC(".maps") __weak;

#endif
