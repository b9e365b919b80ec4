// SPDX-License-Identifier: GPL-2.0-or-later
/* The innermost end of a chain: the failure, and the writing down. Knows no way in. */
#define _GNU_SOURCE 1
#include "chain.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../fill.h"
#include "../oracle.h"

#define MUNMAP	     "munmap|__munmap|__GI___munmap|__GI_munmap"
#define START_THREAD "start_thread|!stripped"
#define CLONE	     "clone3|__clone3|__GI___clone3|clone|__clone|!stripped"

static struct fill fill;
static struct oracle calls; /* of the filling, none of which may fail */
static size_t next_page;
static char text[128 * 1024];
static size_t used;

static void __attribute__((format(printf, 1, 2))) add(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	used += (size_t)vsnprintf(text + used, sizeof(text) - used, format, args);
	va_end(args);
	if (used >= sizeof(text))
		abort();
}

void chain_fill(struct chain *chain, long headroom)
{
	if (!fill.pages) {
		if (fill_init(&fill) || oracle_init(&calls, chain->fd, fill.page_count))
			_exit(1);
		fill_map(&fill, 0, 1);
		if (fill_sort(&fill))
			_exit(1);
	}
	if (fill_to_headroom(&fill, &calls, headroom, &next_page))
		_exit(1);
}

/* Noted with the innermost of those that share it: a function and what is inlined into it. */
static const void *return_address(const struct chain *chain, size_t i)
{
	while (i + 1 < chain->count && chain->frames[i + 1].inlined)
		i++;
	return chain->frames[i].addr;
}

static void add_frame(const struct chain *chain, size_t i)
{
	const struct chain_frame *frame = &chain->frames[i];
	const void *addr = return_address(chain, i);

	if (chain->nameless)
		add("frame\t!%s\t-", chain->nameless);
	else if (frame->file)
		add("frame\t%s\t%s:%d", frame->symbol, frame->file, frame->line);
	else
		add("frame\t%s\t-", frame->symbol);
	if (addr)
		add("\t0x%lx", (unsigned long)addr);
	else
		add("\t-");
	add("\t%s\n", frame->inlined ? "inlined" : "-");
}

static void add_end(const struct chain *chain)
{
	switch (chain->end) {
	case CHAIN_END_MAIN:
#ifdef __i386__
		/* Frame pointers end at main(): the C library keeps none. */
		add("some\t4\n");
#else
		add("some\t3\nframe\t%s%s\t-\t-\t-\n", chain->nameless ? "!" : "",
		    chain->nameless ? chain->nameless : "_start");
#endif
		break;
	case CHAIN_END_THREAD:
		add("some\t6\nframe\t" START_THREAD "\t-\t-\t-\nframe\t" CLONE "\t-\t-\t-\n");
		break;
	case CHAIN_END_OPEN:
		add("some\t400\nopen\nframe\t_start|" CLONE "\t-\t-\t-\n");
		break;
	}
}

static void write_chain(const struct chain *chain, const void *page)
{
	size_t count = chain->count;

	add("stack\t%d\t%d\t0x%lx\n", getpid(), gettid(), (unsigned long)page);
#ifdef __i386__
	/* Through the vDSO, from a function of the C library without a frame pointer, by which its caller may be lost. */
	add("frame\t__kernel_vsyscall\t-\t-\t-\nsome\t2\n");
	count--;
#else
	add("frame\t" MUNMAP "\t-\t-\t-\n");
#endif
	while (count-- > 0)
		add_frame(chain, count);
	add_end(chain);
	if (write(chain->fd, text, used) != (ssize_t)used)
		_exit(1);
}

NAMED_FRAME void chain_fail(struct chain *chain)
{
	char *page = fill.pages[2 * next_page + 1];
	int error = 0;

	chain_enter(chain);
	CHAIN_CALL(chain, "chain_fail", error = munmap(page, fill.page_bytes) ? errno : 0);
	if (error != ENOMEM) {
		fprintf(stderr, "chain: munmap() at the limit: %s, not ENOMEM\n", strerror(error));
		_exit(1);
	}
	write_chain(chain, page);
	if (chain->successor)
		execl(chain->successor, chain->successor, NULL);
	_exit(chain->successor ? 1 : 0);
}
