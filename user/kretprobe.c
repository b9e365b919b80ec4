// SPDX-License-Identifier: GPL-2.0-or-later
/* kretprobe.c: see kretprobe.h. Documentation/trace/kprobetrace.rst has the syntax of the files. */
#include "kretprobe.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "cleanup.h"
#include "feature.h"
#include "kernelfs.h"

#define GROUP	      "vmasnoop"
#define CALLS_AT_ONCE 4096 /* KRETPROBE_MAXACTIVE_MAX: as many as the kernel allows */

struct kretprobe {
	char name[64];
};

static int write_command(const char *command)
{
	_cleanup_close_ int file = kernelfs_open("tracefs", "kprobe_events", O_WRONLY | O_APPEND);

	if (file < 0)
		return file;
	return write(file, command, strlen(command)) < 0 ? -errno : 0;
}

static void remove_event(const char *name)
{
	char command[128];

	snprintf(command, sizeof(command), "-:" GROUP "/%s\n", name);
	write_command(command);
}

/* Removes what a tracer left behind that was killed: the name ends with its PID. */
static void remove_leftovers(void)
{
	int fd = kernelfs_open("tracefs", "kprobe_events", O_RDONLY);
	_cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[512], name[64];
	pid_t pid;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "r%*[0-9]:" GROUP "/%63s", name) != 1 || !strrchr(name, '_'))
			continue;
		pid = (pid_t)strtol(strrchr(name, '_') + 1, NULL, 10);
		if (pid > 0 && kill(pid, 0) && errno == ESRCH)
			remove_event(name);
	}
}

int kretprobe_new(const char *function, struct kretprobe **ret)
{
	struct kretprobe *probe = calloc(1, sizeof(*probe));
	char command[192];
	int err;

	if (!probe)
		return -ENOMEM;
	remove_leftovers();
	snprintf(probe->name, sizeof(probe->name), "%.40s_%d", function, getpid());
	snprintf(command, sizeof(command), "r%d:" GROUP "/%s %s\n", CALLS_AT_ONCE, probe->name, function);
	err = write_command(command);
	if (err) {
		free(probe);
		return err;
	}
	*ret = probe;
	return 0;
}

void kretprobe_free(struct kretprobe *probe)
{
	if (!probe)
		return;
	remove_event(probe->name);
	free(probe);
}

int kretprobe_open_event(const struct kretprobe *probe)
{
	char event[128];

	snprintf(event, sizeof(event), GROUP "/%s", probe->name);
	return feature_open_tp(event);
}

int64_t kretprobe_misses(const struct kretprobe *probe)
{
	int fd = kernelfs_open("tracefs", "kprobe_profile", O_RDONLY);
	_cleanup_fclose_ FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[512], name[64];
	int64_t hits, misses;

	/* "  name   hits   misses" */
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%63s %" SCNd64 " %" SCNd64, name, &hits, &misses) == 3 && !strcmp(name, probe->name))
			return misses;
	return -1;
}
