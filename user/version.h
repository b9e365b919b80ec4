/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version.h: the release, as --version and the log give it. */
#ifndef VMASNOOP_VERSION_H
#define VMASNOOP_VERSION_H

#define VMASNOOP_VERSION "0.1.0"

#endif
