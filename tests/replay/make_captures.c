// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_captures DIR: writes the captures that tests/replay/run replays: DIR/NAME.capture, each a situation made from
 * described records, and DIR/damaged/NAME.capture, with DIR/damaged/expected: a line "NAME STATUS FAILURES" each, the
 * exit status of the replay and the failures that it shows, or - where it shows nothing at all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../bpf/judge.h"
#include "../../bpf/verdict.h"
#include "capture.h"
#include "event.h"
#include "records.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define NSEC_PER_MSEC	1000000ULL

static const struct capture_head head = {
	.magic = CAPTURE_MAGIC,
	.version = CAPTURE_VERSION,
	.max_map_count = RECORDS_LIMIT,
	.realtime_offset_ns = RECORDS_REALTIME_OFFSET_NS,
	.boottime_offset_ns = RECORDS_BOOTTIME_OFFSET_NS,
	.notice = CAPTURE_NOTICE,
};

static void fail(const char *what, int err)
{
	fprintf(stderr, "make_captures: %s: %s\n", what, strerror(err));
	exit(1);
}

static void put(struct capture_writer *writer, const void *record)
{
	struct event event;
	int err = event_decode(record, ((const struct event_header *)record)->size, &event);

	if (!err)
		err = capture_write(writer, &event);
	if (err)
		fail("cannot write a record", -err);
}

/* Writes it and makes the next one of it: a while later, and a bit further on. */
static void put_failure(struct capture_writer *writer, struct event_failure_full *full)
{
	put(writer, full);
	full->failure.header.time_ns += 3 * NSEC_PER_MSEC;
	full->failure.addr += 2 * RECORDS_PAGE_BYTES;
}

static void make_limit(struct capture_writer *writer)
{
	static struct records_slice slice;
	struct event_failure_full full;
	struct event_mapped mapped;
	struct event_hot hot;

	records_hot(&hot);
	put(writer, &hot);
	records_mapped(&mapped);
	put(writer, &mapped);
	records_failure(&full);
	full.failure.has_slice = 1;
	records_slice(&full.failure, &slice);
	put(writer, &slice);
	put_failure(writer, &full);
}

static void make_repeated(struct capture_writer *writer)
{
	struct event_failure_full full;

	records_failure(&full);
	for (int i = 0; i < 3; i++)
		put_failure(writer, &full);
	records_user_stack(&full, 0x55d2a0c02000, 2);
	put_failure(writer, &full);
	records_user_stack(&full, 0x55d2a0c01139, 4);
	put_failure(writer, &full);
}

static void make_threads(struct capture_writer *writer)
{
	struct event_failure_full full;

	records_failure(&full);
	for (uint32_t i = 0; i < 4; i++) {
		char name[EVENT_COMM_BYTES];

		snprintf(name, sizeof(name), "worker/%u", i);
		records_name(&full.failure.process, "b", name);
		full.failure.process.tid = 5583 + i;
		records_user_stack(&full, 0x55d2a0c01139 + i % 2 * 0x1000, 3);
		put_failure(writer, &full);
	}
	/* As the CPUs took turns: a record that is older than the one before. */
	full.failure.header.time_ns -= 20 * NSEC_PER_MSEC;
	put_failure(writer, &full);
}

static void make_kernel_memory(struct capture_writer *writer)
{
	struct event_failure_full full;

	records_failure(&full);
	records_make_kernel_memory(&full.failure);
	put_failure(writer, &full);
	full.failure.split_errno = 0;
	full.failure.interior = 0;
	put_failure(writer, &full);
}

static void make_unknown(struct capture_writer *writer)
{
	struct event_failure_full full;

	records_failure(&full);
	records_make_unknown_after_unlock(&full.failure);
	put_failure(writer, &full);
	full.failure.errno_code = 0;
	put_failure(writer, &full);
}

