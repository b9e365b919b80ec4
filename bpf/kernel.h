/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel.h: the only place that knows that kernels differ: accessors for fields that moved or were renamed, and the
 * user registers by architecture. Never a kernel version: always "is the thing there", newest kernel's way first.
 */
#ifndef VMASNOOP_KERNEL_H
#define VMASNOOP_KERNEL_H

#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "event.h"

/* A mapping call that the current task is in, from its user registers. */
struct kernel_call {
	__u64 addr;
	__u64 length_bytes;
	__u64 user_ip;
	__u64 user_sp;
	__u64 user_bp;
	__u32 syscall; /* enum traced_syscall; SYSCALL_NONE: none that is traced */
	__u8 compat;
	__u8 inside; /* the call has not returned yet: the result register still has the entry code's mark */
};

/* A syscall that the current task is in, or was last in, whichever it is. */
struct kernel_syscall {
	__u64 args[2];
	__u64 user_ip;
	__u64 user_sp;
	__u64 user_bp;
	__u64 thread; /* where the data begins that is the thread's own; 0: not known */
	__u32 nr; /* as the kernel has it: another one for 32-bit calls */
	bool compat;
	bool inside; /* it is in it: see struct kernel_call */
};

static __always_inline struct task_struct *kernel_current(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

static __always_inline __u32 kernel_vma_count(const struct mm_struct *mm)
{
	const struct mm_struct___vma_count *renamed = (const void *)mm;

	if (bpf_core_field_exists(renamed->vma_count))
		return BPF_CORE_READ(renamed, vma_count);
	return BPF_CORE_READ(mm, map_count);
}

/* The same through a pointer whose type the verifier knows: a plain load, for the paths that everyone pays. */
static __always_inline __u32 kernel_vma_count_typed(const struct mm_struct *mm)
{
	const struct mm_struct___vma_count *renamed = (const void *)mm;

	return bpf_core_field_exists(renamed->vma_count) ? renamed->vma_count : mm->map_count;
}

/* The address of the operation that may refuse to split the VMA, 0: it has none. */
static __always_inline __u64 kernel_vma_split_op(const struct vm_area_struct *vma)
{
	const struct vm_operations_struct *ops = BPF_CORE_READ(vma, vm_ops);
	const struct vm_operations_struct___split *old = (const void *)ops;

	if (bpf_core_field_exists(ops->may_split))
		return (__u64)BPF_CORE_READ(ops, may_split);
	return (__u64)BPF_CORE_READ(old, split);
}

#if defined(__TARGET_ARCH_x86)

/*
 * What no other memory ever has, while an mm_struct's address is used again: context.ctx_id is counted up for each (since
 * 4.14, f39681ed0f48) and is never 0.
 */
static __always_inline __u64 kernel_mm_id(const struct mm_struct *mm)
{
	return BPF_CORE_READ(mm, context.ctx_id);
}

static __always_inline __u64 kernel_mm_id_typed(const struct mm_struct *mm)
{
	return mm->context.ctx_id;
}

/* arch/x86/include/asm/thread_info.h: the syscall was a 32-bit one. */
#define KERNEL_TS_COMPAT 0x0002
/* arch/x86/include/asm/page_64_types.h, without KASAN; only asked before 5.15. */
#define KERNEL_THREAD_BYTES 16384
/* arch/x86/include/uapi/asm/unistd.h */
#define KERNEL_X32_SYSCALL_BIT	0x40000000
#define KERNEL_NR_MUNMAP	11
#define KERNEL_NR_MUNMAP_COMPAT 91
#define KERNEL_NR_BRK		12
#define KERNEL_ENOSYS		38
#define KERNEL_PROT_EXEC	4
/* include/uapi/linux/mman.h */
#define KERNEL_MREMAP_FIXED	2
#define KERNEL_MREMAP_DONTUNMAP 4

static __always_inline struct pt_regs *kernel_user_regs(struct task_struct *task)
{
	/* bpf_task_pt_regs() and the typed current task it takes came with 5.15 (dd6e10fbd9fb). */
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return BPF_CORE_READ(task, stack) + KERNEL_THREAD_BYTES - bpf_core_type_size(struct pt_regs);
}

/*
 * A first, cheap answer for the paths that everyone pays: false: the task is surely in no munmap(). By loads, where the verifier
 * knows the type of what it reads, and not by calls.
 */
static __always_inline bool kernel_may_be_in_munmap(struct task_struct *task)
{
	__u32 nr;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return true;
	nr = ((struct pt_regs *)bpf_task_pt_regs(task))->orig_ax;
	return nr == KERNEL_NR_MUNMAP || nr == KERNEL_NR_MUNMAP_COMPAT ||
	       nr == (KERNEL_X32_SYSCALL_BIT | KERNEL_NR_MUNMAP);
}

/* The syscall that the current task is in, or was last in: see kernel_call.inside. */
static __always_inline void kernel_current_call(struct kernel_call *call)
{
	struct task_struct *task = kernel_current();
	struct pt_regs *regs = kernel_user_regs(task);
	__u32 nr = BPF_CORE_READ(regs, orig_ax); /* the kernel looks at the low half only: 3e5e7f7736b0, 5.13 */

	call->compat = (BPF_CORE_READ(task, thread_info.status) & KERNEL_TS_COMPAT) != 0;
	call->syscall = SYSCALL_NONE;
	if (nr != KERNEL_NR_MUNMAP && nr != KERNEL_NR_MUNMAP_COMPAT &&
	    nr != (KERNEL_X32_SYSCALL_BIT | KERNEL_NR_MUNMAP))
		return;
	if (call->compat != (nr == KERNEL_NR_MUNMAP_COMPAT))
		return;
	call->syscall = SYSCALL_MUNMAP;
	call->inside = (__s64)BPF_CORE_READ(regs, ax) == -KERNEL_ENOSYS;
	if (call->compat) {
		call->addr = (__u32)BPF_CORE_READ(regs, bx);
		call->length_bytes = (__u32)BPF_CORE_READ(regs, cx);
	} else {
		call->addr = BPF_CORE_READ(regs, di);
		call->length_bytes = BPF_CORE_READ(regs, si);
	}
	call->user_ip = BPF_CORE_READ(regs, ip);
	call->user_sp = BPF_CORE_READ(regs, sp);
	call->user_bp = BPF_CORE_READ(regs, bp);
}

/* The traced call behind the number of a 64-bit system call: arch/x86/entry/syscalls/syscall_64.tbl. */
static __always_inline __u32 kernel_traced_call(__u32 nr)
{
	switch (nr) {
	case 9:
		return SYSCALL_MMAP;
	case 10:
		return SYSCALL_MPROTECT;
	case KERNEL_NR_MUNMAP:
		return SYSCALL_MUNMAP;
	case KERNEL_NR_BRK:
		return SYSCALL_BRK;
	case 25:
		return SYSCALL_MREMAP;
	case 28:
		return SYSCALL_MADVISE;
	case 30:
		return SYSCALL_SHMAT;
	case 67:
		return SYSCALL_SHMDT;
	case 149:
		return SYSCALL_MLOCK;
	case 150:
		return SYSCALL_MUNLOCK;
	case 151:
		return SYSCALL_MLOCKALL;
	case 325:
		return SYSCALL_MLOCK2;
	case 329:
		return SYSCALL_PKEY_MPROTECT;
	}
	return SYSCALL_NONE;
}

/* The six arguments of the 64-bit call that the current task is in, and which it is; SYSCALL_NONE: none, or a 32-bit one. */
static __always_inline __u32 kernel_read_call(__u64 args[EVENT_ARGS])
{
	struct task_struct *task = kernel_current();
	struct pt_regs *regs = kernel_user_regs(task);
	__u32 nr = BPF_CORE_READ(regs, orig_ax);

	args[0] = BPF_CORE_READ(regs, di);
	args[1] = BPF_CORE_READ(regs, si);
	args[2] = BPF_CORE_READ(regs, dx);
	args[3] = BPF_CORE_READ(regs, r10);
	args[4] = BPF_CORE_READ(regs, r8);
	args[5] = BPF_CORE_READ(regs, r9);
	if (BPF_CORE_READ(task, thread_info.status) & KERNEL_TS_COMPAT)
		return SYSCALL_NONE;
	return kernel_traced_call(nr & ~KERNEL_X32_SYSCALL_BIT);
}

/* Of a task that is in a 64-bit call, or was just now. */
static __always_inline bool kernel_is_in_brk(void)
{
	return (__u32)BPF_CORE_READ(kernel_user_regs(kernel_current()), orig_ax) == KERNEL_NR_BRK;
}

/* What brk() was asked for: the first argument. */
static __always_inline __u64 kernel_first_argument(void)
{
	return BPF_CORE_READ(kernel_user_regs(kernel_current()), di);
}

/* Where an unwinder starts from: as in struct kernel_call. */
static __always_inline void kernel_read_place(struct event_failure *f)
{
	struct pt_regs *regs = kernel_user_regs(kernel_current());

	f->user_ip = BPF_CORE_READ(regs, ip);
	f->user_sp = BPF_CORE_READ(regs, sp);
	f->user_bp = BPF_CORE_READ(regs, bp);
}

static __always_inline void kernel_current_syscall(struct kernel_syscall *call)
{
	struct task_struct *task = kernel_current();
	struct pt_regs *regs = kernel_user_regs(task);
	__s32 nr = BPF_CORE_READ(regs, orig_ax);

	call->compat = (BPF_CORE_READ(task, thread_info.status) & KERNEL_TS_COMPAT) != 0;
	call->nr = call->compat ? nr : nr & ~KERNEL_X32_SYSCALL_BIT;
	call->inside = nr >= 0 && (__s64)BPF_CORE_READ(regs, ax) == -KERNEL_ENOSYS;
	call->args[0] = call->compat ? (__u32)BPF_CORE_READ(regs, bx) : BPF_CORE_READ(regs, di);
	call->args[1] = call->compat ? (__u32)BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, si);
	call->user_ip = BPF_CORE_READ(regs, ip);
	call->user_sp = BPF_CORE_READ(regs, sp);
	call->user_bp = BPF_CORE_READ(regs, bp);
	call->thread = call->compat ? 0 : BPF_CORE_READ(task, thread.fsbase);
}

