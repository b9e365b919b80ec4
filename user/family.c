// SPDX-License-Identifier: GPL-2.0-or-later
/* family.c: see family.h. */
#include "family.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "misses.h"

#define NAME_BYTES 64

static const char *const call_names[SYSCALL_COUNT] = {
#define X(NAME, name) [SYSCALL_##NAME] = #name,
	TRACED_SYSCALLS(X)
#undef X
};

static bool is_ours(int call)
{
	return call != SYSCALL_NONE && call != SYSCALL_MUNMAP;
}

static struct bpf_program *find(struct bpf_object *object, const char *format, const char *name)
{
	char text[NAME_BYTES];

	snprintf(text, sizeof(text), format, name);
	return bpf_object__find_program_by_name(object, text);
}

/* mmap() is the one that can be seen to fire; the others are of the same kind. */
static int choose_fexit(struct family *family, const struct feature *feature)
{
	char function[NAME_BYTES];
	int err = feature_try_fexit(feature, "__x64_sys_mmap");

	if (err)
		return err;
	family->by_fexit = true;
	for (int call = 0; call < SYSCALL_COUNT; call++) {
		if (!is_ours(call))
			continue;
		snprintf(function, sizeof(function), "__x64_sys_%s", call_names[call]);
		if (feature_has_function(feature, function))
			family->programs[call] = find(family->object, "call_%s", call_names[call]);
	}
	return 0;
}

static int choose_tracepoint(struct family *family, const struct feature *feature)
{
	int err = feature_try_tp(feature, "syscalls/sys_exit_mmap");

	if (err)
		return err;
	for (int call = 0; call < SYSCALL_COUNT; call++)
		if (is_ours(call))
			family->programs[call] =
				find(family->object, "call_sys_exit%s", call == SYSCALL_BRK ? "_brk" : "");
	return 0;
}

int family_choose(struct family *family, struct bpf_object *object, const struct feature *feature, enum rung rung,
		  bool steady)
{
	int err = -EOPNOTSUPP;

	family->object = object;
	if (!steady && (rung == RUNG_AUTO || rung == RUNG_FENTRY))
		err = choose_fexit(family, feature);
	/* Kretprobes only where the lock is held: docs/KERNELS.md 4. */
	return err ? choose_tracepoint(family, feature) : 0;
}

void family_load(const struct family *family)
{
	for (int call = 0; call < SYSCALL_COUNT; call++)
		if (family->programs[call])
			bpf_program__set_autoload(family->programs[call], true);
}

static struct bpf_link *attach_tracepoint(const struct bpf_program *program, const char *name)
{
	char event[NAME_BYTES];
	struct bpf_link *link;
	int fd;

	snprintf(event, sizeof(event), "syscalls/sys_exit_%s", name);
	fd = feature_open_tp(event);
	if (fd < 0) {
		errno = -fd;
		return NULL;
	}
	link = bpf_program__attach_perf_event(program, fd);
	if (!link)
		close(fd);
	return link;
}

static struct bpf_link *attach_one(const struct family *family, int call)
{
	if (family->by_fexit)
		return bpf_program__attach(family->programs[call]);
	return attach_tracepoint(family->programs[call], call_names[call]);
}

int family_attach(struct family *family)
{
	for (int call = 0; call < SYSCALL_COUNT; call++) {
		int err;

		if (!family->programs[call] || family->links[call])
			continue;
		family->links[call] = attach_one(family, call);
		/* A kernel without that call has no tracepoint of it. */
		if (family->links[call] || errno == ESRCH)
			continue;
		err = -errno;
		family_detach(family);
		return err;
	}
	return 0;
}

void family_detach(struct family *family)
{
	for (int call = 0; call < SYSCALL_COUNT; call++) {
		bpf_link__destroy(family->links[call]);
		family->links[call] = NULL;
	}
}

bool family_is_attached(const struct family *family)
{
	return family->links[SYSCALL_MMAP] != NULL;
}

int64_t family_misses(const struct family *family)
{
	int64_t sum = 0;

	for (int call = 0; call < SYSCALL_COUNT; call++) {
		int64_t misses;

		/* On the tracepoint rung one program stands for all but one call. */
		if (!family->links[call] || (!family->by_fexit && call != SYSCALL_MMAP && call != SYSCALL_BRK))
			continue;
		misses = misses_of_program(family->programs[call]);
		if (misses < 0)
			return -1;
		sum += misses;
	}
	return sum;
}
