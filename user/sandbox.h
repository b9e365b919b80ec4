/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h: gives up, for good, all that a process can do but compute, and read and answer through what it has open. For
 * the process that parses strangers' files. What cannot be given up here is reported, not fatal, but for privileges.
 */
#ifndef VMASNOOP_SANDBOX_H
#define VMASNOOP_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

/* What a sandbox may lack, as bits: X(NAME, what it says to people). Append-only: it goes over the wire. */
#define SANDBOX_GAPS(X)                                                       \
	X(DESCRIPTORS, "descriptors of the caller may still be open")         \
	X(DIRECTORY, "it sees the file system (seccomp opens nothing of it)") \
	X(NETWORK, "it shares the network namespace")                         \
	X(IPC, "it shares the IPC namespace")                                 \
	X(MOUNTS, "it shares the mount namespace")                            \
	X(USER, "it runs as the caller's user")                               \
	X(GROUPS, "it keeps the caller's groups")                             \
	X(BOUNDING, "its bounding set of capabilities is not empty")          \
	X(LIMITS, "not all of its resource limits could be set")              \
	X(SECCOMP, "no filter of system calls")

enum sandbox_gap_bit {
#define X(NAME, text) SANDBOX_##NAME##_BIT,
	SANDBOX_GAPS(X)
#undef X
		SANDBOX_GAP_COUNT
};

enum sandbox_gap {
#define X(NAME, text) SANDBOX_##NAME = 1 << SANDBOX_##NAME##_BIT,
	SANDBOX_GAPS(X)
#undef X
};

struct sandbox_options {
	int keep_fd; /* this descriptor and all below it stay open */
	uint64_t memory_bytes; /* of address space; 0: no bound */
};

/*
 * Enters it; there is no way back. 0, with a mask of enum sandbox_gap in *gaps; or a negative errno when privileges
 * could not be dropped: then nothing of a stranger's may be read.
 */
int sandbox_enter(const struct sandbox_options *options, uint32_t *gaps);

/* Without the rest of it: all capabilities. 0 or a negative errno. */
int sandbox_drop_capabilities(void);

/* What the gap of that number says, or NULL when there is none. */
const char *sandbox_gap_text(size_t bit);

#endif
