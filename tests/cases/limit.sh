# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# vm.max_map_count changes during a run. These cases write it, for a second or two, and put it back. Sourced by run, after
# lib.sh and munmap.sh.

# A changed limit is seen at once, and failures after it are judged by it. Only where the machine is ours: in a guest.
limit_change() {
	limit_write $((limit - 100)) || return
	"$WORKLOADS/unmap_pages" -o "$work/changed.oracle" || return
	limit_restore
}

limit_change_part() {
	records limit_changed "$work/out" >"$work/changes"
	expect_line "$work/changes" "\"old_limit\":$limit,\"new_limit\":$((limit - 100))" || return
	"$COMPARE" "$work/changed.oracle" "$work/out" --its-processes --limit $((limit - 100)) --verdict max_map_count
}

# Bursts of failures, each with a change of the limit in its midst. The process stays below the limit that the tracer
# started with for most of the time, so that one who goes by that finds another cause. For
# 50 ms after a change a verdict may be unknown.
limit_bursts_case() {
	rung=$1
	rm -f "$work/go" "$work/over" "$work/oracle" "$work/expected"
	mkfifo "$work/go" "$work/over"
	# 400 less are 80 % of it at the least.
	[ "$limit" -ge 2000 ] || { limit_write 2000 && limit=2000; } || return
	limit_write $((limit - 400)) || { fail "vm.max_map_count cannot be written here"; return 77; }
	"$WORKLOADS/bursts" "$work/oracle" <"$work/go" >"$work/over" &
	held=$!
	exec 4>"$work/go" 5<"$work/over"
	read -r _ <&5 || fail "bursts did not get to the limit" || return
	limit_write "$limit"
	# Not with our ends of the fifos, or their end never comes.
	tracer_start -j --hook "$rung" -p "$held" 4>&- 5<&- || return
	limit_write $((limit - 400))
	echo "$limit $((limit - 400))" >"$work/expected"
	old=$((limit - 400))
	for change in -300 -350 -200 50 -50 -400; do
		echo >&4
		limit_write $((limit + change)) || return
		read -r _ <&5 || fail "bursts ended too early" || return
		echo "$old $((limit + change))" >>"$work/expected"
		old=$((limit + change))
	done
	exec 4>&-
	wait "$held" || fail "status $? of bursts" || return
	wait "$tracer"
	status=$?
	# 4: calls were missed, all of them counted.
	[ "$status" -eq 0 ] || { [ "$status" -eq 4 ] && may_miss_any "$rung"; } || fail "status $status" || return
	limit_restore
	limit_bursts_check "$rung"
}

limit_bursts_check() {
	records limit_changed "$work/out" | sed -n 's/.*"old_limit":\([0-9]*\),"new_limit":\([0-9]*\).*/\1 \2/p' >"$work/changes"
	set -- "$1" "$work/oracle" "$work/out" --verdict max_map_count --allow-unknown
	! may_miss "$1" || set -- "$@" --allow-missed
	! may_miss_others "$1" || set -- "$@" --ignore-missed
	shift
	"$COMPARE" "$@" >"$work/compared"
	status=$?
	cat "$work/compared"
	[ "$status" -eq 0 ] || return
	# It was near the limit before, and is the one that was chosen.
	story_of "$work/out" "$held" | grep -q '^[0-9]*a' || fail "not told that it is near the limit" || return
	unknown=$(sed -n 's/.*, verdict unknown \([0-9]*\).*/\1/p' "$work/compared")
	[ $((2 * ${unknown:-0})) -le "$(grep -c '^failed ' "$work/oracle")" ] || fail "too many are unknown" || return
	if head -n 1 "$work/out" | grep -q '"observation":"limit","rung":null,"kind":"poll"'; then
		# Read once a second, it shows what it finds.
		[ -s "$work/changes" ] || fail "no change is in the log"
	else
		diff "$work/expected" "$work/changes"
	fi
}

limit_cases() {
	for rung in $RUNGS; do
		case_run "$rung/limit-bursts" limit_bursts_case "$rung"
	done
}
