# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# Who made the mappings, on each rung: what each function made is known exactly, and the sum always is; and the calls before
# a failure. Sourced by run, after lib.sh, munmap.sh and near.sh.

# Nothing sees what is done under the lock: the tracepoint rung of a kernel without the lock's tracepoints.
is_watched() { [ "$1" != tracepoint ] || has_lock_tracepoint; }

# origins_run RUNG ARGS...: the workload, hot before the tracer starts; its log is $work/out, what it says of itself $work/said.
origins_run() {
	rm -f "$work/go" "$work/says" "$work/said"
	mkfifo "$work/go" "$work/says"
	"$WORKLOADS/origins" <"$work/go" >"$work/says" &
	held=$!
	exec 4>"$work/go" 5<"$work/says"
	read -r _ <&5
	rung=$1
	shift
	tracer_start -j -n origins --hook "$rung" "$@" 4>&- 5<&-
	status=$?
	if [ "$status" -eq 0 ]; then
		echo >&4
		{ read -r line <&5 && echo "$line" && read -r line <&5 && echo "$line"; } >"$work/said"
	fi
	exec 4>&- 5<&-
	wait "$held" && [ "$status" -eq 0 ] && machine_end
}

said() { sed -n "s/.*\\b$1 \\([0-9]*\\).*/\\1/p" "$work/said"; }

# record_of EVENT: the first line of that kind of the workload, its objects on lines of their own.
record_of() { records "$1" "$work/out" | grep -F "\"pid\":$held," | head -n 1 | sed 's/.*"origins":{/{/' | tr '{' '\n'; }

# number_of NAME, of the head of record_of's table.
number_of() { sed -n "s/^\"older\".*\"$1\":\\([-0-9]*\\)[,}].*/\\1/p; s/^\"$1\":\\([-0-9]*\\),.*/\\1/p" | head -n 1; }

# net_of FUNCTION [OTHER]: of all rows whose stack has it, and not the other one.
net_of() {
	awk -v wanted="\"symbol\":\"$1\"" -v other="\"symbol\":\"${2:-none}\"" '
	function finish() { if (has && !has_other) sum += net }
	/^"net":/ { finish(); split($0, field, /[:,]/); net = field[2]; has = has_other = 0 }
	index($0, wanted) { has = 1 }
	index($0, other) { has_other = 1 }
	END { finish(); print sum + 0 }'
}

expect_net() {
	got=$(net_of "$1" "${3-}" <"$work/record")
	[ "$got" = "$2" ] || { cut -c 1-160 "$work/record"; fail "$1 made $got and not $2"; }
}

# The sum over all rows, and what is not in them: expect_sum COUNT
expect_sum() {
	rows=$(awk '/^"net":/ { split($0, field, /[:,]/); sum += field[2] } END { print sum + 0 }' "$work/record")
	older=$(number_of older <"$work/record") made=$(number_of made <"$work/record") other=$(number_of other <"$work/record")
	[ "$made" -eq $((rows + other)) ] || fail "$rows and $other are not $made" || return
	[ $((older + made)) -eq "$1" ] || fail "$older and $made are not $1"
}

origins_case() {
	origins_run "$1" --recorder 64 || return
	part recorder recorder_part "$1" 64
	part splits origins_splits_part "$1"
	if ! is_watched "$1"; then
		! records origins "$work/out" || fail "origins by a rung that sees none" || return
		expect_line "$work/out" '"event":"failure".*"origins":null'
		return
	fi
	for event in failure origins; do
		record_of "$event" >"$work/record"
		[ -s "$work/record" ] || fail "no record '$event'" || return
		expect_sum "$(said full)" || return
		# What the hooks of 5.10 do not see goes to the call that comes next.
		if grep -q '"approximate":true' "$work/record"; then
			[ "$(uname -r | cut -d. -f1)" = 5 ] || fail "approximate" || return
			continue
		fi
		[ "$(number_of older <"$work/record")" = "$(said older)" ] || fail "older than the watch: $(number_of older <"$work/record") and not $(said older)" || return
		expect_net map_pages "$(said pages)" map_in_thread || return
		expect_net map_in_thread "$(said threads)" || return
		expect_net remove_pages "-$(said removed)" || return
		expect_net make_holes "$(said holes)" || return
	done
}

# ops_of: the calls before the first failure, one a line.
ops_of() {
	records failure "$work/out" | head -n 1 | sed -n 's/.*"recent_operations":\[\([^]]*\)\].*/\1/p' | tr '{' '\n' | sed '/^$/d'
}

# The last calls were holes, each of which made one mapping more, up to the limit.
recorder_case() { origins_run "$1" --recorder "$2" && recorder_part "$@"; }

recorder_part() {
	ops_of >"$work/ops"
	if [ "$2" -eq 0 ] || ! is_watched "$1"; then
		expect_line "$work/out" '"event":"failure".*"recent_operations":null'
		return
	fi
	[ "$(wc -l <"$work/ops")" -eq "$2" ] || fail "$(wc -l <"$work/ops") calls" || return
	[ "$(grep -c '"syscall":"munmap",.*"addr":"0x[0-9a-f]*","length_hex":"0x1000",' "$work/ops")" -eq "$2" ] || { cat "$work/ops"; fail "other calls"; } || return
	! sed '$d' "$work/ops" | grep -v '"delta":1,' || fail "another change" || return
	sed -n 's/.*"vma_count":\([0-9]*\).*/\1/p' "$work/ops" >"$work/counts"
	# The failing call may be the last of them, and changed nothing.
	awk -v limit="$limit" 'NR > 1 && $1 < last { exit 1 } { last = $1 } END { exit last != limit }' "$work/counts" ||
		{ tr '\n' ' ' <"$work/counts"; fail "they do not lead to the limit"; }
}

folded_case() {
	origins_run "$1" --folded "$work/folded" || return
	[ "$(sed -n 's/^origins;.*;main;do_each_part;map_pages;.* \([0-9]*\)$/\1/p' "$work/folded")" = "$(said pages)" ] ||
		{ cat "$work/folded"; fail "not as it was"; }
}

origin_cases() {
	for rung in $RUNGS; do
		case_in_turn "$rung" "$rung/origins" origins_case "$rung"
		case_once "$rung/recorder-3" recorder_case "$rung" 3
		case_once "$rung/recorder-none" recorder_case "$rung" 0
	done
	case_once origins-folded folded_case auto
}
