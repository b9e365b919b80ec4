/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * separate_debug.h: debug information that lies in another file than the one that is executed: asks for it and takes only
 * what belongs there. Opens nothing itself, and keeps libdw from it: see symbolizer_options.
 */
#ifndef VMASNOOP_SEPARATE_DEBUG_H
#define VMASNOOP_SEPARATE_DEBUG_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "modules.h"
#include "symbolizer.h"

/* Who asks, and for what. */
struct separate_debug {
	const struct symbolizer_options *options;
	const struct modules *modules;
	const struct module *module;
};

/* The build-id in lower-case hex. *ret is NULL where there is none. 0 or -ENOMEM. */
int build_id_read(Elf *elf, char **ret);

/* No ELF file is anything that libdw would have to unpack first, however large it gets. */
bool is_plain_elf(int fd);

/*
 * By build-id, else by the name in .gnu_debuglink. A file that has a build-id must have the same; where one of both has
 * none, the checksum of the link decides. -1: there is none.
 */
int separate_debug_open(const struct separate_debug *who, Elf *elf);

/* What several debug files share (dwz), as .gnu_debugaltlink names it. */
struct alternate_debug;

/*
 * Gives it to `dwarf`, or where there is none an empty one, for libdw would go and look for it. *ret is NULL when `dwarf`
 * wants none. 0 or -ENOMEM. Lives until alternate_debug_free(), after the end of `dwarf`.
 */
int alternate_debug_attach(const struct separate_debug *who, Dwarf *dwarf, struct alternate_debug **ret);
void alternate_debug_free(struct alternate_debug *alternate);

#endif
