/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * records.h: raw records as the kernel side makes them, for tests: each maker fills a sound record of its kind, of which
 * a test then changes what it is about.
 */
#ifndef VMASNOOP_TESTS_RECORDS_H
#define VMASNOOP_TESTS_RECORDS_H

#include <stddef.h>
#include <stdint.h>

#include "../../bpf/event.h"

#define RECORDS_PAGE_BYTES 4096ULL
#define RECORDS_LIMIT	   65530U
#define RECORDS_BRK	   0x55d2a1c21000ULL

/* What makes a failure's time 2026-11-21T14:03:22.114Z, on a machine that was suspended for 5 seconds. */
#define RECORDS_REALTIME_OFFSET_NS 1795265800000000000LL
#define RECORDS_BOOTTIME_OFFSET_NS (RECORDS_REALTIME_OFFSET_NS - 5000000000LL)

/*
 * A munmap() that failed because of the limit, by the only thread of process 5582, "b": 33 pages out of the middle of an
 * anonymous mapping of 198, read under the lock, with 4 user and 4 kernel frames.
 */
void records_failure(struct event_failure_full *ret);

/* The same, in a block of exactly the record's size, so that ASan sees a byte read too many. The caller frees it. */
void *records_copy(const void *record);

/* Puts `count` addresses into the place that is theirs, from `first` on, each 0x10 above the one before. */
void records_user_stack(struct event_failure_full *full, uint64_t first, size_t count);
void records_kernel_stack(struct event_failure_full *full, uint64_t first, size_t count);

/* Of a process, up to 15 bytes. */
void records_name(struct event_process *process, const char *comm, const char *thread_comm);

/*
 * Another call that failed with ENOMEM, seen at its return, with few mappings, and the proof: a range of 16 pages, all of it
 * one mapping, and nothing that explains the failure.
 */
void records_call(uint32_t syscall, struct event_failure_full *ret);

/* Verdicts with all that goes with them. */
void records_make_kernel_memory(struct event_failure *failure);
void records_make_bad_request(struct event_failure *failure);
void records_make_unknown_after_unlock(struct event_failure *failure);

void records_hot(struct event_hot *ret);
void records_mapped(struct event_mapped *ret);

/* It crossed 80 %, 100,000 mappings a second after it got hot and 120,000 a second lately. */
void records_near(struct event_near *ret);

/* munmap() split a mapping of 792 KiB 400 KiB behind its start. */
void records_split(struct event_split *ret);

/* The same munmap() succeeded 100 ms later; 200 ms later its memory ended, or the process did (enum event_end). */
void records_paid(struct event_paid *ret);
void records_ended(uint8_t end, struct event_ended *ret);

/* A place from which mappings are made, with 4 user frames; its key is not that of records_failure(). */
void records_origin(struct event_origin_full *ret);

/*
 * What is read of its process: 4130 mappings are older than the watch. munmap() made 32765 from the place of records_origin(),
 * mmap() 5000 from another, munmap() took 300 away net from a third; 38 came from two more, 7 from nobody knows where.
 */
void records_origins(struct event_origins_full *ret);

/* Three calls before the failure: mmap(), mprotect(), and the failing munmap() itself. */
void records_ops(const struct event_failure *failure, struct event_ops *ret);

/* The slice of a failure, of two pieces with a gap between them that holds 0x5a; the first is all 'A', the second 'B'. */
struct records_slice {
	struct event_slice slice;
	char memory[4 * RECORDS_PAGE_BYTES];
};
void records_slice(const struct event_failure *failure, struct records_slice *ret);
void records_limit(uint32_t old_limit, uint32_t new_limit, struct event_limit *ret);

#endif
