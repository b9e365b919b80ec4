// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * btf_contract.c: check every field of vmlinux.h against the BTF of the running kernel: that it is there, and as wide as
 * vmlinux.h says. Of types whose shape differs between kernels (CO-RE flavours) one of each group must fit.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "config.h"
#include "census.skel.h"
#include "vmasnoop.skel.h"

/* Group 0: must fit. Of any other group one alternative must, with all its entries. */
static const struct entry {
	const char *name; /* as in vmlinux.h, flavour included */
	int group;
	int alternative;
} contract[] = {
	{"super_block", 0, 0},
	{"inode", 0, 0},
	{"file", 0, 0},
	{"vm_area_struct", 0, 0},
	{"rb_node", 0, 0},
	{"rb_root", 0, 0},
	{"signal_struct", 0, 0},
	{"task_struct", 0, 0},
	{"cred", 0, 0},
	{"kernfs_node", 0, 0},
	{"cgroup_subsys_state", 0, 0},
	{"cgroup", 0, 0},
	{"css_set", 0, 0},
	{"rlimit", 0, 0},
	{"user_namespace", 0, 0},
	{"page_counter", 0, 0},
	{"mem_cgroup", 0, 0},
	{"xa_node", 0, 0},
	{"xarray", 0, 0},
	{"idr", 0, 0},
	{"ipc_ids", 0, 0},
	{"ipc_namespace", 0, 0},
	{"nsproxy", 0, 0},
	{"kern_ipc_perm", 0, 0},
	{"shmid_kernel", 0, 0},
	{"bpf_iter__task", 0, 0},
	{"thread_info", 0, 0},
	{"thread_struct", 0, 0},
	{"pt_regs", 0, 0},
	{"trace_event_raw_sched_process_fork", 0, 0},
	{"vm_operations_struct", 1, 0},
	{"vm_operations_struct___split", 1, 1},
	{"maple_tree", 2, 0},
	{"mm_struct___maple", 2, 0},
	{"mm_struct___rb", 2, 1},
	{"vm_area_struct___rb", 2, 1},
	{"mm_struct", 3, 0},
	{"mm_struct___vma_count", 3, 1},
	/* Asked for where programs can be preempted; 5.10 has neither this nor that. */
	{"trace_event_raw_mmap_lock", 4, 0},
	{"vm_operations_struct___split", 4, 1},
};

#define CONTRACT_ENTRIES (sizeof(contract) / sizeof(contract[0]))
#define GROUPS		 5
#define ALTERNATIVES	 2

/* Finds a member by name, through anonymous structs and unions. */
static const struct btf_member *member_find(const struct btf *btf, const struct btf_type *type, const char *name,
					    int depth)
{
	const struct btf_member *member = btf_members(type), *found;

	for (int i = 0; i < btf_vlen(type); i++, member++) {
		const char *have = btf__name_by_offset(btf, member->name_off);
		const struct btf_type *inner = btf__type_by_id(btf, member->type);

		if (*have && !strcmp(have, name))
			return member;
		if (!*have && depth && btf_is_composite(inner)) {
			found = member_find(btf, inner, name, depth - 1);
			if (found)
				return found;
		}
	}
	return NULL;
}

/*
 * Pointers and integers must be as wide; what is within structs is looked at under its own name. The kernel's array may be
 * longer: how long it is depends on its configuration, and ours is indexed by the kernel's own numbers.
 */
static bool same_width(const struct btf *ours, __u32 our_type, const struct btf *kernel, __u32 kernel_type)
{
	const struct btf_type *type = btf__type_by_id(ours, btf__resolve_type(ours, our_type));
	const struct btf_type *theirs = btf__type_by_id(kernel, btf__resolve_type(kernel, kernel_type));

	if (btf_is_array(type) && btf_is_array(theirs)) {
		if (btf_array(type)->nelems > btf_array(theirs)->nelems)
			return false;
		our_type = btf_array(type)->type;
		kernel_type = btf_array(theirs)->type;
		type = btf__type_by_id(ours, btf__resolve_type(ours, our_type));
	}
	if (!btf_is_int(type) && !btf_is_ptr(type) && !btf_is_array(type))
		return true;
	return btf__resolve_size(ours, our_type) == btf__resolve_size(kernel, kernel_type);
}

