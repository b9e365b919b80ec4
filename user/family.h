/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * family.h: attach what sees the returns of the mapping calls other than munmap(): one fexit program for each, or one program
 * for all, on kretprobes or on the sys_exit tracepoints. Chooses among them and knows no skeleton: tracer.c loads.
 */
#ifndef VMASNOOP_FAMILY_H
#define VMASNOOP_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include <bpf/libbpf.h>

#include "../bpf/event.h"
#include "feature.h"
#include "rung.h"

#define FAMILY_TYPES 2

enum family_how { FAMILY_UNSEEN, FAMILY_FEXIT, FAMILY_KRETPROBE, FAMILY_SYS_EXIT };

struct family {
	struct bpf_object *object;
	enum family_how how;
	struct bpf_program *programs[SYSCALL_COUNT]; /* NULL: this kernel has no such call, or nothing sees it */
	struct bpf_link *links[SYSCALL_COUNT]; /* FAMILY_KRETPROBE: that of mmap() stands for all */
	int types[FAMILY_TYPES]; /* of the functions, as the kernel's BTF numbers them; 0: there is no such */
	unsigned char type_of[SYSCALL_COUNT]; /* which of them */
};

/* What other functions and system calls were seen to do already: it takes up to 0.2 s to take a try back. */
struct family_seen {
	bool fexit;
	bool sys_exit;
};

/*
 * Chooses for a rung that is allowed. `steady`: only what cannot be preempted will do, as long as there is any: kretprobes of
 * the multi kind (5.18), which from 6.14 on find room for any number of calls that wait. Returns 0, or the errno with which
 * the last that was tried is refused.
 */
int family_choose(struct family *family, struct bpf_object *object, struct feature *feature, enum rung rung,
		  bool steady, const struct family_seen *seen);

/* Has the object load what was chosen. */
void family_load(const struct family *family);

/* Joins what was loaded. 0 or a negative errno. */
int family_link(const struct family *family);

/* Returns 0, or a negative errno, and then nothing is attached. */
int family_attach(struct family *family);
void family_detach(struct family *family);
bool family_is_attached(const struct family *family);

/* Calls that a program missed; -1: this kernel does not count them. */
int64_t family_misses(const struct family *family);

#endif
