/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vdso.h: the images of this kernel's vDSO, which its processes execute and no file holds. Reads no memory of the process
 * that asks for names: see vdso.c.
 */
#ifndef VMASNOOP_VDSO_H
#define VMASNOOP_VDSO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Where the vDSO of a thread's process is, 0: it has none, or does not tell; and whether the image is that of 32-bit tasks. */
uint64_t vdso_find(pid_t tid, bool *ret_32_bit);

/*
 * A memfd with the image, which cannot be written to; the caller closes it. To whoever parses it, it is one file for all
 * processes. -1: this kernel has none, or not of `size` bytes.
 */
int vdso_open_image(bool of_32_bit, size_t size);

#endif
