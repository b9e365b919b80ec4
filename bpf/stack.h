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
#include "hash.h"
#include "kernel.h"
#include "mask.h"
#include "recorder.h"
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

/*
 * The loops here have no branches, or such as leave them at once: see mask.h. What must not be read is read at address 0, which fails and leaves zeros.
 * They are global functions, so that the verifier follows each once and not again for each way that leads to it; weak, since
 * more than one object file has them.
 */

/* Where a frame pointer leads up the stack, the return addresses that it leads to. */
__weak __noinline __u64 hash_frames(__u64 hash, __u64 sp, __u64 bp)
{
	struct {
		__u64 next;
		__u64 return_addr;
	} frame;
	__u64 lowest = sp;

	for (int i = 0; i < STACK_KEY_FRAMES; i++) {
		/* At most a slice away from the frame before, and not below it. */
		bp &= mask_if_zero((bp - lowest) / EVENT_SLICE_BYTES_MAX);
		bpf_probe_read_user(&frame, sizeof(frame), (void *)bp);
		hash = hash_add(hash, frame.return_addr);
		lowest = bp + sizeof(frame);
		bp = frame.next;
	}
	return hash;
}

/*
 * Of the words on the stack those that may be return addresses into the program itself. All others may differ from failure
 * to failure: a loop's counter would make each of them a place of its own.
 */
