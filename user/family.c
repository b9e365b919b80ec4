// SPDX-License-Identifier: GPL-2.0-or-later
/* family.c: see family.h. */
#include "family.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "misses.h"

#define NAME_BYTES 64

static const char *const call_names[SYSCALL_COUNT] = {
#define X(NAME, name) [SYSCALL_##NAME] = #name,
	TRACED_SYSCALLS(X)
#undef X
};

/* Where the fexit programs end in: bpf/calls.bpf.c, CALL_CAME(). Of each there is one for a function type. */
static const struct {
	const char *names[FAMILY_TYPES];
	__u32 index;
} outcomes[] = {
	{{"failed", "failed_too"}, 1},
	{{"paid", "paid_too"}, 2},
};

#define OUTCOMES (sizeof(outcomes) / sizeof(outcomes[0]))

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

static struct bpf_map *call_map(const struct family *family, int call)
{
	char text[NAME_BYTES];

	if (!is_ours(call))
		return NULL;
	snprintf(text, sizeof(text), "came_of_%s", call_names[call]);
	return bpf_object__find_map_by_name(family->object, text);
}

/* Which of the types that function has; false: a third one. The first function of a type stands for it. */
static bool sort_by_type(struct family *family, const struct feature *feature, int call, const char *function)
{
	const int type = feature_function_type(feature, function);

	for (int i = 0; i < FAMILY_TYPES; i++) {
		if (family->types[i] && family->types[i] != type)
			continue;
		for (size_t outcome = 0; !family->types[i] && outcome < OUTCOMES; outcome++)
			bpf_program__set_attach_target(find(family->object, "call_%s", outcomes[outcome].names[i]), 0,
						       function);
		family->types[i] = type;
		family->type_of[call] = (unsigned char)i;
		return true;
	}
	return false;
}

/* mmap() is the one that can be seen to fire; the others are of the same kind. */
static int choose_fexit(struct family *family, struct feature *feature, bool seen)
{
	char function[NAME_BYTES];
	int err = seen ? 0 : feature_try_fexit(feature, "__x64_sys_mmap");

	if (err)
		return err;
	family->how = FAMILY_FEXIT;
	for (int call = 0; call < SYSCALL_COUNT; call++) {
		if (!is_ours(call))
			continue;
		snprintf(function, sizeof(function), "__x64_sys_%s", call_names[call]);
		if (feature_function_type(feature, function) > 0 && sort_by_type(family, feature, call, function))
			family->programs[call] = find(family->object, "call_%s", call_names[call]);
	}
	return 0;
}

static void choose_for_all(struct family *family, enum family_how how, const char *name)
{
	family->how = how;
	for (int call = 0; call < SYSCALL_COUNT; call++)
		if (is_ours(call))
			family->programs[call] = find(family->object, "call_%s", name);
}

static int choose_kretprobe(struct family *family, struct feature *feature)
{
	char function[NAME_BYTES];
	int err;

	/* Before 6.14 it has room for a few calls at once, and these wait for the lock. */
	if (feature_has_member(feature, "fprobe", "rethook"))
		return -EOPNOTSUPP;
	err = feature_try_kretprobe_multi(feature, "__x64_sys_mmap");
	if (err)
		return err;
	choose_for_all(family, FAMILY_KRETPROBE, "kretprobe");
	/* It is attached to all of them or to none. */
	for (int call = 0; call < SYSCALL_COUNT; call++) {
		snprintf(function, sizeof(function), "__x64_sys_%s", call_names[call]);
		if (is_ours(call) && feature_function_type(feature, function) < 0)
			family->programs[call] = NULL;
	}
	return 0;
}

static int choose_tracepoint(struct family *family, struct feature *feature, bool seen)
{
	int err = seen ? 0 : feature_try_tp(feature, "syscalls/sys_exit_mmap");

	if (!err)
		choose_for_all(family, FAMILY_SYS_EXIT, "sys_exit");
	return err;
}

int family_choose(struct family *family, struct bpf_object *object, struct feature *feature, enum rung rung,
		  bool steady, const struct family_seen *seen)
{
	int err = -EOPNOTSUPP;

	family->object = object;
	if (rung == RUNG_TRACEPOINT)
		return choose_tracepoint(family, feature, seen->sys_exit);
	if (steady)
		err = choose_kretprobe(family, feature);
	else if (rung != RUNG_KPROBE)
		err = choose_fexit(family, feature, seen->fexit);
	return err ? choose_tracepoint(family, feature, seen->sys_exit) : 0;
}

