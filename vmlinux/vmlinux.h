/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmlinux.h: the kernel types that vmasnoop reads, and no others.
 *
 * Hand-kept. This file is the whole contract between the tool and the kernel: a field that is not here is not
 * read. Offsets are not taken from here but relocated at load (CO-RE), so order and padding do not matter; names
 * and types do. A type whose shape differs between kernels appears once per shape, as a CO-RE flavour (the part
 * after ___ is ignored in the match). tests/verifier/btf_contract checks every field against the BTF of the kernel at
 * hand. It states no policy and has no code: kernel.h chooses between the flavours.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__ /* the name by which bpf_tracing.h knows that pt_regs has the kernel's field names */

/* What is UAPI needs no relocation: helper numbers, map types, flags, struct bpf_sysctl. */
#include <linux/bpf.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s32 s32;
typedef __s64 s64;
typedef _Bool bool;
typedef __kernel_size_t size_t;

#define true 1
#define false 0

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct super_block {
	u32 s_dev;
};

struct inode {
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
};

/* may_split since 5.11 (dd3b614f858d), before it was called split. Only "is it set" is asked. */
struct vm_operations_struct {
	int (*may_split)(void);
};

struct vm_operations_struct___split {
	int (*split)(void);
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	struct mm_struct *vm_mm;
	unsigned long vm_flags; /* in a union with __vm_flags since 6.3, with vma_flags in 7.x */
	const struct vm_operations_struct *vm_ops;
	unsigned long vm_pgoff;
	struct file *vm_file;
};

/* What else keeps neighbours from merging; only vmasnoop census asks. */
struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

struct vm_area_struct___anon {
	struct anon_vma *anon_vma;
	struct list_head anon_vma_chain;
};

struct vm_operations_struct___close {
	void (*close)(void);
};

/* Where the kernel was built with NUMA. `nodes` since 5.14 (269fbe72cded). */
typedef struct {
	unsigned long bits[1];
} nodemask_t;

struct mempolicy {
	unsigned short mode;
	unsigned short flags;
	nodemask_t nodes;
};

struct vm_area_struct___policy {
	struct mempolicy *vm_policy;
};

/* Where it was built with names for anonymous memory, 5.17 and later (9a10064f5625). */
struct vm_area_struct___name {
	struct anon_vma_name *anon_name;
};

/* Where it was built with userfaultfd. */
struct vm_userfaultfd_ctx {
	struct userfaultfd_ctx *ctx;
};

struct vm_area_struct___userfaultfd {
	struct vm_userfaultfd_ctx vm_userfaultfd_ctx;
};

struct maple_tree {
	void *ma_root;
};

typedef struct {
	int counter;
} atomic_t;

#if defined(__TARGET_ARCH_x86)
typedef struct {
	u64 ctx_id;
} mm_context_t;
#endif

struct mm_struct {
	int map_count;
	atomic_t mm_users;
#if defined(__TARGET_ARCH_x86)
	mm_context_t context;
#endif
	unsigned long task_size;
	unsigned long total_vm;
	unsigned long data_vm;
	unsigned long locked_vm;
	unsigned long def_flags; /* in a union with def_vma_flags in 7.x */
	unsigned long start_data;
	unsigned long end_data;
	unsigned long start_brk;
	unsigned long brk;
	unsigned long start_code;
	unsigned long end_code;
	unsigned long start_stack;
};

/* 6.1 and later: VMAs in a maple tree (524e00b36e8c, 6.1). */
struct mm_struct___maple {
	struct maple_tree mm_mt;
};

