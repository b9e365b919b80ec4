// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Workload: system calls that fail, each for a cause that is known: it is put into the oracle as the verdict that must be
 * told. Each case is made in a forked child, with mappings of its own. Here: options, the children, the result.
 *
 * Exit status: 0 each case came out as it must on this kernel, 1 one did not, 77 none could be made here.
 * "skipped CASE: why" on standard error: this machine cannot do that one.
 */
#define _GNU_SOURCE 1
#include "provoke.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../memory_cgroup.h"

enum { FAILURES_MOST = 64 };

static const struct group *const groups[] = {
	&limit_map,	   &limit_change, &limit_mremap,   &rlimit_as,	 &rlimit_data, &rlimit_memlock, &overcommit,
	&no_address_space, &hugetlb_pool, &unmapped_range, &bad_request, &memcg_limit, &harmless,
};

/* Of the whole machine: a child may set them where the machine is ours, its parent puts them back. */
struct setting {
	const char *path;
	char value[32];
};

static struct setting settings[] = {{.path = "/proc/sys/vm/overcommit_memory"}, {.path = "/proc/sys/vm/nr_hugepages"}};

struct shared {
	struct oracle_totals totals;
	struct outcome outcome;
};

struct run {
	struct oracle oracle; /* of the children, who each have a copy; empty here */
	struct shared *shared;
	char cgroup[PATH_MAX];
	bool ours;
	bool mremap_asks_first;
	size_t made, skipped, wrong;
};

static void save_settings(void)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		snprintf(settings[i].value, sizeof(settings[i].value), "%ld", scene_read_number(settings[i].path, ""));
}

/* Also called by a signal's handler. False: one could not be put back. */
static bool restore_settings(void)
{
	bool restored = true;

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *value = settings[i].value;
		int fd;

		/* -1: this kernel has no such setting. */
		if (value[0] == '-')
			continue;
		fd = open(settings[i].path, O_WRONLY | O_CLOEXEC);
		restored &= fd >= 0 && write(fd, value, strlen(value)) > 0;
		if (fd >= 0)
			close(fd);
	}
	return restored;
}

static void on_signal(int number)
{
	restore_settings();
	_exit(128 + number);
}

/* In the child. */
static int make_provocation(const struct provocation *row, struct scene *scene)
{
	struct outcome *outcome = scene->outcome;
	int err = row->prepare ? row->prepare(scene) : scene_map_lone(scene);

	if (!err && row->filled)
		err = scene_fill(scene, row->headroom);
	if (!err && row->constrain)
		err = row->constrain(scene);
	if (!err && row->act)
		err = row->act(scene);
	if (err)
		return err;
	if (!row->act) {
		outcome->error = call_make(&scene->call);
		scene_note(scene, &scene->call, outcome->error);
	}
	outcome->called = true;
	return 0;
}

