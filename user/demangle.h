/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * demangle.h: the names of C++ and Rust as they are in the source. Of C++ functions without their parameters: the line
 * tells overloads apart, and templates make them longer than a terminal is wide.
 */
#ifndef VMASNOOP_DEMANGLE_H
#define VMASNOOP_DEMANGLE_H

/* A new string: `symbol` itself when it is not mangled, or too long to be trusted. NULL: no memory. */
char *demangle(const char *symbol);

#endif
