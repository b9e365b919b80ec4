// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * feature.c: see feature.h. It chooses nothing: which hook is better than which is tracer.c's table.
 */
#include "feature.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "cleanup.h"
#include "kernelfs.h"

#define TRIED_MAX 16

struct feature {
	struct btf *kernel_types;
	int tried[TRIED_MAX]; /* links and events that were tried: the kernel waits for all CPUs when they are closed */
	size_t tried_count;
	int stats; /* how often programs run is counted while it is open; since 5.8 (d46edd671a14). Or a negative errno */
};

/* r0 = 0; exit */
static const struct bpf_insn return_zero[] = {
	{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
	{.code = BPF_JMP | BPF_EXIT},
};

#define RETURN_ZERO_INSNS (sizeof(return_zero) / sizeof(return_zero[0]))

static int ring_buffer_try(void)
{
	_cleanup_close_ int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "vmasnoop_try", 0, 0, 4096, NULL);

	if (fd >= 0)
		return 0;
	return errno == EINVAL ? -EOPNOTSUPP : -errno;
}

int feature_new(struct feature **ret)
{
	struct feature *feature;
	int err;

	err = ring_buffer_try();
	if (err)
		return err;
	feature = calloc(1, sizeof(*feature));
	if (!feature)
		return -ENOMEM;
	feature->kernel_types = btf__load_vmlinux_btf();
	if (!feature->kernel_types) {
		err = errno == ESRCH ? -ENOENT : -errno;
		free(feature);
		return err;
	}
	/* Once for all that is tried: each time the kernel patches itself. */
	feature->stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (feature->stats < 0)
		feature->stats = -errno;
	*ret = feature;
	return 0;
}

void feature_free(struct feature *feature)
{
	if (!feature)
		return;
	for (size_t i = 0; i < feature->tried_count; i++)
		close(feature->tried[i]);
	if (feature->stats >= 0)
		close(feature->stats);
	btf__free(feature->kernel_types);
	free(feature);
}

/* Takes over `fd`. */
static void close_later(struct feature *feature, int fd)
{
	if (feature->tried_count < TRIED_MAX)
		feature->tried[feature->tried_count++] = fd;
	else
		close(fd);
}

static int64_t runs_of(int program_fd)
{
	struct bpf_prog_info info = {};
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size))
		return -errno;
	return (int64_t)info.run_cnt;
}

static int see_it_fire(const struct feature *feature, int program_fd)
{
	int64_t runs;
	void *page;

	if (feature->stats < 0)
		return feature->stats;
	page = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return -errno;
	munmap(page, 1);
	runs = runs_of(program_fd);
	if (runs < 0)
		return runs;
	return runs > 0 ? 0 : -ENODATA;
}

/* Loaded and not attached: an iterator runs when it is read. */
static int try_load(int btf_id, enum bpf_attach_type type)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type, .attach_btf_id = btf_id);
	_cleanup_close_ int program =
		bpf_prog_load(BPF_PROG_TYPE_TRACING, "vmasnoop_try", "GPL", return_zero, RETURN_ZERO_INSNS, &opts);

	return program < 0 ? -errno : 0;
}

static int try_tracing(struct feature *feature, int btf_id, enum bpf_attach_type type, bool must_fire)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = type, .attach_btf_id = btf_id);
	_cleanup_close_ int program = -1;
	int link;

	if (btf_id < 0)
		return -ESRCH;
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, "vmasnoop_try", "GPL", return_zero, RETURN_ZERO_INSNS, &opts);
	if (program < 0)
		return -errno;
	link = bpf_raw_tracepoint_open(NULL, program);
	if (link < 0)
		return -errno;
	close_later(feature, link);
	return must_fire ? see_it_fire(feature, program) : 0;
}

static int function_btf_id(const struct feature *feature, const char *function)
{
	return btf__find_by_name_kind(feature->kernel_types, function, BTF_KIND_FUNC);
}

static int tracepoint_btf_id(const struct feature *feature, const char *tracepoint)
{
	char name[128];

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	return btf__find_by_name_kind(feature->kernel_types, name, BTF_KIND_TYPEDEF);
}