__weak __noinline __u64 hash_words(__u64 hash, __u64 sp)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	__u64 start = BPF_CORE_READ(mm, start_code), end = BPF_CORE_READ(mm, end_code), word;

	for (int i = 0; i < STACK_KEY_WORDS; i++) {
		bpf_probe_read_user(&word, sizeof(word), (void *)(sp + i * sizeof(word)));
		hash = hash_add(hash, word & mask_if_below(start, word) & mask_if_below(word, end));
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

/* Counts `f` in its place and sets its key; not 0 when a slice is due: for the 1st, 2nd, 4th, 8th ... failure. */
static __noinline __u64 stack_count(struct event_failure *f)
{
	struct stack_place *place;
	__u64 due;
	__u32 seen;

	f->stack_key = stack_hash(f);
	place = place_of(f->stack_key);
	if (place && place->words) {
		f->stack_key = hash_words(f->stack_key, f->user_sp) | 1;
		place = place_of(f->stack_key);
	}
	if (!place)
		return mask_unknown(1);
	/* No two tasks are at one stack pointer: nothing is lost between the two. */
	seen = place->seen + 1;
	place->seen = seen;
	f->stack_seen = seen;
	due = mask_if_zero(seen & (seen - 1)) | place->owed;
	place->owed = 0;
	return due;
}

/*
 * Copies whole pages of [start, end) to the offset `at` of the record, `room` pages at most, until one cannot be read.
 * What was not read is not in the record's length: nothing of an older one is ever handed out.
 */
static __always_inline void copy_piece(struct event_slice *slice, struct event_piece *piece, __u32 at, __u32 room,
				       __u64 start, __u64 end)
{
	char *to = (char *)slice + at;

	__u64 going_on = ~0ULL, bytes = 0;

	for (__u32 i = 0; i < room; i++) {
		__u64 from = start + i * FILTER_PAGE_BYTES, failed;

		going_on &= mask_if_below(from, end);
		failed = bpf_probe_read_user(to + i * FILTER_PAGE_BYTES, FILTER_PAGE_BYTES, (void *)(from & going_on));
		going_on &= ~mask_if_negative(failed);
		bytes += going_on & FILTER_PAGE_BYTES;
	}
	piece->start = start;
	piece->vma_end = end;
	piece->bytes.offset = at;
	piece->bytes.length = bytes;
}

static __always_inline __u64 page_of(__u64 addr)
{
	return addr & ~(__u64)(FILTER_PAGE_BYTES - 1);
}

/* The end of the mapping that holds `sp`. */
static __always_inline __u64 stack_end(struct mm_struct *mm, __u64 sp)
{
	struct vm_area_struct *vma = (void *)vma_find((__u64)mm, sp);

	return vma ? BPF_CORE_READ(vma, vm_end) : 0;
}

/*
 * The signal frame is at the top of an alternate stack: 440 bytes and the FPU's state, which is 2.8 KiB with AVX-512. A task
 * that uses AMX has 8 KiB more, and is not found. The state is at a multiple of 64, and the frame at the next multiple of 16
 * below it, less 8: get_sigframe() of arch/x86/kernel/signal.c, fpu__alloc_mathframe() of arch/x86/kernel/fpu/signal.c, from
 * 5.10 to 7.2. So the stack's own description in the frame, 24 bytes into it, is 16 behind a multiple of 64.
 */
#define SIGNAL_FRAME_BYTES 4096
#define SIGNAL_FRAME_ALIGN 64
#define UC_STACK_REMAINDER 16

/*
 * Where `sp` is on an alternate signal stack: the stack pointer of what the signal interrupted. 0: it is not, or that was
 * not found. The kernel left it on the alternate stack in a
 * struct ucontext, which names that stack itself.
 */
__weak __noinline __u64 interrupted_sp(__u64 sp)
{
	struct task_struct *task = kernel_current();
	/* All that is read goes here: 32 bytes of stack are all that is left for this function. */
	__u64 words[KERNEL_UC_STACK_SIZE_WORD + 1], alt_sp, alt_size, at;

	bpf_core_read(words, sizeof(*words), &task->sas_ss_sp);
	alt_sp = words[0];
	bpf_core_read(words, sizeof(*words), &task->sas_ss_size);
	alt_size = words[0];
	if (!alt_sp || sp - alt_sp >= alt_size)
		return 0;
	at = ((alt_sp + alt_size - SIGNAL_FRAME_BYTES) & ~(__u64)(SIGNAL_FRAME_ALIGN - 1)) + UC_STACK_REMAINDER;
	for (int i = 0; i < SIGNAL_FRAME_BYTES / SIGNAL_FRAME_ALIGN; i++, at += SIGNAL_FRAME_ALIGN) {
		bpf_probe_read_user(words, sizeof(words), (void *)at);
		/* Out at once, with nothing left to do but one read: a branch in this loop costs the verifier little. */
		if (words[0] != alt_sp || words[KERNEL_UC_STACK_SIZE_WORD] != alt_size)
			continue;
		bpf_probe_read_user(words, sizeof(*words), (void *)(at + KERNEL_UC_SP_WORD * sizeof(__u64)));
		return words[0];
	}
	return 0;
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

static __always_inline void slice_submit(struct event_slice *slice, __u64 key, __u32 seen)
{
	const struct event_piece *last = &slice->pieces[slice->pieces[1].bytes.length ? 1 : 0];

	kernel_read_registers(&slice->registers);
	slice->stack_key = key;
	slice->stack_seen = seen;
	slice->reserved = 0;
	emit_submit(slice, &slice->header, EVENT_SLICE, last->bytes.offset + last->bytes.length);
}

#define take_class(bytes, key, sp, seen, end)                                                                  \
	({                                                                                                     \
		struct slice_##bytes *taken = emit_reserve_slice(struct slice_##bytes);                        \
                                                                                                               \
		if (taken) {                                                                                   \
			__builtin_memset(taken->slice.pieces, 0, sizeof(taken->slice.pieces));                 \
			copy_piece(&taken->slice, &taken->slice.pieces[0], sizeof(taken->slice), PAGES(bytes), \
				   page_of(sp), end);                                                          \
			slice_submit(&taken->slice, key, seen);                                                \
		}                                                                                              \
		taken ? 1 : -1;                                                                                \
	})

/* A handler on an alternate stack: a piece of it, and one of the interrupted stack. */
static __always_inline int take_both(__u64 key, __u64 sp, __u32 seen, __u64 end, __u64 second, __u64 second_end)
{
	struct slice_65536 *taken = emit_reserve_slice(struct slice_65536);
	struct event_slice *slice;

	if (!taken)
		return -1;
	slice = &taken->slice;
	__builtin_memset(slice->pieces, 0, sizeof(slice->pieces));
	copy_piece(slice, &slice->pieces[0], sizeof(*slice), PAGES(ALT_BYTES), page_of(sp), end);
	copy_piece(slice, &slice->pieces[1], sizeof(*slice) + ALT_BYTES, PAGES(65536 - ALT_BYTES), page_of(second),
		   second_end);
	slice_submit(slice, key, seen);
	return 1;
}

/*
 * Sends the slice of the `seen`th failure with this key, whose stack pointer is `sp`. 1: it is on its way, 0: there is no
 * stack, -1: there is no room. A global function, so that the verifier follows it once and not again for each way that leads here.
 */
__weak __noinline int slice_take(__u64 key, __u64 sp, __u32 seen)
{
	struct mm_struct *mm = BPF_CORE_READ(kernel_current(), mm);
	__u64 end = stack_end(mm, sp), bytes = end - page_of(sp), second, second_end;

	if (end <= sp)
		return 0;
	if (bytes > config.slice_max_bytes)
		bytes = config.slice_max_bytes;
	second = config.slice_max_bytes >= 65536 ? interrupted_sp(sp) : 0;
	second_end = second ? stack_end(mm, second) : 0;
	if (second_end)
		return take_both(key, sp, seen, end, second, second_end);
	/* Where there is no room for all of it, the innermost part is mostly enough. */
	if (bytes > 16384 && take_class(65536, key, sp, seen, end) > 0)
		return 1;
	if (bytes > 4096 && take_class(16384, key, sp, seen, end) > 0)
		return 1;
	return take_class(4096, key, sp, seen, end);
}

/*
 * A slice was sent, or found no room: then the next failure takes one, and a place of which there is none yet is counted.
 * Not inlined, for its frame: see on_core_failure().
 */
static __noinline void stack_note_slice(const struct event_failure *f, int taken)
{
	int sent = mask_unknown(taken);
	__u64 key = f->stack_key; /* on the stack: 5.10 takes no key from a ring buffer */
	struct stack_place *place = bpf_map_lookup_elem(&stack_places, &key);

	if (place && sent > 0)
		place->sliced = 1;
	else if (place)
		place->owed = 1;
	if (sent < 0 && !(place && place->sliced))
		emit_loss(LOSS_SLICE_FULL);
}

/* Sets the key of `f`, a record in the ring, and sends a slice ahead of it when one is due. */
static __always_inline void stack_note(struct event_failure *f)
{
	int sent;

	if (!stack_count(f))
		return;
	f->has_ops = recorder_dump(f->stack_key, f->stack_seen) > 0;
	/* A 32-bit task is not unwound by call-frame information: its frame pointers are all there is. */
	if (f->compat || !config.slice_max_bytes)
		return;
	sent = slice_take(f->stack_key, f->user_sp, f->stack_seen);
	f->has_slice = sent > 0;
	if (sent)
		stack_note_slice(f, sent);
}

#endif
