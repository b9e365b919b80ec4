// SPDX-License-Identifier: GPL-2.0-or-later
/* vm_flag_codes.c: see vm_flag_codes.h. */
#include "vm_flag_codes.h"

#include <errno.h>
#include <string.h>

static int bit_of(struct vm_flag_codes *codes, const char *code, uint64_t *ret)
{
	uint8_t *known = &codes->bits[(uint8_t)code[0] << 8 | (uint8_t)code[1]];

	if (!*known) {
		if (codes->count == VM_FLAG_CODES_MAX)
			return -EBADMSG;
		memcpy(codes->codes[codes->count], code, 2);
		*known = (uint8_t)++codes->count;
	}
	*ret = 1ULL << (*known - 1);
	return 0;
}

void vm_flag_codes_init(struct vm_flag_codes *codes)
{
	static const char first[] = "rd wr ex sh ms sd gu";
	uint64_t all;

	memset(codes, 0, sizeof(*codes));
	vm_flag_codes_parse(codes, first, sizeof(first) - 1, &all);
}

int vm_flag_codes_parse(struct vm_flag_codes *codes, const char *text, size_t length, uint64_t *ret)
{
	const char *end = text + length;
	uint64_t set = 0;

	while (text < end) {
		uint64_t bit;

		if (*text == ' ') {
			text++;
			continue;
		}
		/* "??" is what a kernel says of a bit that it has no code for. */
		if (end - text < 2 || text[0] <= ' ' || text[1] <= ' ' || (end - text > 2 && text[2] != ' ') ||
		    bit_of(codes, text, &bit))
			return -EBADMSG;
		set |= bit;
		text += 2;
	}
	*ret = set;
	return 0;
}
