/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * separate_debug.c: asks for debug files by build-id, by link and by alternate link, and checks what comes. The names in
 * the links were chosen by whoever made the traced program; whether they are followed is for the one who is asked.
 */
#include "separate_debug.h"

#include <elf.h>
#include <elfutils/libdwelf.h>
#include <errno.h>
#include <gelf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define BUILD_ID_MAX	 64 /* bytes; linkers make 8 to 32 */
#define NAME_MAX_BYTES	 4096
#define CHECKED_MAX	 (1LL << 30) /* bytes of a debug file whose checksum is worth the time */
#define CHECKSUM_REVERSE 0xedb88320U /* CRC-32 of IEEE 802.3 */

/* An ELF file with as little DWARF as libdw accepts. */
struct empty_image {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[24];
	char line[8];
};

struct alternate_debug {
	struct empty_image image;
	Elf *elf;
	Dwarf *dwarf;
	int fd;
};

static void cleanup_elf(Elf **elf)
{
	if (*elf)
		elf_end(*elf);
}

static int to_hex(const unsigned char *bits, ssize_t count, char **ret)
{
	*ret = NULL;
	if (count <= 0 || count > BUILD_ID_MAX)
		return 0;
	*ret = malloc(2 * count + 1);
	if (!*ret)
		return -ENOMEM;
	for (ssize_t i = 0; i < count; i++)
		sprintf(*ret + 2 * i, "%02x", bits[i]);
	return 0;
}

int build_id_read(Elf *elf, char **ret)
{
	const void *bits = NULL;
	ssize_t count = elf ? dwelf_elf_gnu_build_id(elf, &bits) : 0;

	return to_hex(bits, count, ret);
}

bool is_plain_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, SELFMAG, 0) == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG);
}

/* --- checking --- */

static void fill_table(uint32_t table[256])
{
	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? CHECKSUM_REVERSE : 0);
	}
}

static bool has_checksum(int fd, uint32_t wanted)
{
	unsigned char bytes[16384];
	uint32_t table[256], sum = ~0U;
	off_t at = 0;
	ssize_t count;

	fill_table(table);
	while ((count = pread(fd, bytes, sizeof(bytes), at)) > 0 && at < CHECKED_MAX) {
		for (ssize_t i = 0; i < count; i++)
			sum = table[(sum ^ bytes[i]) & 0xff] ^ sum >> 8;
		at += count;
	}
	return !count && ~sum == wanted;
}

/* A build-id is as good as a checksum and is there without reading the whole file; `checksum` NULL: nothing else will do. */
static bool belongs(int fd, const char *build_id, const GElf_Word *checksum)
{
	_cleanup_(cleanup_elf) Elf *elf = NULL;
	_cleanup_free_ char *its_id = NULL;

	if (!is_plain_elf(fd))
		return false;
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	if (!elf || build_id_read(elf, &its_id))
		return false;
	if (its_id && build_id)
		return !strcmp(its_id, build_id);
	return checksum && has_checksum(fd, *checksum);
}

/* --- asking --- */

static int ask(const struct separate_debug *who, enum debug_file_kind kind, const char *name, const char *build_id,
	       const GElf_Word *checksum)
{
	const struct debug_file_request request = {
		.kind = kind, .modules = who->modules, .module = who->module, .name = name, .build_id = build_id};
	_cleanup_close_ int fd = -1;

	if (!*name || strnlen(name, NAME_MAX_BYTES) == NAME_MAX_BYTES)
		return -1;
	fd = who->options->open_debug_file(who->options->context, &request);
	return fd >= 0 && belongs(fd, build_id, checksum) ? cleanup_take_fd(&fd) : -1;
}

int separate_debug_open(const struct separate_debug *who, Elf *elf)
{
	_cleanup_free_ char *build_id = NULL;
	GElf_Word checksum;
	const char *link;
	int fd = -1;

	if (!who->options->open_debug_file || !elf || build_id_read(elf, &build_id))
		return -1;
	if (build_id)
		fd = ask(who, DEBUG_FILE_BY_BUILD_ID, build_id, build_id, NULL);
	if (fd >= 0)
		return fd;
	link = dwelf_elf_gnu_debuglink(elf, &checksum);
	if (!link || !*link || strchr(link, '/'))
		return -1;
	return ask(who, DEBUG_FILE_BY_LINK, link, build_id, &checksum);
}

/* --- the alternate one --- */

static int open_alternate(const struct separate_debug *who, const char *name, const void *id, ssize_t id_bytes)
{
	_cleanup_free_ char *build_id = NULL;

	if (!who->options->open_debug_file || to_hex(id, id_bytes, &build_id) || !build_id)
		return -1;
	return ask(who, DEBUG_FILE_ALTERNATE, name, build_id, NULL);
}

static void fill_empty(struct empty_image *image)
{
	*image = (struct empty_image){
		.header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
			   .e_type = ET_DYN,
			   .e_machine = EM_X86_64,
			   .e_version = EV_CURRENT,
			   .e_ehsize = sizeof(Elf64_Ehdr),
			   .e_shoff = offsetof(struct empty_image, sections),
			   .e_shentsize = sizeof(Elf64_Shdr),
			   .e_shnum = 3,
			   .e_shstrndx = 1},
		.sections = {[1] = {.sh_name = 1,
				    .sh_type = SHT_STRTAB,
				    .sh_offset = offsetof(struct empty_image, names),
				    .sh_size = sizeof(image->names),
				    .sh_addralign = 1},
			     [2] = {.sh_name = 7,
				    .sh_type = SHT_PROGBITS,
				    .sh_offset = offsetof(struct empty_image, line),
				    .sh_size = sizeof(image->line),
				    .sh_addralign = 1}},
		.names = "\0names\0.debug_line",
	};
}

static int alternate_new(int fd, struct alternate_debug **ret)
{
	struct alternate_debug *alternate = calloc(1, sizeof(*alternate));

	if (!alternate)
		return -ENOMEM;
	alternate->fd = -1;
	if (fd >= 0) {
		alternate->elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	} else {
		fill_empty(&alternate->image);
		alternate->elf = elf_memory((char *)&alternate->image, sizeof(alternate->image));
	}
	if (alternate->elf)
		alternate->dwarf = dwarf_begin_elf(alternate->elf, DWARF_C_READ, NULL);
	if (!alternate->dwarf) {
		alternate_debug_free(alternate);
		return -EINVAL;
	}
	alternate->fd = fd;
	*ret = alternate;
	return 0;
}

int alternate_debug_attach(const struct separate_debug *who, Dwarf *dwarf, struct alternate_debug **ret)
{
	const char *name;
	const void *id;
	ssize_t id_bytes = dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &id);
	_cleanup_close_ int fd = -1;
	int err;

	*ret = NULL;
	if (id_bytes <= 0)
		return 0;
	fd = open_alternate(who, name, id, id_bytes);
	err = alternate_new(fd, ret);
	if (!err)
		cleanup_take_fd(&fd);
	else if (err == -EINVAL && fd >= 0)
		err = alternate_new(-1, ret);
	if (!err)
		dwarf_setalt(dwarf, (*ret)->dwarf);
	return err == -ENOMEM ? err : 0;
}

void alternate_debug_free(struct alternate_debug *alternate)
{
	if (!alternate)
		return;
	if (alternate->dwarf)
		dwarf_end(alternate->dwarf);
	if (alternate->elf)
		elf_end(alternate->elf);
	if (alternate->fd >= 0)
		close(alternate->fd);
	free(alternate);
}
