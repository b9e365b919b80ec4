# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# The ways to choose what is traced: everything, processes, a command with all that it forks; and the filters. Sourced by
# run, after lib.sh and munmap.sh.

# The whole machine, by what auto takes: who was near the limit before, what fails, and, where the machine is ours, what fails
# after the limit has changed.
machine_case() {
	rm -f "$work"/*.oracle
	hold_grown steady 92 4 || return
	steady=$held
	hold_grown other 83 5 || return
	other=$held
	tracer_start -j -v 4>&- 5>&-
	status=$?
	exec 4>&- 5>&-
	wait "$steady" "$other"
	[ "$status" -eq 0 ] && "$WORKLOADS/unmap_pages" -o "$work/machine.oracle" || return
	[ -z "${LIMIT_IS_OURS-}" ] || limit_change || return
	tracer_end || fail "status $?" || return
	part auto auto_part
	part near-earlier earlier_part
	part failures "$COMPARE" "$work/machine.oracle" "$work/out" --its-processes --limit "$limit" --verdict max_map_count
	[ -z "${LIMIT_IS_OURS-}" ] || part limit-change limit_change_part
	union_oracle "$work/whole" "$work"/*.oracle
	"$COMPARE" "$work/whole" "$work/out" --verdict max_map_count
}

pid_case() {
	rm -f "$work/oracle"
	hold_workload it "$WORKLOADS/free_blocks" -o "$work/oracle"
	tracer_start -j -p "$held" || return
	release_workload it "$held" || return
	# The chosen process has ended, and so does the tracer, by itself.
	wait "$tracer" || fail "status $?" || return
	"$COMPARE" "$work/oracle" "$work/out" --limit "$limit" --verdict max_map_count
}

other_pid_case() {
	rm -f "$work/oracle"
	hold_workload it "$WORKLOADS/unmap_pages" -o "$work/oracle"
	tracer_start -j -p $$ || return
	release_workload it "$held" || return
	tracer_end TERM || fail "status $?" || return
	[ "$(grep -c '"event":"failure"' "$work/out")" -eq 0 ] || fail "another process was traced"
}

# Two of three processes; the end of one of the two is not the end of the tracing.
two_pids_case() {
	for name in a b c; do
		rm -f "$work/$name.oracle"
		hold_workload "$name" "$WORKLOADS/unmap_pages" -o "$work/$name.oracle"
		eval "held_$name=$held"
	done
	tracer_start -j -p "$held_a,$held_b" || return
	release_workload a "$held_a" && release_workload c "$held_c" && release_workload b "$held_b" || return
	wait "$tracer" || fail "status $?" || return
	# One oracle: the lines of both, then a total of both.
	grep -h '^failed ' "$work/a.oracle" "$work/b.oracle" >"$work/oracle"
	grep -q '^failed ' "$work/c.oracle" || fail "the third did not fail" || return
	echo "total $(wc -l <"$work/oracle") failed of 0 calls, 0 bytes" >>"$work/oracle"
	"$COMPARE" "$work/oracle" "$work/out" --limit "$limit" --verdict max_map_count || return
	for pid in "$held_a" "$held_b"; do
		expect_line "$work/out" "\"process\":{\"pid\":$pid," || return
	done
}

# Processes that come to the limit, and others that inherit a process at the limit.
# shellcheck disable=SC2016
forks_script='"$0/forks" -n "$FORKS" -o "$1/forks.oracle" && "$0/forks" -i -n "$FORKS" -o "$1/inherit.oracle"'

forks_case() {
	traced_run "$1" "$work/forks" "$forks_script" && whole_log "$1" "$work/forks.log" "$work/forks.oracle" "$work/inherit.oracle"
}

# -p of a process whose leader has exited: it is there, and what its threads do is seen.
leaderless_pid_case() {
	rm -f "$work/go" "$work/oracle"
	mkfifo "$work/go"
	"$WORKLOADS/leaderless" -w -o "$work/oracle" <"$work/go" &
	held=$!
	exec 4>"$work/go"
	until grep -q ') Z ' "/proc/$held/stat"; do :; done
	# Not with our end of the fifo, or its end never comes.
	tracer_start -j -p "$held" 4>&- || { exec 4>&-; return 1; }
	exec 4>&-
	wait "$tracer" || fail "status $?" || return
	"$COMPARE" "$work/oracle" "$work/out" --limit "$limit" --verdict max_map_count
}

# Totals stay exact in a flood, and every failure is accounted for: shown, put together with others, or counted as lost. One
# place is asked about when a slice comes: with the 1st, 2nd, 4th ... failure.
storm_case() {
	calls=$1
	rm -f "$work/log"
	"$VMASNOOP" -j -v -o "$work/log" -- "$WORKLOADS/storm" -n "$calls" >"$work/stormed" 2>"$work/err" || fail "status $?" || return
	expect_line "$work/stormed" "^$calls of $calls failed" || return
	expect_line "$work/log" "\"totals\":{\"failures\":$calls," || return
	single=$(grep -c '^{"event":"failure",' "$work/log")
	together=$(grep '^{"event":"failure_repeat",' "$work/log" | sed 's/.*"count":\([0-9]*\),.*/\1/' | awk '{ sum += $1 } END { print sum + 0 }')
	lost=$(sed -n '$s/.*"ring_full":\([0-9]*\).*/\1/p' "$work/log")
	asked=$(sed -n 's/.*an earlier one, \([0-9]*\) asked for.*/\1/p' "$work/err")
	echo "single $single, together $together, lost $lost, asked $asked"
	[ $((single + together + lost)) -eq "$calls" ] || fail "some are not accounted for" || return
	# In a guest, where the ring is overrun, so many may not come.
	[ "$single" -le 10000 ] || [ "$together" -gt 0 ] || fail "the flood was not put together" || return
	[ "$single" -lt $((10000 + calls / 10)) ] || fail "too much of the flood was shown" || return
	[ "${asked:-999}" -le 40 ] || fail "one place was asked about again and again" || return
	if grep '^{"event":"failure"' "$work/log" | grep -Fqv '"symbol":"fail_again_and_again"'; then
		fail "a failure has no stack" || return
	fi
	[ -z "${KEEP_LOGS-}" ] || { head -n 100 "$work/log"; grep '^{"event":"failure_repeat"' "$work/log"; tail -n 1 "$work/log"; } >"$KEEP_LOGS/storm.ndjson"
}

