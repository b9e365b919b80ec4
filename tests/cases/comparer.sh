# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# The comparers themselves: they take what is right, and nothing else. Sourced by run, after lib.sh.

# frame_json ADDR SYMBOL LINE [INLINED]: a frame of a log.
frame_json() {
	printf '{"addr":"%s","method":"cfi","module":"/usr/bin/chain","build_id":"00","offset":"0x10","symbol":"%s","symbol_offset":1,' "$1" "$2"
	printf '"file":"src/main.c","line":%s,"inlined":%s,"reason":null}' "$3" "${4:-false}"
}

nameless_json() {
	printf '{"addr":"0x50","method":"cfi","module":"/usr/lib/libc.so.6","build_id":"00","offset":"0x101a07","symbol":null,'
	printf '"symbol_offset":null,"file":null,"line":null,"inlined":false,"reason":"stripped"}'
}

made_log() {
	printf '{"event":"failure","process":{"pid":7,"tid":8},"args":{"addr":"0x1000"},'
	printf '"user_stack":{"method":"cfi","truncated":false,"repeat_of":null,"reason":null,"frames":['
	frame_json 0x10 __munmap 1
	printf ,
	frame_json 0x20 inlined_leaf 2 true
	printf ,
	frame_json 0x20 middle 3
	printf ,
	frame_json 0x30 'long deep::descend<long>(long)' 4
	printf ,
	nameless_json
	printf ,
	frame_json 0x60 _start 6
	printf ']}}\n'
}

made_chain() {
	printf 'stack\t7\t8\t0x1000\n'
	printf 'frame\t%s\t%s\t%s\t%s\n' 'munmap|__munmap' - - - inlined_leaf tests/main.c:2 0x20 inlined middle main.c:3 0x20 - \
		'long deep::descend<long>(long)' main.c:4 0x30 - '!stripped' - 0x50 -
	printf 'some\t3\nframe\t_start\t-\t-\t-\n'
}

# What strace -k shows, with the offset of a return address and less one.
made_strace() {
	printf '8     munmap(0x1000, 4096)              = -1 ENOMEM (Cannot allocate memory)\n'
	printf ' > /usr/bin/chain(%s+0x1) [0x10]\n' munmap middle descend
	printf ' > /usr/lib/libc.so.6(__libc_init_first+0x8a) [0x%s]\n' "${1:-101a06}"
	printf ' > /usr/bin/chain(_start+0x1) [0x10]\n\n'
}

# refused WHAT: the comparison must find a difference, and not fail to read.
refused() {
	"$COMPARE_STACK" "$work/made.log" --chain "$work/made.chain" >"$work/compared" 2>&1
	status=$?
	[ "$status" -eq 1 ] || { cat "$work/compared"; fail "status $status, not 1: $1"; }
}

# mutated_log WHAT SED-SCRIPT, mutated_chain likewise.
mutated_log() {
	made_chain >"$work/made.chain"
	made_log | sed "$2" >"$work/made.log"
	! made_log | cmp -s - "$work/made.log" || fail "nothing was changed: $1" || return
	refused "$1"
}
mutated_chain() {
	made_log >"$work/made.log"
	made_chain | sed "$2" >"$work/made.chain"
	! made_chain | cmp -s - "$work/made.chain" || fail "nothing was changed: $1" || return
	refused "$1"
}

comparer_accepts_case() {
	made_log >"$work/made.log"
	made_chain >"$work/made.chain"
	made_strace >"$work/made.strace"
	"$COMPARE_STACK" "$work/made.log" --chain "$work/made.chain" --strace "$work/made.strace" || return
	# It may end early where the chain is open, and says why.
	made_chain | sed '$d' >"$work/made.chain"
	echo open >>"$work/made.chain"
	sed -i 's/"reason":null,"frames"/"reason":"truncated","frames"/; s/,{"addr":"0x60".*}\]/]/' "$work/made.log"
	"$COMPARE_STACK" "$work/made.log" --chain "$work/made.chain"
}

comparer_refuses_case() {
	mutated_log 'another symbol' 's/"middle"/"riddle"/' &&
		mutated_log 'another line' 's/"line":4/"line":5/' &&
		mutated_log 'another file' 's,src/main.c,src/train.c,g' &&
		mutated_log 'another address' 's/0x30/0x31/' &&
		mutated_log 'not inlined' 's/"inlined":true/"inlined":false/' &&
		mutated_log 'inlined elsewhere' 's/0x20/0x21/' &&
		mutated_log 'no method of a frame' 's/"method":"cfi","module"/"method":null,"module"/' &&
		mutated_log 'another method of the stack' 's/"method":"cfi","trunc/"method":"mixed","trunc/' &&
		mutated_log 'neither symbol nor reason' 's/"stripped"/null/' &&
		mutated_log 'another reason' 's/"stripped"/"deadline"/' &&
		mutated_log 'no build-id' 's/"build_id":"00"/"build_id":null/g' &&
		mutated_log 'no end' 's/,{"addr":"0x60".*}\]/]/' &&
		mutated_log 'no middle' 's/{"addr":"0x30"[^}]*},//' &&
		mutated_log 'an end too many' 's/\(,{"addr":"0x60".*}\)\]/\1\1]/; s/\(.*\)_start/\1beyond/' &&
		mutated_log 'no frames' 's/"frames":.*/"frames":[]}}/' &&
		mutated_log 'another thread' 's/"tid":8/"tid":9/' &&
		mutated_log 'another call' 's/0x1000/0x2000/' &&
		mutated_log 'no failure' 's/"failure"/"run_end"/' &&
		mutated_chain 'a frame more' 's/^some.*/frame\tmain\t-\t-\t-/' &&
		mutated_chain 'too many of the runtime' '5,6d; s/^some.*/some\t0/' &&
		mutated_chain 'a reason for a symbol' 's/middle/!stripped/' || return
	made_log >"$work/made.log"
	made_strace 101a08 >"$work/made.strace"
	expect_status 1 "$COMPARE_STACK" "$work/made.log" --strace "$work/made.strace" || return
	echo nonsense >"$work/made.chain"
	expect_status 2 "$COMPARE_STACK" "$work/made.log" --chain "$work/made.chain"
}