static int check_type(const struct btf *ours, const struct btf *kernel, const char *name, bool tell)
{
	int flavour = (int)(strstr(name, "___") ? strstr(name, "___") - name : (long)strlen(name));
	const struct btf_member *member, *theirs;
	const struct btf_type *type;
	char plain[64];
	int id, kernel_id, faults = 0;

	snprintf(plain, sizeof(plain), "%.*s", flavour, name);
	id = btf__find_by_name_kind(ours, name, BTF_KIND_STRUCT);
	kernel_id = btf__find_by_name_kind(kernel, plain, BTF_KIND_STRUCT);
	if (id < 0 || kernel_id < 0) {
		if (tell)
			printf("struct %s: not in %s\n", name, id < 0 ? "the BPF object" : "the kernel");
		return 1;
	}
	type = btf__type_by_id(ours, id);
	member = btf_members(type);
	for (int i = 0; i < btf_vlen(type); i++, member++) {
		const char *field = btf__name_by_offset(ours, member->name_off);

		theirs = member_find(kernel, btf__type_by_id(kernel, kernel_id), field, 4);
		if (theirs && same_width(ours, member->type, kernel, theirs->type))
			continue;
		faults++;
		if (tell)
			printf("%s.%s: %s\n", name, field, theirs ? "another width" : "not there");
	}
	return faults;
}

/* Faults of one alternative; -1 when the group has no such. */
static int check_alternative(const struct btf *ours, const struct btf *kernel, int group, int alternative, bool tell)
{
	int faults = -1;

	for (size_t i = 0; i < CONTRACT_ENTRIES; i++) {
		if (contract[i].group != group || contract[i].alternative != alternative)
			continue;
		faults = (faults < 0 ? 0 : faults) + check_type(ours, kernel, contract[i].name, tell);
	}
	return faults;
}

static int check_group(const struct btf *ours, const struct btf *kernel, int group)
{
	int faults = 0;

	for (int alternative = 0; alternative < ALTERNATIVES; alternative++)
		if (check_alternative(ours, kernel, group, alternative, false) == 0)
			return 0;
	for (int alternative = 0; alternative < ALTERNATIVES; alternative++)
		if (check_alternative(ours, kernel, group, alternative, true) > 0)
			faults++;
	return faults;
}

static int check_contract(const struct btf *ours, const struct btf *kernel)
{
	int faults = 0;

	for (int group = 0; group < GROUPS; group++)
		faults += check_group(ours, kernel, group);
	return faults;
}

/* What the census asks of every kernel that has its iterator; the rest it asks for before. */
static int check_census(const struct btf *kernel)
{
	static const char *const names[] = {"bpf_iter__task_vma", "bpf_iter_meta", "vm_area_struct___anon", "list_head",
					    "vm_operations_struct___close"};
	struct census_bpf *skeleton;
	int faults = 0;

	if (btf__find_by_name_kind(kernel, "bpf_iter__task_vma", BTF_KIND_STRUCT) < 0)
		return 0;
	skeleton = census_bpf__open();
	if (!skeleton)
		return 1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		faults += check_type(bpf_object__btf(skeleton->obj), kernel, names[i], true);
	census_bpf__destroy(skeleton);
	return faults;
}

int main(void)
{
	struct vmasnoop_bpf *skeleton = vmasnoop_bpf__open();
	struct btf *kernel = btf__load_vmlinux_btf();
	int faults;

	if (!skeleton || !kernel) {
		fprintf(stderr, "btf_contract: cannot read the BTF of the object or of the kernel: %s\n",
			strerror(errno));
		return 2;
	}
	faults = check_contract(bpf_object__btf(skeleton->obj), kernel) + check_census(kernel);
	printf("%zu types checked, %d faults\n", CONTRACT_ENTRIES, faults);
	btf__free(kernel);
	vmasnoop_bpf__destroy(skeleton);
	return faults != 0;
}
