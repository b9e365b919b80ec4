/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * undisturbed.h: the look-ups, updates and deletions in the kernel side's maps while it is at work, during which no other
 * process gets the CPU.
 *
 * For as long as the kernel copies from or to a map it runs no program of a perf event on that CPU (bpf_disable_instrumentation(),
 * kernel/bpf/syscall.c, from 5.7 on). Where the kernel preempts itself whoever comes meanwhile would be missed: there the calling
 * thread has real-time priority for that moment. Who may not have it (CAP_SYS_NICE) reads all the same, and what is missed is
 * counted by kernels that count it (misses.h).
 */
#ifndef VMASNOOP_UNDISTURBED_H
#define VMASNOOP_UNDISTURBED_H

#include <stdbool.h>
#include <stdint.h>

/* Before the first of them, by the thread that will call them: whether it is needed here. */
void undisturbed_set_up(bool preemptible);

/* As bpf_map_lookup_elem() and its kin, but for the errno, which they return negative. */
int undisturbed_lookup(int map, const void *key, void *value);
int undisturbed_update(int map, const void *key, const void *value, uint64_t flags);
int undisturbed_delete(int map, const void *key);

#endif
