// SPDX-License-Identifier: GPL-2.0-or-later
/* Lists of failed calls. Knows neither file format. */
#define _GNU_SOURCE 1
#include "calls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void call_list_add(struct call_list *list, const struct call *call)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? 2 * list->capacity : 1024;
		list->calls = reallocarray(list->calls, list->capacity, sizeof(*list->calls));
		if (!list->calls) {
			fprintf(stderr, "compare: out of memory\n");
			exit(2);
		}
	}
	list->calls[list->count++] = *call;
}

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

int call_compare(const struct call *a, const struct call *b)
{
	int order = compare_numbers((uint64_t)a->pid, (uint64_t)b->pid);

	if (!order)
		order = compare_numbers((uint64_t)a->tid, (uint64_t)b->tid);
	if (!order)
		order = compare_numbers(a->addr, b->addr);
	if (!order)
		order = compare_numbers(a->length, b->length);
	if (!order)
		order = strcmp(a->syscall, b->syscall);
	return order ? order : strcmp(a->errno_name, b->errno_name);
}

/* Of calls that are the same those with the same verdict come together. */
static int compare_for_qsort(const void *left, const void *right)
{
	const struct call *a = left, *b = right;
	int order = call_compare(a, b);

	return order ? order : strcmp(a->verdict, b->verdict);
}

void call_list_sort(struct call_list *list)
{
	if (list->count)
		qsort(list->calls, list->count, sizeof(*list->calls), compare_for_qsort);
}

bool call_list_has_process(const struct call_list *list, long pid)
{
	for (size_t i = 0; i < list->count; i++)
		if (list->calls[i].pid == pid)
			return true;
	return false;
}

void call_list_fini(struct call_list *list)
{
	free(list->calls);
	*list = (struct call_list){0};
}

uint64_t call_round_to_pages(uint64_t length)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return (length + page - 1) / page * page;
}
