// SPDX-License-Identifier: GPL-2.0-or-later
/* Records from the ring or a file: the sound ones come through whole, the others not at all. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event.h"
#include "records.h"

static int decode(const void *record, size_t size)
{
	struct event event;

	return event_decode(record, size, &event);
}

/* Decodes a block of exactly the record's size: ASan sees what is read beyond it. */
static int decode_exactly(const void *record)
{
	void *copy = records_copy(record);
	int err = decode(copy, ((const struct event_header *)record)->size);

	free(copy);
	return err;
}

static void test_every_kind(void **state)
{
	struct event_failure_full full;
	struct event_limit limit;
	struct event_near near;
	struct event_split split;
	struct event_paid paid;
	struct event_ended ended;
	struct event_hot hot;
	struct event event;

	(void)state;
	records_failure(&full);
	assert_int_equal(event_decode(&full, sizeof(full), &event), 0);
	assert_int_equal(event.kind, EVENT_FAILURE);
	assert_ptr_equal(event.failure, &full.failure);
	records_hot(&hot);
	assert_int_equal(event_decode(&hot, sizeof(hot), &event), 0);
	assert_int_equal(event.kind, EVENT_HOT);
	assert_ptr_equal(event.hot, &hot);
	records_near(&near);
	assert_int_equal(event_decode(&near, sizeof(near), &event), 0);
	assert_int_equal(event.kind, EVENT_NEAR);
	assert_ptr_equal(event.near, &near);
	memset(near.process.comm, 'x', sizeof(near.process.comm)); /* a name without an end */
	assert_int_equal(event_decode(&near, sizeof(near), &event), -EBADMSG);
	records_split(&split);
	assert_int_equal(event_decode(&split, sizeof(split), &event), 0);
	assert_int_equal(event.kind, EVENT_SPLIT);
	assert_ptr_equal(event.split, &split);
	memset(split.process.thread_comm, 'x', sizeof(split.process.thread_comm));
	assert_int_equal(event_decode(&split, sizeof(split), &event), -EBADMSG);
	records_paid(&paid);
	assert_int_equal(event_decode(&paid, sizeof(paid), &event), 0);
	assert_ptr_equal(event.paid, &paid);
	memset(paid.process.thread_comm, 'x', sizeof(paid.process.thread_comm));
	assert_int_equal(event_decode(&paid, sizeof(paid), &event), -EBADMSG);
	records_ended(END_EXIT, &ended);
	assert_int_equal(event_decode(&ended, sizeof(ended), &event), 0);
	assert_ptr_equal(event.ended, &ended);
	memset(ended.process.comm, 'x', sizeof(ended.process.comm));
	assert_int_equal(event_decode(&ended, sizeof(ended), &event), -EBADMSG);
	records_limit(100, 200, &limit);
	assert_int_equal(event_decode(&limit, sizeof(limit), &event), 0);
	assert_int_equal(event.kind, EVENT_LIMIT);
	assert_int_equal(event.limit->new_limit, 200);
}

static void test_kinds_of_origins(void **state)
{
	struct event_failure_full full;
	struct event_origin_full origin;
	struct event_origins_full origins;
	struct event_ops ops;
	struct event event;
	size_t count;

	(void)state;
	records_origin(&origin);
	assert_int_equal(event_decode(&origin, sizeof(origin), &event), 0);
	assert_int_equal(event.kind, EVENT_ORIGIN);
	assert_non_null(event_addrs(&event.origin->place, &event.origin->place.user_stack, &count));
	assert_int_equal(count, 4);
	records_origins(&origins);
	assert_int_equal(event_decode(&origins, sizeof(origins), &event), 0);
	assert_int_equal(event.kind, EVENT_ORIGINS);
	assert_ptr_equal(event_origin_sums(event.origins, &count), origins.sums);
	assert_int_equal(count, 3);
	records_failure(&full);
	records_ops(&full.failure, &ops);
	assert_int_equal(event_decode(&ops, sizeof(ops), &event), 0);
	assert_int_equal(event.kind, EVENT_OPS);
	ops.room = 0;
	assert_int_equal(decode(&ops, sizeof(ops)), -EBADMSG);
	ops.room = EVENT_OPS_MAX + 1;
	assert_int_equal(decode(&ops, sizeof(ops)), -EBADMSG);
	ops.room = EVENT_OPS_MAX;
	ops.header.size = sizeof(ops) - 1;
	assert_int_equal(decode(&ops, sizeof(ops)), -EBADMSG);
}

