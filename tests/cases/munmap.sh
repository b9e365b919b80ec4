# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# The main job on each rung: what was flagged is what happened. Sourced by run, after lib.sh.

# The tracepoint rung of a kernel without mmap_lock tracepoints (5.10) reads after the lock was dropped: with threads a
# verdict may honestly be unknown there.
has_lock_tracepoint() {
	# Once for all cases: a start takes seconds in a guest. The directory of a case is in that of its runner.
	known=${CASE_RUNNER:-$work}/lock-tracepoint
	if [ ! -s "$known" ]; then
		"$VMASNOOP" --hook tracepoint -v -d 0.001 2>&1 | grep -q 'munmap: tp.* mmap_lock_released'
		echo $? >"$known"
	fi
	[ "$(cat "$known")" -eq 0 ]
}

evidence_of() {
	if [ "$1" != tracepoint ] || has_lock_tracepoint; then
		echo under_lock
	else
		echo after_unlock
	fi
}

# Where the kernel preempts itself, programs of the fentry rung are skipped while one of them is preempted: calls of many
# processes at once can be missed there. All of them must be counted. What `auto` takes there is exact.
preempts() { grep -qE '\((lazy|full)\)' /sys/kernel/debug/sched/preempt 2>/dev/null; }
may_miss() { [ "$1" = fentry ] && preempts; }
# By the tracepoint rung alone only munmap() is exact there: see docs/KERNELS.md 3 and 5.
may_miss_others() { [ "$1" = tracepoint ] && preempts; }
may_miss_any() { may_miss "$1" || may_miss_others "$1"; }

# compare_munmap RUNG ARGS...: of munmap() alone, of which none is missed where others may be.
compare_munmap() {
	rung=$1
	shift
	! may_miss_others "$rung" || set -- "$@" --ignore-missed
	"$COMPARE" "$@"
}

# expect_rung RUNG LOG: it was this rung that saw munmap().
expect_rung() {
	case $1 in
	auto) ;;
	tracepoint)
		[ "$(rung_in_log "$2" munmap)" = tracepoint ] || [ "$(rung_in_log "$2" munmap_return)" = tracepoint ] ||
			fail "not by the tracepoint rung"
		;;
	*) [ "$(rung_in_log "$2" munmap)" = "$1" ] || fail "not by the $1 rung" ;;
	esac
}

