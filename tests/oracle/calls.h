/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A failed call, from the oracle or from the log, and lists of them that compare as multisets. */
#ifndef ORACLE_CALLS_H
#define ORACLE_CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call {
	long pid;
	long tid;
	uint64_t addr;
	uint64_t length; /* rounded up to pages */
	char syscall[24];
	char errno_name[16];
	char verdict[24]; /* "": not known, or not told; no part of what call_compare() compares */
};

struct call_list {
	struct call *calls;
	size_t count;
	size_t capacity;
};

void call_list_add(struct call_list *list, const struct call *call);
void call_list_sort(struct call_list *list);
bool call_list_has_process(const struct call_list *list, long pid);
void call_list_fini(struct call_list *list);
int call_compare(const struct call *a, const struct call *b);

uint64_t call_round_to_pages(uint64_t length);

#endif