static void make_bad_request(struct capture_writer *writer)
{
	struct event_failure_full full;
	struct event_failure *f = &full.failure;

	records_failure(&full);
	records_make_bad_request(f);
	put_failure(writer, &full);
	f->addr--;
	f->length_bytes = 0;
	put_failure(writer, &full);
	f->length_bytes = 1ULL << 63;
	put_failure(writer, &full);
	f->length_bytes = UINT64_MAX;
	put_failure(writer, &full);
	f->length_bytes = RECORDS_PAGE_BYTES;
	f->errno_code = EPERM;
	put_failure(writer, &full);
}

static void make_file_mapping(struct capture_writer *writer)
{
	struct event_failure_full full;
	struct event_vma *vma = &full.failure.vma;

	records_failure(&full);
	vma->kind = VMA_FILE;
	vma->flags = 0xfb; /* rw-s */
	vma->offset_bytes = 0x3000;
	vma->inode = 1234567;
	vma->device = 8 << 20 | 1;
	put_failure(writer, &full);
	vma->kind = VMA_HEAP;
	put_failure(writer, &full);
	vma->kind = VMA_STACK;
	put_failure(writer, &full);
	vma->kind = VMA_SPECIAL;
	put_failure(writer, &full);
}

static void make_compat(struct capture_writer *writer)
{
	struct event_failure_full full;
	struct event_failure *f = &full.failure;

	records_failure(&full);
	records_name(&f->process, "old", "old");
	f->compat = 1;
	f->vma.start = 0xf7a00000;
	f->vma.end = 0xf7a80000;
	f->addr = 0xf7a10000;
	records_user_stack(&full, 0xf7fd0549, 2);
	put_failure(writer, &full);
}

static void make_limit_changes(struct capture_writer *writer)
{
	struct event_failure_full full;
	struct event_limit limit;

	records_failure(&full);
	put_failure(writer, &full);
	records_limit(RECORDS_LIMIT, 2 * RECORDS_LIMIT, &limit);
	limit.header.time_ns = full.failure.header.time_ns;
	put(writer, &limit);
	full.failure.header.time_ns += 1000 * NSEC_PER_MSEC;
	full.failure.vma_count = full.failure.vma_limit = 2 * RECORDS_LIMIT;
	put_failure(writer, &full);
	records_limit(2 * RECORDS_LIMIT, 0, &limit);
	limit.header.time_ns = full.failure.header.time_ns;
	put(writer, &limit);
}

static void make_hostile_names(struct capture_writer *writer)
{
	static const char *const names[] = {
		"a\nb[1]  munmap(",
		"\033[2J\033]0;x\a",
		"\xff\xfe\xc0\xaf",
		"\"quoted\\\"",
		"cut \xe2\x82",
		"\xe2\x80\xae"
		"gpj.exe",
		"%s%n%s",
		"",
		"\xc2\x9b"
		"31m",
	};
	struct event_failure_full full;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		records_failure(&full);
		records_name(&full.failure.process, names[i], names[COUNT_OF(names) - 1 - i]);
		records_user_stack(&full, 0, 0);
		records_kernel_stack(&full, 0, 0);
		full.failure.process.tgid += (uint32_t)i;
		full.failure.process.tid = full.failure.process.tgid;
		put_failure(writer, &full);
	}
}

/* Values that no kernel gives: a capture is whatever somebody wrote. */
static void make_hostile_values(struct capture_writer *writer)
{
	struct event_failure_full full;
	struct event_failure *f = &full.failure;

	records_failure(&full);
	f->length_bytes = 1ULL << 63;
	put_failure(writer, &full);
	f->process.exec_id = f->process.start_time_ns = UINT64_MAX;
	f->process.tgid = f->process.tid = f->process.uid = UINT32_MAX;
	f->verdict = UINT16_MAX;
	f->syscall = f->errno_code = f->split_errno = f->vma.kind = UINT32_MAX;
	f->evidence = f->interior = UINT8_MAX;
	f->vma.end = 0;
	put_failure(writer, &full);
	f->header.time_ns = UINT64_MAX;
	put_failure(writer, &full);
}

