// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify.c: load each BPF program into the running kernel and print what the verifier says of it: "NAME ok INSTRUCTIONS" or
 * "NAME refused ERRNO". All that have something to be attached to at once, which is much faster; if that fails, each alone.
 * With -v the verifier's log of a refused one goes to stderr. Exits 0 when each was tried; what a refusal means for a kernel is
 * the caller's to know.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "config.h"
#include "event.h"
#include "vmasnoop.skel.h"

static int print_nothing(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level, (void)format, (void)args;
	return 0;
}

/* From the log's last line, for kernels before 5.16 whose bpf_prog_info has no verified_insns. */
static long insns_in_log(const char *log)
{
	const char *line = strstr(log, "processed ");

	return line ? strtol(line + strlen("processed "), NULL, 10) : -1;
}

static void configure(struct vmasnoop_bpf *skeleton)
{
	struct config *config = (struct config *)&skeleton->rodata->config;

	config->splits = true;
	config->user_stack = config->kernel_stack = true;
	config->slice_max_bytes = EVENT_SLICE_BYTES_MAX;
	config->split_hooked = true;
	config->recorder_ops = EVENT_OPS_MAX;
	/* The least of what is switched off is pruned. */
	memcpy(config->warn_percent, "\x50\x5a\x5f", 3);
	config->warn_count = 3;
	config->filter_followed = config->filter_cgroup = true;
	config->filter_uid = config->filter_comm = true;
}

/* The arguments that the tracepoint passes to a program. */
static int tracepoint_args(const struct btf *types, const char *name)
{
	char full[128];
	int id;

	snprintf(full, sizeof(full), "btf_trace_%s", name);
	id = btf__find_by_name_kind(types, full, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -1;
	/* typedef void (*btf_trace_NAME)(void *data, ...) */
	id = (int)btf__type_by_id(types, (__u32)id)->type;
	id = (int)btf__type_by_id(types, (__u32)id)->type;
	return btf_vlen(btf__type_by_id(types, (__u32)id)) - 1;
}

/* Whether this kernel has what the program is to be attached to; of two for one tracepoint, which. */
static bool has_target(const struct btf *types, const struct bpf_program *program)
{
	const char *section = bpf_program__section_name(program), *target = strchr(section, '/');
	bool with_path = strstr(bpf_program__name(program), "with_path");

	if (!strncmp(section, "fentry/", 7) || !strncmp(section, "fexit/", 6))
		return btf__find_by_name_kind(types, target + 1, BTF_KIND_FUNC) > 0;
	if (!strcmp(section, "tp_btf/mmap_lock_released"))
		return tracepoint_args(types, target + 1) == (with_path ? 3 : 2);
	return true;
}

/* Returns false, and prints nothing, when one of them is refused. */
static bool verify_together(void)
{
	enum { LOG_BYTES = 64 << 10 };
	struct btf *types = btf__load_vmlinux_btf();
	struct vmasnoop_bpf *skeleton = vmasnoop_bpf__open();
	struct bpf_program *program;
	char *logs = NULL;
	size_t count = 0;
	bool done = false;

	if (!skeleton || !types)
		goto out;
	bpf_object__for_each_program (program, skeleton->obj)
		count++;
	logs = calloc(count, LOG_BYTES);
	if (!logs)
		goto out;
	count = 0;
	bpf_object__for_each_program (program, skeleton->obj) {
		bpf_program__set_autoload(program, has_target(types, program));
		bpf_program__set_log_buf(program, logs + LOG_BYTES * count++, LOG_BYTES);
		bpf_program__set_log_level(program, 4);
	}
	configure(skeleton);
	done = !vmasnoop_bpf__load(skeleton);
	count = 0;
	bpf_object__for_each_program (program, skeleton->obj) {
		const char *log = logs + LOG_BYTES * count++;

		if (done && bpf_program__autoload(program))
			printf("%s ok %ld\n", bpf_program__name(program), insns_in_log(log));
		else if (done)
			printf("%s refused %s\n", bpf_program__name(program), strerror(ESRCH));
	}
out:
	vmasnoop_bpf__destroy(skeleton);
	btf__free(types);
	free(logs);
	return done;
}

static int verify_one(size_t index, bool verbose)
{
	static char log[16 << 20];
	struct vmasnoop_bpf *skeleton = vmasnoop_bpf__open();
	struct bpf_program *program, *chosen = NULL;
	size_t at = 0;
	int err;

	if (!skeleton)
		return -errno;
	bpf_object__for_each_program (program, skeleton->obj) {
		bool mine = at++ == index;

		bpf_program__set_autoload(program, mine);
		if (mine)
			chosen = program;
	}
	if (!chosen) {
		vmasnoop_bpf__destroy(skeleton);
		return 1;
	}
	log[0] = 0;
	bpf_program__set_log_buf(chosen, log, sizeof(log));
	bpf_program__set_log_level(chosen, 4);
	configure(skeleton);
	err = vmasnoop_bpf__load(skeleton);
	if (err)
		printf("%s refused %s\n", bpf_program__name(chosen), strerror(-err));
	else
		printf("%s ok %ld\n", bpf_program__name(chosen), insns_in_log(log));
	if (err && verbose)
		fprintf(stderr, "%s\n", log);
	vmasnoop_bpf__destroy(skeleton);
	return 0;
}

int main(int argc, char **argv)
{
	bool verbose = argc > 1 && !strcmp(argv[1], "-v");

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!verbose)
		libbpf_set_print(print_nothing);
	if (verify_together())
		return 0;
	for (size_t index = 0;; index++) {
		int err = verify_one(index, verbose);

		if (err)
			return err < 0;
	}
}
