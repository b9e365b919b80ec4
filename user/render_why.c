// SPDX-License-Identifier: GPL-2.0-or-later
/* render_why.c: why a call failed: the verdict, and the values that prove it, as an inequality where it is one. */
#include <stdio.h>

#include "../bpf/filter.h"
#include "../bpf/judge.h"
#include "format.h"
#include "render_common.h"

#define TEXT_BYTES 256

static const char *const verdict_names[VERDICT_COUNT] = {
#define X(NAME, name) [VERDICT_##NAME] = #name,
	VERDICTS(X)
#undef X
};

const char *render_verdict_name(uint32_t verdict)
{
	return verdict < VERDICT_COUNT ? verdict_names[verdict] : verdict_names[VERDICT_UNKNOWN];
}

static const char *bad_request_text(const struct event_failure *f)
{
	if (f->syscall == SYSCALL_MUNMAP && f->errno_code == ERRNO_EPERM)
		return "the mapping is sealed (mseal)";
	if (f->syscall != SYSCALL_MUNMAP)
		return "the call asks for what cannot be";
	if (f->addr % FILTER_PAGE_BYTES)
		return "the address is not a multiple of the page size";
	if (!f->length_bytes)
		return "the length is zero";
	return "the range cannot be unmapped alone: outside the address space, or part of a huge page or special "
	       "mapping";
}

static const char *unknown_text(const struct event_failure *f, char text[TEXT_BYTES])
{
	const char *range = f->vma.kind == VMA_UNKNOWN ? "no mapping was found at the range"
			    : f->interior	       ? "the range lies inside one mapping"
						       : "the range does not lie inside one mapping";

	if (event_proof(f)) {
		snprintf(text, TEXT_BYTES, "unknown: nothing that was read proves a cause; %u of %u mappings used",
			 f->vma_count, f->vma_limit);
		return text;
	}
	snprintf(text, TEXT_BYTES, "unknown: %u of %u mappings used, %s; read %s", f->vma_count, f->vma_limit, range,
		 f->evidence == EVIDENCE_UNDER_LOCK ? "under the lock" : "after the lock was dropped");
	return text;
}

/* What the call would have needed. */
static const char *need_text(const struct event_failure *f, const struct event_proof *p)
{
	switch (f->syscall) {
	case SYSCALL_MREMAP:
		return "mremap() wants several to spare before it begins";
	case SYSCALL_BRK:
	case SYSCALL_SHMAT:
		return "a new mapping is refused beyond the limit";
	case SYSCALL_MMAP:
		return f->interior ? "the range lies inside one mapping, so replacing it needs 1 more"
				   : "a new mapping is refused beyond the limit";
	case SYSCALL_MUNMAP:
		return "the range lies inside one mapping, so unmapping it needs 1 more";
	}
	if (!p || !(p->flags & PROOF_SPLITS_START) || !(p->flags & PROOF_SPLITS_END))
		return "the range is a part of a mapping, so changing it needs 1 more";
	return p->flags & PROOF_ONE_MAPPING
		       ? "the range lies inside one mapping, so changing it needs 2 more"
		       : "the range begins in one mapping and ends in another, so changing it needs "
			 "1 more for each";
}

static const char *limit_text(const struct event_failure *f, const struct event_proof *p, char text[TEXT_BYTES])
{
	snprintf(text, TEXT_BYTES, "vm.max_map_count: %u of %u mappings used%s; %s", f->vma_count, f->vma_limit,
		 f->evidence == EVIDENCE_UNDER_LOCK ? "" : " (read after the lock was dropped)", need_text(f, p));
	return text;
}

/* By how much the call would have raised what is limited, in bytes. */
static uint64_t asked_bytes(const struct event_failure *f, const struct event_proof *p)
{
	switch (f->syscall) {
	case SYSCALL_BRK:
		return p->args[0] > p->brk ? filter_page_align(p->args[0]) - filter_page_align(p->brk) : 0;
	case SYSCALL_MREMAP:
		return p->args[2] > p->args[1] ? filter_page_align(p->args[2]) - filter_page_align(p->args[1]) : 0;
	case SYSCALL_SHMAT:
		return filter_page_align(p->segment_bytes);
	case SYSCALL_MPROTECT:
	case SYSCALL_PKEY_MPROTECT:
		return p->fixed_pages * FILTER_PAGE_BYTES;
	case SYSCALL_MLOCKALL:
		return p->total_pages * FILTER_PAGE_BYTES;
	}
	return filter_page_align(f->length_bytes);
}