/* Sums that lie beside the record, or over its edge. */
static void test_sums_of_origins(void **state)
{
	const uint32_t wrong[] = {
		0, 8, sizeof(struct event_origins) - 8, sizeof(struct event_origins) + 4, UINT32_MAX, UINT32_MAX - 7};
	struct event_origins_full origins;
	size_t count;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		records_origins(&origins);
		origins.origins.sums.offset = wrong[i];
		assert_int_equal(decode_exactly(&origins), -EBADMSG);
		origins.origins.sums.length = 0;
		assert_int_equal(decode_exactly(&origins), 0);
		assert_null(event_origin_sums(&origins.origins, &count));
	}
	records_origins(&origins);
	origins.origins.sums.length += sizeof(struct event_origin_sum);
	assert_int_equal(decode_exactly(&origins), -EBADMSG);
	origins.origins.sums.length = sizeof(struct event_origin_sum) - 8;
	assert_int_equal(decode_exactly(&origins), -EBADMSG);
	origins.origins.header.size = sizeof(origins);
	origins.origins.sums.length = EVENT_ORIGINS_MAX * sizeof(struct event_origin_sum);
	assert_int_equal(decode_exactly(&origins), 0);
}

static void test_layout_is_the_contract(void **state)
{
	(void)state;
	/* A field that moves makes captures unreadable: a new kind or a new version is the way. */
	assert_int_equal(sizeof(struct event_header), 16);
	assert_int_equal(sizeof(struct event_process), 88);
	assert_int_equal(sizeof(struct event_vma), 48);
	assert_int_equal(offsetof(struct event_failure, addr), 152);
	assert_int_equal(offsetof(struct event_failure, user_stack), 208);
	assert_int_equal(offsetof(struct event_failure, proof), 224);
	assert_int_equal(offsetof(struct event_failure, verdict), 260);
	assert_int_equal(sizeof(struct event_failure), 288);
	assert_int_equal(sizeof(struct event_proof), 216);
	assert_int_equal(sizeof(struct event_hot), 112);
	assert_int_equal(sizeof(struct event_limit), 24);
	assert_int_equal(sizeof(struct event_registers), 136);
	assert_int_equal(sizeof(struct event_slice), 216);
	assert_int_equal(sizeof(struct event_mapped), 104);
	assert_int_equal(sizeof(struct event_near), 144);
	assert_int_equal(sizeof(struct event_paid), 128);
	assert_int_equal(sizeof(struct event_split), 144);
	assert_int_equal(EVENT_SPLIT, 11);
	assert_int_equal(sizeof(struct event_ended), 112);
	assert_int_equal(EVENT_FAILURE, 0);
	assert_int_equal(EVENT_HOT, 1);
	assert_int_equal(EVENT_LIMIT, 2);
	assert_int_equal(sizeof(struct event_origin), 288);
	assert_int_equal(sizeof(struct event_origin_sum), 40);
	assert_int_equal(sizeof(struct event_origins), 184);
	assert_int_equal(sizeof(struct event_op), 40);
	assert_int_equal(sizeof(struct event_ops), 40 + EVENT_OPS_MAX * 40);
	assert_int_equal(EVENT_NEAR, 5);
	assert_int_equal(EVENT_PAID, 6);
	assert_int_equal(EVENT_ENDED, 7);
	assert_int_equal(EVENT_ORIGIN, 8);
	assert_int_equal(EVENT_ORIGINS, 9);
	assert_int_equal(EVENT_OPS, 10);
}

static void test_sizes(void **state)
{
	struct event_failure_full full;
	struct event_limit limit;

	(void)state;
	records_limit(100, 200, &limit);
	for (size_t size = 0; size < sizeof(limit); size++)
		assert_int_equal(decode(&limit, size), -EBADMSG);
	for (uint32_t size = 0; size < sizeof(limit); size++) {
		limit.header.size = size;
		assert_int_equal(decode(&limit, sizeof(limit)), -EBADMSG);
	}
	limit.header.size = sizeof(limit) + 1;
	assert_int_equal(decode(&limit, sizeof(limit)), -EBADMSG);
	limit.header.size = UINT32_MAX;
	assert_int_equal(decode(&limit, sizeof(limit)), -EBADMSG);
	records_failure(&full);
	full.failure.header.size = sizeof(full.failure) - 1;
	assert_int_equal(decode(&full, sizeof(full)), -EBADMSG);
	assert_int_equal(decode(&full, 0), -EBADMSG);
}