static __always_inline bool kernel_syscall_is_mmap(const struct kernel_syscall *call)
{
	return call->nr == (call->compat ? 192 : 9) || (call->compat && call->nr == 90);
}

static __always_inline bool kernel_syscall_is_munmap(const struct kernel_syscall *call)
{
	return call->nr == (call->compat ? 91 : 11);
}

/* Calls that hold the lock for reading once they have changed what they were to change: munmap(), mremap(), brk(). */
static __always_inline bool kernel_syscall_downgrades(const struct kernel_syscall *call)
{
	return kernel_syscall_is_munmap(call) || call->nr == (call->compat ? 163 : 25) ||
	       call->nr == (call->compat ? 45 : 12);
}

#define KERNEL_MAKES_ANY 0xffffU

/* mremap() makes no mapping where it only shrinks one, and else one at most for each that it takes away, but where the old stays. */
static __always_inline __u32 kernel_mremap_makes(bool compat)
{
	struct pt_regs *regs = kernel_user_regs(kernel_current());
	__u64 old_bytes = compat ? (__u32)BPF_CORE_READ(regs, cx) : BPF_CORE_READ(regs, si);
	__u64 new_bytes = compat ? (__u32)BPF_CORE_READ(regs, dx) : BPF_CORE_READ(regs, dx);
	__u64 flags = compat ? (__u32)BPF_CORE_READ(regs, si) : BPF_CORE_READ(regs, r10);

	if (!old_bytes || flags & KERNEL_MREMAP_DONTUNMAP)
		return KERNEL_MAKES_ANY;
	return new_bytes > old_bytes || flags & KERNEL_MREMAP_FIXED;
}