# The end comes in time although the storm goes on. Not in a guest: QEMU's TCG runs stale code where the kernel patches a
# tracepoint in under a busy CPU, and the guest dies of the int3.
storm_end_case() {
	"$WORKLOADS/storm" -n 1000000000 >/dev/null &
	storm=$!
	timeout 20 "$VMASNOOP" -q -d 1 -n storm -o /dev/null
	status=$?
	kill "$storm"
	wait "$storm"
	[ "$status" -eq 0 ] || [ "$status" -eq 4 ] || fail "status $status: it did not end"
}

# What ends a run without a command: the number of events. And with one: SIGTERM is the command's.
max_events_machine_case() {
	rm -f "$work/oracle"
	tracer_start -j -M 2 -n unmap_pages || return
	"$WORKLOADS/unmap_pages" -o "$work/oracle" || return
	wait "$tracer" || fail "status $?" || return
	[ "$(grep -c '"event":"failure"' "$work/out")" -eq 2 ] || fail "not 2 failures"
}

terminate_case() {
	for options in '' '-d 0.01'; do
		rm -f "$work/ready"
		mkfifo "$work/ready"
		# shellcheck disable=SC2086,SC2016
		"$VMASNOOP" -q $options -o /dev/null -- sh -c 'echo >"$0"; exec tail -f /dev/null' "$work/ready" &
		tracer=$!
		read -r _ <"$work/ready"
		kill -TERM "$tracer"
		wait "$tracer"
		status=$?
		[ "$status" -eq 143 ] || fail "status $status, not 143, with '$options'" || return
	done
}