static const char *limited_text(const struct event_failure *f, const struct event_proof *p, char text[TEXT_BYTES])
{
	struct format_buffer used, asked, most;
	const char *name = "RLIMIT_MEMLOCK";
	uint64_t pages = p->locked_pages, limit = p->memlock_bytes_max;

	if (f->verdict == VERDICT_RLIMIT_AS) {
		name = "RLIMIT_AS";
		pages = p->total_pages;
		limit = p->as_bytes_max;
	} else if (f->verdict == VERDICT_RLIMIT_DATA) {
		name = "RLIMIT_DATA";
		pages = p->data_pages;
		limit = p->data_bytes_max;
	}
	snprintf(text, TEXT_BYTES,
		 "%s: %s in use and %s more would be over %s; not vm.max_map_count: %u of %u mappings used", name,
		 format_bytes(pages * FILTER_PAGE_BYTES, &used), format_bytes(asked_bytes(f, p), &asked),
		 format_bytes(limit, &most), f->vma_count, f->vma_limit);
	return text;
}

static const char *overcommit_text(const struct event_failure *f, const struct event_proof *p, char text[TEXT_BYTES])
{
	struct format_buffer asked, memory;

	if (p->overcommit == JUDGE_OVERCOMMIT_NEVER)
		snprintf(text, TEXT_BYTES,
			 "vm.overcommit_memory=2: %s more would be over CommitLimit (see /proc/meminfo); not "
			 "vm.max_map_count: %u of %u mappings used",
			 format_bytes(asked_bytes(f, p), &asked), f->vma_count, f->vma_limit);
	else
		snprintf(text, TEXT_BYTES,
			 "overcommit: %s at once is more than the %s of RAM and swap (vm.overcommit_memory=0); not "
			 "vm.max_map_count: %u of %u mappings used",
			 format_bytes(asked_bytes(f, p), &asked),
			 format_bytes(p->memory_pages * FILTER_PAGE_BYTES, &memory), f->vma_count, f->vma_limit);
	return text;
}

static const char *memcg_text(const struct event_failure *f, const struct event_proof *p, char text[TEXT_BYTES])
{
	struct format_buffer used, most;

	snprintf(text, TEXT_BYTES,
		 "the memory cgroup is at its maximum (%s of %s), so the kernel could not allocate what the mapping "
		 "needs; not vm.max_map_count: %u of %u mappings used",
		 format_bytes(p->memcg_pages * FILTER_PAGE_BYTES, &used),
		 format_bytes(p->memcg_pages_max * FILTER_PAGE_BYTES, &most), f->vma_count, f->vma_limit);
	return text;
}

static const char *space_text(const struct event_failure *f, const struct event_proof *p, char text[TEXT_BYTES])
{
	struct format_buffer asked;
	uint64_t bytes = f->length_bytes;

	if (p->flags & PROOF_BLOCKED)
		return "no address space: something is mapped right behind it, so it cannot grow in place";
	if (f->syscall == SYSCALL_MREMAP)
		bytes = p->args[2];
	else if (f->syscall == SYSCALL_BRK)
		bytes = p->args[0] - p->brk;
	else if (f->syscall == SYSCALL_SHMAT)
		bytes = p->segment_bytes;
	snprintf(text, TEXT_BYTES, "no address space: there is no hole of %s where the call may map",
		 format_bytes(bytes, &asked));
	return text;
}

static const char *pool_text(const struct event_failure *f, char text[TEXT_BYTES])
{
	struct format_buffer asked;

	snprintf(text, TEXT_BYTES, "huge pages: the pool has fewer free ones than %s takes (vm.nr_hugepages)",
		 format_bytes(f->length_bytes, &asked));
	return text;
}

static const char *hole_text(const struct event_proof *p, char text[TEXT_BYTES])
{
	snprintf(text, TEXT_BYTES, "nothing is mapped at 0x%llx, within the range", (unsigned long long)p->hole);
	return text;
}

static const char *allocation_text(const struct event_failure *f, char text[TEXT_BYTES])
{
	snprintf(text, TEXT_BYTES,
		 "the kernel could not allocate memory%s; not vm.max_map_count: %u of %u mappings used%s",
		 f->split_errno ? " to split the mapping" : "", f->vma_count, f->vma_limit,
		 f->evidence == EVIDENCE_UNDER_LOCK ? "" : " (read after the lock was dropped)");
	return text;
}

static const char *why_text(const struct event_failure *f, char text[TEXT_BYTES])
{
	const struct event_proof *p = event_proof(f);

	switch (f->verdict) {
	case VERDICT_MAX_MAP_COUNT:
		return limit_text(f, p, text);
	case VERDICT_KERNEL_MEMORY:
		return allocation_text(f, text);
	case VERDICT_BAD_REQUEST:
		return bad_request_text(f);
	}
	if (!p)
		return unknown_text(f, text);
	switch (f->verdict) {
	case VERDICT_MEMCG_LIMIT:
		return memcg_text(f, p, text);
	case VERDICT_RLIMIT_AS:
	case VERDICT_RLIMIT_DATA:
	case VERDICT_RLIMIT_MEMLOCK:
		return limited_text(f, p, text);
	case VERDICT_OVERCOMMIT:
		return overcommit_text(f, p, text);
	case VERDICT_NO_ADDRESS_SPACE:
		return space_text(f, p, text);
	case VERDICT_HUGETLB_POOL:
		return pool_text(f, text);
	case VERDICT_UNMAPPED_RANGE:
		return hole_text(p, text);
	}
	return unknown_text(f, text);
}