static void make_no_stacks(struct capture_writer *writer)
{
	struct event_failure_full full;

	records_failure(&full);
	records_user_stack(&full, 0, 0);
	records_kernel_stack(&full, 0, 0);
	put_failure(writer, &full);
	full.failure.stack_key = 1;
	full.failure.user_stack_error = -EFAULT;
	full.failure.kernel_stack_error = -EEXIST;
	put_failure(writer, &full);
}

static void make_truncated_stack(struct capture_writer *writer)
{
	struct event_failure_full full;

	records_failure(&full);
	records_user_stack(&full, 0x55d2a0c01139, EVENT_USER_FRAMES_MAX);
	records_kernel_stack(&full, 0xffffffff81204a10, EVENT_KERNEL_FRAMES_MAX);
	put_failure(writer, &full);
}

static void make_exec(struct capture_writer *writer)
{
	struct event_failure_full full;

	records_failure(&full);
	put_failure(writer, &full);
	put_failure(writer, &full);
	full.failure.process.exec_id++;
	full.failure.stack_key++;
	records_name(&full.failure.process, "next", "next");
	put_failure(writer, &full);
	put_failure(writer, &full);
}

/* Warnings on the way to a failure, of one that was there before, and of a stranger's name and numbers. */
static void make_near_limit(struct capture_writer *writer)
{
	struct event_failure_full full;
	struct event_near near;

	records_near(&near);
	put(writer, &near);
	near.header.time_ns += 50000000;
	near.percent = 90;
	near.vma_count = near.peak = 58977;
	put(writer, &near);
	near.process.tgid = near.process.tid = 77;
	near.already = 1;
	put(writer, &near);
	records_failure(&full);
	full.failure.header.time_ns = near.header.time_ns + 100000000;
	put(writer, &full);
	records_name(&near.process, "\033[2J\n\"\xff", "%s");
	near.already = 0xff;
	near.percent = 0xff;
	near.vma_count = near.vma_limit = near.peak = UINT32_MAX;
	near.header.time_ns = full.failure.header.time_ns + 1;
	put(writer, &near);
}

/* Of one process after the other: paid by a retry, paid in part and then over, aborted, lost on the way, still owed. */
static void make_outcomes(struct capture_writer *writer)
{
	struct event_failure_full full;
	struct event_failure *f = &full.failure;
	struct event_ended memory, end;
	struct event_paid paid;

	records_failure(&full);
	records_paid(&paid);
	for (int i = 0; i < 3; i++) {
		put(writer, &full);
		put(writer, &paid);
		paid.header.time_ns += 50 * NSEC_PER_MSEC;
		f->header.time_ns += 50 * NSEC_PER_MSEC;
	}
	f->process.mm = paid.process.mm += 1;
	f->process.tgid = paid.process.tgid = 78;
	put(writer, &full);
	put(writer, &full);
	paid.length_bytes = 2 * RECORDS_PAGE_BYTES;
	put(writer, &paid);
	paid.length_bytes = 1ULL << 30;
	paid.syscall = SYSCALL_NONE;
	put(writer, &paid);
	records_ended(END_MEMORY, &memory);
	records_ended(END_EXIT, &end);
	f->process.mm = memory.process.mm = end.process.mm = paid.process.mm + 1;
	f->process.tgid = end.process.tgid = 79;
	end.exit_code = 0x86;
	put(writer, &full);
	put(writer, &end);
	put(writer, &memory);
	f->process.mm++;
	f->process.tgid = 80;
	f->debt |= DEBT_PAYMENT_LOST;
	put(writer, &full);
	f->process.mm++;
	f->process.tgid = 81;
	f->debt = DEBT_OPEN;
	put(writer, &full);
}

