/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * origins.h: who makes the mappings of a hot process: each change of their number, to the place that the call came from. A
 * look that is taken under the lock finds what the call of the current task has changed, and nothing else. Judges nothing,
 * and names no place: user space does, once for each.
 */
#ifndef VMASNOOP_ORIGINS_H
#define VMASNOOP_ORIGINS_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "emit.h"
#include "event.h"
#include "hash.h"
#include "hot.h"
#include "kernel.h"
#include "mask.h"
#include "process.h"
#include "recorder.h"
#include "state.h"
#include "watched.h"

#define ORIGIN_FRAMES	  16 /* that tell one place from another, found by frame pointers */
#define WORDS_AT_ONCE	  8
#define ORIGIN_FRAMES_MAX 32 /* that are sent where no slice is */

/* None gives way to another one: the sum would be wrong. User space takes out those of processes that have ended. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct origin);
} origins SEC(".maps");

/* Too large for the stack of a program. */
static const struct watched watched_fresh;

/* A process without a mark may have been looked at before, and then another one took its room: see struct marks. */
static __always_inline void hot_mark(__u64 mm)
{
	__u64 bucket = marks_bucket(mm), at = 0;

	while (at < MARK_BUCKET_MMS && marks.mms[bucket + at])
		at++;
	if (at == MARK_BUCKET_MMS)
		at = marks.turn++ % MARK_BUCKET_MMS;
	at = (bucket + at) % (MARK_BUCKETS * MARK_BUCKET_MMS);
	barrier_var(at);
	marks.mms[at % (MARK_BUCKETS * MARK_BUCKET_MMS)] = mm;
	marks.any = 1;
}

/* In munmap.bpf.c's part: see stack.h. */
int slice_take(__u64 key, __u64 sp, __u32 seen);

struct origin_frame {
	__u64 next;
	__u64 return_addr;
};

/* The frame at bp, of a 32-bit program too; false: there is none. Any that is farther away than a stack is long is no frame. */
static __always_inline bool read_frame(struct origin_frame *frame, __u64 lowest, __u64 bp, bool compat)
{
	/* Not a branch, since those in loops are dear: see mask.h. */
	__u64 wide = mask_if_zero(compat);

	if (bp - lowest >= EVENT_SLICE_BYTES_MAX || bpf_probe_read_user(frame, sizeof(*frame), (void *)bp))
		return false;
	frame->return_addr = (frame->return_addr & wide) | (frame->next >> 32 & ~wide);
	frame->next &= wide | 0xffffffff;
	return true;
}

/* Global, as is whatever loops: the verifier follows it once. A loop that is left at once costs it nothing. */
__noinline __u64 origin_hash_frames(__u64 hash, __u64 sp, __u64 bp, __u32 compat)
{
	struct origin_frame frame;
	__u64 lowest = sp;

	for (int i = 0; i < ORIGIN_FRAMES; i++) {
		if (!read_frame(&frame, lowest, bp, compat))
			break;
		hash = hash_add(hash, frame.return_addr);
		lowest = bp + 1;
		bp = frame.next;
	}
	return hash;
}

/*
 * Of the words on the stack those that may be return addresses into the program itself: who has no frame pointers is told from
 * others that are as deep by these. Some may be left from earlier calls: then a place has more than one key, and user space
 * sees that their stacks are alike.
 */
__noinline __u64 origin_hash_words(__u64 hash, __u64 sp)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	__u64 start = BPF_CORE_READ(mm, start_code), end = BPF_CORE_READ(mm, end_code), sum = 0;
	__u64 words[WORDS_AT_ONCE];

	for (int i = 0; i < STACK_KEY_WORDS; i += WORDS_AT_ONCE) {
		/* Leaves zeros where it fails. */
		bpf_probe_read_user(words, sizeof(words), (void *)(sp + i * sizeof(__u64)));
		/* Each by a factor of its own: not hash_add(), where one waits for the other. */
		for (int j = 0; j < WORDS_AT_ONCE; j++)
			sum += (words[j] & mask_if_below(start, words[j]) & mask_if_below(words[j], end)) *
			       (0x9e3779b97f4a7c15ULL + 2 * (i + j));
	}
	return hash_add(hash, sum);
}

/*
 * Where a call came from, of all processes. How deep the stack is tells places apart that have no frame pointers; it is
 * measured from where the thread's own data begins, at which all threads of the C library have their stacks: so they share
 * their places. The syscall goes in too, for those who make all of theirs in one function.
 */
static __noinline __u64 origin_key(const struct hot_key *process, const struct kernel_syscall *call)
{
	__u64 hash = hash_add(~process->mm, process->start_time_ns), sp_word = 0;

	hash = hash_add(hash, process->exec_id);
	hash = hash_add(hash, recorder_syscall(call));
	if (!config.user_stack)
		return hash | 1;
	bpf_probe_read_user(&sp_word, call->compat ? 4 : 8, (void *)call->user_sp);
	hash = hash_add(hash, call->user_ip);
	hash = hash_add(hash, call->user_sp - call->thread);
	hash = hash_add(hash, sp_word);
	hash = origin_hash_words(hash, call->user_sp);
	return origin_hash_frames(hash, call->user_sp, call->user_bp, call->compat) | 1;
}

