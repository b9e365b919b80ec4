/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vma.h: our own bounded walk of a process's VMAs (vma.bpf.c). bpf_find_vma() answers -EBUSY under the lock, which is
 * just where we are, and is not there before 5.17.
 */
#ifndef VMASNOOP_VMA_H
#define VMASNOOP_VMA_H

#include "vmlinux.h"

#include "event.h"

/*
 * The address of the vm_area_struct of `mm` (a kernel address) that holds the user address `addr`, or 0 where there is
 * none, or where the tree changed under the walk. Under the lock it is exact.
 */
__u64 vma_find(__u64 mm, __u64 addr);

#endif