/* A later version may append fields to a record: what is known of it is read. */
static void test_longer_than_known(void **state)
{
	struct {
		struct event_limit limit;
		uint64_t appended;
	} longer = {};
	char *huge = calloc(1, EVENT_RECORD_MAX + 8);
	struct event_limit *limit = (struct event_limit *)huge;

	(void)state;
	records_limit(1, 2, &longer.limit);
	longer.limit.header.size = sizeof(longer);
	assert_int_equal(decode(&longer, sizeof(longer)), 0);
	/* But no record is larger than the room that every reader has for one. */
	assert_non_null(huge);
	records_limit(1, 2, limit);
	limit->header.size = EVENT_RECORD_MAX;
	assert_int_equal(decode(huge, EVENT_RECORD_MAX), 0);
	limit->header.size += 8;
	assert_int_equal(decode(huge, EVENT_RECORD_MAX + 8), -EBADMSG);
	free(huge);
}

static void test_kinds(void **state)
{
	struct event_failure_full full;

	(void)state;
	records_failure(&full);
	for (unsigned int kind = EVENT_KIND_COUNT; kind <= UINT16_MAX; kind++) {
		full.failure.header.kind = (uint16_t)kind;
		assert_int_equal(decode(&full, sizeof(full)), -EBADMSG);
	}
}

static void test_names_without_an_end(void **state)
{
	struct event_failure_full full;
	struct event_hot hot;

	(void)state;
	records_failure(&full);
	memset(full.failure.process.comm, 'x', EVENT_COMM_BYTES);
	assert_int_equal(decode(&full, sizeof(full)), -EBADMSG);
	records_failure(&full);
	memset(full.failure.process.thread_comm, 'x', EVENT_COMM_BYTES);
	assert_int_equal(decode(&full, sizeof(full)), -EBADMSG);
	records_hot(&hot);
	memset(hot.process.comm, 'x', EVENT_COMM_BYTES);
	assert_int_equal(decode(&hot, sizeof(hot)), -EBADMSG);
}

/* In a record of the size of one with both stacks. */
static int decode_span(uint32_t offset, uint32_t length, bool user)
{
	struct event_failure_full full;

	records_failure(&full);
	*(user ? &full.failure.user_stack : &full.failure.kernel_stack) = (struct event_span){offset, length};
	return decode_exactly(&full);
}

static void test_spans(void **state)
{
	const uint32_t fixed = sizeof(struct event_failure), whole = sizeof(struct event_failure_full);
	const struct {
		uint32_t offset, length;
		int err;
	} cases[] = {
		{fixed, 8, 0},
		{whole - 8, 8, 0},
		{whole, 0, 0},
		{UINT32_MAX, 0, 0}, /* an empty one is nowhere */
		{0, 8, -EBADMSG}, /* within the fixed part */
		{fixed - 8, 8, -EBADMSG},
		{fixed + 4, 8, -EBADMSG}, /* not aligned */
		{fixed, 12, -EBADMSG},
		{fixed, 7, -EBADMSG},
		{whole, 8, -EBADMSG}, /* beyond the end */
		{whole - 8, 16, -EBADMSG},
		{fixed, whole - fixed + 8, -EBADMSG},
		{fixed, UINT32_MAX - 7, -EBADMSG},
		{UINT32_MAX - 7, 8, -EBADMSG}, /* their sum wraps */
		{UINT32_MAX - 7, UINT32_MAX - 7, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(decode_span(cases[i].offset, cases[i].length, true), cases[i].err);
		assert_int_equal(decode_span(cases[i].offset, cases[i].length, false), cases[i].err);
	}
}

/* No stack is deeper than the kernel side's own room for it. */
static void test_spans_are_no_deeper_than_a_stack(void **state)
{
	const uint32_t fixed = sizeof(struct event_failure);

	(void)state;
	assert_int_equal(decode_span(fixed, EVENT_USER_FRAMES_MAX * 8, true), 0);
	assert_int_equal(decode_span(fixed, (EVENT_USER_FRAMES_MAX + 1) * 8, true), -EBADMSG);
	assert_int_equal(decode_span(fixed, EVENT_KERNEL_FRAMES_MAX * 8, false), 0);
	assert_int_equal(decode_span(fixed, (EVENT_KERNEL_FRAMES_MAX + 1) * 8, false), -EBADMSG);
}

/* A proof is whole or not there at all. */
static void test_proof(void **state)
{
	const uint32_t fixed = sizeof(struct event_failure), whole = sizeof(struct event_failure_full),
		       size = sizeof(struct event_proof);
	const struct {
		struct event_span span;
		int err;
	} cases[] = {
		{{whole - size, size}, 0},
		{{fixed, size}, 0}, /* where a stack is as well */
		{{UINT32_MAX, 0}, 0},
		{{fixed, size - 8}, -EBADMSG},
		{{fixed, size + 8}, -EBADMSG},
		{{fixed, 8}, -EBADMSG},
		{{fixed, UINT32_MAX - 7}, -EBADMSG},
		{{fixed - 8, size}, -EBADMSG},
		{{0, size}, -EBADMSG},
		{{fixed + 4, size}, -EBADMSG},
		{{whole - size + 8, size}, -EBADMSG},
		{{whole, size}, -EBADMSG},
		{{UINT32_MAX - 7, size}, -EBADMSG},
	};
	struct event_failure_full full;

	(void)state;
	records_call(SYSCALL_MMAP, &full);
	assert_ptr_equal(event_proof(&full.failure), &full.proof);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		full.failure.proof = cases[i].span;
		assert_int_equal(decode_exactly(&full), cases[i].err);
	}
	full.failure.proof = (struct event_span){UINT32_MAX, 0};
	assert_null(event_proof(&full.failure));
}

