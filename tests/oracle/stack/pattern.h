/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stack of a failure must be, from the oracle of tests/workloads/chain or from strace -k, and whether one is. */
#ifndef STACK_PATTERN_H
#define STACK_PATTERN_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum element_kind {
	ELEMENT_FRAME,
	ELEMENT_SOME, /* up to `most` frames of any kind */
	ELEMENT_OPEN, /* the stack may end here if it says why */
};

/* One frame, or some. NULL and 0 demand nothing. */
struct element {
	enum element_kind kind;
	size_t most;
	char *symbols; /* glob patterns with "|" between them; with "!" before it, of the reason that there is none */
	char *file; /* its last part */
	long line;
	uint64_t addr;
	char *module; /* its last part */
	uint64_t offset;
	bool inlined;
};

struct pattern {
	long pid; /* 0: any */
	long tid; /* 0: any */
	uint64_t addr; /* of the munmap(); 0: any */
	bool without_inlined; /* inlined frames are left out before the stack is compared */
	struct element *elements; /* innermost first */
	size_t count;
	size_t capacity;
	size_t failures; /* that it was held against */
};

struct pattern_list {
	struct pattern *patterns;
	size_t count;
	size_t capacity;
};

/* Both say on stderr why they cannot. */
bool pattern_list_read(const char *path, struct pattern_list *list);
bool pattern_list_read_strace(const char *path, struct pattern_list *list);
void pattern_list_fini(struct pattern_list *list);

/* For the readers of both formats; they end the program when there is no memory. */
struct pattern *pattern_list_add(struct pattern_list *list);
struct element *pattern_add(struct pattern *pattern, enum element_kind kind);
char *copy_string(const char *text);

/* True, or false with the first element that no way of matching gets past, and the frame that does not fit it. */
bool pattern_matches(const struct pattern *pattern, const json_t *frames, bool reason_given, size_t *ret_element,
		     size_t *ret_frame);

#endif
