# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# What became of failures, on each rung: freed or not, by whom, and what the program did; against what it saw of its own pages.
# Sourced by run, after lib.sh and munmap.sh.

# The outcomes of a process, without who it is and the peak: a line each.
outcomes_of() {
	sed -n "/\"event\":\"outcome\".*\"process\":{\"pid\":$2,/s/.*\"container_id\":null},//p" "$1" | tr -d '"{}' |
		sed -e 's/peak_bytes_not_released:[0-9]*,//' -e 's/^outcome://' -e 's/[a-z_]*://g'
}

# expect_outcomes LOG PID WANTED: outcome,behaviour,debts,failures,retries,bytes failed,freed,left,ended_by,exit_code,exit_signal
expect_outcomes() {
	outcomes=$(outcomes_of "$1" "$2")
	[ "$outcomes" = "$3" ] || { grep -e '"outcome"' "$1" | cut -c 1-900; fail "outcomes:
$outcomes
and not:
$3"; }
}

# Without hooks under the lock (5.10) a failure of memory that others use as well may have been paid before it was seen.
sees_shared() { [ "$1" != tracepoint ] || has_lock_tracepoint; }

# debt_run RUNG HOW: in $work/debts.log, what it should be in $failed, $left and $pid.
debt_run() {
	rm -f "$work/debts.log" "$work/debts.oracle"
	"$VMASNOOP" -j --hook "$1" -o "$work/debts.log" -- "$WORKLOADS/debts" "$2" -o "$work/debts.oracle"
	status=$?
	[ -s "$work/debts.oracle" ] || fail "the workload came to nothing, status $status" || return
	read -r _ failed _ left _ pid <"$work/debts.oracle"
	expect_line "$work/debts.log" '"outcome_lost":0,'
}

# What each answer must come to; of bytes what the workload saw.
debt_case() {
	rung=$1 how=$2
	debt_run "$rung" "$how" || return
	freed=$((failed - left)) shared=
	case $how in
	silent) wanted="process_ended,went_on,1,8,0,$failed,0,$left,exit,0,null" ;;
	abort) wanted="process_ended,aborted,1,1,0,$failed,0,$left,signal,null,6" ;;
	status) wanted="process_ended,aborted,1,1,0,$failed,0,$left,exit,3,null" ;;
	kill) wanted="process_ended,null,1,1,0,$failed,0,$left,signal,null,9" ;;
	exec) wanted="process_ended,went_on,1,1,0,$failed,0,$left,exec,null,null" ;;
	retry) wanted="process_ended,retried,1,5,4,$failed,0,$left,exit,0,null" ;;
	retry_free) wanted="retried_and_freed,retried,1,5,5,$failed,$freed,0,null,null,null" ;;
	larger) wanted="freed_later,went_on,1,8,0,$failed,$freed,0,null,null,null" ;;
	part) wanted="process_ended,retried,1,1,1,$failed,$freed,$left,exit,0,null" ;;
	twice) wanted="retried_and_freed,retried,1,5,5,$((failed / 2)),$((failed / 2)),0,null,null,null
freed_later,went_on,1,1,0,$((failed / 2)),$((failed / 2)),0,null,null,null" ;;
	fixed | move) wanted="freed_later,went_on,1,1,0,$failed,$failed,0,null,null,null" ;;
	vfork) shared=1 wanted="process_ended,went_on,1,1,0,$failed,0,$left,exit,0,null" ;;
	vfork_free) shared=1 wanted="retried_and_freed,retried,1,1,1,$failed,$freed,0,null,null,null" ;;
	threads) shared=1 wanted="freed_later,retried,1,64,48,$failed,$freed,0,null,null,null" ;;
	esac
	if [ "$shared" ] && ! sees_shared "$rung"; then
		case $(outcomes_of "$work/debts.log" "$pid") in
		unknown,*) return 0 ;;
		esac
		fail "an outcome that cannot be known: $(outcomes_of "$work/debts.log" "$pid")"
		return
	fi
	expect_outcomes "$work/debts.log" "$pid" "$wanted" || return
	[ "$failed" -gt 0 ] || fail "nothing failed"
}

# Alive when tracing ends: what it owes is told as it stands, and the summary has it.
alive_case() {
	rm -f "$work/go" "$work/debts.oracle"
	mkfifo "$work/go"
	tracer_start -j --hook "$1" || return
	"$WORKLOADS/debts" alive -o "$work/debts.oracle" <"$work/go" 3>&- &
	held=$!
	exec 4>"$work/go"
	until [ -s "$work/debts.oracle" ]; do kill -0 "$held" || return; done
	machine_end
	status=$?
	exec 4>&-
	wait "$held" && [ "$status" -eq 0 ] || return
	read -r _ failed _ left _ pid <"$work/debts.oracle"
	wanted=not_freed
	# Of the whole machine: a call that a hook missed, of whomever, may have been the one that pays.
	! tail -n 1 "$work/out" | grep -q '"hook_missed":[1-9]' || wanted=unknown
	expect_outcomes "$work/out" "$pid" "$wanted,went_on,1,8,0,$failed,0,$left,null,null,null" || return
	expect_line "$work/out" "\"debts\":{\"bytes_not_released\":[1-9].*\"outcome\":\"$wanted\""
}

# What paid was lost in a flood, as was the end: counted, and nothing is claimed of what became of it.
lost_case() {
	rm -f "$work/debts.oracle"
	tracer_start -j --hook "$1" -n debts || return
	kill -STOP "$tracer"
	"$WORKLOADS/debts" flood -o "$work/debts.oracle"
	status=$?
	kill -CONT "$tracer"
	tracer_end
	ended=$?
	[ "$status" -eq 0 ] || fail "the workload: $status" || return
	[ "$ended" -eq 4 ] || fail "status $ended" || return
	read -r _ failed _ left _ pid <"$work/debts.oracle"
	[ "$left" -eq 0 ] || fail "it was not freed" || return
	expect_line "$work/out" '"outcome_lost":[1-9]' || return
	case $(outcomes_of "$work/out" "$pid") in
	unknown,*) ;;
	*) fail "$(outcomes_of "$work/out" "$pid")" ;;
	esac
}

# A capture shows the same again.
replay_case() {
	rm -f "$work/debts.log" "$work/again.log" "$work/debts.oracle" "$work/debts.capture"
	"$VMASNOOP" -j --hook "$1" --capture "$work/debts.capture" -o "$work/debts.log" -- "$WORKLOADS/debts" "$2" -o "$work/debts.oracle"
	"$VMASNOOP" replay -j -o "$work/again.log" "$work/debts.capture" || return
	grep '"event":"outcome"' "$work/debts.log" | sed -e 's/"exe":"[^"]*"/"exe":null/' -e 's/"cgroup":"[^"]*"/"cgroup":null/' >"$work/live"
	grep '"event":"outcome"' "$work/again.log" >"$work/again"
	[ -s "$work/live" ] || fail "no outcome" || return
	cmp "$work/live" "$work/again" || { cat "$work/live" "$work/again"; return 1; }
}

debt_cases() {
	for rung in $RUNGS; do
		for how in silent abort status kill exec retry retry_free larger part twice fixed move vfork vfork_free threads; do
			case_run "$rung/debts/$how" debt_case "$rung" "$how"
		done
		case_run "$rung/debts/alive" alive_case "$rung"
		case_run "$rung/debts/lost" lost_case "$rung"
	done
	for how in silent abort twice; do
		case_run "debts/replay/$how" replay_case auto "$how"
	done
}
