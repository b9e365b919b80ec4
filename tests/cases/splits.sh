# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# Who splits mappings, on each rung: exactly where the split itself is seen, and elsewhere at least as many as the number of
# mappings shows. Sourced by run, after lib.sh, near.sh and origins.sh.

# splits_run RUNG HOW ARGS...: the workload; the log is $work/out, what it says of itself $work/said.
splits_run() {
	rung=$1 how=$2
	shift 2
	rm -f "$work/go" "$work/says" "$work/said"
	mkfifo "$work/go" "$work/says"
	"$WORKLOADS/splits" "$how" <"$work/go" >"$work/says" &
	held=$!
	exec 4>"$work/go" 5<"$work/says"
	read -r _ <&5
	tracer_start -j -p "$held" --hook "$rung" "$@" 4>&- 5<&-
	status=$?
	if [ "$status" -eq 0 ]; then
		echo >&4
		cat <&5 >"$work/said"
	fi
	exec 4>&- 5<&-
	wait "$held" || fail "the workload" || return
	# All that it follows have ended: it ends by itself, or is told to.
	[ "$status" -eq 0 ] || return
	wait "$tracer"
	status=$?
	[ "$status" -eq 0 ] || { cat "$work/err"; fail "status $status"; }
}

# said_of CALL COLUMN
said_of() { awk -v call="$1" -v column="$2" '$1 == "split" && $2 == call { sum += $column } END { print sum + 0 }' "$work/said"; }

# counted CALL INFERRED: what the summary has of the workload.
counted() { tail -n 1 "$work/out" | tr '{' '\n' | sed -n "s/^\"pid\":$held,.*\"cause\":\"$1\",\"count\":\([0-9]*\),\"inferred\":$2}.*/\1/p"; }

# streamed CALL: the sum over its records.
streamed() { records split "$work/out" | sed -n "s/.*\"pid\":$held,.*\"cause\":\"$1\",\"splits\":\([0-9]*\),.*/\1/p" | awk '{ sum += $1 } END { print sum + 0 }'; }

split_calls='munmap mprotect madvise mlock mmap mremap'

# expect_splits COLUMN INFERRED STREAMED: the counts of all calls, as it says, and as streamed, if they were.
expect_splits() {
	for call in $split_calls; do
		wanted=$(said_of "$call" "$1")
		[ "$(counted "$call" "$2")" = "$wanted" ] || { tail -n 1 "$work/out"; fail "$(counted "$call" "$2") by $call and not $wanted"; } || return
		[ -z "$3" ] || [ "$(streamed "$call")" = "$wanted" ] || fail "$(streamed "$call") records of $call and not $wanted" || return
	done
	[ -z "$(counted munmap "$4")" ] || fail "both seen and inferred"
}

# Two halves of each mapping, which are all of it; and one that the workload knows.
expect_halves() {
	address='0x[0-9a-f]*'
	records split "$work/out" >"$work/splits"
	sed "/\"addr\":\"\($address\)\",\"before\":{\"start\":\"\($address\)\",\"end\":\"\($address\)\"},\"after\":\[{\"start\":\"\2\",\"end\":\"\1\"},{\"start\":\"\1\",\"end\":\"\3\"}\],\"vma_count\":[1-9][0-9]*,\"inferred\":false}/d" "$work/splits" >"$work/others"
	[ ! -s "$work/others" ] || { head -n 3 "$work/others"; fail "not two halves"; } || return
	# shellcheck disable=SC2046
	set -- $(sed -n 's/^head //p' "$work/said")
	expect_line "$work/splits" "\"cause\":\"mprotect\",\"splits\":1,\"addr\":\"$2\",\"before\":{\"start\":\"$1\",\"end\":\"$3\"}"
}

# Whether this rung sees the splits themselves.
splits_exact() { [ "$1" = fentry ] || [ "$1" = kprobe ]; }

splits_case() {
	splits_run "$1" few --splits || return
	if splits_exact "$1"; then
		expect_splits 3 false streamed true && expect_halves || return
	elif is_watched "$1"; then
		expect_splits 4 true streamed false || return
		! records split "$work/out" | grep -v '"addr":null,"before":null,"after":null,.*"inferred":true}$' || fail "not inferred"
	else
		expect_line "$work/out" '"totals":{.*"splits":0}' && expect_line "$work/err" 'splits are not seen'
	fi
}

# Of those that have many mappings they are counted without being asked for; of others nothing is.
splits_hot_case() {
	splits_run "$1" hot || return
	! records split "$work/out" || fail "records that nobody asked for" || return
	if splits_exact "$1"; then
		expect_splits 3 false '' true
	elif is_watched "$1"; then
		expect_splits 4 true '' false
	fi
}

# In the run of origins_case: each hole that the workload made since is two splits, of which the number of mappings shows one.
# But for a few: the C library maps as well.
origins_splits_part() {
	inferred=true
	! splits_exact "$1" || inferred=false
	is_watched "$1" || splits_exact "$1" || return 0
	wanted=$(($(said holes) + $(said full) - $(said count))) got=$(counted munmap $inferred)
	! splits_exact "$1" || wanted=$((2 * wanted))
	off=$((${got:-0} - wanted))
	[ "${off#-}" -le 4 ] || fail "$got by munmap and not $wanted"
}

splits_few_case() {
	splits_run "$1" few || return
	expect_line "$work/out" '"totals":{.*"splits":0}'
}

splits_cases() {
	for rung in $RUNGS; do
		case_in_turn "$rung" "$rung/splits" splits_case "$rung"
		case_once "$rung/splits-hot" splits_hot_case "$rung"
		case_once "$rung/splits-few" splits_few_case "$rung"
	done
}
