// SPDX-License-Identifier: GPL-2.0-or-later
/* What a machine tells: sizes from BTF that is made here, this machine's own, and whose a cgroup or a namespace is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <cmocka.h>

#include "container.h"
#include "machine.h"
#include "proc.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* A kernel's types: each structure of that size, 0: there is none. */
struct types {
	uint32_t vma, lock, anon_vma, chain, node, pivots;
};

static void add(struct btf *btf, const char *name, uint32_t size)
{
	if (size)
		assert_true(btf__add_struct(btf, name, size) > 0);
}

static struct btf *types_make(const struct types *types)
{
	struct btf *btf = btf__new_empty();
	int word = btf__add_int(btf, "unsigned long", 8, 0);
	int array = btf__add_array(btf, word, word, types->pivots);

	/* Other kinds may have the same names. */
	assert_true(btf__add_fwd(btf, "vm_area_struct", BTF_FWD_STRUCT) > 0);
	add(btf, "vm_area_struct", types->vma);
	add(btf, "vma_lock", types->lock);
	add(btf, "anon_vma", types->anon_vma);
	add(btf, "anon_vma_chain", types->chain);
	add(btf, "maple_node", types->node);
	if (types->pivots) {
		add(btf, "maple_range_64", types->node);
		assert_int_equal(btf__add_field(btf, "parent", word, 0, 0), 0);
		assert_int_equal(btf__add_field(btf, "pivot", array, 64, 0), 0);
	}
	return btf;
}

static void test_sizes(void **state)
{
	const struct {
		struct types types;
		uint32_t mapping, anonymous;
	} table[] = {
		{{200, 0, 88, 64, 0, 0}, 200, 152}, /* a red-black tree, as in 5.10 */
		{{192, 0, 104, 64, 256, 15}, 192 + 32, 168},
		{{160, 40, 104, 64, 256, 15}, 160 + 40 + 32, 168}, /* with a lock apart, as in 6.12 */
		{{0, 40, 104, 64, 256, 15}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct btf *btf = types_make(&table[i].types);
		struct kernel_sizes sizes;

		kernel_sizes_from_btf(btf, &sizes);
		assert_int_equal(sizes.mapping, table[i].mapping);
		assert_int_equal(sizes.anonymous, table[i].anonymous);
		btf__free(btf);
	}
}

/* On the machine of the tests: a vm_area_struct never had less than 128 bytes, nor a mapping cost 1 KiB. */
static void test_this_machine(void **state)
{
	struct machine machine;

	(void)state;
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		skip();
	machine_read(&machine);
	assert_in_range(machine.sizes.mapping, 128, 1024);
	assert_in_range(machine.sizes.anonymous, 64, 1024);
	assert_in_range(machine.overcommit, 0, 2);
}

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_containers(void **state)
{
	const struct {
		const char *cgroup;
		bool is_containers;
	} table[] = {
		{"/system.slice/docker-" ID ".scope", true},
		{"/docker/" ID, true},
		{"/docker/" ID "/init.scope", true},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-pod1.slice/cri-containerd-" ID ".scope", true},
		{"/kubepods/besteffort/pod1/x", true},
		{"/machine.slice/libpod-" ID ".scope/container", true},
		{"/system.slice/crio-" ID ".scope", true},
		{"/lxc.payload.web/system.slice", true},
		{"/lxc/web", true},
		{"/machine.slice/systemd-nspawn@web.service/payload", true},
		{"/", false},
		{"", false},
		{NULL, false},
		{"/user.slice/user-1000.slice/session-1.scope", false},
		{"/system.slice/docker.service", false},
		{"/system.slice/lxcfs.service", false},
		{"/machine.slice/machine-qemu\\x2d1\\x2dweb.scope", false},
		{"/system.slice/x-" ID "0.scope", false}, /* a longer number */
		{"/system.slice/x-0123456789abcdef.scope", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(table); i++)
		if (container_has_cgroup(table[i].cgroup) != table[i].is_containers)
			fail_msg("%s", table[i].cgroup);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_this_machine),
		cmocka_unit_test(test_containers),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
