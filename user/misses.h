/* SPDX-License-Identifier: GPL-2.0-or-later */
/* misses.h: how often a hook was reached and its program did not run, which the kernel counts and tells nobody. */
#ifndef VMASNOOP_MISSES_H
#define VMASNOOP_MISSES_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/libbpf.h>

/* Before the first of them: whether the kernel counts what programs of perf events (tp, kprobe, kretprobe) miss. */
void misses_set_up(bool perf_counted);

/* recursion_misses of the program: since 5.12 (9ed9e9ba2337), of a perf event since 6.7 (dd8657894c11). -1: not counted here. */
int64_t misses_of_program(const struct bpf_program *program);

/*
 * The same, and the calls for which a kprobe or kretprobe that libbpf attached had no room (since 6.7, 3acf8ace6823); the first
 * for those of the multi kind. -1: this kernel does not count one of the two.
 */
int64_t misses_of_multi(const struct bpf_link *link, const struct bpf_program *program);
int64_t misses_of(const struct bpf_link *link, const struct bpf_program *program);

#endif