/* Who made the mappings, with a warning, with a failure and at the end; the calls before it; and a stranger's numbers. */
static void make_origins(struct capture_writer *writer)
{
	static struct records_slice slice;
	struct event_origins_full origins;
	struct event_origin_full origin;
	struct event_failure_full full;
	struct event_near near;
	struct event_ops ops;

	records_origin(&origin);
	origin.origin.place.has_slice = 1;
	records_slice(&origin.origin.place, &slice);
	put(writer, &slice);
	put(writer, &origin);
	origin.origin.place.stack_key = 0xa003;
	origin.user_stack[1] += 0x100;
	put(writer, &origin);
	records_origins(&origins);
	put(writer, &origins);
	records_near(&near);
	put(writer, &near);
	put(writer, &origins);
	records_failure(&full);
	full.failure.has_ops = 1;
	records_ops(&full.failure, &ops);
	put(writer, &ops);
	put_failure(writer, &full);
	put_failure(writer, &full);
	origins.origins.final = 1;
	put(writer, &origins);
	origins.origins.approximate = 0xff;
	origins.origins.process.tgid = 77;
	origins.sums[0].plus = UINT64_MAX;
	origins.sums[1].syscall = UINT32_MAX;
	origins.sums[2].minus = 1ULL << 63;
	origins.origins.unplaced = INT64_MIN;
	origins.origins.others_count = UINT32_MAX;
	records_name(&origins.origins.process, "\033[2J;\n", "%s");
	put(writer, &origins);
}

/* Splits with the mapping and without, of two processes; a stranger's name and numbers, and what is no range. */
static void make_splits(struct capture_writer *writer)
{
	struct event_split split;

	records_split(&split);
	put(writer, &split);
	split.header.time_ns += 1000;
	split.start = split.addr;
	split.addr += RECORDS_PAGE_BYTES;
	split.vma_count++;
	put(writer, &split);
	split.process.tgid = split.process.tid = 77;
	split.has_range = 0;
	split.inferred = 1;
	split.splits = 2;
	split.syscall = 10;
	split.header.time_ns += 1000;
	put(writer, &split);
	records_name(&split.process, "\033[2J\n\"\xff", "%s");
	split.inferred = split.has_range = 0xff;
	split.splits = split.vma_count = UINT32_MAX;
	split.syscall = UINT32_MAX;
	split.addr = UINT64_MAX;
	put(writer, &split);
	split.has_range = 0;
	split.inferred = 0;
	split.syscall = EVENT_SYSCALL_NONE;
	put(writer, &split);
}

/* Memory that may not be locked, at the call that is to lock it. */
static void explain_locks(struct event_failure *f, struct event_proof *p)
{
	p->memlock_bytes_max = 8 * RECORDS_PAGE_BYTES;
	if (f->syscall == SYSCALL_BRK || f->syscall == SYSCALL_SHMAT)
		p->flags |= PROOF_LOCKS_FUTURE;
	if (f->syscall == SYSCALL_MMAP)
		p->args[3] |= JUDGE_MAP_LOCKED;
	p->first_flags |= f->syscall == SYSCALL_MREMAP ? JUDGE_VM_LOCKED : 0;
	if (f->syscall == SYSCALL_MMAP || f->syscall == SYSCALL_MREMAP || f->syscall == SYSCALL_SHMAT)
		f->errno_code = ERRNO_EAGAIN;
}

static void explain_space(struct event_failure *f, struct event_proof *p)
{
	const uint64_t most = 120ULL << 40;

	if (f->syscall == SYSCALL_MMAP) {
		f->length_bytes = p->args[1] = most;
		p->args[2] = 0;
	} else if (f->syscall == SYSCALL_SHMAT) {
		p->segment_bytes = most;
	} else {
		p->flags |= PROOF_BLOCKED;
		p->args[3] = 0;
	}
}

