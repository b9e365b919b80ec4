/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A frame that must be found by its own name in a stack: neither inlined nor cloned. C and C++. */
#ifndef WORKLOADS_NAMED_FRAME_H
#define WORKLOADS_NAMED_FRAME_H

#ifdef __clang__
#define NAMED_FRAME __attribute__((noinline))
#else
#define NAMED_FRAME __attribute__((noipa))
#endif

#endif
