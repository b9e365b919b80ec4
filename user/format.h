/* SPDX-License-Identifier: GPL-2.0-or-later */
/* format.h: numbers and times as people or the log's readers expect them. Each writes into the caller's buffer. */
#ifndef VMASNOOP_FORMAT_H
#define VMASNOOP_FORMAT_H

#include <stdint.h>

/* Large enough for each of the functions below. */
struct format_buffer {
	char text[48];
};

/* "132 KiB", "2.8 MiB"; whole bytes below 1 KiB. */
const char *format_bytes(uint64_t bytes, struct format_buffer *buffer);

/* "2026-11-21T14:03:22.114000000Z": RFC 3339 with nanoseconds, UTC. `ns` is CLOCK_REALTIME. */
const char *format_rfc3339(uint64_t ns, struct format_buffer *buffer);

/* "14:03:22.114", local time. */
const char *format_clock(uint64_t ns, struct format_buffer *buffer);

/* "rw-p", as /proc/PID/maps has it, from vm_flags. */
const char *format_perms(uint64_t vm_flags, struct format_buffer *buffer);

/* "ENOMEM", or NULL when there is no such errno. Static. */
const char *format_errno(uint32_t errno_code);

#endif
