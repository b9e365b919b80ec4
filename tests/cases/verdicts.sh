# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# Every failure's verdict is the right one, on each rung: the workload `provoke` makes each cause happen and says which it
# was. Sourced by run, after lib.sh and munmap.sh.
#
# What can be provoked, and where ("all": any kernel, natively too; "guest": the machine's settings have to be changed):
#
#   max_map_count     all    munmap, mmap (new, MAP_FIXED), mprotect, pkey_mprotect, madvise, mlock, mlock2, munlock, mremap,
#                            brk, shmat; a sealed mapping's munmap from 6.12 on; each mremap from 7.1 on
#   rlimit_as         all    mmap, mremap, brk, shmat
#   rlimit_data       all    mmap, mremap, mprotect, pkey_mprotect, brk
#   rlimit_memlock    all    mlock, mlock2, mlockall, mmap, mremap, brk: by a user without privileges
#   overcommit        all    mmap, mremap, mprotect, brk in mode 0; guest: mmap in mode 2
#   no_address_space  all    mmap, mremap, brk
#   hugetlb_pool      all    mmap, where the kernel has huge pages
#   unmapped_range    all    mprotect, pkey_mprotect, madvise, mlock, mlock2, munlock
#   bad_request       all    EINVAL of every call; EPERM of sealed mappings from 6.10 on; a part of the vDSO from 5.15 on;
#                            guest: a part of a huge page
#   memcg_limit       where cgroup v2 has a memory controller: munmap, mmap, mremap, mprotect, pkey_mprotect, madvise, mlock2
#   kernel_memory     nowhere: without a memory cgroup such small allocations do not fail, and Debian's kernels do not inject
#                            faults
#   unknown           is right for none of these

# provoke_case GROUP...: that the workload, by itself, meets what it must on this kernel.
provoke_case() {
	"$WORKLOADS/provoke" -o "$work/provoke.oracle" "$@" 2>"$work/err"
	status=$?
	cat "$work/err"
	[ "$status" -ne 77 ] || sed -n 's/^skipped [^ ]*: //p' "$work/err" | tail -n 1
	return "$status"
}

verdict_cases() {
	case_run provoke provoke_case
}
