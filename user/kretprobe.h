/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kretprobe.h: a kretprobe with room for as many calls at once as a busy machine makes, through tracefs. The way that
 * libbpf takes (perf's own kind of probe) has room for ten on a small machine, and what finds none is missed and, before
 * 6.7, not even counted.
 */
#ifndef VMASNOOP_KRETPROBE_H
#define VMASNOOP_KRETPROBE_H

#include <stdint.h>

struct kretprobe;

/* Defines the probe, for this process. Returns 0 or a negative errno. */
int kretprobe_new(const char *function, struct kretprobe **ret);

/* Removes it: after all that is attached to it is closed. */
void kretprobe_free(struct kretprobe *probe);

/* A perf event of it, for a program to be attached to; the caller closes it. Or a negative errno. */
int kretprobe_open_event(const struct kretprobe *probe);

/* Calls that found no room so far, or -1. */
int64_t kretprobe_misses(const struct kretprobe *probe);

#endif