/* What is read only and is to be written. */
static void make_writable(struct event_failure *f, struct event_proof *p)
{
	if (f->syscall != SYSCALL_MPROTECT && f->syscall != SYSCALL_PKEY_MPROTECT)
		return;
	p->args[2] = 3;
	p->first_flags = p->fixed_flags = 0x71;
	p->fixed_pages = 16;
}

/* The facts that prove a verdict, where the call can have it. */
static void explain(struct event_failure *f, struct event_proof *p, uint16_t verdict)
{
	switch (verdict) {
	case VERDICT_MAX_MAP_COUNT:
		f->vma_count = RECORDS_LIMIT + !p->range_mapped;
		p->flags |= PROOF_SPLITS_START | PROOF_SPLITS_END;
		p->first_flags |= f->syscall == SYSCALL_MUNLOCK ? JUDGE_VM_LOCKED : 0;
		break;
	case VERDICT_BAD_REQUEST:
		f->errno_code = ERRNO_EINVAL;
		break;
	case VERDICT_KERNEL_MEMORY:
		f->split_errno = ERRNO_ENOMEM;
		break;
	case VERDICT_MEMCG_LIMIT:
		p->memcg_pages = p->memcg_pages_max = 65536;
		f->errno_code = f->syscall == SYSCALL_MADVISE ? ERRNO_EAGAIN : ERRNO_ENOMEM;
		break;
	case VERDICT_RLIMIT_AS:
		p->as_bytes_max = (p->total_pages + 8) * RECORDS_PAGE_BYTES;
		break;
	case VERDICT_RLIMIT_DATA:
		make_writable(f, p);
		p->data_bytes_max = (p->data_pages + 8) * RECORDS_PAGE_BYTES;
		break;
	case VERDICT_RLIMIT_MEMLOCK:
		explain_locks(f, p);
		break;
	case VERDICT_OVERCOMMIT:
		make_writable(f, p);
		p->memory_pages = 8;
		break;
	case VERDICT_NO_ADDRESS_SPACE:
		explain_space(f, p);
		break;
	case VERDICT_HUGETLB_POOL:
		p->args[3] |= JUDGE_MAP_HUGETLB;
		break;
	case VERDICT_UNMAPPED_RANGE:
		p->hole = f->addr + 2 * RECORDS_PAGE_BYTES;
		p->range_mapped = p->range_mapped ? 2 : 0;
		break;
	}
}

/* Each verdict of each call that can have it, by its facts. */
static void make_verdicts(struct capture_writer *writer)
{
	struct event_failure_full full;
	uint64_t time_ns = 0;

	for (uint32_t syscall = SYSCALL_MUNMAP + 1; syscall < SYSCALL_COUNT; syscall++) {
		for (uint16_t verdict = 0; verdict < VERDICT_COUNT; verdict++) {
			records_call(syscall, &full);
			records_user_stack(&full, 0, 0);
			records_kernel_stack(&full, 0, 0);
			explain(&full.failure, &full.proof, verdict);
			full.failure.verdict = judge_call(&full.failure, &full.proof);
			full.failure.header.time_ns += time_ns;
			if (full.failure.verdict != verdict)
				continue;
			put(writer, &full);
			time_ns += 3 * NSEC_PER_MSEC;
		}
	}
	/* Of a munmap() the cgroup is the proof. */
	records_failure(&full);
	records_make_kernel_memory(&full.failure);
	full.failure.verdict = VERDICT_MEMCG_LIMIT;
	full.failure.header.time_ns += time_ns;
	full.failure.proof.offset = offsetof(struct event_failure_full, proof);
	full.failure.proof.length = sizeof(full.proof);
	full.proof.memcg_pages = full.proof.memcg_pages_max = 65536;
	put(writer, &full);
}

static void make_nothing(struct capture_writer *writer)
{
	(void)writer;
}

