/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sanitizer.h: whether this build is watched by AddressSanitizer, which takes terabytes of address space and reports on
 * standard error. For the few who must make room for it.
 */
#ifndef VMASNOOP_SANITIZER_H
#define VMASNOOP_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

#endif
