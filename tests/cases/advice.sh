# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# What is advised to whom, by the stacks of real programs and the kernel at hand. Parts of the case of stacks. Sourced by run,
# after lib.sh.

# first_advice LOG PID: with its first failure, in $work/advice; an empty list with all others.
first_advice() {
	records failure "$1" | grep -F "\"process\":{\"pid\":$2," | sed 's/.*"advice":/"advice":/' >"$work/advices"
	head -n 1 "$work/advices" >"$work/advice"
	[ "$(grep -c '^"advice":\[{' "$work/advices")" -eq 1 ] || fail "not advised once"
}

expect_not_advised() { ! grep -e "\"code\":\"$1\"" "$work/advice" || fail "$1 is advised"; }

# Of free_blocks. The block of 128 KiB has a mapping of 132 KiB.
advice_glibc_part() {
	first_advice "$1" "$2" || return
	expect_line "$work/advice" '"setting":"glibc.malloc.mmap_threshold","value":262144,"bytes":null,"allocator":"glibc"' || return
	expect_not_advised guard_mappings && expect_not_advised overcommit || return
	# The sizes are the kernel's own.
	expect_line "$work/advice" '^"advice":\[{"code":"raise_limit","text":"sysctl vm.max_map_count=[0-9]* (peak [0-9]*, limit [0-9]*; up to [0-9.]* [KM]iB of kernel memory' || return
	expect_line "$work/advice" '"setting":"vm.max_map_count","value":[0-9]*,"bytes":[0-9]*,"allocator":null},{"code":"persist",'
}

# Of unmap_pages.
advice_program_part() {
	first_advice "$1" "$2" || return
	expect_line "$work/advice" '"code":"guard_mappings"' && expect_not_advised allocator || return
	records near_limit "$1" | grep -F "\"process\":{\"pid\":$2," | sed 's/.*"advice":/"advice":/' >"$work/advices"
	[ "$(grep -c '^"advice":\[{' "$work/advices")" -eq 1 ] || fail "not advised once before it"
}
