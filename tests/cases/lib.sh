# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# What every case has: where the programs are, how a case is run and reported, how a tracer is started and ended.
# Sourced; POSIX sh, because the guests have busybox only. Cases never sleep: --ready-fd and fifos synchronise.

: "${VMASNOOP:?the tool}" "${WORKLOADS:?the directory of the workloads}" "${COMPARE:?the oracle checker}" "${COMPARE_STACK:?the one of stacks}"
# shellcheck disable=SC2034 # the cases use it
limit=$(cat /proc/sys/vm/max_map_count)
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

fail() { echo "$*"; return 1; }

# case_run NAME COMMAND...: one line of the report. A case's output is shown only when it failed.
case_run() {
	name=$1
	shift
	started=$(date +%s)
	"$@" >"$work/report" 2>&1
	status=$?
	took=$(($(date +%s) - started))
	if [ "$status" -eq 0 ]; then
		echo "ok $CASE_PREFIX$name (${took}s)"
	elif [ "$status" -eq 77 ]; then
		echo "skip $CASE_PREFIX$name: $(tail -n 1 "$work/report")"
	else
		echo "not ok $CASE_PREFIX$name: status $status"
		sed 's/^/    /' "$work/report" | tail -n 30
	fi
}

# Logs are appended to, so a case begins with none.
fresh() { rm -f "$work/$1.log" "$work/$1.oracle"; }

# tracer_start ARGS...: in the background, and armed when this returns. Its output is in $work/out, messages in $work/err.
tracer_start() {
	rm -f "$work/ready" "$work/out" "$work/err"
	mkfifo "$work/ready"
	"$VMASNOOP" --ready-fd 3 "$@" 3>"$work/ready" >"$work/out" 2>"$work/err" &
	tracer=$!
	read -r _ <"$work/ready" || :
	kill -0 "$tracer" 2>/dev/null || { cat "$work/err"; return 1; }
}

# tracer_end [SIGNAL]: returns its exit status.
tracer_end() {
	kill -"${1:-INT}" "$tracer"
	wait "$tracer"
}

# The rung that the log says the observation got, or "null".
rung_in_log() { sed -n "1s/.*\"observation\":\"$2\",\"rung\":\"*\([a-z]*\).*/\1/p" "$1"; }

# expect_status WANTED COMMAND...: runs it with output in $work/out and $work/err.
expect_status() {
	wanted=$1
	shift
	"$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	[ "$got" -eq "$wanted" ] || { cat "$work/err"; fail "exit status $got, not $wanted: $*"; }
}

# expect_line FILE PATTERN: and, for errors, that they are one line.
expect_line() { grep -q -e "$2" "$1" || { cat "$1"; fail "no line with '$2'"; }; }
expect_one_line() { [ "$(wc -l <"$1")" -eq 1 ] || { cat "$1"; fail "not one line"; }; }
