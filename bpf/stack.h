/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack.h: the user stack of a failure: from which place it came (a key), and now and then its memory (a slice), from
 * which user space unwinds it by call-frame information. Unwinds nothing itself but the frame pointers for the key.
 */
#ifndef VMASNOOP_STACK_H
#define VMASNOOP_STACK_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "config.h"
#include "emit.h"
#include "event.h"
#include "filter.h"
#include "kernel.h"
#include "state.h"
#include "vma.h"

#define STACK_KEY_FRAMES 16

#define ALT_BYTES 16384 /* of an alternate stack; the rest of its slice is for the interrupted one */

#define PAGES(bytes) ((bytes) / FILTER_PAGE_BYTES)

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct stack_place);
} stack_places SEC(".maps") __weak;

static __always_inline __u64 hash_add(__u64 hash, __u64 value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15ULL;
	return hash ^ hash >> 32;
}

/* Where a frame pointer leads up the stack, the return addresses that it leads to. */
static __always_inline __u64 hash_frames(__u64 hash, __u64 sp, __u64 bp)
{
	struct {
		__u64 next;
		__u64 return_addr;
	} frame;
	__u64 lowest = sp;

	for (int i = 0; i < STACK_KEY_FRAMES; i++) {
		if (bp < lowest || bp - sp > EVENT_SLICE_BYTES_MAX || bp % sizeof(__u64))
			break;
		if (bpf_probe_read_user(&frame, sizeof(frame), (void *)bp))
			break;
		hash = hash_add(hash, frame.return_addr);
		lowest = bp + sizeof(frame);
		bp = frame.next;
	}
	return hash;
}

static __always_inline __u64 hash_words(__u64 hash, __u64 sp, __u32 count)
{
	__u64 word;

	for (__u32 i = 0; i < STACK_KEY_WORDS; i++) {
		if (i >= count || bpf_probe_read_user(&word, sizeof(word), (void *)(sp + i * sizeof(word))))
			break;
		hash = hash_add(hash, word);
	}
	return hash;
}

/* Never 0: that says that there is none. */
static __always_inline __u64 stack_hash(const struct event_failure *f)
{
	__u64 hash = hash_add(f->process.mm, f->process.start_time_ns);

	hash = hash_add(hash, f->process.exec_id);
	hash = hash_add(hash, f->user_ip);
	hash = hash_add(hash, f->user_sp);
	hash = hash_add(hash, f->user_sp_word);
	return hash_frames(hash, f->user_sp, f->user_bp) | 1;
}

static __always_inline struct stack_place *place_of(__u64 key)
{
	struct stack_place *place = bpf_map_lookup_elem(&stack_places, &key), fresh = {};

	if (place)
		return place;
	bpf_map_update_elem(&stack_places, &key, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&stack_places, &key);
}

/* Counts `f` in its place and sets its key; whether a slice is due: for the 1st, 2nd, 4th, 8th ... failure. */
static __always_inline bool stack_count(struct event_failure *f)
{
	struct stack_place *place;
	__u32 seen;
	bool due;

	f->stack_key = stack_hash(f);
	place = place_of(f->stack_key);
	if (place && place->words) {
		f->stack_key = hash_words(f->stack_key, f->user_sp, place->words) | 1;
		place = place_of(f->stack_key);
	}
	if (!place)
		return true;
	/* No two tasks are at one stack pointer: nothing is lost between the two. */
	seen = place->seen + 1;
	place->seen = seen;
	f->stack_seen = seen;
	due = !(seen & (seen - 1)) || place->owed;
	place->owed = 0;
	return due;
}

/*
 * Copies whole pages of [start, end) to the offset `at` of the record, `room` pages at most, until one cannot be read.
 * What was not read is not in the record's length: nothing of an older one is ever handed out. The length is counted in
 * the record itself, whose values the verifier does not follow: one state goes on after the loop, not one for each page.
 */
static __always_inline void copy_piece(struct event_slice *slice, struct event_piece *piece, __u32 at, __u32 room,
				       __u64 start, __u64 end)
{
	char *to = (char *)slice + at;

	piece->start = start;
	piece->vma_end = end;
	piece->bytes.offset = at;
	piece->bytes.length = 0;
	for (__u32 i = 0; i < room; i++) {
		__u64 from = start + i * FILTER_PAGE_BYTES;

		if (from >= end || bpf_probe_read_user(to + i * FILTER_PAGE_BYTES, FILTER_PAGE_BYTES, (void *)from))
			break;
		piece->bytes.length += FILTER_PAGE_BYTES;
	}
}

static __always_inline __u64 page_of(__u64 addr)
{
	return addr & ~(__u64)(FILTER_PAGE_BYTES - 1);
}

/* The end of the mapping that holds `sp`. */
static __always_inline __u64 stack_end(struct mm_struct *mm, __u64 sp)
{
	struct vm_area_struct *vma = (void *)vma_find(mm, sp);

	return vma ? BPF_CORE_READ(vma, vm_end) : 0;
}

/*
 * The signal frame is at the top of an alternate stack: 440 bytes and the FPU's state, which is 2.8 KiB with AVX-512. A task
 * that uses AMX has 8 KiB more, and is not found.
 */
#define SIGNAL_FRAME_BYTES 4096