static _Noreturn void be_child(struct run *run, const struct group *group, const struct provocation *row)
{
	struct oracle *oracle = &run->oracle;
	struct shared *shared = run->shared;
	struct scene scene = {
		.group = group,
		.call = row->call,
		.cgroup = run->cgroup,
		.ours = run->ours,
		.outcome = &shared->outcome,
		.oracle = oracle,
	};
	int result;

	signal(SIGTERM, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	result = make_provocation(row, &scene);
	atomic_fetch_add(&shared->totals.failed, oracle->totals.failed);
	atomic_fetch_add(&shared->totals.calls, oracle->totals.calls);
	atomic_fetch_add(&shared->totals.bytes, oracle->totals.bytes);
	_exit(oracle_write_failures(oracle) ? 1 : result);
}

/* Returns the child's exit status, or -1: it was killed, said on stderr. */
static int run_child(struct run *run, const struct group *group, const struct provocation *row)
{
	struct outcome *outcome = &run->shared->outcome;
	int status = 0;
	pid_t pid;

	memset(outcome, 0, sizeof(*outcome));
	if (group == &memcg_limit && !run->cgroup[0] && memory_cgroup_make(run->cgroup, sizeof(run->cgroup)))
		run->cgroup[0] = '\0';
	pid = fork();
	if (pid == 0)
		be_child(run, group, row);
	if (pid < 0 || waitpid(pid, &status, 0) < 0) {
		fprintf(stderr, "provoke: cannot fork: %s\n", strerror(errno));
		return -1;
	}
	if (run->ours && !restore_settings()) {
		fprintf(stderr, "provoke: cannot put back the settings of this machine\n");
		return -1;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	fprintf(stderr, "provoke: %s: ended by signal %d\n", row->name, WTERMSIG(status));
	return -1;
}

static const char *error_text(int error)
{
	return error ? strerror(error) : "success";
}

static void run_case(struct run *run, const struct group *group, const struct provocation *row)
{
	const struct outcome *outcome = &run->shared->outcome;
	int expected = row->error;
	int result = run_child(run, group, row);

	if (!change_is_here(row->since, run->mremap_asks_first))
		expected = row->error_before;
	if (result == SKIPPED || (outcome->called && outcome->error == ENOSYS)) {
		fprintf(stderr, "skipped %s: %s\n", row->name,
			result == SKIPPED ? outcome->reason : "this kernel has no such call");
		run->skipped++;
		return;
	}
	run->made++;
	if (result == 0 && outcome->called && outcome->error == expected)
		return;
	run->wrong++;
	if (result == 0 && outcome->called)
		fprintf(stderr, "provoke: %s: %s, not %s\n", row->name, error_text(outcome->error),
			error_text(expected));
	else
		fprintf(stderr, "provoke: %s: %s\n", row->name, outcome->reason);
}

static bool is_wanted(const struct group *group, const struct provocation *row, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (strcmp(*names, row->name) == 0 || strcmp(*names, group->name) == 0)
			return true;
	return false;
}

/* The first of its group shows by what it does what kind of kernel this is. Whether it fails is in the oracle as well. */
static void look_at_mremap(struct run *run)
{
	run_child(run, &limit_mremap, &limit_mremap.rows[0]);
	run->mremap_asks_first = run->shared->outcome.error == ENOMEM;
}

static size_t run_cases(struct run *run, char **names)
{
	bool looked = false;
	size_t wanted = 0;

	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (size_t i = 0; i < groups[g]->count; i++) {
			const struct provocation *row = &groups[g]->rows[i];

			if (!is_wanted(groups[g], row, names))
				continue;
			if (row->since == MREMAP_ASKS_FIRST && !looked)
				look_at_mremap(run);
			looked |= row->since == MREMAP_ASKS_FIRST;
			run_case(run, groups[g], row);
			wanted++;
		}
	return wanted;
}

static void list_cases(void)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++)
		for (size_t i = 0; i < groups[g]->count; i++)
			printf("%s %s\n", groups[g]->name, groups[g]->rows[i].name);
}

static int run_all(int fd, char **names)
{
	struct run run = {.ours = getenv("LIMIT_IS_OURS") != NULL};
	struct sigaction action = {.sa_handler = on_signal};
	size_t wanted;

	if (sysconf(_SC_PAGESIZE) != PAGE) {
		fprintf(stderr, "provoke: its tables are for pages of %lu bytes\n", PAGE);
		return SKIPPED;
	}
	run.shared = mmap(NULL, sizeof(*run.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run.shared == MAP_FAILED || oracle_init(&run.oracle, fd, FAILURES_MOST)) {
		fprintf(stderr, "provoke: cannot map memory: %s\n", strerror(errno));
		return 1;
	}
	if (run.ours) {
		save_settings();
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGINT, &action, NULL);
	}
	wanted = run_cases(&run, names);
	if (run.cgroup[0] && rmdir(run.cgroup))
		fprintf(stderr, "provoke: cannot remove '%s': %s\n", run.cgroup, strerror(errno));
	if (oracle_write_total(fd, &run.shared->totals)) {
		fprintf(stderr, "provoke: cannot write the oracle\n");
		return 1;
	}
	fprintf(stderr, "provoke: %zu cases, %zu failures; %zu skipped, %zu wrong\n", run.made,
		run.shared->totals.failed, run.skipped, run.wrong);
	if (!wanted)
		fprintf(stderr, "provoke: there is no such case\n");
	if (!wanted || run.wrong)
		return 1;
	return run.made ? 0 : SKIPPED;
}

int main(int argc, char **argv)
{
	const char *path = NULL;
	int option, err, fd;

	while ((option = getopt(argc, argv, "lo:")) != -1) {
		if (option == 'l') {
			list_cases();
			return 0;
		}
		if (option != 'o') {
			fprintf(stderr, "usage: provoke [-l] [-o ORACLE] [GROUP|CASE...]\n");
			return 2;
		}
		path = optarg;
	}
	err = oracle_open(path, &fd);
	if (err) {
		fprintf(stderr, "provoke: cannot write '%s': %s\n", path, strerror(-err));
		return 1;
	}
	return run_all(fd, argv + optind);
}
