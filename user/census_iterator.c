// SPDX-License-Identifier: GPL-2.0-or-later
/* census_iterator.c: see census_iterator.h. The second part that knows a BPF skeleton, after tracer.c. */
#include "census_iterator.h"

#include <errno.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "census.skel.h"
#include "cleanup.h"
#include "log.h"
#include "proc.h"

CLEANUP_DEFINE(cleanup_census, struct census_bpf *, census_bpf__destroy)
CLEANUP_DEFINE(cleanup_link, struct bpf_link *, bpf_link__destroy)

/* What needs privileges and little else: without them nothing is read of the kernel's types, which takes longer than a census. */
static int try_privilege(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "vmasnoop_try", 4, 4, 1, NULL);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

/* The link may go, and the program with it: the open iterator holds what it needs. */
static int open_iterator(struct bpf_program *program, pid_t tid)
{
	union bpf_iter_link_info info = {.task = {.tid = (__u32)tid}};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	_cleanup_(cleanup_link) struct bpf_link *link = bpf_program__attach_iter(program, &opts);
	int fd;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	return fd < 0 ? -errno : fd;
}

int census_iterator_open(pid_t tid)
{
	_cleanup_(cleanup_census) struct census_bpf *skeleton = NULL;
	int err;

	/* The kernel side compares it with what the initial namespace knows the task by. */
	if (!proc_in_initial_pid_namespace())
		return -EOPNOTSUPP;
	libbpf_set_print(log_libbpf_print);
	err = try_privilege();
	if (err)
		return err;
	skeleton = census_bpf__open();
	if (!skeleton)
		return -errno;
	skeleton->rodata->wanted_tid = tid;
	err = census_bpf__load(skeleton);
	return err ?: open_iterator(skeleton->progs.list_mappings, tid);
}