static const struct {
	const char *name;
	void (*make)(struct capture_writer *writer);
} situations[] = {
	{"limit", make_limit},
	{"repeated", make_repeated},
	{"threads", make_threads},
	{"kernel_memory", make_kernel_memory},
	{"unknown", make_unknown},
	{"bad_request", make_bad_request},
	{"file_mapping", make_file_mapping},
	{"compat", make_compat},
	{"limit_changes", make_limit_changes},
	{"hostile_names", make_hostile_names},
	{"hostile_values", make_hostile_values},
	{"no_stacks", make_no_stacks},
	{"truncated_stack", make_truncated_stack},
	{"exec", make_exec},
	{"near_limit", make_near_limit},
	{"outcomes", make_outcomes},
	{"origins", make_origins},
	{"splits", make_splits},
	{"verdicts", make_verdicts},
	{"nothing", make_nothing},
};

/* Three records, to be damaged: failures of the same size. */
struct sample {
	struct capture_head head;
	struct event_failure_full records[3];
};

/* What is not said of a damage: nothing is cut, nothing is set. */
struct damage {
	const char *name;
	size_t at; /* byte of the file, */
	const char *bytes; /* that these are written to */
	size_t count;
	size_t cut; /* bytes that are left of the file; 0: all */
	int status;
	int failures; /* -1: no output at all */
};

#define HEAD(field)	    offsetof(struct sample, head.field)
#define FIRST(field)	    offsetof(struct sample, records[0].failure.field)
#define SECOND(field)	    offsetof(struct sample, records[1].failure.field)
#define ENDS(number)	    offsetof(struct sample, records[number])
#define SET(place, literal) .at = (place), .bytes = (literal), .count = sizeof(literal) - 1

static const struct damage damages[] = {
	{"whole", .status = 0, .failures = 3},
	{"empty", .cut = SIZE_MAX, .status = 1, .failures = -1},
	{"one_byte", .cut = 1, .status = 1, .failures = -1},
	{"cut_in_head", .cut = sizeof(struct capture_head) - 1, .status = 1, .failures = -1},
	{"cut_after_head", .cut = ENDS(0), .status = 0, .failures = 0},
	{"cut_in_first_header", .cut = ENDS(0) + 8, .status = 1, .failures = 0},
	{"cut_after_header", .cut = ENDS(1) + sizeof(struct event_header), .status = 1, .failures = 1},
	{"cut_in_second", .cut = ENDS(1) + 100, .status = 1, .failures = 1},
	{"cut_after_second", .cut = ENDS(2), .status = 0, .failures = 2},
	{"cut_in_stack", .cut = ENDS(2) + sizeof(struct event_failure) + 20, .status = 1, .failures = 2},
	{"cut_last_byte", .cut = sizeof(struct sample) - 1, .status = 1, .failures = 2},
	{"trailing_byte", SET(sizeof(struct sample), "\0"), .status = 1, .failures = 3},
	{"trailing_text", SET(sizeof(struct sample), "and some text after it"), .status = 1, .failures = 3},
	{"magic", SET(HEAD(magic), "V"), .status = 1, .failures = -1},
	{"version", SET(HEAD(version), "\1"), .status = 1, .failures = -1},
	{"version_of_other_endian", SET(HEAD(version), "\0\0\0\1"), .status = 1, .failures = -1},
	{"flipped_address", SET(SECOND(addr), "\xff\xff\xff\xff\xff\xff\xff\xff"), .status = 0, .failures = 3},
	{"flipped_time", SET(SECOND(header.time_ns) + 7, "\xff"), .status = 0, .failures = 3},
	{"kind", SET(SECOND(header.kind), "\3"), .status = 4, .failures = 2},
	{"kind_most", SET(SECOND(header.kind), "\xff\xff"), .status = 4, .failures = 2},
	{"other_kind", SET(SECOND(header.kind), "\2"), .status = 0, .failures = 2},
	{"size_zero", SET(SECOND(header.size), "\0\0\0\0"), .status = 1, .failures = 1},
	{"size_below_header", SET(SECOND(header.size), "\xf\0\0\0"), .status = 1, .failures = 1},
	{"size_most", SET(SECOND(header.size), "\xff\xff\xff\xff"), .status = 1, .failures = 1},
	{"size_above_any", SET(SECOND(header.size), "\0\0\1\0"), .status = 1, .failures = 1},
	{"comm_without_end", SET(FIRST(process.comm), "0123456789abcdef"), .status = 4, .failures = 2},
	{"thread_comm_without_end", SET(FIRST(process.thread_comm), "0123456789abcdef"), .status = 4, .failures = 2},
	{"stack_before", SET(SECOND(user_stack.offset), "\0\0\0\0"), .status = 4, .failures = 2},
	{"stack_beyond", SET(SECOND(user_stack.offset), "\0\0\1\0"), .status = 4, .failures = 2},
	{"stack_wraps", SET(SECOND(user_stack.offset), "\xf8\xff\xff\xff\xff\xff\xff\xff"), .status = 4, .failures = 2},
	{"stack_too_long", SET(SECOND(user_stack.length), "\0\0\1\0"), .status = 4, .failures = 2},
	{"stack_unaligned", SET(SECOND(kernel_stack.offset), "\xfc"), .status = 4, .failures = 2},
	{"stack_length_odd", SET(SECOND(kernel_stack.length), "\7"), .status = 4, .failures = 2},
};

