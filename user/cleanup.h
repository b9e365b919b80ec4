/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cleanup.h: variables that release what they own when they go out of scope, so that every function can return early.
 * Only what the C library owns: a module's own objects get theirs from CLEANUP_DEFINE() beside the object.
 */
#ifndef VMASNOOP_CLEANUP_H
#define VMASNOOP_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(function) __attribute__((cleanup(function)))

/* CLEANUP_DEFINE(cleanup_modules, struct modules *, modules_free) makes a function for _cleanup_(cleanup_modules). */
#define CLEANUP_DEFINE(name, type, release)                          \
	static inline __attribute__((unused)) void name(type *owner) \
	{                                                            \
		if (*owner)                                          \
			release(*owner);                             \
	}

/* The C library's own failures to release are of no use to anyone, and errno belongs to the error on its way out. */
static inline void cleanup_free(void *owner)
{
	free(*(void **)owner);
}

static inline void cleanup_close(int *owner)
{
	int saved = errno;

	if (*owner >= 0)
		close(*owner);
	errno = saved;
}

static inline void cleanup_fclose(FILE **owner)
{
	int saved = errno;

	if (*owner)
		fclose(*owner);
	errno = saved;
}

static inline void cleanup_closedir(DIR **owner)
{
	int saved = errno;

	if (*owner)
		closedir(*owner);
	errno = saved;
}

#define _cleanup_free_	   _cleanup_(cleanup_free)
#define _cleanup_close_	   _cleanup_(cleanup_close)
#define _cleanup_fclose_   _cleanup_(cleanup_fclose)
#define _cleanup_closedir_ _cleanup_(cleanup_closedir)

/* Hands a pointer or a descriptor on: the variable owns it no longer. */
#define cleanup_take(pointer)                          \
	({                                             \
		__typeof__(pointer) taken = (pointer); \
		(pointer) = NULL;                      \
		taken;                                 \
	})

static inline int cleanup_take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
