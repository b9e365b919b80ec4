/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ksyms.h: the kernel's own symbols, from /proc/kallsyms, read once, when the first kernel stack is shown.
 */
#ifndef VMASNOOP_KSYMS_H
#define VMASNOOP_KSYMS_H

#include <stddef.h>
#include <stdint.h>

#include "stack.h"

struct ksyms;

/* Reads nothing yet. `path` is /proc/kallsyms but in tests. */
int ksyms_new(const char *path, struct ksyms **ret);
void ksyms_free(struct ksyms *ksyms);

/*
 * Names a kernel stack. Frames of the tracing machinery above the traced function (BPF programs and trampolines,
 * tracepoint stubs, ftrace, kprobe handlers) are left out. Where kptr_restrict hides the addresses or a frame is no kernel text,
 * the reason says so. `error` is the negative errno of the capture, 0: none. Returns 0 or -ENOMEM.
 */
int ksyms_name_stack(struct ksyms *ksyms, const uint64_t *addrs, size_t count, int error, struct stack **ret);

#endif
