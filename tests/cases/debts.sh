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

# What became of each, in an order in which nothing is alive that a later one could lose.
debt_ways='silent abort status kill exec retry retry_free larger part twice fixed move vfork vfork_free threads'

# debts_case RUNG [REPLAYED]: programs that answer in all ways, one after the other below a shell that is traced; the last is
# alive when tracing ends. REPLAYED: and a capture of it all shows the same again.
debts_case() {
	rung=$1
	rm -f "$work/go" "$work/shell" "$work"/*.oracle "$work/debts.capture"
	mkfifo "$work/go" "$work/shell"
	# shellcheck disable=SC2016
	sh -c 'read -r _; for how in $1; do "$0/debts" "$how" -o "$2/$how.oracle"; done; "$0/debts" alive -o "$2/alive.oracle"' \
		"$WORKLOADS" "$debt_ways" "$work" <"$work/go" &
	held=$!
	exec 4>"$work/go"
	tracer_start -j --hook "$rung" -p "$held" ${2:+--capture "$work/debts.capture"} 4>&- || return
	echo >&4
	until [ -s "$work/alive.oracle" ]; do kill -0 "$held" || return; done
	machine_end
	status=$?
	exec 4>&-
	wait "$held" && [ "$status" -eq 0 ] || return
	{ records outcome "$work/out"; tail -n 1 "$work/out"; } >"$work/outcomes"
	expect_line "$work/outcomes" '"outcome_lost":0,' || return
	for how in $debt_ways; do
		part "$how" debt_part "$rung" "$how"
	done
	part alive alive_part "$rung"
	[ -z "${2-}" ] || part replay replay_part
}

# read_oracle HOW: into $failed, $left, $freed and $pid.
read_oracle() {
	[ -s "$work/$1.oracle" ] || fail "the workload came to nothing" || return
	read -r _ failed _ left _ pid <"$work/$1.oracle"
	freed=$((failed - left))
	[ "$failed" -gt 0 ] || fail "nothing failed"
}

# Whether calls were missed in the run: counted, or by the core's hook, of which those are not that another one saw.
may_have_missed() {
	may_miss "$1" || { may_miss_others "$1" && tail -n 1 "$work/out" | grep -q '"hook_missed":[1-9]'; }
}

# What each answer must come to; of bytes what the workload saw.
debt_part() {
	rung=$1 how=$2
	read_oracle "$how" || return
	shared=
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
		case $(outcomes_of "$work/outcomes" "$pid") in
		unknown,*) return 0 ;;
		esac
		fail "an outcome that cannot be known: $(outcomes_of "$work/outcomes" "$pid")"
		return
	fi
	# A call that was missed, of whomever, may have been one that pays: nothing is claimed then.
	if may_have_missed "$rung" && outcomes_of "$work/outcomes" "$pid" | grep -q '^unknown,'; then return 0; fi
	expect_outcomes "$work/outcomes" "$pid" "$wanted"
}

# Alive when tracing ends: what it owes is told as it stands, and the summary has it.
alive_part() {
	read_oracle alive || return
	wanted=not_freed
	# A call that a hook missed, of whomever, may have been the one that pays. Null: not all misses are counted, but some; and what
	# the core's hook missed and another one saw is not among them.
	! tail -n 1 "$work/out" | grep -q '"hook_missed":[1-9]' || wanted=unknown
	if tail -n 1 "$work/out" | grep -q '"hook_missed":null' || may_miss_any "$1"; then
		! outcomes_of "$work/outcomes" "$pid" | grep -q '^unknown,' || wanted=unknown
	fi
	expect_outcomes "$work/outcomes" "$pid" "$wanted,went_on,1,8,0,$failed,0,$left,null,null,null" || return
	expect_line "$work/outcomes" "\"debts\":{\"bytes_not_released\":[1-9].*\"outcome\":\"$wanted\""
}

# A capture shows the same again.
replay_part() {
	"$VMASNOOP" replay -j -o "$work/again.log" "$work/debts.capture" || return
	records outcome "$work/out" | sed -e 's/"exe":"[^"]*"/"exe":null/' -e 's/"cgroup":"[^"]*"/"cgroup":null/' >"$work/live"
	records outcome "$work/again.log" >"$work/again"
	[ -s "$work/live" ] || fail "no outcome" || return
	cmp "$work/live" "$work/again" || { diff "$work/live" "$work/again"; return 1; }
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

debt_cases() {
	replayed=yes
	for rung in $RUNGS; do
		case_in_turn "$rung" "$rung/debts" debts_case "$rung" $replayed
		case_once "$rung/debts-lost" lost_case "$rung"
		replayed=
	done
}
