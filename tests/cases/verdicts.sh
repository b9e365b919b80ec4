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

# The groups of provocations, each a run of the workload with an oracle and a status of its own; and calls that look alike.
# Enough mappings for a process to count as hot, and half as many to fill, where the machine is ours.
LIMIT_ROWS='limit_map limit_change limit_mremap'
# Where it is not, each comes to the whole limit, which takes a while: all of them are met once, and one of each call twice.
limit_rows_twice=$LIMIT_ROWS
[ -n "${LIMIT_IS_OURS-}" ] || limit_rows_twice='munmap_middle mmap_fixed_middle brk_grow shmat mprotect_middle pkey_mprotect_middle
	madvise_middle mlock_middle mlock2_middle munlock_middle mremap_shrink mremap_move mremap_place'
ROOM_ROWS='rlimit_as rlimit_data rlimit_memlock overcommit no_address_space hugetlb_pool'
export LIMIT_ROWS ROOM_ROWS
# shellcheck disable=SC2016
provoke_script='
	provoke() {
		name=$1
		shift
		"$programs/provoke" -o "$oracles/$name.oracle" "$@" 2>"$oracles/$name.err"
		echo $? >"$oracles/$name.status"
	}
	programs=$0 oracles=$1
	provoke limit $LIMIT_ROWS
	provoke room $ROOM_ROWS
	provoke requests unmapped_range bad_request harmless'
# shellcheck disable=SC2016
verdict_script="$provoke_script"'
	provoke memcg memcg_limit
	"$0/shortage" -o "$1/shortage.oracle"
	echo $? >"$1/shortage.status"
	"$0/entries" -o "$1/compat.oracle" compat 2>"$1/compat.err"
	echo $? >"$1/compat.status"
	"$0/bad_calls" -o "$1/bad_calls.oracle"'
# shellcheck disable=SC2016
default_script="$provoke_script"'
	"$0/bad_calls" -o "$1/bad_calls.oracle"'

# provoked NAME: that the workload met what it must on this kernel.
provoked() {
	status=$(cat "$work/$1.status") || return
	[ "$status" -ne 77 ] || { sed -n 's/^skipped [^ ]*: //p' "$work/$1.err" | tail -n 1; return 77; }
	[ "$status" -eq 0 ] || { cat "$work/$1.err"; fail "status $status"; }
}

# verdict_part RUNG NAME TABLE LOG [OPTIONS...]: each failure is flagged, with the verdict that the oracle says.
verdict_part() {
	rung=$1 name=$2 table=$3 log=$4
	shift 4
	provoked "$name" || return
	set -- "$work/$name.oracle" "$log" --its-processes --limit "$limit" "$@"
	! may_miss_any "$rung" || set -- "$@" --allow-missed
	"$COMPARE" "$@" >"$work/compared"
	status=$?
	cat "$work/compared"
	[ -z "$table" ] || note_result "$rung" "verdicts-$table" 1 "$(head -n 1 "$work/compared")"
	return "$status"
}

