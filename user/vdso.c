// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vdso.c: see vdso.h. The kernel maps the same image into every 64-bit process, so ours will do. One of 32-bit tasks we do
 * not have: a child of ours takes its own away and has the kernel map the other (arch_prctl(ARCH_MAP_VDSO_32), of kernels
 * with CONFIG_CHECKPOINT_RESTORE). The memory of the process in question could be had as well, but it may be anything by
 * the time it is read: a mapping of a file system or a userfaultfd whose owner lets us wait for ever.
 */
#include "vdso.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

#define ARCH_MAP_VDSO_32 0x2002 /* <asm/prctl.h>, 4.9; libc's headers may be older */

#define IMAGE_BYTES_MAX (64 << 10)
#define OWN_MAX		8 /* mappings */
#define PROC_PATH_BYTES 32

/* ---- where it is ---- */

/* The value of AT_SYSINFO_EHDR in an auxiliary vector of words of so many bytes, 0: there is none. */
static uint64_t find_in_auxv(const char *auxv, size_t size, size_t word_bytes)
{
	for (size_t at = 0; at + 2 * word_bytes <= size; at += 2 * word_bytes) {
		uint64_t type = 0, value = 0; /* little-endian: the low bytes come first */

		memcpy(&type, auxv + at, word_bytes);
		memcpy(&value, auxv + at + word_bytes, word_bytes);
		if (type == AT_SYSINFO_EHDR)
			return value;
	}
	return 0;
}

/* A 32-bit process has one of 32-bit words, in which 64-bit ones never say AT_SYSINFO_EHDR: its value is not 0. */
uint64_t vdso_find(pid_t tid, bool *ret_32_bit)
{
	char path[PROC_PATH_BYTES], auxv[1024];
	_cleanup_close_ int fd = -1;
	uint64_t addr;
	ssize_t size;

	snprintf(path, sizeof(path), "/proc/%d/auxv", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, auxv, sizeof(auxv));
	if (size <= 0)
		return 0;
	addr = find_in_auxv(auxv, (size_t)size, 8);
	*ret_32_bit = !addr;
	return addr ?: find_in_auxv(auxv, (size_t)size, 4);
}

/* ---- the images ---- */

struct range {
	uint64_t start;
	uint64_t end;
};

/* Our own mappings whose names begin so; how many of them are in `ret`. */
static size_t find_own(const char *const *names, struct range ret[OWN_MAX])
{
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	size_t count = 0;

	while (maps && count < OWN_MAX && fgets(line, sizeof(line), maps))
		for (const char *const *name = names; *name; name++)
			if (strstr(line, *name) &&
			    sscanf(line, "%" SCNx64 "-%" SCNx64, &ret[count].start, &ret[count].end) == 2)
				count++;
	return count;
}

static int new_file(void)
{
	return memfd_create("vdso", MFD_CLOEXEC | MFD_ALLOW_SEALING);
}

/* write(), which fails where reading would be a fault. */
static bool copy(int fd, uint64_t start, size_t size)
{
	return size && size <= IMAGE_BYTES_MAX && write(fd, (const void *)(uintptr_t)start, size) == (ssize_t)size;
}

static bool copy_own(int fd)
{
	static const char *const names[] = {"[vdso]", NULL};
	struct range own[OWN_MAX];

	return find_own(names, own) == 1 && copy(fd, own[0].start, own[0].end - own[0].start);
}

/*
 * In a child that does nothing else, since libc's clocks lead through what is taken away: a second vDSO beside the first
 * is refused. The kernel says how large the new one is, not where: it may be larger than the room that the old one left.
 */
static bool copy_mapped_anew(int fd, const struct range *own, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (syscall(SYS_munmap, own[i].start, own[i].end - own[i].start))
			return false;
	return syscall(SYS_arch_prctl, ARCH_MAP_VDSO_32, own[0].start) > 0 && copy_own(fd);
}

static bool copy_of_32_bit(int fd)
{
	static const char *const names[] = {"[vvar", "[vdso]", NULL};
	struct range own[OWN_MAX];
	size_t count = find_own(names, own);
	int status;
	pid_t child = count ? fork() : -1;

	if (!child)
		_exit(!copy_mapped_anew(fd, own, count));
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && !WEXITSTATUS(status);
}

static int make_image(bool of_32_bit)
{
	_cleanup_close_ int fd = new_file();

	if (fd < 0 || !(of_32_bit ? copy_of_32_bit(fd) : copy_own(fd)))
		return -1;
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
		return -1;
	return cleanup_take_fd(&fd);
}

int vdso_open_image(bool of_32_bit, size_t size)
{
	static struct {
		bool tried;
		int fd;
	} images[2];

	if (!images[of_32_bit].tried) {
		images[of_32_bit].tried = true;
		images[of_32_bit].fd = make_image(of_32_bit);
	}
	if (images[of_32_bit].fd < 0 || lseek(images[of_32_bit].fd, 0, SEEK_END) != (off_t)size)
		return -1;
	return fcntl(images[of_32_bit].fd, F_DUPFD_CLOEXEC, 0);
}
