// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sandbox.c: see sandbox.h. Capabilities are dropped by capset() and prctl() themselves: all of them at once and for
 * ever takes three calls, and libcap would be one library more in the process that is to have as little as possible.
 * Knows nothing of what the process does in here; seccomp's list is what libelf, libdw and malloc() ask for.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

#define NOBODY 65534

const char *sandbox_gap_text(size_t bit)
{
	static const char *const texts[] = {
#define X(NAME, text) text,
		SANDBOX_GAPS(X)
#undef X
	};

	return bit < SANDBOX_GAP_COUNT ? texts[bit] : NULL;
}

static uint32_t gap_if(bool failed, enum sandbox_gap gap)
{
	return failed ? gap : 0;
}

/* close_range(2) came with 5.9 (278a5fbaed89). */
static uint32_t close_others(int keep_fd)
{
#ifdef SYS_close_range
	return gap_if(syscall(SYS_close_range, keep_fd + 1, ~0U, 0), SANDBOX_DESCRIPTORS);
#else
	return gap_if(syscall(436, keep_fd + 1, ~0U, 0), SANDBOX_DESCRIPTORS);
#endif
}

/* Without privileges here it takes those over a user namespace of its own, for what comes next as well. */
static uint32_t leave_namespaces(void)
{
	uint32_t gaps = 0;

	if (unshare(CLONE_NEWNS) && (unshare(CLONE_NEWUSER) || unshare(CLONE_NEWNS)))
		gaps |= SANDBOX_MOUNTS;
	gaps |= gap_if(unshare(CLONE_NEWNET), SANDBOX_NETWORK);
	gaps |= gap_if(unshare(CLONE_NEWIPC), SANDBOX_IPC);
	return gaps;
}

/* A directory that was removed: it is empty, and the kernel makes nothing in it any more. */
static int open_removed_directory(void)
{
	static const char *const parents[] = {"/run", "/tmp", "/dev/shm", "/var/tmp", ""};
	char path[64];
	int fd;

	for (size_t i = 0; i < sizeof(parents) / sizeof(*parents); i++) {
		stpcpy(stpcpy(path, parents[i]), "/vmasnoop.XXXXXX");
		if (!mkdtemp(path))
			continue;
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (!rmdir(path) && fd >= 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static uint32_t leave_file_system(void)
{
	_cleanup_close_ int fd = open_removed_directory();

	return gap_if(fd < 0 || fchdir(fd) || chroot(".") || chdir("/"), SANDBOX_DIRECTORY);
}

/* The bounding set first: changing it takes a capability. There are fewer than 64, and past the last one it says EINVAL. */
static uint32_t drop_bounding_set(void)
{
	bool failed = false;

	for (int capability = 0; capability < 64; capability++)
		failed |= prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1 &&
			  prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0;
	return gap_if(failed, SANDBOX_BOUNDING);
}

static uint32_t change_user(void)
{
	uint32_t gaps = 0;

	gaps |= gap_if(setgroups(0, NULL) && getgroups(0, NULL) > 0, SANDBOX_GROUPS);
	gaps |= gap_if(setresgid(NOBODY, NOBODY, NOBODY), SANDBOX_GROUPS);
	gaps |= gap_if(setresuid(NOBODY, NOBODY, NOBODY), SANDBOX_USER);
	return gaps;
}

int sandbox_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

/*
 * After the change of the user, which clears the first two (commit_creds()). No new privileges is what seccomp asks for
 * of a process without any.
 */
static int drop_prospects(void)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0))
		return -errno;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}

static bool set_limit(int resource, uint64_t value)
{
	struct rlimit limit = {value, value};

	return !setrlimit(resource, &limit);
}

/* No bound on CPU time: it would add up over all that is asked of the process. */
static uint32_t set_limits(uint64_t memory_bytes)
{
	bool set = set_limit(RLIMIT_CORE, 0);

	set = set_limit(RLIMIT_FSIZE, 0) && set;
	set = set_limit(RLIMIT_NPROC, 0) && set;
	if (memory_bytes)
		set = set_limit(RLIMIT_AS, memory_bytes) && set;
	return gap_if(!set, SANDBOX_LIMITS);
}

