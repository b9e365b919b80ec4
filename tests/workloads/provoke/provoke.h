/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a provocation is: a row of a table with one system call, the state of the process in which it is made, and what
 * must come of it. Each is made in a process of its own (main.c). Addresses are fixed and far apart, so that nothing
 * merges and a call's arguments can stand in the table.
 */
#ifndef PROVOKE_PROVOKE_H
#define PROVOKE_PROVOKE_H

#include <stdbool.h>
#include <stddef.h>

#include "../oracle.h"

enum { SKIPPED = 77 };

#define PAGE	    0x1000UL
#define LONE_PAGES  16UL
#define LONE	    0x1000000000UL /* scene_map_lone() maps it: the subject of most calls */
#define SECOND	    0x1100000000UL /* for a second mapping */
#define EMPTY	    0x1200000000UL /* nothing is there */
#define BULK	    0x4000000000UL /* for what is larger than the memory */
#define POOL	    0x2000000000UL /* what fills the process */
#define LONE_BYTES  (LONE_PAGES * PAGE)
#define LONE_MIDDLE (LONE + 8 * PAGE)
#define LONE_TAIL   (LONE + LONE_BYTES - PAGE)

struct call {
	const char *syscall;
	long number;
	unsigned long args[6];
};

/* What differs between kernels. */
enum change {
	NO_CHANGE,
	MADVISE_SAYS_EAGAIN, /* 5.17: at the limit */
	VDSO_STAYS_WHOLE, /* 5.11 to 5.15 */
	SEAL_BEHIND_LIMIT, /* 6.12: a sealed mapping at the limit is first of all at the limit */
	MREMAP_ASKS_FIRST, /* 7.1: every mremap() wants four mappings to spare */
};

struct scene;

struct provocation {
	const char *name;
	int (*prepare)(struct scene *scene); /* NULL: scene_map_lone() */
	bool filled;
	int headroom; /* of a filled process: the limit less its mappings */
	int (*constrain)(struct scene *scene); /* after that */
	int (*act)(struct scene *scene); /* NULL: the call, once */
	struct call call;
	int error; /* 0: it succeeds */
	enum change since;
	int error_before; /* that change */
};

#define FILLED(HEADROOM)	    .filled = true, .headroom = (HEADROOM)
#define FAILS(ERROR)		    .error = (ERROR)
#define SINCE(CHANGE, BEFORE, THEN) .since = (CHANGE), .error_before = (BEFORE), .error = (THEN)

/* All with the same verdict. */
struct group {
	const char *name;
	const char *verdict;
	const struct provocation *rows;
	size_t count;
};

#define GROUP(NAME, VERDICT, ROWS) \
	const struct group NAME = {#NAME, (VERDICT), (ROWS), sizeof(ROWS) / sizeof((ROWS)[0])}

extern const struct group limit_map, limit_change, limit_mremap;
extern const struct group rlimit_as, rlimit_data, rlimit_memlock;
extern const struct group overcommit, no_address_space, hugetlb_pool;
extern const struct group unmapped_range, bad_request, memcg_limit, harmless;

/* What the child tells its parent, in shared memory. */
struct outcome {
	bool called;
	int error;
	char reason[160]; /* why it was not called, or what else went wrong */
};

/* A provocation being made, in its child. */
struct scene {
	const struct group *group;
	struct call call; /* the row's, completed by prepare and constrain */
	const char *cgroup; /* a directory, or "" */
	bool ours; /* the machine's settings may be changed; the parent puts them back */
	struct outcome *outcome;
	struct oracle *oracle;
};

/* The parts of a scene return 0, or what these return: it ends here, and why. */
__attribute__((format(printf, 2, 3))) int scene_skip(struct scene *scene, const char *format, ...);
__attribute__((format(printf, 2, 3))) int scene_break(struct scene *scene, const char *format, ...);

/* A private anonymous mapping at a free address. */
int scene_map(struct scene *scene, unsigned long addr, size_t length, int protection);
int scene_map_lone(struct scene *scene);
/* Adds mappings until headroom, -1 at least, is left. */
int scene_fill(struct scene *scene, int headroom);
/* The number behind a name, "VmData:", at the start of a line; -1: there is none. */
long scene_read_number(const char *path, const char *name);
int scene_write(struct scene *scene, const char *path, const char *text);

/* 0 or the errno. brk() has none: that it did not do what it was asked for counts as ENOMEM. */
int call_make(const struct call *call);
/* Into the oracle: the call was made and what became of it. */
void scene_note(struct scene *scene, const struct call *call, int error);

bool change_is_here(enum change change, bool mremap_asks_first);

#endif