# failure_json NUMBER ADDR VERDICT: of a log of failures, for the comparer of calls.
failure_json() {
	printf '{"event":"failure","syscall":"mmap","errno":"ENOMEM","verdict":"%s","process":{"pid":7,"tid":7},' "$3"
	printf '"args":{"addr":"%s","length":4096,"length_hex":"0x1000"},"bytes_not_released":0,"failure_number":%s}\n' "$2" "$1"
}

# failures_log VERDICT...: of calls at 0x1000, 0x2000, ...
failures_log() {
	number=0
	echo '{"event":"run_start"}'
	for verdict; do
		number=$((number + 1))
		failure_json "$number" "0x${number}000" "$verdict"
	done
	echo "{\"event\":\"run_end\",\"totals\":{\"failures\":$number,\"bytes_not_released\":0},\"lost\":{}}"
}

# failures_oracle VERDICT...: "-" where it says none.
failures_oracle() {
	number=0
	for verdict; do
		number=$((number + 1))
		echo "failed mmap 0x${number}000 4096 ENOMEM pid 7 tid 7 verdict $verdict" | sed 's/ verdict -$//'
	done
	echo "total $number failed of 9 calls, 0 bytes"
}

# compared STATUS [OPTION]: of made.oracle with made.log.
compared() {
	wanted_status=$1
	shift
	expect_status "$wanted_status" "$COMPARE" "$work/made.oracle" "$work/made.log" "$@"
}

comparer_verdicts_case() {
	failures_oracle rlimit_as overcommit - >"$work/made.oracle"
	failures_log rlimit_as overcommit rlimit_data >"$work/made.log"
	compared 0 || return
	failures_log rlimit_as rlimit_as rlimit_data >"$work/made.log"
	compared 1 && expect_line "$work/out" 'verdict rlimit_as, not overcommit: mmap 0x2000' || return
	failures_log rlimit_as unknown rlimit_data >"$work/made.log"
	compared 1 && compared 0 --allow-unknown || return
	failures_oracle rlimit_as unmapped_range bad_request >"$work/made.oracle"
	failures_log rlimit_as >"$work/made.log"
	compared 1 && compared 0 --shortages-only || return
	echo 'failed mmap 0x1000 4096 ENOMEM pid 7 tid 7 verdict' >"$work/made.oracle"
	compared 2
}

# With an oracle of one of two processes: what the other did is left out, but not its numbers and what it adds to totals.
comparer_processes_case() {
	other='3s/"pid":7/"pid":8/; 3s/"failure_number":2/"failure_number":1/'
	failures_oracle rlimit_as >"$work/made.oracle"
	failures_log rlimit_as overcommit | sed "$other" >"$work/made.log"
	compared 1 && expect_line "$work/out" 'did not happen: mmap 0x2000' && compared 0 --its-processes || return
	failures_log overcommit overcommit | sed "$other" >"$work/made.log"
	compared 1 --its-processes && expect_line "$work/out" 'verdict overcommit, not rlimit_as' || return
	failures_log rlimit_as overcommit | sed "$other; 4s/:2/:3/" >"$work/made.log"
	compared 1 --its-processes && expect_line "$work/out" '3 failures, the log has 2' || return
	failures_log rlimit_as overcommit | sed "$other; 3s/_number\":1/_number\":2/" >"$work/made.log"
	compared 1 --its-processes && expect_line "$work/out" 'failure_number 2 after 0' || return
	failures_oracle rlimit_as - - | sed '2s/ENOMEM/EINVAL/; 3s/ENOMEM/EAGAIN/' >"$work/made.oracle"
	failures_log rlimit_as overcommit | sed '3s/ENOMEM/EINVAL/' >"$work/made.log"
	compared 1 && compared 1 --errno ENOMEM && compared 1 --errno ENOMEM,EAGAIN && compared 0 --errno ENOMEM,EINVAL
}

# A case of which a part failed: the part's line says so, and what it said.
report_case() {
	CASE_PREFIX=x/ CASE_SECONDS=20 KERNEL_ONLY='' case_run parts parts_of_report >"$work/lines"
	printf 'ok x/parts/right\nnot ok x/parts/wrong: status 1\n    because\nskip x/parts/none: not here\nok x/parts (Ns)\n' >"$work/wanted"
	sed 's/([0-9]*s)/(Ns)/' "$work/lines" | diff "$work/wanted" -
}
parts_of_report() {
	part right true
	part wrong fail because
	part none no_such_part
}
no_such_part() { echo 'not here'; return 77; }

comparer_cases() {
	case_once comparer-processes comparer_processes_case
	case_once report report_case
	case_once comparer-verdicts comparer_verdicts_case
	case_once comparer-accepts comparer_accepts_case
	case_once comparer-refuses comparer_refuses_case
}
