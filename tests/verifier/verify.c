// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * verify.c: load each BPF program alone into the running kernel and print what the verifier says of it:
 * "NAME ok INSTRUCTIONS" or "NAME refused ERRNO". With -v the verifier's log of a refused one goes to stderr. Exits 0
 * when each was tried; what a refusal means for a kernel is the caller's to know.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
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
	skeleton->rodata->config.splits = true;
	skeleton->rodata->config.user_stack = true;
	skeleton->rodata->config.kernel_stack = true;
	skeleton->rodata->config.slice_max_bytes = EVENT_SLICE_BYTES_MAX;
	skeleton->rodata->config.split_hooked = true;
	skeleton->rodata->config.recorder_ops = EVENT_OPS_MAX;
	/* The least of what is switched off is pruned. */
	memcpy((void *)skeleton->rodata->config.warn_percent, "\x50\x5a\x5f", 3);
	skeleton->rodata->config.warn_count = 3;
	skeleton->rodata->config.filter_followed = skeleton->rodata->config.filter_cgroup = true;
	skeleton->rodata->config.filter_uid = skeleton->rodata->config.filter_comm = true;
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
	for (size_t index = 0;; index++) {
		int err = verify_one(index, verbose);

		if (err)
			return err < 0;
	}
}
