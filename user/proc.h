/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proc.h: what /proc tells of one process or thread. Every function takes any living thread's id, so that a leader that
 * has exited hides nothing; each returns 0 or a negative errno (-ESRCH: gone), and leaves *ret untouched on failure.
 */
#ifndef VMASNOOP_PROC_H
#define VMASNOOP_PROC_H

#include <stdint.h>
#include <sys/types.h>

/* The path of the executable; the caller frees it. */
int proc_read_exe(pid_t tid, char **ret);

/* The cgroup v2 path ("/system.slice/x.service"), or -ENOENT where there is only v1; the caller frees it. */
int proc_read_cgroup(pid_t tid, char **ret);

/* The path of the file mapped at [start, end), through map_files; the caller frees it. */
int proc_read_mapped_path(pid_t tid, uint64_t start, uint64_t end, char **ret);

/* The thread group that tid belongs to: tid itself for a process. */
int proc_read_tgid(pid_t tid, pid_t *ret);

/* When the process started, CLOCK_BOOTTIME, cut to whole clock ticks. A leader that has exited still tells. */
int proc_read_start_ns(pid_t tgid, uint64_t *ret);

/* Where the stack of the image that it runs begins, 0: it has no memory any more. Another one after each exec. */
int proc_read_start_stack(pid_t tid, uint64_t *ret);

/* The name, at most 15 bytes as the kernel keeps it; `ret` has at least 64. */
int proc_read_comm(pid_t tid, char ret[64]);

/* What it is that has no mappings. */
enum proc_nature {
	PROC_ALIVE,
	PROC_ENDED, /* and nobody has waited for it yet; of a leader: its threads may go on */
	PROC_KERNEL_THREAD,
};
int proc_read_nature(pid_t tid, enum proc_nature *ret);

/* RAM and swap of this machine in pages, and vm.overcommit_memory. 0 or a negative errno. */
int proc_read_memory(uint64_t *ret_pages, uint32_t *ret_overcommit);

/* vm.max_map_count. */
int proc_read_max_map_count(uint32_t *ret);

/* Whether we are in the initial PID namespace, whose numbers the kernel's records carry: 1, 0 or a negative errno. */
int proc_in_initial_pid_namespace(void);

#endif
