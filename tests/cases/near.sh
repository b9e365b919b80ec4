# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# The warning before the failure, on each rung: in time, once for each crossing, and for those who were there before.
# Sourced by run, after lib.sh and munmap.sh.

# What is in the log of a process, in its order, as words: thresholds (an "a" behind one that was there already) and "failure".
story_of() {
	heads "$1" | grep -e "\"process\":{\"pid\":$2," |
		sed -n -e 's/^{"event":"near_limit".*"threshold_percent":\([0-9]*\).*"already":\([tf]\).*/\1\2/p' \
			-e 's/^{"event":"\(failure\)".*/\1/p' | sed -e 's/f$//' -e 's/t$/a/' | tr '\n' ' ' | sed 's/ $//'
}

# expect_story LOG PID WANTED
expect_story() {
	story=$(story_of "$1" "$2")
	[ "$story" = "$3" ] || { grep '"event":"near_limit"' "$1" | cut -c 1-400; fail "'$story' and not '$3'"; }
}

pid_of() { sed -n 's/^failed .* pid \([0-9]*\) .*/\1/p' "$1" | head -n 1; }

# sees_growth RUNG HOW: whether the rung sees it before the failing call itself.
sees_growth() { [ "$1" != tracepoint ] || [ "$2" = munmap ] || has_lock_tracepoint; }

# Of the whole machine: misses of a kretprobe may be counted, of calls of others.
machine_end() {
	tracer_end
	status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 4 ] || fail "status $status"
}

# From a few mappings to the limit by one kind of call, in some 100 ms or less, then one failure and the end; by each kind.
growth_ways='mmap mprotect madvise munmap'

# shellcheck disable=SC2016
growth_script='for how in mmap mprotect madvise munmap; do "$0/grow" "$how" -o "$1/$how.oracle" || exit; done'

growth_case() {
	rung=$1
	traced_run "$rung" "$work/near" "$growth_script" || return
	union_oracle "$work/all" "$work"/*.oracle
	set -- "$work/all" "$work/near.log" --verdict max_map_count
	! may_miss_any "$rung" || set -- "$@" --allow-missed
	"$COMPARE" "$@" || return
	mv "$work/near.log" "$work/out"
	for how in $growth_ways; do
		part "$how" growth_part "$rung" "$how"
	done
	# Where a program is skipped because it is preempted, a mapping is seen with a later one: not asked of each kernel.
	[ -n "${KERNEL_ONLY-}" ] || ! sees_growth "$rung" mmap || part exact exact_part
}

growth_part() {
	# The call that did not grow it any further, and the munmap() after it, which is the same where it grows by that.
	failures='failure failure'
	[ "$2" != munmap ] || failures=failure
	if sees_growth "$1" "$2"; then
		expect_story "$work/out" "$(pid_of "$work/$2.oracle")" "80 90 95 $failures"
	else
		expect_story "$work/out" "$(pid_of "$work/$2.oracle")" 'failure 95 failure'
	fi
}

# The counts are those of the thresholds: of these the first that the process came to.
exact_part() {
	records near_limit "$work/out" | grep -F "\"process\":{\"pid\":$(pid_of "$work/mmap.oracle")," >"$work/near"
	for percent in 80 90 95; do
		count=$(sed -n "s/.*\"threshold_percent\":$percent,\"vma_count\":\([0-9]*\),.*/\1/p" "$work/near")
		# One mmap() is seen for one mapping.
		[ "$count" -ge $(((limit * percent + 99) / 100)) ] && [ "$count" -le $(((limit * percent + 99) / 100 + 2)) ] ||
			fail "$percent % at $count of $limit" || return
	done
	! grep -e '"mappings_per_second":\(null\|0\|-\)' "$work/near" || fail "no rate"
}

# Many threads come to a threshold at once, and a munmap() that succeeded is seen after it dropped the lock.
threads_story_part() {
	story=$(story_of "$1" "$(pid_of "$2")" | sed 's/ failure//g')
	[ "$story" = '80 90 95' ] || fail "'$story'"
}

# Around a threshold: told once, and anew each time after it was 5 points below. One mapping below the threshold: not told.
hover_case() {
	tracer_start -j --hook "$1" --warn 85 || return
	"$WORKLOADS/grow" mmap -p 86 -s 20 -d 3 &
	hovers=$!
	"$WORKLOADS/grow" mmap -p 86 -s 3 -d 7 &
	returns=$!
	"$WORKLOADS/grow" mmap -p 85 -b &
	below=$!
	wait "$hovers" && wait "$returns" && wait "$below" || return
	machine_end || return
	expect_story "$work/out" "$hovers" 85 && expect_story "$work/out" "$returns" '85 85 85 85' || return
	expect_story "$work/out" "$below" '' && expect_line "$work/out" '"totals":{.*"near_limit":5[,}]'
}

no_warning_case() {
	rm -f "$work/oracle"
	tracer_start -j --hook "$1" --warn none || return
	"$WORKLOADS/grow" mmap -o "$work/oracle" || return
	machine_end || return
	expect_story "$work/out" "$(pid_of "$work/oracle")" 'failure failure'
}