int feature_function_type(const struct feature *feature, const char *function)
{
	int id = function_btf_id(feature, function);

	return id < 0 ? -ESRCH : (int)btf__type_by_id(feature->kernel_types, (__u32)id)->type;
}

int feature_try_fexit(struct feature *feature, const char *function)
{
	return try_tracing(feature, function_btf_id(feature, function), BPF_TRACE_FEXIT, true);
}

int feature_try_fexit_attach(struct feature *feature, const char *function)
{
	return try_tracing(feature, function_btf_id(feature, function), BPF_TRACE_FEXIT, false);
}

int feature_try_fentry(struct feature *feature, const char *function)
{
	return try_tracing(feature, function_btf_id(feature, function), BPF_TRACE_FENTRY, true);
}

int feature_try_iter(const struct feature *feature, const char *of)
{
	char name[128];
	int id;

	snprintf(name, sizeof(name), "bpf_iter_%s", of);
	id = function_btf_id(feature, name);
	if (id < 0)
		return -ESRCH;
	return try_load(id, BPF_TRACE_ITER);
}

int feature_try_tp_btf(struct feature *feature, const char *tracepoint)
{
	return try_tracing(feature, tracepoint_btf_id(feature, tracepoint), BPF_TRACE_RAW_TP, true);
}

int feature_tp_btf_args(const struct feature *feature, const char *tracepoint)
{
	int id = tracepoint_btf_id(feature, tracepoint);
	const struct btf_type *type;

	if (id < 0)
		return -ESRCH;
	/* typedef void (*btf_trace_NAME)(void *data, ...); the first is not passed on. */
	type = btf__type_by_id(feature->kernel_types, btf__type_by_id(feature->kernel_types, id)->type);
	type = btf__type_by_id(feature->kernel_types, type->type);
	return btf_is_func_proto(type) ? btf_vlen(type) - 1 : -ESRCH;
}

/* The member of that name, in whatever is anonymous in it, too; NULL: there is none. */
static const struct btf_type *member_type(const struct btf *btf, const struct btf_type *type, const char *name,
					  int depth)
{
	const struct btf_member *member = btf_members(type);
	const struct btf_type *found;

	for (int i = 0; i < btf_vlen(type); i++, member++) {
		const char *have = btf__name_by_offset(btf, member->name_off);
		const struct btf_type *inner = btf__type_by_id(btf, member->type);

		if (!strcmp(have, name))
			return inner;
		found = !*have && depth && btf_is_composite(inner) ? member_type(btf, inner, name, depth - 1) : NULL;
		if (found)
			return found;
	}
	return NULL;
}

static const struct btf_type *structure_member(const struct feature *feature, const char *structure, const char *member)
{
	int id = btf__find_by_name_kind(feature->kernel_types, structure, BTF_KIND_STRUCT);

	return id > 0 ? member_type(feature->kernel_types, btf__type_by_id(feature->kernel_types, id), member, 4)
		      : NULL;
}

bool feature_has_member(const struct feature *feature, const char *structure, const char *member)
{
	return structure_member(feature, structure, member);
}

bool feature_counts_perf_misses(const struct feature *feature)
{
	const struct btf_type *multi = structure_member(feature, "bpf_link_info", "kprobe_multi");

	/* Of the same series: what a link tells of misses. */
	return multi && btf_is_composite(multi) && member_type(feature->kernel_types, multi, "missed", 0);
}

static int read_number(const char *path, long *ret)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	return fscanf(file, "%ld", ret) == 1 ? 0 : -EIO;
}

