// SPDX-License-Identifier: GPL-2.0-or-later
/* records.c: see records.h. */
#include "records.h"

#include <stdlib.h>
#include <string.h>

#include "../../bpf/verdict.h"

#define USER_TEXT   0x55d2a0c01139ULL
#define KERNEL_TEXT 0xffffffff81204a10ULL
#define VMA_START   0x7f184b2a6000ULL

/* include/linux/mm.h: VM_READ, VM_WRITE, VM_MAYREAD, VM_MAYWRITE, VM_MAYEXEC, VM_ACCOUNT */
#define ANONYMOUS_FLAGS 0x100073ULL

static void fill_process(struct event_process *process)
{
	process->start_time_ns = 3999000000000ULL;
	process->exec_id = 7;
	process->mm = 0xffff888104a3c000ULL;
	process->cgroup_id = 1;
	process->tgid = process->tid = 5582;
	process->uid = 1000;
	records_name(process, "b", "b");
}

void records_name(struct event_process *process, const char *comm, const char *thread_comm)
{
	memset(process->comm, 0, sizeof(process->comm));
	memset(process->thread_comm, 0, sizeof(process->thread_comm));
	strncpy(process->comm, comm, sizeof(process->comm) - 1);
	strncpy(process->thread_comm, thread_comm, sizeof(process->thread_comm) - 1);
}

static void fill_span(struct event_span *span, size_t offset, __u64 *addrs, uint64_t first, size_t count)
{
	for (size_t i = 0; i < count; i++)
		addrs[i] = first + i * 0x10;
	span->offset = (uint32_t)offset;
	span->length = (uint32_t)(count * sizeof(*addrs));
}

void records_user_stack(struct event_failure_full *full, uint64_t first, size_t count)
{
	fill_span(&full->failure.user_stack, offsetof(struct event_failure_full, user_stack), full->user_stack, first,
		  count);
	full->failure.stack_key = count ? first * 0x100 + count : 0;
}

void records_kernel_stack(struct event_failure_full *full, uint64_t first, size_t count)
{
	fill_span(&full->failure.kernel_stack, offsetof(struct event_failure_full, kernel_stack), full->kernel_stack,
		  first, count);
}

static void fill_call(struct event_failure *f)
{
	f->vma.start = VMA_START;
	f->vma.end = VMA_START + 198 * RECORDS_PAGE_BYTES;
	f->vma.flags = ANONYMOUS_FLAGS;
	f->vma.offset_bytes = 0x7f184b2a6ULL * RECORDS_PAGE_BYTES;
	f->vma.kind = VMA_ANONYMOUS;
	f->addr = VMA_START + 66 * RECORDS_PAGE_BYTES;
	f->length_bytes = 33 * RECORDS_PAGE_BYTES;
	f->user_ip = USER_TEXT;
	f->user_sp = 0x7ffc2a1b0f58ULL;
	f->user_bp = 0x7ffc2a1b0f80ULL;
	f->user_sp_word = USER_TEXT + 0x10;
	f->syscall = SYSCALL_MUNMAP;
}

void records_failure(struct event_failure_full *ret)
{
	struct event_failure *f = &ret->failure;

	memset(ret, 0, sizeof(*ret));
	f->header.time_ns = 4002114000000ULL;
	f->header.size = sizeof(*ret);
	f->header.kind = EVENT_FAILURE;
	fill_process(&f->process);
	fill_call(f);
	f->errno_code = 12; /* ENOMEM */
	f->vma_count = f->vma_limit = f->limit_floor = f->limit_ceiling = RECORDS_LIMIT;
	f->verdict = VERDICT_MAX_MAP_COUNT;
	f->evidence = EVIDENCE_UNDER_LOCK;
	f->interior = 1;
	f->debt = DEBT_OPEN;
	records_user_stack(ret, USER_TEXT, 4);
	records_kernel_stack(ret, KERNEL_TEXT, 4);
}

