// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A chain that begins in somebody else's program: a shared library whose constructor brings the whole process to the limit,
 * so that what loaded it is a java or a node, with all their threads. The oracle goes to the file that CHAIN_ORACLE names.
 */
#define _GNU_SOURCE 1
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../named_frame.h"
#include "../oracle.h"
#include "chain.h"

static struct chain chain;

static NAMED_FRAME void guest_inner(void)
{
	chain_enter(&chain);
	CHAIN_CALL(&chain, "guest_inner", chain_fail(&chain));
}

static __attribute__((constructor)) void guest_outer(void)
{
	int err = oracle_open(getenv("CHAIN_ORACLE"), &chain.fd);

	if (err) {
		fprintf(stderr, "chain: cannot write the oracle: %s\n", strerror(-err));
		_exit(1);
	}
	chain.end = CHAIN_END_OPEN;
	chain_fill(&chain, 0);
	CHAIN_CALL(&chain, "guest_outer", guest_inner());
}
