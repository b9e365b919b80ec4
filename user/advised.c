// SPDX-License-Identifier: GPL-2.0-or-later
/* advised.c: see advised.h. */
#include "advised.h"

#include "../bpf/verdict.h"

static void find_machine(struct advised_machine *machine, struct machine *ret)
{
	if (!machine->live) {
		machine_unknown(ret);
		return;
	}
	if (machine->known)
		machine_renew(&machine->machine);
	else
		machine_read(&machine->machine);
	machine->known = true;
	*ret = machine->machine;
}

static void fill(const struct advised *advised, struct advised_machine *machine, bool is_contained, uint64_t time_ns,
		 struct advice_basis *ret)
{
	ret->is_contained = is_contained;
	ret->peak = advised->peak;
	/* Signed: a record of another CPU may be a little older than the one before it. */
	if ((int64_t)(time_ns - advised->growth_ns) <= (int64_t)ADVISED_GROWTH_NS)
		ret->growth = advised->growth;
	find_machine(machine, &ret->machine);
}

void advised_note_failure(struct advised *advised, struct advised_machine *machine, bool is_contained,
			  const struct event_failure *raw, struct advice_basis *ret)
{
	const uint64_t bit = 1ULL << (raw->verdict < 64 ? raw->verdict : VERDICT_UNKNOWN);

	*ret = (struct advice_basis){.wanted = !(advised->verdicts & bit)};
	if (raw->vma_count > advised->peak)
		advised->peak = raw->vma_count;
	advised->verdicts |= bit;
	if (ret->wanted && raw->verdict == VERDICT_MAX_MAP_COUNT)
		fill(advised, machine, is_contained, raw->header.time_ns, ret);
}

void advised_note_near(struct advised *advised, struct advised_machine *machine, bool is_contained,
		       const struct event_near *raw, const struct near_growth *growth, struct advice_basis *ret)
{
	*ret = (struct advice_basis){.wanted = !advised->near};
	if (raw->peak > advised->peak)
		advised->peak = raw->peak;
	advised->growth = *growth;
	advised->growth_ns = raw->header.time_ns;
	advised->near = true;
	if (ret->wanted)
		fill(advised, machine, is_contained, raw->header.time_ns, ret);
}