/* libdw tries some paths by itself and goes on when it is told that it may not. */
static int refuse_paths(scmp_filter_ctx filter)
{
	static const int calls[] = {
		SCMP_SYS(open),	  SCMP_SYS(openat),    SCMP_SYS(openat2),    SCMP_SYS(creat),
		SCMP_SYS(stat),	  SCMP_SYS(lstat),     SCMP_SYS(readlink),   SCMP_SYS(readlinkat),
		SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(*calls); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EACCES), calls[i], 0);
	return err;
}

static int allow_calls(scmp_filter_ctx filter)
{
	static const int calls[] = {
		/* what it has open */
		SCMP_SYS(read),
		SCMP_SYS(readv),
		SCMP_SYS(pread64),
		SCMP_SYS(preadv),
		SCMP_SYS(lseek),
		SCMP_SYS(fstat),
		SCMP_SYS(fstatfs),
		SCMP_SYS(close),
		SCMP_SYS(dup),
		SCMP_SYS(recvmsg),
		SCMP_SYS(sendmsg),
		SCMP_SYS(poll),
		SCMP_SYS(ppoll),
		/* memory */
		SCMP_SYS(brk),
		SCMP_SYS(munmap),
		SCMP_SYS(mremap),
		SCMP_SYS(madvise),
		/* the C library's own */
		SCMP_SYS(futex),
		SCMP_SYS(clock_gettime),
		SCMP_SYS(gettimeofday),
		SCMP_SYS(getrandom),
		SCMP_SYS(sysinfo),
		SCMP_SYS(uname),
		SCMP_SYS(getpid),
		SCMP_SYS(gettid),
		SCMP_SYS(getuid),
		SCMP_SYS(geteuid),
		SCMP_SYS(getgid),
		SCMP_SYS(getegid),
		SCMP_SYS(sched_yield),
		SCMP_SYS(sched_getaffinity),
		SCMP_SYS(rt_sigprocmask),
		SCMP_SYS(rt_sigreturn),
		SCMP_SYS(sigaltstack),
		SCMP_SYS(restart_syscall),
		SCMP_SYS(exit),
		SCMP_SYS(exit_group),
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(*calls); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

/*
 * By their arguments: memory that is not executable; what glibc makes of fstat(), where a path that goes with it finds
 * the empty directory; and standard error, which is /dev/null but in the sanitizers' builds.
 */
static int allow_some(scmp_filter_ctx filter)
{
	/* None that locks, signals or changes what others share. */
	static const int fcntls[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL};
	const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &not_executable);

	if (!err)
		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, &not_executable);
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				       SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(statx), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
	for (size_t i = 0; !err && i < sizeof(fcntls) / sizeof(*fcntls); i++) {
		const struct scmp_arg_cmp command = SCMP_A1(SCMP_CMP_EQ, fcntls[i], 0);

		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(fcntl), 1, &command);
	}
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
				       SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0));
	return err;
}

/* Whatever is not on the list is refused and does not kill: a library that tries something goes on without it. */
static uint32_t filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	bool failed;

	/* As a tree, from libseccomp 2.5 on: in a list the last of them all costs every other one's comparison. */
	if (filter)
		seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	failed = !filter || refuse_paths(filter) || allow_calls(filter) || allow_some(filter) || seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return gap_if(failed, SANDBOX_SECCOMP);
}

int sandbox_enter(const struct sandbox_options *options, uint32_t *gaps)
{
	bool is_root = !geteuid();
	uint32_t found = close_others(options->keep_fd);
	int err;

	found |= leave_namespaces();
	found |= leave_file_system();
	found |= drop_bounding_set();
	found |= change_user();
	err = sandbox_drop_capabilities();
	if (!err)
		err = drop_prospects();
	if (err)
		return err;
	found |= set_limits(options->memory_bytes);
	found |= filter_calls();
	/* Root without capabilities still owns root's files: then there must be no way to them at all. */
	if (is_root && found & SANDBOX_USER && found & (SANDBOX_DIRECTORY | SANDBOX_SECCOMP))
		return -EPERM;
	*gaps = found;
	return 0;
}
