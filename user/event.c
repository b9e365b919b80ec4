// SPDX-License-Identifier: GPL-2.0-or-later
/* event.c: see event.h. */
#include "event.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ADDR_BYTES sizeof(uint64_t)

/* Two spans may overlap: only with a bound on each does what they hold fit a struct event_failure_full. */
static bool span_fits(const struct event_failure *f, const struct event_span *span, size_t max_addrs)
{
	if (!span->length)
		return true;
	return span->offset >= sizeof(*f) && span->offset % ADDR_BYTES == 0 && span->length % ADDR_BYTES == 0 &&
	       span->length <= max_addrs * ADDR_BYTES && span->offset <= f->header.size &&
	       span->length <= f->header.size - span->offset;
}

static bool text_ends(const char *text, size_t size)
{
	return memchr(text, 0, size) != NULL;
}

static bool process_is_sound(const struct event_process *process)
{
	return text_ends(process->comm, sizeof(process->comm)) &&
	       text_ends(process->thread_comm, sizeof(process->thread_comm));
}

static bool proof_fits(const struct event_failure *f)
{
	const struct event_span *span = &f->proof;

	if (!span->length)
		return true;
	return span->length == sizeof(struct event_proof) && span->offset >= sizeof(*f) &&
	       span->offset % ADDR_BYTES == 0 && span->offset <= f->header.size &&
	       span->length <= f->header.size - span->offset;
}

static bool check_failure(const struct event_failure *f)
{
	return process_is_sound(&f->process) && span_fits(f, &f->user_stack, EVENT_USER_FRAMES_MAX) &&
	       span_fits(f, &f->kernel_stack, EVENT_KERNEL_FRAMES_MAX) && proof_fits(f);
}

static bool check_hot(const struct event_hot *hot)
{
	return process_is_sound(&hot->process);
}

static bool check_limit(const struct event_limit *limit)
{
	(void)limit;
	return true;
}

static bool piece_fits(const struct event_slice *slice, const struct event_piece *piece)
{
	const struct event_span *span = &piece->bytes;

	if (!span->length)
		return true;
	return span->offset >= sizeof(*slice) && span->offset <= slice->header.size &&
	       span->length <= slice->header.size - span->offset && piece->start + span->length >= piece->start;
}

static bool check_slice(const struct event_slice *slice)
{
	size_t bytes = 0;

	for (int i = 0; i < EVENT_SLICE_PIECES; i++) {
		if (!piece_fits(slice, &slice->pieces[i]))
			return false;
		bytes += slice->pieces[i].bytes.length;
	}
	/* Two pieces may overlap: only with this bound does what they hold fit another record. */
	return bytes <= EVENT_SLICE_BYTES_MAX;
}

static bool check_mapped(const struct event_mapped *mapped)
{
	return process_is_sound(&mapped->process);
}

static bool check_near(const struct event_near *near)
{
	return process_is_sound(&near->process);
}

static bool check_paid(const struct event_paid *paid)
{
	return process_is_sound(&paid->process);
}

static bool check_ended(const struct event_ended *ended)
{
	return process_is_sound(&ended->process);
}

static bool check_origin(const struct event_origin *origin)
{
	return check_failure(&origin->place) && !origin->place.kernel_stack.length;
}

static bool check_origins(const struct event_origins *origins)
{
	const struct event_span *span = &origins->sums;

	if (!process_is_sound(&origins->process))
		return false;
	if (!span->length)
		return true;
	return span->offset >= sizeof(*origins) && span->offset % sizeof(uint64_t) == 0 &&
	       span->length % sizeof(struct event_origin_sum) == 0 &&
	       span->length <= EVENT_ORIGINS_MAX * sizeof(struct event_origin_sum) &&
	       span->offset <= origins->header.size && span->length <= origins->header.size - span->offset;
}

static bool check_ops(const struct event_ops *ops)
{
	return ops->room && ops->room <= EVENT_OPS_MAX;
}

static bool check_split(const struct event_split *split)
{
	return process_is_sound(&split->process);
}

static bool check_kind(const struct event *event)
{
	switch (event->kind) {
#define X(NAME, name)      \
	case EVENT_##NAME: \
		return event->header->size >= sizeof(*event->name) && check_##name(event->name);
		EVENT_KINDS(X)
#undef X
	case EVENT_KIND_COUNT:
		break;
	}
	return false;
}

int event_decode(const void *data, size_t size, struct event *ret)
{
	struct event event = {.header = data};

	if (size < sizeof(*event.header) || event.header->size > size || event.header->kind >= EVENT_KIND_COUNT)
		return -EBADMSG;
	if (event.header->size > (event.header->kind == EVENT_SLICE ? EVENT_SLICE_RECORD_MAX : EVENT_RECORD_MAX))
		return -EBADMSG;
	event.kind = event.header->kind;
	if (!check_kind(&event))
		return -EBADMSG;
	*ret = event;
	return 0;
}

const uint64_t *event_addrs(const struct event_failure *failure, const struct event_span *span, size_t *count)
{
	*count = span->length / ADDR_BYTES;
	/* The offset of an empty span was not checked. */
	return *count ? (const uint64_t *)((const char *)failure + span->offset) : NULL;
}

const struct event_proof *event_proof(const struct event_failure *failure)
{
	/* The offset of an empty span was not checked. */
	return failure->proof.length ? (const void *)((const char *)failure + failure->proof.offset) : NULL;
}

const struct event_origin_sum *event_origin_sums(const struct event_origins *origins, size_t *count)
{
	*count = origins->sums.length / sizeof(struct event_origin_sum);
	return *count ? (const void *)((const char *)origins + origins->sums.offset) : NULL;
}

/* Copies the bytes of a span to the end of `record`, and has the copy's span say so. Returns the new end. */
static size_t pack_span(const void *from, struct event_span *span, void *record, size_t at)
{
	if (span->length)
		memcpy((char *)record + at, (const char *)from + span->offset, span->length);
	span->offset = (uint32_t)at;
	return at + span->length;
}

static size_t pack_failure(const struct event_failure *failure, struct event_failure *ret)
{
	size_t size = sizeof(*ret);

	memcpy(ret, failure, sizeof(*ret));
	size = pack_span(failure, &ret->user_stack, ret, size);
	size = pack_span(failure, &ret->kernel_stack, ret, size);
	return pack_span(failure, &ret->proof, ret, size);
}

static size_t pack_slice(const struct event_slice *slice, struct event_slice *ret)
{
	size_t size = sizeof(*ret);

	memcpy(ret, slice, sizeof(*ret));
	for (int i = 0; i < EVENT_SLICE_PIECES; i++)
		size = pack_span(slice, &ret->pieces[i].bytes, ret, size);
	return size;
}

size_t event_pack(const struct event *event, void *ret)
{
	struct event_header *header = ret;
	size_t size = event->header->size;

	if (event->kind == EVENT_FAILURE || event->kind == EVENT_ORIGIN)
		size = pack_failure(event->failure, ret);
	else if (event->kind == EVENT_SLICE)
		size = pack_slice(event->slice, ret);
	else
		memcpy(ret, event->header, size);
	header->size = (uint32_t)size;
	return size;
}
