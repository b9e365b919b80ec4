# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# What is asked of the kernel at hand: that it has what vmlinux.h reads, and that its verifier takes the programs of the
# rungs that must work here. Sourced by run, after lib.sh.

contract_case() { "$BTF_CONTRACT"; }

# Programs that are for other kernels are refused, for lack of the function. One refused for its code is a fault.
verifier_case() {
	"$VERIFY" >"$work/verified" || return
	sed "s/^/$(uname -r) verifier /" "$work/verified" >>"${RESULTS:-/dev/null}"
	for program in follow_fork follow_exit limit_written return_sys_exit split_kretprobe core_kretprobe; do
		expect_line "$work/verified" "^$program ok" || return
	done
	[ "$(grep -c ' ok ' "$work/verified")" -ge 6 ] || fail "too few programs were accepted"
}

# What auto took, by the tracer's own words.
auto_part() {
	if preempts; then
		expect_line "$work/err" 'munmap: tp mmap_lock_released' && expect_line "$work/err" 'split: kretprobe __split_vma'
		return
	fi
	case " $RUNGS " in
	*" fentry "*) expect_line "$work/err" 'munmap: fexit' && expect_line "$work/err" 'split: fexit __split_vma' ;;
	*" kprobe "*) expect_line "$work/err" 'munmap: kretprobe' ;;
	*) expect_line "$work/err" 'munmap: tp_btf mmap_lock_released' ;;
	esac
}

kernel_cases() {
	case_run btf-contract contract_case
	case_run verifier verifier_case
}
