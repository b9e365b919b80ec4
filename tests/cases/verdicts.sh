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
#
# Calls of all kinds that succeed, with few mappings and as near to the limit as can be ("harmless"), are not flagged.

# provoke_case GROUP...: that the workload, by itself, meets what it must on this kernel.
provoke_case() {
	"$WORKLOADS/provoke" -o "$work/provoke.oracle" "$@" 2>"$work/err"
	status=$?
	cat "$work/err"
	[ "$status" -ne 77 ] || sed -n 's/^skipped [^ ]*: //p' "$work/err" | tail -n 1
	return "$status"
}

# By default a failure whose errno mmap_lock_released could not prove is no shortage: counted as such, and not flagged.
only_unseen() {
	[ "$(rung_in_log "$1" munmap)" = tracepoint ] && tail -n 1 "$1" | grep -q '"errno_unseen":[1-9]' &&
		tail -n 1 "$1" | grep -q '"lost":{"ring_full":0,"totals_full":0,"follow_full":0,"state_full":0,'
}

# verdict_run RUNG NAME OPTIONS COMPARED GROUP...: traced with these options, compared with those (words of one argument each).
verdict_run() {
	rung=$1 name=$2 options=$3 compared=$4
	shift 4
	fresh verdict
	# Enough for a process to count as hot, and half as much to fill.
	[ -z "${LIMIT_IS_OURS-}" ] || { limit_write 1100 && limit=1100; } || return
	# shellcheck disable=SC2086 # words
	"$VMASNOOP" -j --hook "$rung" $options -o "$work/verdict.log" -- "$WORKLOADS/provoke" -o "$work/verdict.oracle" "$@" 2>"$work/err"
	status=$?
	[ "$status" -ne 77 ] || { sed -n 's/^skipped [^ ]*: //p' "$work/err" | tail -n 1; return 77; }
	[ "$status" -eq 0 ] || { cat "$work/err"; fail "status $status"; } || return
	expect_rung "$rung" "$work/verdict.log" || return
	[ -z "${KEEP_LOGS-}" ] || cp "$work/verdict.log" "$KEEP_LOGS/verdicts-$name-$rung.ndjson"
	! may_miss "$rung" || compared="$compared --allow-missed"
	[ -n "$options" ] || ! only_unseen "$work/verdict.log" || compared="$compared --allow-lost"
	# shellcheck disable=SC2086
	"$COMPARE" "$work/verdict.oracle" "$work/verdict.log" --limit "$limit" $compared >"$work/compared"
	status=$?
	cat "$work/compared"
	note_result "$rung" "verdicts-$name" 1 "$(head -n 1 "$work/compared")"
	return "$status"
}

# verdict_case RUNG NAME GROUP...: each failure is flagged, with the verdict that the oracle says.
verdict_case() {
	rung=$1 name=$2
	shift 2
	verdict_run "$rung" "$name" '-e ENOMEM,EAGAIN,EINVAL,EPERM' '' "$@"
}

# At the call's return, without the lock and without the hook on splits, the kernel's own trouble may be over.
memcg_case() {
	compared=
	[ "$(evidence_of "$1")" = under_lock ] || compared=--allow-unknown
	verdict_run "$1" memcg '-e ENOMEM,EAGAIN,EINVAL,EPERM' "$compared" memcg_limit
}

# What is shown without being asked for: the shortages, whatever their errno, and nothing that is wrong with the call itself.
default_case() {
	verdict_run "$1" default '' --shortages-only limit_map limit_change limit_mremap rlimit_as rlimit_data rlimit_memlock \
		overcommit no_address_space hugetlb_pool unmapped_range bad_request harmless
}

# A start of the tracer costs more than a case of the workload, so that each run has many.
verdict_cases() {
	case_run provoke provoke_case
	for rung in $RUNGS; do
		case_run "$rung/verdicts-limit" verdict_case "$rung" limit limit_map limit_change limit_mremap
		case_run "$rung/verdicts-room" verdict_case "$rung" room rlimit_as rlimit_data rlimit_memlock overcommit no_address_space hugetlb_pool
		case_run "$rung/verdicts-requests" verdict_case "$rung" requests unmapped_range bad_request harmless
		case_run "$rung/verdicts-memcg" memcg_case "$rung"
		case_run "$rung/verdicts-default" default_case "$rung"
	done
}