static void fill_arguments(uint32_t syscall, struct event_failure *f, __u64 args[EVENT_ARGS])
{
	f->addr = args[0] = VMA_START;
	f->length_bytes = args[1] = 16 * RECORDS_PAGE_BYTES;
	switch (syscall) {
	case SYSCALL_MMAP:
		f->addr = args[0] = 0;
		args[2] = 3; /* PROT_READ | PROT_WRITE */
		args[3] = 0x22; /* MAP_PRIVATE | MAP_ANONYMOUS */
		break;
	case SYSCALL_MREMAP:
		args[2] = 32 * RECORDS_PAGE_BYTES;
		args[3] = 1; /* MREMAP_MAYMOVE */
		break;
	case SYSCALL_MPROTECT:
	case SYSCALL_PKEY_MPROTECT:
		args[2] = 1; /* PROT_READ */
		break;
	case SYSCALL_MADVISE:
		args[2] = 16; /* MADV_DONTDUMP */
		break;
	case SYSCALL_MLOCKALL:
		f->addr = f->length_bytes = args[1] = 0;
		args[0] = 1; /* MCL_CURRENT */
		break;
	case SYSCALL_BRK:
		f->addr = args[0] = RECORDS_BRK + 16 * RECORDS_PAGE_BYTES;
		f->length_bytes = args[1] = 0;
		break;
	case SYSCALL_SHMAT:
		f->addr = f->length_bytes = args[1] = 0;
		args[0] = 32769;
		break;
	case SYSCALL_SHMDT:
		f->length_bytes = args[1] = 0;
		break;
	}
}

static void fill_proof(uint32_t syscall, struct event_proof *p)
{
	p->task_pages = 0x7ffffffffULL;
	p->total_pages = 1000;
	p->data_pages = 200;
	p->as_bytes_max = p->data_bytes_max = p->memlock_bytes_max = p->memcg_pages_max = UINT64_MAX;
	p->brk = RECORDS_BRK;
	p->start_brk = RECORDS_BRK - 33 * RECORDS_PAGE_BYTES;
	p->image_data_bytes = 2 * RECORDS_PAGE_BYTES;
	p->memory_pages = 1 << 20;
	if (syscall == SYSCALL_SHMAT)
		p->segment_bytes = 16 * RECORDS_PAGE_BYTES;
	if (syscall == SYSCALL_MMAP || syscall == SYSCALL_BRK || syscall == SYSCALL_SHMAT ||
	    syscall == SYSCALL_MLOCKALL)
		return;
	p->range_mapped = 16;
	p->first_flags = ANONYMOUS_FLAGS;
	p->flags = PROOF_WHOLE_RANGE | PROOF_ONE_MAPPING;
}

void records_call(uint32_t syscall, struct event_failure_full *ret)
{
	struct event_failure *f = &ret->failure;

	records_failure(ret);
	f->syscall = syscall;
	f->vma_count = 812;
	f->verdict = VERDICT_UNKNOWN;
	f->evidence = EVIDENCE_AFTER_UNLOCK;
	f->interior = 0;
	f->debt = 0;
	fill_arguments(syscall, f, ret->proof.args);
	fill_proof(syscall, &ret->proof);
	if (!ret->proof.range_mapped)
		memset(&f->vma, 0, sizeof(f->vma));
	f->proof.offset = offsetof(struct event_failure_full, proof);
	f->proof.length = sizeof(ret->proof);
}

void *records_copy(const void *record)
{
	const struct event_header *header = record;
	void *copy = malloc(header->size);

	if (!copy)
		abort();
	return memcpy(copy, record, header->size);
}

void records_make_kernel_memory(struct event_failure *failure)
{
	failure->vma_count = 812;
	failure->split_errno = 12;
	failure->verdict = VERDICT_KERNEL_MEMORY;
}

void records_make_bad_request(struct event_failure *failure)
{
	failure->addr += 1;
	failure->errno_code = 22; /* EINVAL */
	failure->evidence = EVIDENCE_AFTER_UNLOCK;
	failure->vma_count = 812;
	failure->verdict = VERDICT_BAD_REQUEST;
}

