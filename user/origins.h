/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * origins.h: who made the mappings of a process: the places that its calls came from, each with its stack, and tables of what
 * they made and took away, as records tell. Reads no map and shows nothing.
 */
#ifndef VMASNOOP_ORIGINS_H
#define VMASNOOP_ORIGINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../bpf/event.h"
#include "shared_stack.h"

#define ORIGINS_SHOWN 16 /* of a table, in a failure or a warning */

/* What came from one place, or where two keys turned out to have the same stack from both. */
struct origins_row {
	int64_t net;
	uint64_t plus;
	uint64_t minus;
	uint64_t calls;
	uint64_t stack_key;
	uint32_t syscall; /* EVENT_SYSCALL_* */
	struct shared_stack *stack; /* NULL: none was sent */
};

/* Of one moment. Shared: see origins_table_ref(). */
struct origins_table {
	unsigned int references;
	bool approximate;
	bool final;
	bool without_stacks; /* they were not asked for */
	bool merged; /* see origins_table_merge() */
	uint32_t older; /* mappings that the process had when its watch began */
	int64_t made; /* net, since then */
	int64_t others_net; /* of it: the places that have no row, and what has no place */
	uint64_t others; /* places */
	struct origins_row *rows; /* the greatest net first, whatever its sign */
	size_t count;
};

struct origins;

/* The places of all processes that have a stack; outlives them. */
struct origins_account {
	size_t places;
};

#define ORIGINS_PLACES_MAX 1024 /* beyond that a place has none: some MiB of stacks */

/* NULL: no memory. */
struct origins *origins_new(struct origins_account *account);
void origins_free(struct origins *origins);

/* The place of that key has this stack, of which a reference is taken over. 0 or -ENOMEM, and then it is not. */
int origins_add(struct origins *origins, uint64_t stack_key, struct shared_stack *stack);

/* What the record says, with the stacks that are known. `origins` may be NULL. NULL: no memory. */
struct origins_table *origins_table_new(const struct origins *origins, const struct event_origins *raw);
struct origins_table *origins_table_ref(struct origins_table *table);
void origins_table_free(struct origins_table *table);

/* Whether no stack of the rows that are shown is still on its way. */
bool origins_table_is_complete(const struct origins_table *table);

/* Rows whose stacks are alike become one. Once, when it is complete or nobody waits any longer. */
void origins_table_merge(struct origins_table *table);

/* The memory that it takes, in bytes, but for the stacks. */
size_t origins_table_bytes(const struct origins_table *table);

/* The frame that says most to a reader: the innermost one of the program's own. NULL: there is no stack. */
const struct frame *origins_row_frame(const struct origins_row *row);

#endif