static int perf_event_open(struct perf_event_attr *attr)
{
	return syscall(__NR_perf_event_open, attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Has an armed perf event run a program of two instructions. Takes over `opened`, which may be a negative errno. */
static int try_perf(struct feature *feature, int opened, enum bpf_prog_type type, bool must_fire)
{
	_cleanup_close_ int program = -1;

	if (opened < 0)
		return opened == -ENOENT ? -ESRCH : opened;
	close_later(feature, opened);
	program = bpf_prog_load(type, "vmasnoop_try", "GPL", return_zero, RETURN_ZERO_INSNS, NULL);
	if (program < 0)
		return -errno;
	if (ioctl(opened, PERF_EVENT_IOC_SET_BPF, program) || ioctl(opened, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	/* A program that runs at all is all that is asked: for the return value 0 the kernel records no sample. */
	return must_fire ? see_it_fire(feature, program) : 0;
}

static int try_kprobe(struct feature *feature, const char *function, bool at_return, bool must_fire)
{
	struct perf_event_attr attr = {.size = sizeof(attr)};
	long type;
	int err, fd;

	err = read_number("/sys/bus/event_source/devices/kprobe/type", &type);
	if (err)
		return err == -ENOENT ? -EOPNOTSUPP : err;
	attr.type = type;
	attr.config = at_return; /* retprobe: /sys/bus/event_source/devices/kprobe/format/retprobe */
	attr.kprobe_func = (uint64_t)(uintptr_t)function;
	fd = perf_event_open(&attr);
	return try_perf(feature, fd < 0 ? -errno : fd, BPF_PROG_TYPE_KPROBE, must_fire);
}

int feature_try_kprobe(struct feature *feature, const char *function)
{
	return try_kprobe(feature, function, false, true);
}

int feature_try_kprobe_attach(struct feature *feature, const char *function)
{
	return try_kprobe(feature, function, false, false);
}

int feature_try_kretprobe(struct feature *feature, const char *function)
{
	return try_kprobe(feature, function, true, true);
}

int feature_try_kretprobe_attach(struct feature *feature, const char *function)
{
	return try_kprobe(feature, function, true, false);
}

int feature_try_kretprobe_multi(struct feature *feature, const char *function)
{
	LIBBPF_OPTS(bpf_prog_load_opts, load, .expected_attach_type = BPF_TRACE_KPROBE_MULTI);
	LIBBPF_OPTS(bpf_link_create_opts, attach, .kprobe_multi.flags = BPF_F_KPROBE_MULTI_RETURN,
		    .kprobe_multi.cnt = 1, .kprobe_multi.syms = &function);
	_cleanup_close_ int program = -1;
	int link;

	if (function_btf_id(feature, function) < 0)
		return -ESRCH;
	program = bpf_prog_load(BPF_PROG_TYPE_KPROBE, "vmasnoop_try", "GPL", return_zero, RETURN_ZERO_INSNS, &load);
	if (program < 0)
		return -errno;
	link = bpf_link_create(program, 0, BPF_TRACE_KPROBE_MULTI, &attach);
	if (link < 0)
		return -errno;
	close_later(feature, link);
	return see_it_fire(feature, program);
}

int feature_open_tp(const char *event)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	char path[128], id[32];
	int fd, err;

	snprintf(path, sizeof(path), "events/%s/id", event);
	err = kernelfs_read_line("tracefs", path, id, sizeof(id));
	if (err)
		return err == -ENOENT ? -ESRCH : err;
	attr.config = strtoull(id, NULL, 10);
	fd = perf_event_open(&attr);
	return fd < 0 ? -errno : fd;
}

int feature_try_tp(struct feature *feature, const char *event)
{
	return try_perf(feature, feature_open_tp(event), BPF_PROG_TYPE_TRACEPOINT, true);
}

bool feature_is_preemptible(void)
{
	struct utsname kernel;
	char mode[64];

	/* CONFIG_PREEMPT_DYNAMIC: the one in force is in parentheses. */
	if (!kernelfs_read_line("debugfs", "sched/preempt", mode, sizeof(mode)))
		return !strstr(mode, "(none)") && !strstr(mode, "(voluntary)");
	/* Else it was fixed when the kernel was built, and stands in its version when it is one that preempts. */
	return !uname(&kernel) && strstr(kernel.version, "PREEMPT") && !strstr(kernel.version, "PREEMPT_DYNAMIC");
}

const char *feature_reason(int err)
{
	switch (-err) {
	case 0:
		return "works";
	case ESRCH:
		return "this kernel has no such function or tracepoint";
	case ENODATA:
		return "it attaches but does not fire here (inlined into its caller)";
	case EPERM:
	case EACCES:
		return "this kernel refuses it (hardened, locked down, or a privilege is missing)";
	case EOPNOTSUPP:
	case 524: /* ENOTSUPP, the kernel's own, which no header of user space has */
		return "this kernel was built without it";
	default:
		return strerror(-err);
	}
}
