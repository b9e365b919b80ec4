// SPDX-License-Identifier: GPL-2.0-or-later
/* Two frames of a chain in a shared library that a running program loads. */
#include "../named_frame.h"
#include "chain.h"

void late_outer(struct chain *chain);

static NAMED_FRAME void late_inner(struct chain *chain)
{
	chain_enter(chain);
	CHAIN_CALL(chain, "late_inner", chain->fail(chain));
}

void late_outer(struct chain *chain)
{
	chain_enter(chain);
	CHAIN_CALL(chain, "late_outer", late_inner(chain));
}