# The process lives until its first failure is in the log: its modules were read by then, and with them all names.
leaderless_case() {
	rm -f "$work/go" "$work/log" "$work/oracle"
	mkfifo "$work/go"
	"$VMASNOOP" -j -o "$work/log" -- "$WORKLOADS/leaderless" -l -o "$work/oracle" <"$work/go" &
	tracer=$!
	exec 4>"$work/go"
	until grep -q '"event":"failure"' "$work/log"; do :; done 2>"$work/err"
	exec 4>&-
	wait "$tracer" || fail "status $?" || return
	"$COMPARE" "$work/oracle" "$work/log" --limit "$limit" --verdict max_map_count --stack unmap_every_second || return
	expect_line "$work/log" '"comm":"leaderless"'
}

# filter_case HAPPENS|NOT OPTIONS...: the whole machine, filtered.
filter_case() {
	rm -f "$work/oracle"
	expected=$1
	shift
	tracer_start -j "$@" || return
	"$WORKLOADS/unmap_pages" -o "$work/oracle" || return
	tracer_end || fail "status $?" || return
	if [ "$expected" = happens ]; then
		"$COMPARE" "$work/oracle" "$work/out"
	else
		[ "$(grep -c '"event":"failure"' "$work/out")" -eq 0 ] || fail "the filter let it pass"
	fi
}

# The cgroup v2 mount: /sys/fs/cgroup, or below it beside v1.
cgroup2_mount() { awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts; }

cgroup_run() {
	mkdir -p "$mount/vmasnoop-in/below" || return
	tracer_start -j --cgroup /vmasnoop-in || return
	"$WORKLOADS/unmap_pages" -o "$work/outside" || return
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$0/cgroup.procs"; exec "$@"' "$mount/vmasnoop-in/below" "$WORKLOADS/unmap_pages" -o "$work/oracle" || return
	tracer_end || fail "status $?" || return
	rmdir "$mount/vmasnoop-in/below" "$mount/vmasnoop-in"
	"$COMPARE" "$work/oracle" "$work/out"
}

# The cgroup's name, too, needs the process to live until it is read: see stack_case.
cgroup_case() {
	mount=$(cgroup2_mount)
	[ -n "$mount" ] || { fail "no cgroup v2"; return 77; }
	# With a small limit it lives too short.
	[ -z "${LIMIT_IS_OURS-}" ] || limit_write 20000 || return
	for _ in 1 2 3; do
		cgroup_run || return
		grep -q '"cgroup":"/vmasnoop-in/below"' "$work/out" && return
	done
	fail "the log does not name the cgroup"
}

# What each filter lets pass and what it does not, in one run: of four that differ from what is wanted in one thing at most,
# and of two that were near the limit before. See the cases of each filter.
filters_case() {
	mount=$(cgroup2_mount)
	[ -n "$mount" ] || { fail "no cgroup v2"; return 77; }
	limit_write 6000 && limit=6000 || return
	mkdir -p "$work/failing" "$mount/vmasnoop-in/below" || return
	cp "$WORKLOADS/unmap_pages" "$work/failing/steady"
	chmod 755 "$work" "$work/failing/steady"
	for _ in 1 2 3; do
		filters_run || return
		grep -q '"event":"failure".*"cgroup":"/vmasnoop-in/below"' "$work/out" && break
	done
	rmdir "$mount/vmasnoop-in/below" "$mount/vmasnoop-in"
	expect_line "$work/out" '"event":"failure".*"cgroup":"/vmasnoop-in/below"' || return
	"$COMPARE" "$work/wanted.oracle" "$work/out" --limit "$limit" --verdict max_map_count || return
	expect_story "$work/out" "$steady" 91a && expect_story "$work/out" "$other" ''
}

