# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# The options that say how much is told, and for how long: what each adds or leaves out, beside a run without it. Sourced by
# run, after lib.sh.

# traced_messages FILE OPTIONS...: what the tracer itself says on stderr about a run with failures.
traced_messages() {
	file=$1
	shift
	rm -f "$work/log"
	"$VMASNOOP" "$@" -o "$work/log" -- "$WORKLOADS/unmap_pages" -o "$work/oracle" 2>"$work/err" || { cat "$work/err"; return 1; }
	expect_line "$work/log" '^  why     vm.max_map_count' || return
	sed -n '/^vmasnoop: /p' "$work/err" >"$file"
}

messages_case() {
	traced_messages "$work/quiet" -q || return
	traced_messages "$work/usual" || return
	traced_messages "$work/verbose" -v || return
	[ ! -s "$work/quiet" ] || { cat "$work/quiet"; fail "-q says something"; } || return
	for file in usual verbose; do
		expect_line "$work/$file" 'tracing munmap() through' || return
		expect_line "$work/$file" '[0-9] failures, .* not released, 0 events lost' || return
	done
	[ "$(wc -l <"$work/usual")" -eq 2 ] || { cat "$work/usual"; fail "more than its two messages"; } || return
	for observation in munmap munmap_return split fork limit; do
		expect_line "$work/verbose" "^vmasnoop: $observation: [a-z]" || return
	done
	! grep 'libbpf: ' "$work/verbose" || fail "libbpf's messages with one -v" || return
	expect_status 0 "$VMASNOOP" -vv -d 0.001 || return
	grep -q '^vmasnoop: libbpf: ' "$work/err" || fail "no message of libbpf's with -vv"
}

# Errors are told all the same.
quiet_error_case() { error_case 1 'choose another file' "$VMASNOOP" -q -o /no/such/directory/x; }

# stacks_case user|kernel: --no-NAME-stack leaves out this stack and not the other; nothing else changes.
stacks_case() {
	left_out=$1 other=kernel
	[ "$left_out" = user ] || other=user
	rm -f "$work/log"
	"$VMASNOOP" -j "--no-$left_out-stack" -o "$work/log" -- "$WORKLOADS/unmap_pages" -o "$work/oracle" || fail "status $?" || return
	"$COMPARE" "$work/oracle" "$work/log" --limit "$limit" --verdict max_map_count || return
	failures=$(grep -c '"event":"failure"' "$work/log")
	[ "$(grep -c "\"${left_out}_stack\":{[^{]*\"reason\":\"not_requested\",\"frames\":\[\]}" "$work/log")" -eq "$failures" ] ||
		fail "not every $left_out stack is empty and says why" || return
	[ "$(grep -c "\"${other}_stack\":{[^{]*\"reason\":[^{]*\"frames\":\[{" "$work/log")" -eq "$failures" ] ||
		fail "not every $other stack is there"
}

# It ends by itself, in time, complete. Where the workload took longer than that, once more with more time.
duration_case() {
	expect_status 0 "$VMASNOOP" -q -d 0.5 -n no-such-name || return
	expect_line "$work/out" '^summary after \(0\.[5-9]\|[1-9][0-9]*\.[0-9]\) s: 0 failures' || return
	for seconds in 3 10 30; do
		rm -f "$work/oracle"
		hold_workload it "$WORKLOADS/unmap_pages" -o "$work/oracle"
		# This shell as well, so that the end of the workload is not that of the run.
		tracer_start -j -d "$seconds" -p "$held,$$" || return
		release_workload it "$held" || return
		kill -0 "$tracer" && alive=yes || alive=
		wait "$tracer" || fail "status $?" || return
		[ -z "$alive" ] || break
	done
	expect_line "$work/out" "\"event\":\"run_end\".*\"duration_ns\":${seconds}[0-9]\{9\}," || return
	"$COMPARE" "$work/oracle" "$work/out" --limit "$limit" --verdict max_map_count
}

option_cases() {
	case_once messages messages_case
	case_once quiet-error quiet_error_case
	case_once no-user-stack stacks_case user
	case_once no-kernel-stack stacks_case kernel
	case_once duration duration_case
}
