# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034
# What every case has: where the programs are, how a case is run and reported, how a tracer is started and ended.
# Sourced; POSIX sh, because the guests have busybox only. Cases never sleep: --ready-fd and fifos synchronise.

: "${VMASNOOP:?the tool}" "${WORKLOADS:?the directory of the workloads}" "${COMPARE:?the oracle checker}" "${COMPARE_STACK:?the one of stacks}"
limit=$(cat /proc/sys/vm/max_map_count)
case_seconds=${CASE_SECONDS:-120}
# That of a case lies in that of its runner, which is told there what to clean up if the case cannot.
work=$(mktemp -d "${CASE_RUNNER:-${TMPDIR:-/tmp}}/vmasnoop.XXXXXX") || exit 1
chmod 711 "$work"
trap 'limit_restore; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
[ -z "${CASE_RUNNER-}" ] || echo $$ >"$CASE_RUNNER/group"

# limit_write N: for a while; the end of the case puts back what there was.
limit_write() {
	[ -e "${CASE_RUNNER:-$work}/limit" ] || echo "$limit" >"${CASE_RUNNER:-$work}/limit"
	echo "$1" >/proc/sys/vm/max_map_count
}
limit_restore() {
	[ -e "${CASE_RUNNER:-$work}/limit" ] || return 0
	cat "${CASE_RUNNER:-$work}/limit" >/proc/sys/vm/max_map_count
	rm "${CASE_RUNNER:-$work}/limit"
}

fail() { echo "$*"; return 1; }

# report_line NAME STATUS FILE [SECONDS]: of a case or a part; what it said, the file, is shown only when it failed.
report_line() {
	case $2 in
	0) echo "ok $1${4:+ (${4}s)}" ;;
	77) echo "skip $1: $(tail -n 1 "$3")" ;;
	*)
		echo "not ok $1: status $2"
		sed 's/^/    /' "$3" | tail -n 30
		;;
	esac
}

# case_run NAME FUNCTION ARGS...: one line of the report, behind one of each part. It gets a shell and a session of its own,
# so that one that hangs is ended with all that it started; so is what any other leaves behind.
case_run() {
	name=$1
	shift
	rm -f "$work/group" "$work/parts"
	started=$(date +%s)
	CASE_NAME=$name CASE_RUNNER=$work timeout -k 5 "$case_seconds" setsid sh "${here:?the directory of run}/run" "$@" >"$work/report" 2>&1 </dev/null
	status=$?
	took=$(($(date +%s) - started))
	[ ! -s "$work/group" ] || kill -KILL "-$(cat "$work/group")" 2>/dev/null
	limit_restore
	# The status of timeout says less: GNU's and busybox's differ, and a case may have any.
	[ "$status" -eq 0 ] || [ "$took" -lt "$case_seconds" ] || status="$status: not done after $case_seconds s, it was ended"
	[ ! -e "$work/parts" ] || cat "$work/parts"
	report_line "$CASE_PREFIX$name" "$status" "$work/report" "$took"
}

# part NAME FUNCTION ARGS...: one of the things that a case sees in a run of the tracer, whose start takes longer than all that
# is looked at afterwards. It has a line of its own, and if it fails the case goes on.
part() {
	part_name=$1
	shift
	("$@") >"$work/part" 2>&1
	report_line "${CASE_PREFIX-}${CASE_NAME:-case}/$part_name" $? "$work/part" | {
		if [ -n "${CASE_RUNNER-}" ]; then cat >>"$CASE_RUNNER/parts"; else cat; fi
	}
}

# case_once NAME FUNCTION ARGS...: one that says nothing about the kernel.
case_once() { [ -n "${KERNEL_ONLY-}" ] || case_run "$@"; }

# case_in_turn RUNG NAME FUNCTION ARGS...: one that says more of the rung than of the kernel: in guests the fentry and the kprobe
# rung, which differ in how they are attached, take turns. Returns 1 when it is not this one's.
case_in_turn() {
	turn=$1
	shift
	case ${KERNEL_ONLY:+$turn}$(uname -r) in
	kprobe5.10.* | kprobe6.12.*) return 1 ;;
	fentry6.1.* | fentry[7-9].*) return 1 ;;
	*) case_run "$@" ;;
	esac
}

# Logs are appended to, so a case begins with none.
fresh() { rm -f "$work/$1.log" "$work/$1.oracle"; }

# union_oracle FILE ORACLE...: the failures of all workloads of a run.
union_oracle() {
	union=$1
	shift
	cat "$@" | grep -v '^total ' >"$work/union"
	echo "total $(grep -c '' "$work/union") failed of 0 calls, 0 bytes" >>"$work/union"
	mv "$work/union" "$union"
}

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

# hold_workload NAME PROGRAM ARGS...: starts a workload that waits before its exec for release_workload; its PID is $held.
hold_workload() {
	rm -f "$work/$1.go"
	mkfifo "$work/$1.go"
	# shellcheck disable=SC2016
	sh -c 'read -r _ <"$0"; shift; exec "$@"' "$work/$1.go" "$@" &
	held=$!
}

# release_workload NAME PID: and waits for its end.
release_workload() { echo >"$work/$1.go"; wait "$2"; }

# Lines of a log are long, and regular expressions of busybox slow, in an emulated machine above all: what is looked for is
# cut out first. records EVENT LOG, and of each line of the log what it begins with: what happened to whom.
records() { grep "^{\"event\":\"$1\"," "$2"; }
heads() { cut -c 1-1200 "$1"; }

# The rung that the log says the observation got, or "null".
rung_in_log() { head -n 1 "$1" | sed -n "s/.*\"observation\":\"$2\",\"rung\":\"*\([a-z]*\).*/\1/p"; }

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