filters_run() {
	hold_grown steady 92 4 || return
	steady=$held
	hold_grown other 92 5 || return
	other=$held
	for held in "$steady" "$other"; do echo "$held" >"$mount/vmasnoop-in/below/cgroup.procs" || return; done
	tracer_start -j -n steady -u 0 --warn 91 --cgroup /vmasnoop-in 4>&- 5>&-
	status=$?
	exec 4>&- 5>&-
	wait "$steady" "$other"
	[ "$status" -eq 0 ] || return
	"$work/failing/steady" >"$work/outside.oracle" || return
	# shellcheck disable=SC2016
	sh -c 'echo $$ >"$1/cgroup.procs" && "$2/unmap_pages" >"$0/comm.oracle" &&
		start-stop-daemon -S -c 12345 -x "$0/failing/steady" >"$0/uid.oracle" && exec "$0/failing/steady" -o "$0/wanted.oracle"' \
		"$work" "$mount/vmasnoop-in/below" "$WORKLOADS" || return
	tracer_end || fail "status $?" || return
	for unwanted in outside comm uid; do
		grep -q '^failed ' "$work/$unwanted.oracle" || fail "$unwanted did not fail" || return
	done
}

max_events_case() {
	rm -f "$work/log" "$work/oracle"
	"$VMASNOOP" -j -M 3 -o "$work/log" -- "$WORKLOADS/unmap_pages" -o "$work/oracle" || fail "status $?" || return
	[ "$(grep -c '"event":"failure"' "$work/log")" -eq 3 ] || fail "not 3 failures"
}

capture_case() {
	rm -f "$work/log" "$work/oracle"
	"$VMASNOOP" -j --capture "$work/capture" -o "$work/log" -- "$WORKLOADS/unmap_pages" -o "$work/oracle" || fail "status $?" || return
	"$VMASNOOP" replay "$work/capture" -j >"$work/replayed" || fail "status $? of the replay" || return
	"$COMPARE" "$work/oracle" "$work/replayed" --verdict max_map_count || return
	# What does not come from /proc or from files is the same, to the last byte.
	for log in "$work/log" "$work/replayed"; do
		sed -n 's/"exe":[^,]*,/"exe":null,/; s/"cgroup":[^,]*,/"cgroup":null,/; s/,"user_stack":.*//; /"failure"/p' "$log" >"$log.bare"
	done
	cmp "$work/log.bare" "$work/replayed.bare"
}

# What auto takes is one of the rungs, but where the kernel preempts itself: there it is a mix that no rung has.
auto_run() { if preempts; then case_run "$@"; else case_once "$@"; fi; }

mode_cases() {
	case_run machine machine_case
	# That a process can be chosen each kernel shows in limit-bursts and debts.
	case_once pid pid_case
	case_once other-pid other_pid_case
	case_once two-pids two_pids_case
	auto_run auto/forks forks_case auto
	for rung in $RUNGS; do
		case_in_turn "$rung" "$rung/forks" forks_case "$rung"
	done
	case_once leaderless leaderless_case
	case_once leaderless-pid leaderless_pid_case
	if [ -n "${LIMIT_IS_OURS-}" ]; then
		auto_run storm storm_case 6000
	else
		case_run storm storm_case 300000
		case_run storm-end storm_end_case
	fi
	case_once max-events-machine max_events_machine_case
	case_once terminate terminate_case
	case_once comm filter_case happens -n unmap_pages
	case_once other-comm filter_case not -n unmap_page
	case_once uid filter_case happens -u 0
	case_once other-uid filter_case not -u 12345
	case_once cgroup cgroup_case
	# Each of these by itself, and all at once.
	[ -z "${LIMIT_IS_OURS-}" ] || case_run filters filters_case
	case_once max-events max_events_case
	case_once capture capture_case
}