void records_make_unknown_after_unlock(struct event_failure *failure)
{
	memset(&failure->vma, 0, sizeof(failure->vma));
	failure->interior = 0;
	failure->evidence = EVIDENCE_AFTER_UNLOCK;
	failure->vma_count = RECORDS_LIMIT - 3;
	failure->verdict = VERDICT_UNKNOWN;
}

void records_hot(struct event_hot *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->header.time_ns = 4000000000000ULL;
	ret->header.size = sizeof(*ret);
	ret->header.kind = EVENT_HOT;
	fill_process(&ret->process);
	ret->vma_count = 4096;
	ret->vma_limit = RECORDS_LIMIT;
}

void records_mapped(struct event_mapped *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->header.time_ns = 4000500000000ULL;
	ret->header.size = sizeof(*ret);
	ret->header.kind = EVENT_MAPPED;
	fill_process(&ret->process);
}

void records_near(struct event_near *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->header.time_ns = 4002114000000ULL;
	ret->header.size = sizeof(*ret);
	ret->header.kind = EVENT_NEAR;
	fill_process(&ret->process);
	ret->first_ns = ret->header.time_ns - 400000000;
	ret->first_count = 12424;
	ret->recent_ns = ret->header.time_ns - 100000000;
	ret->recent_count = 40424;
	ret->vma_count = ret->peak = 52424;
	ret->vma_limit = RECORDS_LIMIT;
	ret->percent = 80;
}

void records_split(struct event_split *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->header.time_ns = 4002114000000ULL;
	ret->header.size = sizeof(*ret);
	ret->header.kind = EVENT_SPLIT;
	fill_process(&ret->process);
	ret->start = VMA_START;
	ret->addr = VMA_START + 100 * RECORDS_PAGE_BYTES;
	ret->end = VMA_START + 198 * RECORDS_PAGE_BYTES;
	ret->syscall = 11;
	ret->splits = 1;
	ret->vma_count = 4097;
	ret->has_range = 1;
}

void records_paid(struct event_paid *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->header.time_ns = 4002214000000ULL;
	ret->header.size = sizeof(*ret);
	ret->header.kind = EVENT_PAID;
	fill_process(&ret->process);
	ret->addr = VMA_START + 66 * RECORDS_PAGE_BYTES;
	ret->length_bytes = 33 * RECORDS_PAGE_BYTES;
	ret->syscall = SYSCALL_MUNMAP;
	ret->debt = DEBT_OPEN;
}

void records_ended(uint8_t end, struct event_ended *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->header.time_ns = 4002314000000ULL;
	ret->header.size = sizeof(*ret);
	ret->header.kind = EVENT_ENDED;
	fill_process(&ret->process);
	ret->end = end;
	ret->with_memory = end == END_MEMORY;
	ret->debt = DEBT_OPEN;
}

void records_origin(struct event_origin_full *ret)
{
	struct event_failure_full full;
	struct event_failure *place = &ret->origin.place;

	records_failure(&full);
	memset(ret, 0, sizeof(*ret));
	place->header.time_ns = full.failure.header.time_ns - 1000000000;
	place->header.size = sizeof(*ret);
	place->header.kind = EVENT_ORIGIN;
	place->process = full.failure.process;
	place->user_ip = full.failure.user_ip;
	place->user_sp = full.failure.user_sp;
	place->user_bp = full.failure.user_bp;
	place->user_sp_word = full.failure.user_sp_word;
	fill_span(&place->user_stack, offsetof(struct event_origin_full, user_stack), ret->user_stack, USER_TEXT, 4);
	place->stack_key = 0xa001;
	place->stack_seen = 1;
}