static void test_pack_with_a_proof(void **state)
{
	struct event_failure_full full, packed;
	struct event event;
	size_t size;

	(void)state;
	records_call(SYSCALL_MREMAP, &full);
	memset(full.user_stack, 0x5a, sizeof(full.user_stack));
	records_user_stack(&full, 0x1000, 3);
	records_kernel_stack(&full, 0x2000, 2);
	memset(&packed, 0xa5, sizeof(packed));
	assert_int_equal(event_decode(&full, sizeof(full), &event), 0);
	size = event_pack(&event, &packed);
	assert_int_equal(size, sizeof(full.failure) + 5 * 8 + sizeof(full.proof));
	assert_null(memmem(&packed, size, "\x5a\x5a\x5a\x5a", 4));
	assert_int_equal(event_decode(&packed, size, &event), 0);
	assert_memory_equal(event_proof(event.failure), &full.proof, sizeof(full.proof));
}

static void test_addrs(void **state)
{
	struct event_failure_full full;
	const uint64_t *addrs;
	size_t count = 99;

	(void)state;
	records_failure(&full);
	records_user_stack(&full, 0x1000, 3);
	addrs = event_addrs(&full.failure, &full.failure.user_stack, &count);
	assert_int_equal(count, 3);
	assert_int_equal(addrs[0], 0x1000);
	assert_int_equal(addrs[2], 0x1020);
	full.failure.kernel_stack = (struct event_span){.offset = UINT32_MAX};
	event_addrs(&full.failure, &full.failure.kernel_stack, &count);
	assert_int_equal(count, 0);
}

static size_t pack(const void *record, void *ret, size_t room)
{
	const struct event_header *header = record;
	struct event event;

	assert_int_equal(event_decode(record, header->size, &event), 0);
	memset(ret, 0xa5, room);
	return event_pack(&event, ret);
}

static void test_pack_leaves_no_room(void **state)
{
	struct event_failure_full full, packed;
	struct event event;
	size_t size, count;

	(void)state;
	records_failure(&full);
	/* As a ring entry has it: what the stacks did not need is whatever was there. */
	memset(full.user_stack, 0x5a, sizeof(full.user_stack));
	records_user_stack(&full, 0x1000, 3);
	records_kernel_stack(&full, 0x2000, 2);
	size = pack(&full, &packed, sizeof(packed));
	assert_int_equal(size, sizeof(full.failure) + 5 * 8);
	assert_int_equal(packed.failure.header.size, size);
	assert_int_equal(event_decode(&packed, size, &event), 0);
	assert_int_equal(event_addrs(event.failure, &event.failure->user_stack, &count)[2], 0x1020);
	assert_int_equal(event_addrs(event.failure, &event.failure->kernel_stack, &count)[1], 0x2010);
	assert_int_equal(count, 2);
	assert_null(memmem(&packed, size, "\x5a\x5a\x5a\x5a", 4));
	/* Packed again it stays the same. */
	records_failure(&full);
	assert_int_equal(pack(&packed, &full, sizeof(full)), size);
	assert_memory_equal(&full, &packed, size);
}

static void test_pack_without_stacks(void **state)
{
	struct event_failure_full full, packed;

	(void)state;
	records_failure(&full);
	records_user_stack(&full, 0, 0);
	full.failure.kernel_stack = (struct event_span){.offset = UINT32_MAX};
	assert_int_equal(pack(&full, &packed, sizeof(packed)), sizeof(full.failure));
	assert_memory_equal(&packed.failure.process, &full.failure.process, sizeof(full.failure.process));
}