/*
 * The stack pointer of what a signal interrupted, 0 when it is not found: the kernel left it on the alternate stack in a
 * struct ucontext, which names that stack itself, at a multiple of 16 (get_sigframe() of arch/x86/kernel/signal.c).
 */
static __noinline __u64 interrupted_sp(void)
{
	__u64 alt_sp = BPF_CORE_READ(kernel_current(), sas_ss_sp), sp = 0;
	__u64 alt_size = BPF_CORE_READ(kernel_current(), sas_ss_size);
	__u64 at = (alt_sp + alt_size - SIGNAL_FRAME_BYTES) & ~15ULL;
	__u64 uc_stack[KERNEL_UC_STACK_SIZE_WORD + 1];

	for (int i = 0; i < SIGNAL_FRAME_BYTES / 16; i++, at += 16) {
		bpf_probe_read_user(uc_stack, sizeof(uc_stack), (void *)at);
		/* One branch, which leaves the loop: the verifier follows each way through each round. */
		if (!((uc_stack[0] ^ alt_sp) | (uc_stack[KERNEL_UC_STACK_SIZE_WORD] ^ alt_size)))
			break;
	}
	bpf_probe_read_user(&sp, sizeof(sp), (void *)(at + KERNEL_UC_SP_WORD * sizeof(__u64)));
	return at < alt_sp + alt_size ? sp : 0;
}

/* One size class each: what is reserved in a ring buffer must be of a constant size. */
#define SLICE_CLASS(bytes)                \
	struct slice_##bytes {            \
		struct event_slice slice; \
		char memory[bytes];       \
	}
SLICE_CLASS(4096);
SLICE_CLASS(16384);
SLICE_CLASS(65536);

static __always_inline void slice_submit(struct event_slice *slice, const struct event_failure *f)
{
	const struct event_piece *last = &slice->pieces[slice->pieces[1].bytes.length ? 1 : 0];

	slice->process = f->process;
	kernel_read_registers(&slice->registers);
	slice->stack_key = f->stack_key;
	slice->stack_seen = f->stack_seen;
	slice->compat = f->compat;
	__builtin_memset(slice->reserved, 0, sizeof(slice->reserved));
	emit_submit(slice, &slice->header, EVENT_SLICE, last->bytes.offset + last->bytes.length);
}

#define take_class(bytes, f, start, end)                                                                              \
	({                                                                                                            \
		struct slice_##bytes *taken = emit_reserve_slice(struct slice_##bytes);                               \
                                                                                                                      \
		if (taken) {                                                                                          \
			__builtin_memset(taken->slice.pieces, 0, sizeof(taken->slice.pieces));                        \
			copy_piece(&taken->slice, &taken->slice.pieces[0], sizeof(taken->slice), PAGES(bytes), start, \
				   end);                                                                              \
			slice_submit(&taken->slice, f);                                                               \
		}                                                                                                     \
		taken != NULL;                                                                                        \
	})

/* A handler on an alternate stack: a piece of it, and one of the interrupted stack. */
static __always_inline bool take_both(const struct event_failure *f, struct mm_struct *mm, __u64 end)
{
	__u64 sp = interrupted_sp(), second_end = sp ? stack_end(mm, sp) : 0;
	struct slice_65536 *taken = emit_reserve_slice(struct slice_65536);
	struct event_slice *slice;

	if (!taken)
		return false;
	slice = &taken->slice;
	__builtin_memset(slice->pieces, 0, sizeof(slice->pieces));
	copy_piece(slice, &slice->pieces[0], sizeof(*slice), PAGES(ALT_BYTES), page_of(f->user_sp), end);
	if (second_end)
		copy_piece(slice, &slice->pieces[1], sizeof(*slice) + ALT_BYTES, PAGES(65536 - ALT_BYTES), page_of(sp),
			   second_end);
	slice_submit(slice, f);
	return true;
}

static __always_inline bool is_on_alternate_stack(__u64 sp)
{
	__u64 start = BPF_CORE_READ(kernel_current(), sas_ss_sp);

	return start && sp - start < BPF_CORE_READ(kernel_current(), sas_ss_size);
}

static __always_inline bool slice_take(const struct event_failure *f, struct mm_struct *mm)
{
	__u64 start = page_of(f->user_sp), end = stack_end(mm, f->user_sp);
	__u64 bytes = end - start;

	if (end <= start)
		return false;
	if (bytes > config.slice_max_bytes)
		bytes = config.slice_max_bytes;
	if (is_on_alternate_stack(f->user_sp) && config.slice_max_bytes >= 65536)
		return take_both(f, mm, end);
	if (bytes <= 4096)
		return take_class(4096, f, start, end);
	if (bytes <= 16384)
		return take_class(16384, f, start, end);
	return take_class(65536, f, start, end);
}

/* Sets the key of `f`, a record in the ring, and sends a slice ahead of it when one is due. */
static __noinline void stack_note(struct event_failure *f, struct mm_struct *mm)
{
	struct stack_place *place;

	/* A 32-bit task is not unwound by call-frame information: its frame pointers are all there is. */
	if (!stack_count(f) || f->compat || !config.slice_max_bytes)
		return;
	if (slice_take(f, mm)) {
		f->has_slice = 1;
		return;
	}
	place = bpf_map_lookup_elem(&stack_places, &f->stack_key);
	if (place)
		place->owed = 1;
}

#endif