/* How many mappings a call makes itself at most, beside the parts that it splits off others. */
static __always_inline __u32 kernel_call_makes(__u32 nr)
{
	switch (nr) {
	case 10: /* mprotect */
	case 11: /* munmap */
	case 28: /* madvise */
	case 67: /* shmdt */
	case 149: /* mlock */
	case 150: /* munlock */
	case 151: /* mlockall */
	case 152: /* munlockall */
	case 157: /* prctl: PR_SET_VMA */
	case 237: /* mbind */
	case 325: /* mlock2 */
	case 329: /* pkey_mprotect */
	case 440: /* process_madvise */
	case 450: /* set_mempolicy_home_node */
	case 462: /* mseal */
		return 0;
	case 9: /* mmap */
	case 12: /* brk */
	case 30: /* shmat */
	case 216: /* remap_file_pages */
		return 1;
	case 25:
		return kernel_mremap_makes(false);
	}
	return KERNEL_MAKES_ANY;
}

/* Likewise of a 32-bit call. */
static __always_inline __u32 kernel_compat_call_makes(__u32 nr)
{
	switch (nr) {
	case 91: /* munmap */
	case 125: /* mprotect */
	case 150: /* mlock */
	case 151: /* munlock */
	case 152: /* mlockall */
	case 153: /* munlockall */
	case 172: /* prctl: PR_SET_VMA */
	case 219: /* madvise */
	case 274: /* mbind */
	case 376: /* mlock2 */
	case 380: /* pkey_mprotect */
	case 398: /* shmdt */
	case 440: /* process_madvise */
	case 450: /* set_mempolicy_home_node */
	case 462: /* mseal */
		return 0;
	case 45: /* brk */
	case 90: /* the old mmap */
	case 192: /* mmap2 */
	case 257: /* remap_file_pages */
	case 397: /* shmat */
		return 1;
	case 163:
		return kernel_mremap_makes(true);
	}
	return KERNEL_MAKES_ANY;
}

