/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tracer.h: the kernel side, seen from user space: choose the hooks, load and attach them, hand out the ring buffer,
 * read the totals. The only part that knows the BPF skeleton. It decodes nothing: see event.h.
 */
#ifndef VMASNOOP_TRACER_H
#define VMASNOOP_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../bpf/config.h"
#include "../bpf/event.h"
#include "origin_maps.h"
#include "rung.h"
#include "splits.h"

struct tracer;

struct tracer_options {
	struct config config; /* the filters; split_hooked is the tracer's own */
	enum rung rung; /* RUNG_AUTO, or the only one to try */
	const char *cgroup; /* the path of --cgroup in the file system, or NULL */
	const pid_t *pids; /* the processes to follow, or none */
	size_t pid_count;
};

/* One observation, and how it is made. */
struct hook {
	const char *observation; /* "munmap", "munmap_return", "split", "fork", "limit", "mapping", "earlier", ... */
	enum rung rung; /* RUNG_AUTO: none: not made, or not one of the ladder */
	const char *
		kind; /* "fentry", "fexit", "kprobe", "kretprobe", "tp_btf", "tp", "iter", "cgroup/sysctl", "poll"; NULL: none */
	const char *function; /* or tracepoint; NULL: not made */
	const char *reason; /* not made: why, or why it is not needed */
};

/*
 * Chooses, loads and attaches; when it returns, tracing is on. On failure `error` says in one line what failed, why and
 * what to do, and the return is -EPERM or -EOPNOTSUPP where this kernel or these privileges cannot do it.
 */
int tracer_new(const struct tracer_options *options, struct tracer **ret, char *error, size_t error_size);
void tracer_free(struct tracer *tracer);

/* Detaches. When it returns no program is at work any more, so the ring and the totals are final and agree. */
void tracer_stop(struct tracer *tracer);

/* What was chosen; lives as long as the tracer. */
const struct hook *tracer_hooks(const struct tracer *tracer, size_t *count);

/* For feature-by-feature talk at -v: each hook that was tried and refused is told to `tell`. */
typedef void (*tracer_tell)(const char *function, enum rung rung, const char *reason);
void tracer_set_tell(tracer_tell tell);

int tracer_ring_fd(const struct tracer *tracer);

/* The ring of the slices. The slice of a failure is in it before the failure is in the other one. */
int tracer_slices_fd(const struct tracer *tracer);

/* From the first hot process on, if not before: sees the code that such processes map. 0, 1: it just began, or a negative errno. */
int tracer_arm_mapping(struct tracer *tracer);

/* From the first process on that is worth it: sees each release of mmap_lock. Returns likewise. */
int tracer_arm_watch(struct tracer *tracer);

/* The same of calls other than munmap(), where they are not seen from the beginning. */
int tracer_arm_calls(struct tracer *tracer);

/* RAM, swap and vm.overcommit_memory, as they are now: they may come and go. */
void tracer_refresh_memory(struct tracer *tracer);

/* Two slices of this key unwound to different stacks: more of the stack goes into it from now on. */
int tracer_widen_stack_key(struct tracer *tracer, uint64_t key);

/* There is no good stack of this key: its next failure carries a slice. */
int tracer_owe_slice(struct tracer *tracer, uint64_t key);

/* The limit in force, and the word that user space read another one (where no program sees the writes). */

/* The code that this process maps from now on is told of once more. */
int tracer_expect_mapping(struct tracer *tracer, const struct event_process *process);

/* Where the kernel side keeps the origins of mappings; lives as long as the tracer. */
void tracer_origin_maps(const struct tracer *tracer, struct origin_maps *ret);

uint32_t tracer_limit(const struct tracer *tracer);
void tracer_set_limit(struct tracer *tracer, uint32_t value);

/* Attaches the hook on munmap's return if a failure needed it: to be called once a second. 1: it just did. */
int tracer_arm_return_if_needed(struct tracer *tracer);

/* The exact totals, summed over the CPUs; the caller frees *ret. */
struct tracer_total {
	struct total_key key;
	struct total total;
};
int tracer_read_totals(const struct tracer *tracer, struct tracer_total **ret, size_t *count);

/* How splits are seen, of all processes with --splits, else of hot ones. */
enum tracer_splits { TRACER_SPLITS_UNSEEN, TRACER_SPLITS_INFERRED, TRACER_SPLITS_SEEN };
enum tracer_splits tracer_splits(const struct tracer *tracer);

/* Adds the splits that the kernel side has counted. 0 or a negative errno. */
int tracer_read_splits(const struct tracer *tracer, struct splits *ret);

/*
 * Of memory that owes, after tracer_stop(): an END_TRACING each, or an END_MEMORY that found no room, with what the kernel
 * side lost of it. The caller frees *ret.
 */
int tracer_read_debtors(const struct tracer *tracer, struct event_ended **ret, size_t *count);

/* Whether a hook is known to have missed a success or an end by which a debt would have been paid or closed. */
bool tracer_misses_outcomes(const struct tracer *tracer);

/*
 * What was lost, by cause, in kernel programs, and calls that a hook missed because it was busy on that CPU. Misses that
 * this kernel does not count are -1.
 */
struct tracer_losses {
	uint64_t causes[LOSS_CAUSE_COUNT];
	int64_t missed; /* calls and forks that no hook saw, at most */
};
int tracer_read_losses(const struct tracer *tracer, struct tracer_losses *ret);

#endif
