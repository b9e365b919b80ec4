# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# What is advised to whom, by the stacks of real programs and the kernel at hand. Sourced by run, after lib.sh.

# The first failure of a program at the limit. As a command it is waited for; its stack needs it to live until its modules are
# read: on a busy machine a second look may be needed.
advice_of() {
	for _ in 1 2 3; do
		rm -f "$work/advice.log" "$work/advice.oracle"
		"$VMASNOOP" -j -M 1 -o "$work/advice.log" -- "$WORKLOADS/$1" -o "$work/advice.oracle" || fail "status $?" || return
		grep '"event":"failure"' "$work/advice.log" | sed 's/.*"advice":/"advice":/' >"$work/advice"
		! grep -q -e "$2" "$work/advice" || return 0
	done
	cat "$work/advice"
	fail "not advised: $2"
}

expect_not_advised() { ! grep -e "\"code\":\"$1\"" "$work/advice" || fail "$1 is advised"; }

# The block of 128 KiB has a mapping of 132 KiB.
advice_glibc_case() {
	advice_of free_blocks '"setting":"glibc.malloc.mmap_threshold","value":262144,"bytes":null,"allocator":"glibc"' || return
	expect_not_advised guard_mappings && expect_not_advised overcommit || return
	# The sizes are the kernel's own.
	expect_line "$work/advice" '^"advice":\[{"code":"raise_limit","text":"sysctl vm.max_map_count=[0-9]* (peak [0-9]*, limit [0-9]*; up to [0-9.]* [KM]iB of kernel memory' || return
	expect_line "$work/advice" '"setting":"vm.max_map_count","value":[0-9]*,"bytes":[0-9]*,"allocator":null},{"code":"persist",'
}

advice_program_case() {
	advice_of unmap_pages '"code":"guard_mappings"' || return
	expect_not_advised allocator || return
	# Once a process: the others have an empty list.
	rm -f "$work/advice.log" "$work/advice.oracle"
	"$VMASNOOP" -j -o "$work/advice.log" -- "$WORKLOADS/unmap_pages" -o "$work/advice.oracle" || fail "status $?" || return
	[ "$(grep -c '"event":"failure".*"advice":\[{' "$work/advice.log")" -eq 1 ] || fail "not advised once" || return
	[ "$(grep -c '"event":"near_limit".*"advice":\[{' "$work/advice.log")" -eq 1 ] || fail "not advised once before it"
}

advice_cases() {
	case_run advice-glibc advice_glibc_case
	case_run advice-program advice_program_case
}