/* All spans over the same bytes, each as long as allowed: what is packed still fits. */
static void test_pack_of_overlapping_spans(void **state)
{
	struct event_failure_full full;
	struct event_failure_full *packed = malloc(sizeof(*packed));

	(void)state;
	assert_non_null(packed);
	records_failure(&full);
	records_user_stack(&full, 0x1000, EVENT_USER_FRAMES_MAX);
	full.failure.kernel_stack = (struct event_span){sizeof(full.failure), EVENT_KERNEL_FRAMES_MAX * 8};
	full.failure.proof = (struct event_span){sizeof(full.failure), sizeof(full.proof)};
	assert_int_equal(pack(&full, packed, sizeof(*packed)), sizeof(*packed));
	free(packed);
}

/* What lies between the pieces in the ring is left behind. */
static void test_pack_of_a_slice(void **state)
{
	struct event_failure_full full;
	struct records_slice slice, packed;
	struct event event;
	size_t size;

	(void)state;
	records_failure(&full);
	records_slice(&full.failure, &slice);
	assert_non_null(memmem(&slice, sizeof(slice), "\x5a\x5a\x5a\x5a", 4));
	size = pack(&slice, &packed, sizeof(packed));
	assert_int_equal(size, sizeof(slice.slice) + 3 * RECORDS_PAGE_BYTES);
	assert_null(memmem(&packed, size, "\x5a\x5a\x5a\x5a", 4));
	assert_int_equal(event_decode(&packed, size, &event), 0);
	assert_int_equal(event.slice->pieces[1].bytes.length, RECORDS_PAGE_BYTES);
	assert_int_equal(((const char *)event.slice)[event.slice->pieces[1].bytes.offset], 'B');
	assert_int_equal(((const char *)event.slice)[event.slice->pieces[1].bytes.offset - 1], 'A');
}

/* Every way in which a piece can lie about where its bytes are. */
static void test_bad_pieces(void **state)
{
	struct event_failure_full full;
	struct records_slice slice = {};
	struct event_span *span = &slice.slice.pieces[0].bytes;
	struct event event;

	(void)state;
	records_failure(&full);
	records_slice(&full.failure, &slice);
	assert_int_equal(event_decode(&slice, sizeof(slice), &event), 0);
	span->offset = sizeof(slice.slice) - 1;
	assert_int_equal(event_decode(&slice, sizeof(slice), &event), -EBADMSG);
	span->offset = UINT32_MAX;
	assert_int_equal(event_decode(&slice, sizeof(slice), &event), -EBADMSG);
	span->offset = sizeof(slice.slice);
	span->length = sizeof(slice.memory) + 1;
	assert_int_equal(event_decode(&slice, sizeof(slice), &event), -EBADMSG);
	span->length = RECORDS_PAGE_BYTES;
	slice.slice.pieces[0].start = UINT64_MAX;
	assert_int_equal(event_decode(&slice, sizeof(slice), &event), -EBADMSG);
	slice.slice.header.size = sizeof(slice.slice) - 1;
	assert_int_equal(event_decode(&slice, sizeof(slice), &event), -EBADMSG);
}

static void test_pack_of_other_kinds(void **state)
{
	struct event_failure_full packed;
	struct event_limit limit;
	struct event_hot hot;

	(void)state;
	records_hot(&hot);
	assert_int_equal(pack(&hot, &packed, sizeof(packed)), sizeof(hot));
	assert_memory_equal(&packed, &hot, sizeof(hot));
	records_limit(1, 2, &limit);
	assert_int_equal(pack(&limit, &packed, sizeof(packed)), sizeof(limit));
	assert_memory_equal(&packed, &limit, sizeof(limit));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind),
		cmocka_unit_test(test_kinds_of_origins),
		cmocka_unit_test(test_sums_of_origins),
		cmocka_unit_test(test_layout_is_the_contract),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_longer_than_known),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_names_without_an_end),
		cmocka_unit_test(test_spans),
		cmocka_unit_test(test_spans_are_no_deeper_than_a_stack),
		cmocka_unit_test(test_proof),
		cmocka_unit_test(test_pack_with_a_proof),
		cmocka_unit_test(test_addrs),
		cmocka_unit_test(test_pack_leaves_no_room),
		cmocka_unit_test(test_pack_without_stacks),
		cmocka_unit_test(test_pack_of_overlapping_spans),
		cmocka_unit_test(test_pack_of_a_slice),
		cmocka_unit_test(test_bad_pieces),
		cmocka_unit_test(test_pack_of_other_kinds),
	};

	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
