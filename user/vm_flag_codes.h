/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vm_flag_codes.h: the two-letter codes of smaps' "VmFlags:" as bits of a set. Which codes a kernel has is not listed here:
 * each gets its bit when it is first seen, so that sets can be compared also of kernels to come.
 */
#ifndef VMASNOOP_VM_FLAG_CODES_H
#define VMASNOOP_VM_FLAG_CODES_H

#include <stddef.h>
#include <stdint.h>

#define VM_FLAG_CODES_MAX 64 /* as many as vm_flags has bits */

/* Those of which something is known get the first bits, in this order. */
#define VM_FLAG_READ	    (1ULL << 0) /* "rd" */
#define VM_FLAG_WRITE	    (1ULL << 1) /* "wr" */
#define VM_FLAG_EXEC	    (1ULL << 2) /* "ex" */
#define VM_FLAG_SHARED	    (1ULL << 3) /* "sh": a shared mapping that may be written */
#define VM_FLAG_MAY_SHARE   (1ULL << 4) /* "ms": what maps shows as 's' */
#define VM_FLAG_SOFT_DIRTY  (1ULL << 5) /* "sd" */
#define VM_FLAG_MAYBE_GUARD (1ULL << 6) /* "gu" */

struct vm_flag_codes {
	char codes[VM_FLAG_CODES_MAX][3];
	size_t count;
	uint8_t bits[1 << 16]; /* by the code's two bytes: 1 + its bit, or 0 */
};

void vm_flag_codes_init(struct vm_flag_codes *codes);

/* Adds the codes in `text`, "rd wr mr ...", to *ret. 0, or -EBADMSG: what stands there are no codes, or too many. */
int vm_flag_codes_parse(struct vm_flag_codes *codes, const char *text, size_t length, uint64_t *ret);

#endif