/* Up to 6.0: VMAs in a red-black tree. */
struct rb_node {
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct mm_struct___rb {
	struct rb_root mm_rb;
};

struct vm_area_struct___rb {
	struct rb_node vm_rb;
};

/* Proposed in 2025 (Kalesh Singh, "mm: rename map_count to vma_count"), in no release up to 7.2. */
struct mm_struct___vma_count {
	int vma_count;
};

struct rlimit {
	unsigned long rlim_cur;
	unsigned long rlim_max;
};

struct signal_struct {
	atomic_t live;
	int nr_threads;
	int group_exit_code;
	unsigned int flags;
	struct rlimit rlim[16]; /* RLIM_NLIMITS */
	struct mm_struct *oom_mm; /* set for the victims of the OOM killer */
};

#if defined(__TARGET_ARCH_x86)
struct thread_info {
	u32 status;
};

struct thread_struct {
	unsigned long fsbase;
};
#endif

typedef struct {
	u32 val;
} kuid_t;

/* Two words of 32 bits, since 6.3 one of 64 (f122a08b197d): the same bytes here. */
typedef struct {
} kernel_cap_t;

struct user_namespace {
	int level; /* 0: the initial one */
};

struct cred {
	kuid_t uid;
	kernel_cap_t cap_effective;
	struct user_namespace *user_ns;
};

struct kernfs_node {
	u64 id;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
};

enum cgroup_subsys_id {
	memory_cgrp_id, /* the value is the kernel's: it depends on its configuration */
};

struct css_set {
	struct cgroup *dfl_cgrp; /* of cgroup v2 */
	struct cgroup_subsys_state *subsys[1]; /* one for each enum cgroup_subsys_id */
};

typedef struct {
	s64 counter;
} atomic64_t;

typedef atomic64_t atomic_long_t;

struct page_counter {
	atomic_long_t usage; /* in pages, as is max */
	unsigned long max;
	struct page_counter *parent;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
};

/* The segments of System V shared memory, by index: an IDR, which is an XArray. */
struct xa_node {
	u8 shift;
	void *slots[64]; /* XA_CHUNK_SIZE, where CONFIG_BASE_SMALL is not set */
};

struct xarray {
	void *xa_head;
};

struct idr {
	struct xarray idr_rt;
};

struct ipc_ids {
	struct idr ipcs_idr;
};

struct ipc_namespace {
	struct ipc_ids ids[3]; /* semaphores, messages, shared memory */
};

struct nsproxy {
	struct ipc_namespace *ipc_ns;
};

struct kern_ipc_perm {
	int id;
};

struct shmid_kernel {
	struct kern_ipc_perm shm_perm;
	unsigned long shm_segsz;
};

struct task_struct {
#if defined(__TARGET_ARCH_x86)
	struct thread_info thread_info;
#endif
	int pid;
	int tgid;
	int exit_code;
	char comm[16];
	u64 start_boottime;
	u64 self_exec_id;
	void *stack;
	struct mm_struct *mm;
	struct signal_struct *signal;
	const struct cred *cred;
	struct css_set *cgroups;
	struct nsproxy *nsproxy;
	struct task_struct *group_leader;
	void *vfork_done; /* set as long as the parent waits for this child of its vfork() */
	unsigned long sas_ss_sp;
	unsigned long sas_ss_size;
#if defined(__TARGET_ARCH_x86)
	struct thread_struct thread;
#endif
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long sp;
};
#endif

/* The record of the tracepoint mmap_lock_released, for programs that attach to it through perf. */
struct trace_event_raw_mmap_lock {
	struct mm_struct *mm;
	bool write;
};

/* The record of sched_process_fork, likewise. */
struct trace_event_raw_sched_process_fork {
	int child_pid;
};

/* What a program that iterates over all tasks is handed. */
struct bpf_iter__task {
	struct task_struct *task; /* NULL at the end */
};

/* What a program that iterates over the VMAs of tasks is handed. */
struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_vma {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct vm_area_struct *vma; /* NULL at the end */
};

/* Whether an iterator can be told which task to go through: 6.1 and later (f0d74c4da1f0). */
union bpf_iter_link_info___task {
	struct {
		u32 tid;
	} task;
};

#pragma clang attribute pop

/* The context of tp/syscalls/sys_exit_*: the fields of events/syscalls/sys_exit_munmap/format, a stable layout. */
struct syscall_exit_context {
	__u64 common;
	__s64 id;
	__s64 ret;
};

#endif