# With -a every errno is flagged, whatever the hooks that see it: what one flagged no other does.
verdict_case() {
	rung=$1 doubt='' LIMIT_ROWS=$limit_rows_twice
	[ -z "${LIMIT_IS_OURS-}" ] || { limit_write 1100 && limit=1100; } || return
	traced_run "$rung" "$work/verdicts" "$verdict_script" -a || return
	# At the call's return, without the lock and without the hook on splits, the kernel's own trouble may be over.
	[ "$(evidence_of "$rung")" = under_lock ] || doubt=--allow-unknown
	for name in limit room requests; do
		part "$name" verdict_part "$rung" "$name" "$name" "$work/verdicts.log"
	done
	part memcg verdict_part "$rung" memcg memcg "$work/verdicts.log" $doubt
	part shortage shortage_part "$rung" "$work/verdicts.log"
	part compat entry_part "$rung" compat "$work/verdicts.log"
	part bad-calls bad_calls_part "$rung"
	sees_entry "$rung" compat || cp "$work/compat.expected" "$work/compat.oracle"
	sed -i 's/^failed munmap_compat /failed munmap /' "$work/compat.oracle"
	union_oracle "$work/whole" "$work"/*.oracle
	set -- "$work/whole" "$work/verdicts.log" --limit "$limit" $doubt
	! may_miss_any "$rung" || set -- "$@" --allow-missed --allow-unknown
	"$COMPARE" "$@"
}

bad_calls_part() {
	compare_munmap "$1" "$work/bad_calls.oracle" "$work/verdicts.log" --its-processes --syscall munmap || return
	heads "$work/verdicts.log" >"$work/heads"
	expect_line "$work/heads" '"syscall":"munmap","errno":"EINVAL".*"verdict":"bad_request"'
}

# The refusals of a sealed mapping and of a part of a huge page have no errno that mmap_lock_released could prove: by default
# they are counted as such, and not flagged. all_are_seen RUNG LOG ORACLE...: nothing else was lost.
all_are_seen() {
	rung=$1 log=$2
	shift 2
	unseen=$(tail -n 1 "$log" | sed -n 's/.*"errno_unseen":\([0-9]*\).*/\1/p')
	[ "${unseen:-0}" -gt 0 ] || return 0
	[ "$(rung_in_log "$log" munmap)" = tracepoint ] || fail "an errno was not seen" || return
	refused=$(cat "$@" | grep -c -e '^failed munmap .* EPERM ' -e '^failed munmap .* EINVAL .* verdict ')
	[ "$unseen" -le "$refused" ] || fail "$unseen were not seen, of $refused refusals" || return
	tail -n 1 "$log" | sed 's/"errno_unseen":[0-9]*,//' | grep -q '"lost":{"ring_full":0,"totals_full":0,"follow_full":0,"state_full":0,"slice_full":0,' ||
		fail "more was lost"
}

# What is shown without being asked for: the shortages, whatever their errno, and nothing that is wrong with the call itself.
default_case() {
	rung=$1 lost=
	# What is decided here is the same for all of them.
	[ -n "${LIMIT_IS_OURS-}" ] || LIMIT_ROWS='munmap_middle madvise_middle' ROOM_ROWS='rlimit_as rlimit_memlock'
	[ -z "${LIMIT_IS_OURS-}" ] || { limit_write 1100 && limit=1100; } || return
	traced_run "$rung" "$work/default" "$default_script" || return
	part all-are-seen all_are_seen "$rung" "$work/default.log" "$work"/*.oracle
	[ "$(rung_in_log "$work/default.log" munmap)" != tracepoint ] || lost=--allow-lost
	for name in limit room; do
		part "$name" verdict_part "$rung" "$name" '' "$work/default.log" --shortages-only $lost
	done
	part requests verdict_part "$rung" requests '' "$work/default.log" --shortages-only --expect-none $lost
	part look-alikes look_alikes_part "$rung" $lost
	grep -v -e ' EINVAL ' -e ' EPERM ' "$work/bad_calls.oracle" >"$work/bad_calls.expected"
	rm "$work/bad_calls.oracle"
	union_oracle "$work/whole" "$work"/*.oracle "$work/bad_calls.expected"
	set -- "$work/whole" "$work/default.log" --limit "$limit" --shortages-only $lost
	! may_miss_any "$rung" || set -- "$@" --allow-missed
	"$COMPARE" "$@"
}

look_alikes_part() {
	rung=$1
	shift
	compare_munmap "$rung" "$work/bad_calls.oracle" "$work/default.log" --its-processes --syscall munmap --errno ENOMEM --verdict max_map_count "$@"
}

verdict_cases() {
	for rung in $RUNGS; do
		case_run "$rung/verdicts" verdict_case "$rung"
		# What is shown of these is decided after the verdict, by the same code; but the tracepoint rung sees fewer errnos then.
		case ${KERNEL_ONLY:+guest}$rung$(uname -r) in
		guesttracepoint5.10.* | guesttracepoint6.12.*) case_run "$rung/default" default_case "$rung" ;;
		*) case_once "$rung/default" default_case "$rung" ;;
		esac
	done
}