static void render_most(struct sink *sink, const char *key, uint64_t bytes)
{
	if (bytes == UINT64_MAX)
		sink_null(sink, key);
	else if (bytes > INT64_MAX)
		sink_number(sink, key, INT64_MAX);
	else
		sink_number(sink, key, bytes);
}

static void render_pages(struct sink *sink, const char *key, uint64_t pages)
{
	render_most(sink, key, pages < INT64_MAX / FILTER_PAGE_BYTES ? pages * FILTER_PAGE_BYTES : INT64_MAX);
}

static void render_flags(struct sink *sink, uint32_t flags)
{
	sink_bool(sink, "splits_start", flags & PROOF_SPLITS_START);
	sink_bool(sink, "splits_end", flags & PROOF_SPLITS_END);
	sink_bool(sink, "blocked", flags & PROOF_BLOCKED);
	sink_bool(sink, "ipc_lock", flags & PROOF_IPC_LOCK);
	sink_bool(sink, "dying", flags & PROOF_DYING);
}

/* Of a munmap() the memory cgroup is all that was read beside the fields of its own. */
static void render_proof(struct sink *sink, const struct event_failure *f)
{
	const struct event_proof *p = event_proof(f);

	if (!p || f->syscall == SYSCALL_MUNMAP) {
		sink_null(sink, "proof");
		return;
	}
	sink_object_begin(sink, "proof");
	render_most(sink, "asked_bytes", asked_bytes(f, p));
	render_pages(sink, "total_bytes", p->total_pages);
	render_pages(sink, "data_bytes", p->data_pages);
	render_pages(sink, "locked_bytes", p->locked_pages);
	render_most(sink, "rlimit_as", p->as_bytes_max);
	render_most(sink, "rlimit_data", p->data_bytes_max);
	render_most(sink, "rlimit_memlock", p->memlock_bytes_max);
	render_pages(sink, "memory_bytes", p->memory_pages);
	sink_number(sink, "overcommit_memory", p->overcommit);
	render_pages(sink, "range_mapped_bytes", p->range_mapped);
	if (judge_has_hole(p))
		sink_hex(sink, "hole", p->hole);
	else
		sink_null(sink, "hole");
	render_flags(sink, p->flags);
	sink_end(sink);
}

static void render_memcg(struct sink *sink, const struct event_proof *p)
{
	if (!p || p->memcg_pages_max == UINT64_MAX) {
		sink_null(sink, "memcg");
		return;
	}
	sink_object_begin(sink, "memcg");
	render_pages(sink, "bytes", p->memcg_pages);
	render_pages(sink, "bytes_max", p->memcg_pages_max);
	sink_end(sink);
}

/* The mappings that the call needs beyond what there is; -1: that cannot be said. */
static int needed(const struct event_failure *f)
{
	const struct event_proof *p = event_proof(f);

	if (f->syscall == SYSCALL_MUNMAP)
		return f->vma.kind == VMA_UNKNOWN ? -1 : f->interior || f->verdict == VERDICT_MAX_MAP_COUNT;
	if (f->verdict != VERDICT_MAX_MAP_COUNT || f->syscall == SYSCALL_MREMAP || !p)
		return -1;
	if (f->syscall == SYSCALL_MMAP || f->syscall == SYSCALL_BRK || f->syscall == SYSCALL_SHMAT)
		return 1;
	return !!(p->flags & PROOF_SPLITS_START) + !!(p->flags & PROOF_SPLITS_END);
}

void render_cause(struct sink *sink, const struct event_failure *f)
{
	char text[TEXT_BYTES];
	int more = needed(f);

	sink_string(sink, "verdict", render_verdict_name(f->verdict));
	sink_string(sink, "evidence", f->evidence == EVIDENCE_UNDER_LOCK ? "under_lock" : "after_unlock");
	sink_line(sink, "why", "%s", why_text(f, text));
	sink_number(sink, "vma_count", f->vma_count);
	sink_number(sink, "vma_limit", f->vma_limit);
	if (more < 0)
		sink_null(sink, "vma_needed");
	else
		sink_number(sink, "vma_needed", (uint64_t)more);
	if (f->vma.kind == VMA_UNKNOWN)
		sink_null(sink, "interior");
	else
		sink_bool(sink, "interior", f->interior);
	if (f->split_errno)
		sink_string(sink, "split_errno", format_errno(f->split_errno));
	else
		sink_null(sink, "split_errno");
	render_proof(sink, f);
	render_memcg(sink, event_proof(f));
}
