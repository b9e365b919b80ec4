// SPDX-License-Identifier: GPL-2.0-or-later
/* render_call.c: what a call was asked for: its name, its arguments, its errno. */
#include <stdio.h>

#include "format.h"
#include "render_common.h"

#define TEXT_BYTES 160

static const char *const syscall_names[SYSCALL_COUNT] = {[SYSCALL_NONE] = "unknown",
#define X(NAME, name) [SYSCALL_##NAME] = #name,
							 TRACED_SYSCALLS(X)
#undef X
};

const char *render_syscall_name(uint32_t syscall)
{
	return syscall_names[syscall < SYSCALL_COUNT ? syscall : SYSCALL_NONE];
}

/* The arguments as one would write them; those of flags as numbers, as they were passed. */
static const char *arguments_text(const struct event_failure *f, char text[TEXT_BYTES])
{
	const struct event_proof *p = event_proof(f);
	const unsigned long long addr = f->addr;
	struct format_buffer size, other;
	const char *length = format_bytes(f->length_bytes, &size);

	switch (p ? f->syscall : SYSCALL_NONE) {
	case SYSCALL_MMAP:
		snprintf(text, TEXT_BYTES, "0x%llx, %s, prot 0x%llx, flags 0x%llx", addr, length, p->args[2],
			 p->args[3]);
		break;
	case SYSCALL_MREMAP:
		snprintf(text, TEXT_BYTES, "0x%llx, %s, to %s, flags 0x%llx", addr, length,
			 format_bytes(p->args[2], &other), p->args[3]);
		break;
	case SYSCALL_MPROTECT:
	case SYSCALL_PKEY_MPROTECT:
		snprintf(text, TEXT_BYTES, "0x%llx, %s, prot 0x%llx", addr, length, p->args[2]);
		break;
	case SYSCALL_MADVISE:
		snprintf(text, TEXT_BYTES, "0x%llx, %s, advice %llu", addr, length, p->args[2]);
		break;
	case SYSCALL_MLOCKALL:
		snprintf(text, TEXT_BYTES, "flags 0x%llx", p->args[0]);
		break;
	case SYSCALL_BRK:
	case SYSCALL_SHMDT:
		snprintf(text, TEXT_BYTES, "0x%llx", addr);
		break;
	case SYSCALL_SHMAT:
		snprintf(text, TEXT_BYTES, "%llu, 0x%llx", p->args[0], addr);
		break;
	default:
		snprintf(text, TEXT_BYTES, "0x%llx, %s", addr, length);
	}
	return text;
}

void render_call_line(struct sink *sink, const struct model_failure *failure)
{
	const struct event_failure *f = failure->raw;
	const struct event_process *p = &f->process;
	struct format_buffer clock;
	char thread[32] = "", arguments[TEXT_BYTES];

	if (p->tid != p->tgid)
		snprintf(thread, sizeof(thread), "/%u", p->tid);
	sink_line(sink, NULL, "%s  %s[%u%s]  %s(%s) = %s", format_clock(failure->time_ns, &clock), p->comm, p->tgid,
		  thread, render_syscall_name(f->syscall), arguments_text(f, arguments),
		  format_errno(f->errno_code) ?: "?");
}

/* A length is whatever the caller passed: what no JSON integer holds is told in the other spelling only. */
void render_args(struct sink *sink, const struct event_failure *f)
{
	const struct event_proof *p = event_proof(f);

	sink_object_begin(sink, "args");
	sink_hex(sink, "addr", f->addr);
	if (f->length_bytes > INT64_MAX)
		sink_null(sink, "length");
	else
		sink_number(sink, "length", f->length_bytes);
	sink_hex(sink, "length_hex", f->length_bytes);
	if (p && f->syscall != SYSCALL_MUNMAP) {
		sink_array_begin(sink, "raw");
		for (int i = 0; i < EVENT_ARGS; i++)
			sink_hex(sink, NULL, p->args[i]);
		sink_end(sink);
	} else {
		sink_null(sink, "raw");
	}
	sink_end(sink);
}

void render_call(struct sink *sink, const struct event_failure *f)
{
	sink_string(sink, "syscall", render_syscall_name(f->syscall));
	sink_string(sink, "errno", format_errno(f->errno_code));
	if (f->errno_code)
		sink_number(sink, "errno_code", f->errno_code);
	else
		sink_null(sink, "errno_code");
	sink_bool(sink, "compat", f->compat);
}