static void fill_sample(struct sample *sample)
{
	memset(sample, 0, sizeof(*sample));
	sample->head = head;
	for (size_t i = 0; i < COUNT_OF(sample->records); i++) {
		records_failure(&sample->records[i]);
		sample->records[i].failure.header.time_ns += i * NSEC_PER_MSEC;
	}
}

static void write_damaged(const char *directory, const struct damage *damage)
{
	struct {
		struct sample sample;
		char behind[64];
	} file_bytes = {};
	size_t size = sizeof(struct sample);
	char path[4096];
	FILE *file;

	fill_sample(&file_bytes.sample);
	if (damage->count)
		memcpy((char *)&file_bytes + damage->at, damage->bytes, damage->count);
	if (damage->at + damage->count > size)
		size = damage->at + damage->count;
	if (damage->cut)
		size = damage->cut == SIZE_MAX ? 0 : damage->cut;
	snprintf(path, sizeof(path), "%s/damaged/%s.capture", directory, damage->name);
	file = fopen(path, "we");
	if (!file || fwrite(&file_bytes, 1, size, file) != size || fclose(file))
		fail(path, errno);
}

static void write_all_damaged(const char *directory)
{
	char path[4096];
	FILE *expected;

	snprintf(path, sizeof(path), "%s/damaged", directory);
	if (mkdir(path, 0700) && errno != EEXIST)
		fail(path, errno);
	snprintf(path, sizeof(path), "%s/damaged/expected", directory);
	expected = fopen(path, "we");
	if (!expected)
		fail(path, errno);
	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		write_damaged(directory, &damages[i]);
		fprintf(expected, "%s %d ", damages[i].name, damages[i].status);
		if (damages[i].failures < 0)
			fprintf(expected, "-\n");
		else
			fprintf(expected, "%d\n", damages[i].failures);
	}
	if (fclose(expected))
		fail(path, errno);
}

int main(int argc, char **argv)
{
	struct capture_writer *writer;
	char path[4096];
	int err;

	if (argc != 2) {
		fprintf(stderr, "usage: make_captures DIR\n");
		return 2;
	}
	for (size_t i = 0; i < COUNT_OF(situations); i++) {
		snprintf(path, sizeof(path), "%s/%s.capture", argv[1], situations[i].name);
		err = capture_create(path, &head, &writer);
		if (err)
			fail(path, -err);
		situations[i].make(writer);
		err = capture_close(writer);
		if (err)
			fail(path, -err);
	}
	write_all_damaged(argv[1]);
	return 0;
}