# traced_run RUNG BASE SCRIPT [OPTIONS...]: what a shell runs, which knows the directory of the workloads as $0 and that of the
# oracles as $1. The log is BASE.log, and by that rung.
traced_run() {
	rung=$1 base=$2 script=$3
	shift 3
	rm -f "$base.log" "$work"/*.oracle
	"$VMASNOOP" -j --hook "$rung" "$@" -o "$base.log" -- sh -c "$script" "$WORKLOADS" "$work" || fail "status $? of the run" || return
	expect_rung "$rung" "$base.log" || return
	[ -z "${KEEP_LOGS-}" ] || cp "$base.log" "$KEEP_LOGS/$(basename "$base")-$rung.ndjson"
}

# One line for the table of the closing note: kernel, rung, workload, threads, happened, flagged.
note_result() { echo "$(uname -r) $1 $2 $3 $4" >>"${RESULTS:-/dev/null}"; }

# Both programs with one thread and with many, and the other ways into munmap(): each page is tried by that entry and then as
# usual. Two failures of one thread with the same arguments, so that none may be taken for the other.
# shellcheck disable=SC2016
limit_script='
	for program in unmap_pages free_blocks; do
		for threads in 1 64; do
			"$0/$program" -t "$threads" -o "$1/$program-$threads.oracle" || exit
		done
	done
	for entry in compat high; do
		"$0/entries" -o "$1/$entry.oracle" "$entry" 2>"$1/$entry.err"
		echo $? >"$1/$entry.status"
	done'

limit_case() {
	rung=$1
	traced_run "$rung" "$work/limit" "$limit_script" || return
	for program in unmap_pages free_blocks; do
		for threads in 1 64; do
			part "$program/$threads" limit_part "$rung" "$program" "$threads"
		done
	done
	for entry in compat high; do
		part "$entry" entry_part "$rung" "$entry" "$work/limit.log"
	done
	part near-threads threads_story_part "$work/limit.log" "$work/unmap_pages-64.oracle"
	part whole whole_log "$rung" "$work/limit.log" "$work"/unmap_pages-*.oracle "$work"/free_blocks-*.oracle "$work"/*.expected
	# The last, since a second look runs the workload anew.
	part stack stack_part "$rung"
}

# whole_log RUNG LOG ORACLE...: nothing else is in it, and nothing was lost.
whole_log() {
	rung=$1 log=$2
	shift 2
	union_oracle "$work/whole" "$@"
	set -- "$work/whole" "$log" --limit "$limit" --verdict max_map_count
	[ "$(evidence_of "$rung")" = under_lock ] || set -- "$@" --allow-unknown
	# A call that the core's program missed was caught at the return, after the lock.
	! may_miss "$rung" || set -- "$@" --allow-unknown --allow-missed
	! may_miss_others "$rung" || set -- "$@" --ignore-missed
	"$COMPARE" "$@"
}

limit_part() {
	rung=$1 program=$2 threads=$3
	evidence=$(evidence_of "$rung")
	set -- "$work/$program-$threads.oracle" "$work/limit.log" --its-processes --limit "$limit" --verdict max_map_count
	if may_miss "$rung"; then
		set -- "$@" --allow-unknown --allow-missed
	else
		set -- "$@" --evidence "$evidence"
		[ "$evidence" = under_lock ] || [ "$threads" -eq 1 ] || set -- "$@" --allow-unknown
		! may_miss_others "$rung" || set -- "$@" --ignore-missed
	fi
	# On 5.10 a kretprobe's own stack is all there is, and at the syscall's exit there is no mm frame left.
	[ "$evidence" = after_unlock ] || [ "$rung$(uname -r | cut -d. -f1)" = kprobe5 ] || set -- "$@" --kernel-stack munmap
	"$COMPARE" "$@" >"$work/compared"
	status=$?
	cat "$work/compared"
	note_result "$rung" "$program" "$threads" "$(head -n 1 "$work/compared")"
	return "$status"
}

# The stack of workload (a) is all frame pointers: complete down to main. The names need the process to live until its
# modules are read, and it lives for some milliseconds: on a busy machine a second look may be needed.
stack_part() {
	has_stack "$1" "$work/unmap_pages-1.oracle" "$work/limit.log" && return
	for _ in 1 2; do
		# shellcheck disable=SC2016
		traced_run "$1" "$work/stack" '"$0/unmap_pages" -o "$1/stack.oracle"' || return
		has_stack "$1" "$work/stack.oracle" "$work/stack.log" && return
	done
	return 1
}

has_stack() {
	compare_munmap "$@" --its-processes --stack __munmap,unmap_every_second,main ||
		compare_munmap "$@" --its-processes --stack munmap,unmap_every_second,main
}

# ENOMEM that is no limit: a memory cgroup at its maximum. The rung without a split hook and without the lock cannot know.
shortage_part() {
	rung=$1 log=$2
	status=$(cat "$work/shortage.status")
	[ "$status" -ne 77 ] || { fail "no memory controller of cgroup v2 here"; return 77; }
	[ "$status" -eq 0 ] || fail "status $status" || return
	set -- "$work/shortage.oracle" "$log" --its-processes --verdict memcg_limit
	# It may be over by then.
	[ "$(evidence_of "$rung")" = under_lock ] || set -- "$@" --allow-unknown
	compare_munmap "$rung" "$@" || return
	[ "$rung" = tracepoint ] || records failure "$log" | grep -F "\"process\":{\"pid\":$(pid_of "$work/shortage.oracle")," | grep -q '"split_errno":"ENOMEM"' ||
		fail "no errno of a split"
}

# With -e of some errnos these are flagged and no other.
# shellcheck disable=SC2016
errno_script='"$0/bad_calls" -o "$1/bad_calls.oracle" && "$0/provoke" -o "$1/provoke.oracle" madvise_middle mprotect_middle'

errno_case() {
	rung=$1
	[ -z "${LIMIT_IS_OURS-}" ] || { limit_write 1100 && limit=1100; } || return
	traced_run "$rung" "$work/errno" "$errno_script" -e einval,eagain || return
	part bad-calls compare_munmap "$rung" "$work/bad_calls.oracle" "$work/errno.log" --its-processes --syscall munmap --errno EINVAL --verdict bad_request
	union_oracle "$work/whole" "$work"/*.oracle
	set -- "$work/whole" "$work/errno.log" --errno EINVAL,EAGAIN
	! may_miss_any "$rung" || set -- "$@" --allow-missed
	"$COMPARE" "$@"
}

munmap_cases() {
	for rung in $RUNGS; do
		case_run "$rung/limit" limit_case "$rung"
		case_in_turn "$rung" "$rung/some-errnos" errno_case "$rung"
	done
}
