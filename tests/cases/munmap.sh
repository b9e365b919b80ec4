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
may_miss() { [ "$1" = fentry ] && grep -qE '\((lazy|full)\)' /sys/kernel/debug/sched/preempt 2>/dev/null; }

# traced_run RUNG ORACLE-AND-LOG-BASE WORKLOAD ARGS...: as a command, with its log checked to be by that rung.
traced_run() {
	rung=$1 base=$2
	shift 2
	rm -f "$base.log" "$base.oracle"
	"$VMASNOOP" -j --hook "$rung" -o "$base.log" -- "$@" -o "$base.oracle" || fail "status $? of the run" || return
	case $rung in
	auto) ;;
	tracepoint)
		[ "$(rung_in_log "$base.log" munmap)" = tracepoint ] ||
			[ "$(rung_in_log "$base.log" munmap_return)" = tracepoint ] || fail "not by the tracepoint rung" || return
		;;
	*) [ "$(rung_in_log "$base.log" munmap)" = "$rung" ] || fail "not by the $rung rung" || return ;;
	esac
	[ -z "${KEEP_LOGS-}" ] || cp "$base.log" "$KEEP_LOGS/$(basename "$1")-$rung.ndjson"
}

# One line for the table of the closing note: kernel, rung, workload, threads, happened, flagged.
note_result() { echo "$(uname -r) $1 $2 $3 $4" >>"${RESULTS:-/dev/null}"; }

limit_case() {
	rung=$1 program=$2 threads=$3
	evidence=$(evidence_of "$rung")
	traced_run "$rung" "$work/limit" "$WORKLOADS/$program" -t "$threads" || return
	set -- "$work/limit.oracle" "$work/limit.log" --limit "$limit" --verdict max_map_count --evidence "$evidence"
	[ "$evidence" = under_lock ] || [ "$threads" -eq 1 ] || set -- "$@" --allow-unknown
	# A call that the core's program missed was caught at the return, after the lock.
	! may_miss "$rung" || set -- "$work/limit.oracle" "$work/limit.log" --limit "$limit" --verdict max_map_count --allow-unknown --allow-missed
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
stack_case() {
	for _ in 1 2 3; do
		traced_run "$1" "$work/stack" "$WORKLOADS/unmap_pages" || return
		"$COMPARE" "$work/stack.oracle" "$work/stack.log" || return
		"$COMPARE" "$work/stack.oracle" "$work/stack.log" --stack __munmap,unmap_every_second,main && return
		"$COMPARE" "$work/stack.oracle" "$work/stack.log" --stack munmap,unmap_every_second,main && return
	done
	return 1
}

# ENOMEM that is no limit: a memory cgroup at its maximum. The rung without a split hook and without the lock cannot know.
shortage_case() {
	rung=$1 verdict=kernel_memory
	fresh short
	"$VMASNOOP" -j --hook "$rung" -o "$work/short.log" -- "$WORKLOADS/shortage" -o "$work/short.oracle"
	status=$?
	[ "$status" -ne 77 ] || { fail "no memory controller of cgroup v2 here"; return 77; }
	[ "$status" -eq 0 ] || fail "status $status" || return
	[ "$(evidence_of "$rung")" = under_lock ] || verdict=unknown
	"$COMPARE" "$work/short.oracle" "$work/short.log" --verdict "$verdict" || return
	[ "$rung" = tracepoint ] || expect_line "$work/short.log" '"split_errno":"ENOMEM"'
}

# With -a every errno is flagged; by default only the shortage is, and nothing that merely looks like it.
all_errnos_case() {
	fresh all
	"$VMASNOOP" -j -a --hook "$1" -o "$work/all.log" -- "$WORKLOADS/bad_calls" -o "$work/all.oracle" || fail "status $?" || return
	"$COMPARE" "$work/all.oracle" "$work/all.log" --syscall munmap || return
	expect_line "$work/all.log" '"errno":"EINVAL".*"verdict":"bad_request"'
}

look_alike_case() {
	fresh alike
	"$VMASNOOP" -j --hook "$1" -o "$work/alike.log" -- "$WORKLOADS/bad_calls" -o "$work/alike.oracle" || fail "status $?" || return
	set -- "$work/alike.oracle" "$work/alike.log" --syscall munmap --errno ENOMEM --verdict max_map_count
	# A sealed mapping's refusal has no errno that mmap_lock_released could prove: counted as such, and not flagged.
	if tail -n 1 "$work/alike.log" | grep -q '"errno_unseen":1,'; then
		[ "$(rung_in_log "$work/alike.log" munmap)" = tracepoint ] || fail "an errno was not seen" || return
		tail -n 1 "$work/alike.log" | grep -q '"lost":{"ring_full":0,"totals_full":0,"follow_full":0,"state_full":0,' || fail "more was lost" || return
		set -- "$@" --allow-lost
	fi
	"$COMPARE" "$@"
}

errno_case() {
	fresh errno
	"$VMASNOOP" -j -e einval --hook "$1" -o "$work/errno.log" -- "$WORKLOADS/bad_calls" -o "$work/errno.oracle" || fail "status $?" || return
	"$COMPARE" "$work/errno.oracle" "$work/errno.log" --syscall munmap --errno EINVAL --verdict bad_request
}

munmap_cases() {
	for rung in $RUNGS; do
		for program in unmap_pages free_blocks; do
			for threads in 1 64; do
				case_run "$rung/$program/$threads" limit_case "$rung" "$program" "$threads"
			done
		done
		case_run "$rung/stack" stack_case "$rung"
		case_run "$rung/shortage" shortage_case "$rung"
		case_run "$rung/all-errnos" all_errnos_case "$rung"
		case_run "$rung/one-errno" errno_case "$rung"
		case_run "$rung/look-alikes" look_alike_case "$rung"
	done
}