# Of the whole machine the returns of calls other than munmap() are looked at from the first hot process on. Who comes to the
# limit before user space has done so, which is stopped here, may have failed there unseen: that is counted, and said.
unseen_case() {
	rm -f "$work/oracle"
	tracer_start --hook tracepoint -o "$work/log" -j || return
	kill -STOP "$tracer"
	"$WORKLOADS/grow" mmap -o "$work/oracle"
	status=$?
	kill -CONT "$tracer"
	[ "$status" -eq 0 ] || return
	tracer_end
	status=$?
	[ "$status" -eq 4 ] || fail "status $status and not 4" || return
	expect_line "$work/err" ' 1 events lost$' || return
	expect_line "$work/log" '"event":"run_end".*"calls_unseen":1,' || return
	expect_story "$work/log" "$(pid_of "$work/oracle")" '80 90 95 failure'
}

# hold_grown NAME PERCENT: a process of that name that stays at so many percent of the limit; its PID is $held.
hold_grown() {
	rm -f "$work/$1" "$work/$1.go" "$work/$1.there"
	mkfifo "$work/$1.go" "$work/$1.there"
	cp "$WORKLOADS/grow" "$work/$1"
	"$work/$1" mmap -p "$2" -w <"$work/$1.go" >"$work/$1.there" &
	held=$!
	echo "$held" >"$work/$1.pid"
	# Open for as long as it is to stay; the reader is there first.
	eval "exec $3>\"\$work/\$1.go\""
	read -r _ <"$work/$1.there"
}

# Of the two of machine_case, which ended before anything else happened.
earlier_part() { expect_story "$work/out" "$steady" 90a && expect_story "$work/out" "$other" 80a; }

# Two that are there before: told at once, by the highest threshold, and only those that the filters want.
earlier_case() {
	hold_grown steady 92 4 || return
	hold_grown other 83 5 || return
	steady=$(cat "$work/steady.pid") other=$(cat "$work/other.pid")
	status=0
	earlier_checks || status=1
	exec 4>&- 5>&-
	wait "$steady" "$other"
	return "$status"
}

earlier_checks() {
	tracer_start -j 4>&- 5>&- && tracer_end || return
	expect_story "$work/out" "$steady" 90a && expect_story "$work/out" "$other" 80a || return
	tracer_start -j -n steady 4>&- 5>&- && tracer_end || return
	expect_story "$work/out" "$steady" 90a && expect_story "$work/out" "$other" '' || return
	tracer_start -j -p "$other" 4>&- 5>&- && tracer_end || return
	expect_story "$work/out" "$steady" '' && expect_story "$work/out" "$other" 80a || return
	tracer_start -j -u 12345 4>&- 5>&- && tracer_end || return
	expect_story "$work/out" "$steady" '' && expect_story "$work/out" "$other" '' || return
	tracer_start -j -u 0 --warn 91 4>&- 5>&- && tracer_end || return
	expect_story "$work/out" "$steady" 91a && expect_story "$work/out" "$other" '' || return
	earlier_cgroup_check
}

# One of the two in a cgroup of its own, below the one that is asked for.
earlier_cgroup_check() {
	root=$(sed -n 's/^[^ ]* \([^ ]*\) cgroup2 .*/\1/p' /proc/mounts | head -n 1)
	[ -n "$root" ] && mkdir -p "$root/near-test/below" 2>/dev/null || return 0
	echo "$steady" >"$root/near-test/below/cgroup.procs" || return
	tracer_start -j --cgroup "$root/near-test" 4>&- 5>&- && tracer_end
	status=$?
	sed -n 's/^0:://p' "/proc/$$/cgroup" >"$work/home"
	echo "$steady" >"$root/$(cat "$work/home")/cgroup.procs"
	rmdir "$root/near-test/below" "$root/near-test"
	[ "$status" -eq 0 ] && expect_story "$work/out" "$steady" 90a && expect_story "$work/out" "$other" ''
}

near_text_case() {
	rm -f "$work/oracle"
	expect_status 0 "$VMASNOOP" -- "$WORKLOADS/grow" munmap -o "$work/oracle" || return
	expect_line "$work/out" "^[0-9:.]*  grow\[[0-9]*\]  near the limit: [0-9]* of $limit mappings (80 %), +[0-9]*/s, limit in [0-9.e+-]* s$" || return
	expect_line "$work/out" "^  near    3 warnings; nearest came grow\[[0-9]*\], with [0-9]* of $limit mappings$"
}

# Which call grows a process differs by rung and kernel; what becomes of the count does not. Threads: see limit_case.
near_cases() {
	for rung in $RUNGS; do
		case_run "$rung/near" growth_case "$rung"
		! sees_growth "$rung" mmap || case_once "$rung/near-hover" hover_case "$rung"
		case_once "$rung/near-none" no_warning_case "$rung"
	done
	case_once near-unseen unseen_case
	case_once near-earlier earlier_case
	case_once near-text near_text_case
}