void records_origins(struct event_origins_full *ret)
{
	struct event_origins *origins = &ret->origins;

	memset(ret, 0, sizeof(*ret));
	origins->header.time_ns = 4002113000000ULL;
	origins->header.kind = EVENT_ORIGINS;
	fill_process(&origins->process);
	origins->since_ns = 4000000500000ULL;
	origins->older = 4130;
	origins->unplaced = 7;
	origins->others = (struct event_origin_sum){.plus = 40, .minus = 2, .calls = 42};
	origins->others_count = 2;
	ret->sums[0] = (struct event_origin_sum){.stack_key = 0xa001, .plus = 32765, .calls = 32765, .syscall = 11};
	ret->sums[1] = (struct event_origin_sum){.stack_key = 0xa003, .plus = 5000, .calls = 5000, .syscall = 9};
	ret->sums[2] =
		(struct event_origin_sum){.stack_key = 0xa005, .plus = 100, .minus = 400, .calls = 500, .syscall = 11};
	origins->sums.offset = offsetof(struct event_origins_full, sums);
	origins->sums.length = 3 * sizeof(ret->sums[0]);
	origins->header.size = origins->sums.offset + origins->sums.length;
}

void records_ops(const struct event_failure *failure, struct event_ops *ret)
{
	const uint64_t time_ns = failure->header.time_ns;

	memset(ret, 0, sizeof(*ret));
	ret->header.time_ns = time_ns - 1000;
	ret->header.size = sizeof(*ret);
	ret->header.kind = EVENT_OPS;
	ret->stack_key = failure->stack_key;
	ret->stack_seen = failure->stack_seen;
	ret->room = EVENT_OPS_MAX;
	ret->total = 3;
	ret->ops[0] = (struct event_op){.time_ns = time_ns - 3000000, .tid = 5582, .syscall = 9, .delta = 1};
	ret->ops[0].args[1] = 33 * RECORDS_PAGE_BYTES;
	ret->ops[0].vma_count = RECORDS_LIMIT - 1;
	ret->ops[1] = (struct event_op){.time_ns = time_ns - 2000000, .tid = 5583, .syscall = 10, .delta = 1};
	ret->ops[1].args[0] = VMA_START;
	ret->ops[1].args[1] = RECORDS_PAGE_BYTES;
	ret->ops[1].vma_count = RECORDS_LIMIT;
	ret->ops[2] = (struct event_op){.time_ns = time_ns - 1000, .tid = 5582, .syscall = 11};
	ret->ops[2].args[0] = failure->addr;
	ret->ops[2].args[1] = failure->length_bytes;
	ret->ops[2].vma_count = RECORDS_LIMIT;
}

static void fill_piece(struct records_slice *slice, int i, uint32_t offset, uint32_t length)
{
	struct event_piece *piece = &slice->slice.pieces[i];

	piece->start = 0x7ffc2a1b0000ULL + i * 0x100000;
	piece->vma_end = piece->start + 0x4000;
	piece->bytes.offset = offset;
	piece->bytes.length = length;
	memset((char *)slice + offset, 'A' + i, length);
}

void records_slice(const struct event_failure *failure, struct records_slice *ret)
{
	const uint32_t first = sizeof(ret->slice), second = first + 3 * RECORDS_PAGE_BYTES;

	memset(ret, 0x5a, sizeof(*ret));
	memset(&ret->slice, 0, sizeof(ret->slice));
	ret->slice.header.time_ns = failure->header.time_ns;
	ret->slice.header.size = second + RECORDS_PAGE_BYTES;
	ret->slice.header.kind = EVENT_SLICE;
	ret->slice.registers.ip = failure->user_ip;
	ret->slice.registers.sp = failure->user_sp;
	ret->slice.registers.bp = failure->user_bp;
	ret->slice.stack_key = failure->stack_key;
	ret->slice.stack_seen = failure->stack_seen;
	/* As the kernel side leaves it: a gap between the two, of whatever the ring held before. */
	fill_piece(ret, 0, first, 2 * RECORDS_PAGE_BYTES);
	fill_piece(ret, 1, second, RECORDS_PAGE_BYTES);
}

void records_limit(uint32_t old_limit, uint32_t new_limit, struct event_limit *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->header.time_ns = 4001000000000ULL;
	ret->header.size = sizeof(*ret);
	ret->header.kind = EVENT_LIMIT;
	ret->old_limit = old_limit;
	ret->new_limit = new_limit;
}