/* Everything that user space needs to unwind the stack of the current task from the syscall that it is in. */
static __always_inline void kernel_read_registers(struct event_registers *registers)
{
	struct pt_regs *regs = kernel_user_regs(kernel_current());

	registers->ip = BPF_CORE_READ(regs, ip);
	registers->sp = BPF_CORE_READ(regs, sp);
	registers->bp = BPF_CORE_READ(regs, bp);
	registers->ax = BPF_CORE_READ(regs, ax);
	registers->bx = BPF_CORE_READ(regs, bx);
	registers->cx = BPF_CORE_READ(regs, cx);
	registers->dx = BPF_CORE_READ(regs, dx);
	registers->si = BPF_CORE_READ(regs, si);
	registers->di = BPF_CORE_READ(regs, di);
	registers->r8_to_r15[0] = BPF_CORE_READ(regs, r8);
	registers->r8_to_r15[1] = BPF_CORE_READ(regs, r9);
	registers->r8_to_r15[2] = BPF_CORE_READ(regs, r10);
	registers->r8_to_r15[3] = BPF_CORE_READ(regs, r11);
	registers->r8_to_r15[4] = BPF_CORE_READ(regs, r12);
	registers->r8_to_r15[5] = BPF_CORE_READ(regs, r13);
	registers->r8_to_r15[6] = BPF_CORE_READ(regs, r14);
	registers->r8_to_r15[7] = BPF_CORE_READ(regs, r15);
}

/*
 * struct ucontext of arch/x86/include/uapi/asm/ucontext.h and asm/sigcontext.h, in words: from uc_stack (ss_sp, ss_flags,
 * ss_size) on, then r8 to r15, di, si, bp, bx, dx, ax, cx, sp.
 */
#define KERNEL_UC_STACK_SIZE_WORD 2
#define KERNEL_UC_SP_WORD	  18

/* Whether the current syscall can make code executable that was not: mmap() or mprotect() with PROT_EXEC. */
static __always_inline bool kernel_call_maps_code(void)
{
	struct task_struct *task = kernel_current();
	struct pt_regs *regs = kernel_user_regs(task);
	__u32 nr = BPF_CORE_READ(regs, orig_ax);
	bool compat = BPF_CORE_READ(task, thread_info.status) & KERNEL_TS_COMPAT;

	/*
	 * mmap 9, mprotect 10, pkey_mprotect 329; 32-bit: mmap2 192, mprotect 125, pkey_mprotect 380. The protection is the
	 * third argument of each. The old 32-bit mmap (90) keeps its arguments in memory: dynamic linkers left it in 2001.
	 */
	if (nr != (compat ? 192 : 9) && nr != (compat ? 125 : 10) && nr != (compat ? 380 : 329))
		return false;
	return BPF_CORE_READ(regs, dx) & KERNEL_PROT_EXEC;
}

#else
#error "vmasnoop knows the user registers of x86-64 only: add them for this architecture here"
#endif

#endif