static void load_outcomes(const struct family *family)
{
	for (int type = 0; type < FAMILY_TYPES; type++)
		for (size_t i = 0; family->types[type] && i < OUTCOMES; i++)
			bpf_program__set_autoload(find(family->object, "call_%s", outcomes[i].names[type]), true);
}

void family_load(const struct family *family)
{
	for (int call = 0; call < SYSCALL_COUNT; call++) {
		struct bpf_map *map = call_map(family, call);

		if (family->programs[call])
			bpf_program__set_autoload(family->programs[call], true);
		if (map)
			bpf_map__set_autocreate(map, family->how == FAMILY_FEXIT && family->programs[call]);
	}
	load_outcomes(family);
}

static int link_call(const struct family *family, int call)
{
	const int map = bpf_map__fd(call_map(family, call));

	for (size_t i = 0; i < OUTCOMES; i++) {
		const char *name = outcomes[i].names[family->type_of[call]];
		int program = bpf_program__fd(find(family->object, "call_%s", name));

		if (bpf_map_update_elem(map, &outcomes[i].index, &program, BPF_ANY))
			return -errno;
	}
	return 0;
}

int family_link(const struct family *family)
{
	int err = 0;

	for (int call = 0; !err && family->how == FAMILY_FEXIT && call < SYSCALL_COUNT; call++)
		if (family->programs[call])
			err = link_call(family, call);
	return err;
}

static struct bpf_link *attach_sys_exit(const struct bpf_program *program, const char *name)
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

static int attach_each(struct family *family)
{
	for (int call = 0; call < SYSCALL_COUNT; call++) {
		const struct bpf_program *program = family->programs[call];

		if (!program || family->links[call])
			continue;
		family->links[call] = family->how == FAMILY_FEXIT ? bpf_program__attach(program)
								  : attach_sys_exit(program, call_names[call]);
		/* A kernel without that call has no tracepoint of it. */
		if (!family->links[call] && errno != ESRCH)
			return -errno;
	}
	return 0;
}

static int attach_at_once(struct family *family)
{
	char names[SYSCALL_COUNT][NAME_BYTES];
	const char *functions[SYSCALL_COUNT];
	LIBBPF_OPTS(bpf_kprobe_multi_opts, opts, .syms = functions, .retprobe = true);

	for (int call = 0; call < SYSCALL_COUNT; call++) {
		if (!family->programs[call])
			continue;
		snprintf(names[call], sizeof(names[call]), "__x64_sys_%s", call_names[call]);
		functions[opts.cnt++] = names[call];
	}
	family->links[SYSCALL_MMAP] =
		bpf_program__attach_kprobe_multi_opts(family->programs[SYSCALL_MMAP], NULL, &opts);
	return family->links[SYSCALL_MMAP] ? 0 : -errno;
}

int family_attach(struct family *family)
{
	int err = family->how == FAMILY_KRETPROBE ? attach_at_once(family) : attach_each(family);

	if (err)
		family_detach(family);
	return err;
}

static void *destroy(void *link)
{
	bpf_link__destroy(link);
	return NULL;
}

/* All at once: the kernel waits for all CPUs when one is closed, 0.08 s for each. */
void family_detach(struct family *family)
{
	pthread_t threads[SYSCALL_COUNT];
	bool started[SYSCALL_COUNT];

	for (int call = 0; call < SYSCALL_COUNT; call++)
		started[call] =
			family->links[call] && !pthread_create(&threads[call], NULL, destroy, family->links[call]);
	for (int call = 0; call < SYSCALL_COUNT; call++) {
		if (started[call])
			pthread_join(threads[call], NULL);
		else
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
	int64_t sum = 0, misses;

	for (int call = 0; call < SYSCALL_COUNT; call++) {
		/* But for fexit one program stands for all. */
		if (!family->links[call] || (family->how != FAMILY_FEXIT && call != SYSCALL_MMAP))
			continue;
		misses = family->how == FAMILY_KRETPROBE ? misses_of_multi(family->links[call], family->programs[call])
							 : misses_of_program(family->programs[call]);
		if (misses < 0)
			return -1;
		sum += misses;
	}
	return sum;
}
