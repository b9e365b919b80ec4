// SPDX-License-Identifier: GPL-2.0-or-later
/* file_bans.c: see file_bans.h. */
#include "file_bans.h"

static size_t index_of(const struct file_bans *bans, const struct file_id *id)
{
	size_t i = 0;

	while (i < FILE_BANS_MAX && !(bans->list[i].reason && file_id_is(&bans->list[i].id, id)))
		i++;
	return i;
}

void file_bans_strike(struct file_bans *bans, const struct file_id *id, const char *reason, bool lines_only,
		      uint64_t now_ns)
{
	size_t at = index_of(bans, id);

	if (at < FILE_BANS_MAX) {
		bans->list[at].reason = reason;
		bans->list[at].lines_only = lines_only;
		bans->list[at].until_ns = UINT64_MAX;
		return;
	}
	bans->list[bans->count++ % FILE_BANS_MAX] = (struct file_ban){*id, reason, lines_only, now_ns + bans->first_ns};
}

const struct file_ban *file_bans_find(const struct file_bans *bans, const struct file_id *id, uint64_t now_ns)
{
	size_t at = index_of(bans, id);

	return at < FILE_BANS_MAX && now_ns < bans->list[at].until_ns ? &bans->list[at] : NULL;
}