/* The addresses that frame pointers lead to: what bpf_get_stack() would find, for which a hook's context is needed. */
static __noinline void copy_frames(struct event_origin_full *full, const struct kernel_syscall *call)
{
	__u64 lowest = call->user_sp, bp = call->user_bp;
	struct event_failure *place = &full->origin.place;
	struct origin_frame frame;
	__u32 count = 1;

	full->user_stack[0] = call->user_ip;
	for (int i = 1; i < ORIGIN_FRAMES_MAX; i++) {
		if (!read_frame(&frame, lowest, bp, call->compat))
			break;
		full->user_stack[i] = frame.return_addr;
		count = i + 1;
		lowest = bp + 1;
		bp = frame.next;
	}
	place->user_stack.offset = offsetof(struct event_origin_full, user_stack);
	/* Else all that follows would be verified once for each. */
	place->user_stack.length = mask_unknown(count) * sizeof(__u64);
}

static __always_inline void describe_place(struct event_failure *place, const struct kernel_syscall *call, __u64 key)
{
	__builtin_memset(place, 0, sizeof(*place));
	process_describe(&place->process);
	place->user_ip = call->user_ip;
	place->user_sp = call->user_sp;
	place->user_bp = call->user_bp;
	bpf_probe_read_user(&place->user_sp_word, call->compat ? 4 : 8, (void *)call->user_sp);
	place->compat = call->compat;
	place->stack_key = key;
	place->stack_seen = 1;
}

/* A place that was not seen before. True: user space has all of it. */
static __noinline bool origin_tell(__u64 key, const struct kernel_syscall *call)
{
	struct event_origin_full *record = emit_reserve_again(struct event_origin_full);
	int sliced = 0;

	if (!record)
		return false;
	describe_place(&record->origin.place, call, key);
	/* A 32-bit task is not unwound by call-frame information. */
	if (!call->compat && config.slice_max_bytes)
		sliced = slice_take(key, call->user_sp, 1);
	record->origin.place.has_slice = sliced > 0;
	copy_frames(record, call);
	emit_submit(record, &record->origin.place.header, EVENT_ORIGIN, sizeof(*record));
	return sliced >= 0;
}

static __noinline struct origin *origin_begin(__u64 key, const struct hot_key *process,
					      const struct kernel_syscall *call)
{
	struct origin fresh = {.process = *process, .syscall = recorder_syscall(call)};

	/* Without stacks there is nothing to tell of a place but the syscall. */
	fresh.told = !config.user_stack;
	bpf_map_update_elem(&origins, &key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&origins, &key);
}

static __noinline void origin_add(const struct hot_key *process, struct watched *known,
				  const struct kernel_syscall *call, __s32 delta)
{
	__u64 key = origin_key(process, call);
	struct origin *origin = bpf_map_lookup_elem(&origins, &key) ?: origin_begin(key, process, call);

	if (!origin) {
		__sync_fetch_and_add(&known->unplaced, delta);
		emit_loss(LOSS_ORIGINS_FULL);
		return;
	}
	if (delta > 0)
		__sync_fetch_and_add(&origin->plus, delta);
	else
		__sync_fetch_and_add(&origin->minus, -delta);
	__sync_fetch_and_add(&origin->calls, 1);
	/* Where there was no room for it, again with the 2nd, 4th, 8th ... call. */
	if (!origin->told && !(origin->calls & (origin->calls - 1)) && origin_tell(key, call))
		origin->told = 1;
}

static __noinline struct watched *watched_begin(const struct hot_key *process, const struct mm_struct *mm, __u32 count)
{
	struct watched *known;

	bpf_map_update_elem(&watched, process, &watched_fresh, BPF_NOEXIST);
	known = bpf_map_lookup_elem(&watched, process);
	if (!known)
		return NULL;
	process_describe(&known->process);
	known->mm = (__u64)mm;
	known->since_ns = bpf_ktime_get_ns();
	known->base = known->last = count;
	return known;
}

/* What the call has changed since the look before; 0 if it may have been another call. */
static __always_inline __s32 origins_take(const struct hot_key *process, struct watched *known,
					  const struct kernel_syscall *call, __u32 count, bool gap)
{
	__s32 delta = count - known->last;

	if (!delta && !call->inside)
		return 0;
	known->last = count;
	recorder_note(known, call, delta, count);
	if (!delta)
		return 0;
	if (!gap) {
		origin_add(process, known, call, delta);
		return delta;
	}
	known->gaps++;
	__sync_fetch_and_add(&known->unplaced, delta);
	return 0;
}

/* Whether another hook sees what the call has done, when it is done. */
static __always_inline bool is_too_early(const struct kernel_syscall *call, __u32 look)
{
	if (look == LOOK_READER)
		return !call->inside || !kernel_syscall_downgrades(call);
	if (!call->inside || look == LOOK_WRITER)
		return false;
	return kernel_syscall_is_mmap(call) || (look == LOOK_SPLIT && kernel_syscall_is_munmap(call));
}

/*
 * A look at the current process, a hot one that is wanted, with its lock held. The splits that the call has made at least, or
 * -1 when there is no room to watch it.
 * Who holds the lock for reading has changed nothing, but for a call that has just downgraded it: no one can have written
 * since.
 */
static __noinline int origins_look(const struct hot_key *process, struct mm_struct *mm, __u32 look)
{
	struct watched *known = bpf_map_lookup_elem(&watched, process);
	__u32 count = kernel_vma_count(mm);
	bool gap = !hot_is_marked((__u64)mm);
	struct kernel_syscall call;
	__s32 delta;

	if (gap)
		hot_mark((__u64)mm);
	if (!known)
		return watched_begin(process, mm, count) ? 0 : -1;
	kernel_current_syscall(&call);
	if (is_too_early(&call, look))
		return 0;
	delta = origins_take(process, known, &call, count, gap);
	if (config.split_hooked || config.splits || delta <= 0)
		return 0;
	return split_inferred(recorder_syscall(&call), delta);
}

#endif
