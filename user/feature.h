/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * feature.h: what the running kernel lets us do, found out by doing it with programs of two instructions. A hook counts
 * only when it was seen to fire: a function may have been inlined into its caller, attach gladly and never run.
 */
#ifndef VMASNOOP_FEATURE_H
#define VMASNOOP_FEATURE_H

#include <stdbool.h>

struct feature;

/*
 * Returns 0; -ENOENT: the kernel has no BTF; -EPERM: no privilege to use BPF; -EOPNOTSUPP: no ring buffer (before 5.8);
 * or another negative errno.
 */
int feature_new(struct feature **ret);
/* Takes back all that was tried, which takes up to 0.2 s for each. */
void feature_free(struct feature *feature);

/*
 * Each tries one kind of hook and makes one mmap() and one munmap() of our own to see it fire. Returns 0: it fires; -ESRCH: the kernel
 * has no such function or tracepoint; -ENODATA: it attaches but does not fire; or the errno with which it is refused.
 */
int feature_try_fentry(struct feature *feature, const char *function);
int feature_try_fexit(struct feature *feature, const char *function);
int feature_try_kprobe(struct feature *feature, const char *function);
int feature_try_kretprobe(struct feature *feature, const char *function);
/* One of the multi kind, which is attached to many functions at once: 5.18. */
int feature_try_kretprobe_multi(struct feature *feature, const char *function);
int feature_try_tp_btf(struct feature *feature, const char *tracepoint);

/* The number of the function's type in the kernel's BTF, which differs by the names of its parameters too; -ESRCH: there is none. */
int feature_function_type(const struct feature *feature, const char *function);

/* Whether a program that goes through all of these ("task") is accepted. 0, -ESRCH or the errno with which it is refused. */
int feature_try_iter(const struct feature *feature, const char *of);

/* A perf event of the tracepoint "category/name", disabled: a descriptor, -ESRCH: there is none, or a negative errno. */
int feature_open_tp(const char *event);
int feature_try_tp(struct feature *feature, const char *event);

/* The same without asking that it fires on munmap(): for functions that a plain munmap() does not reach. */
int feature_try_fexit_attach(struct feature *feature, const char *function);
int feature_try_kprobe_attach(struct feature *feature, const char *function);
int feature_try_kretprobe_attach(struct feature *feature, const char *function);

/*
 * Whether a program of the tracing kind may be preempted while it runs, so that calls of it on that CPU are skipped
 * meanwhile: where the kernel preempts itself (PREEMPT, PREEMPT_LAZY, PREEMPT_RT), as far as that can be told: a kernel
 * that is locked down does not tell. The calls that are skipped are counted in any case.
 */
bool feature_is_preemptible(void);

/* How many arguments the tracepoint passes to a program, by the kernel's BTF, or -ESRCH. */
int feature_tp_btf_args(const struct feature *feature, const char *tracepoint);

/* Whether the kernel's structure has that member, in whatever is anonymous in it, too. */
bool feature_has_member(const struct feature *feature, const char *structure, const char *member);

/* Whether it counts the calls of a perf event for which it did not run the program: since 6.7 (dd8657894c11). */
bool feature_counts_perf_misses(const struct feature *feature);

/* "this kernel has no function of that name" and the like, for the returns above. Static. */
const char *feature_reason(int err);

#endif
