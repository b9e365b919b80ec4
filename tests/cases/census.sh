# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# vmasnoop census: what it says of processes that know their own mappings, and of files that are damaged. Needs no tracer.
# Sourced by run, after lib.sh and input.sh.

# neighbours_start MODE...: a process with such mappings; what it says of them is in $work/said. It waits for neighbours_end.
neighbours_start() {
	rm -f "$work/go" "$work/said"
	mkfifo "$work/go" "$work/said"
	"$WORKLOADS/neighbours" "$@" <"$work/go" >"$work/said" &
	held=$!
	exec 4>"$work/go"
	: >"$work/expected"
	# To the last line that it has to say.
	while read -r line; do
		echo "$line" >>"$work/expected"
		case $line in 'reason hole '*|'count '*) break ;; esac
	done <"$work/said"
	[ -s "$work/expected" ] || fail "the workload says nothing"
}
neighbours_end() {
	exec 4>&-
	wait "$held"
}

# census_reason FILE NAME: where it holds. Runs have boundaries too, and come behind the holes.
census_reason() { sed "s/,\"holes\":.*//" "$1" | sed -n "s/.*\"reason\":\"$2\",\"count\":\([0-9]*\).*/\1/p"; }

# expect_census WHAT FOUND WANTED
expect_census() {
	[ "$2" -eq "$3" ] 2>/dev/null || { cat "$work/out"; fail "$1: '$2', and not $3"; }
}

keep_census() { [ -z "${KEEP_LOGS-}" ] || cp "$work/out" "$KEEP_LOGS/census-$1.ndjson"; }

# All mappings that the kernel allows, counted as the kernel counts them.
census_limit_case() {
	neighbours_start limit || return
	expect_status 0 "$VMASNOOP" census -j "$held" || return
	keep_census limit
	lines=$(grep -vc '\[vsyscall\]' "/proc/$held/maps")
	expect_census vma_count "$(sed -n 's/.*"vma_count":\([0-9]*\),.*/\1/p' "$work/out")" "$lines" || return
	expect_census the-workload "$(sed -n 's/^count //p' "$work/expected")" "$lines" || return
	expect_census headroom "$(sed -n 's/.*"headroom":\([0-9]*\),.*/\1/p' "$work/out")" 0 || return
	expect_status 0 "$VMASNOOP" census "$held" || return
	expect_line "$work/out" "^neighbours\[$held\]: $lines of $lines mappings used (100.0 %), 0 left" || return
	# What was saved says the same, but for whose it is.
	cat "/proc/$held/maps" >"$work/saved"
	expect_status 0 "$VMASNOOP" census -j --maps "$work/saved" --limit "$lines" || return
	expect_census saved "$(sed -n 's/.*"vma_count":\([0-9]*\),.*/\1/p' "$work/out")" "$lines" || return
	neighbours_end
}

census_reasons_case() {
	neighbours_start reasons "$work" || return
	expect_status 0 "$VMASNOOP" census -j --maps "$work/region" || return
	keep_census reasons
	while read -r what name count; do
		[ "$what" = reason ] || continue
		found=$(census_reason "$work/out" "$name")
		expect_census "$name" "${found:-0}" "$count" || return
	done <"$work/expected"
	read -r _ start end <"$work/expected"
	expect_line "$work/out" "\"runs\":\[{\"start\":\"$start\",\"end\":\"$end\",\"count\":200,.*\"looks\":\[{[^}]*\"rw-p\"[^}]*},{\"kind\":\"guard\"" || return
	expect_status 0 "$VMASNOOP" census -j "$held" || return
	expect_line "$work/out" "\"runs\":\[{\"start\":\"$start\",\"end\":\"$end\",\"count\":200," || return
	expect_status 0 "$VMASNOOP" census -j --smaps "$held" || return
	keep_census smaps
	expect_line "$work/out" '"flag":"dd","count":' || return
	expect_line "$work/out" '"count":3,"bytes":12288,"looks":\[{[^}]*"r--p","name":null}\],"boundaries":\[{"reason":"flags","count":2}\]' || return
	neighbours_end
}

# What only the kernel knows: each run by that reason alone, and nothing is left that does not show.
census_inside_case() {
	neighbours_start reasons "$work" || return
	expect_status 0 "$VMASNOOP" census -v -j "$held" || return
	keep_census inside
	if grep -q 'what maps does not show is not known' "$work/err"; then
		! has_vma_iterator || { cat "$work/err"; fail "the iterator was not read"; } || return
		wanted=$(sed -n 's/^reason not_visible //p' "$work/expected")
		[ "$(census_reason "$work/out" not_visible)" -ge "$wanted" ] || fail "what does not show is not said to be" || return
		neighbours_end
		return
	fi
	! has_reason not_visible || fail "something does not show" || return
	while read -r what name start end count; do
		[ "$what" = inside ] || continue
		expect_line "$work/out" "{\"start\":\"$start\",\"end\":\"$end\",\"count\":$count,[^]]*\],\"boundaries\":\[{\"reason\":\"$name\",\"count\":$((count - 1))}\]}" || return
	done <"$work/expected"
	# The file that was opened twice.
	expect_line "$work/out" '"perms":"r--s","name":"[^"]*/other"}\],"boundaries":\[{"reason":"different_file","count":1}\]' || return
	neighbours_end
}
has_reason() { census_reason "$work/out" "$1" | grep -q .; }
has_vma_iterator() { grep -q ' bpf_iter_task_vma$' /proc/kallsyms; }

# Of one's own process without privileges: said not to be known, and never guessed.
census_unprivileged_case() {
	setpriv --reuid 65534 true 2>/dev/null || { fail "no setpriv of util-linux here"; return 77; }
	cp "$VMASNOOP" "$WORKLOADS/neighbours" "$work/"
	chmod 755 "$work" "$work/vmasnoop" "$work/neighbours"
	mkdir -p "$work/theirs"
	chmod 777 "$work/theirs"
	# shellcheck disable=SC2016
	expect_status 0 setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all sh -c '
		mkfifo "$1/go" "$1/said" && { "$0/neighbours" reasons "$1" <"$1/go" >"$1/said" & } && held=$! && exec 4>"$1/go" &&
		while read -r line; do case $line in "reason hole "*) break ;; esac; done <"$1/said" && "$0/vmasnoop" census -v -j $held' \
		"$work" "$work/theirs" || return
	expect_line "$work/err" 'what maps does not show is not known' || return
	expect_line "$work/out" '"boundaries":\[{"reason":"not_visible","count":3}\]' || return
	! has_reason anon_vma && ! has_reason numa_policy || fail "what is not known was told" || return
	rm -rf "$work/theirs"
}

census_other_user_case() {
	setpriv --reuid 65534 true 2>/dev/null || { fail "no setpriv of util-linux here"; return 77; }
	cp "$VMASNOOP" "$work/vmasnoop"
	chmod 755 "$work" "$work/vmasnoop"
	error_case 3 'run as root or as its user' setpriv --reuid 65534 --clear-groups --inh-caps=-all "$work/vmasnoop" census "$$" || return
	# Its own, without any privilege.
	# shellcheck disable=SC2016
	expect_status 0 setpriv --reuid 65534 --clear-groups --inh-caps=-all sh -c '"$0" census -j $$' "$work/vmasnoop" || return
	expect_line "$work/out" '"event":"census"'
}

census_kernel_thread_case() {
	grep -q '(kthreadd)' /proc/2/stat || { fail "no kernel thread is seen here"; return 77; }
	error_case 1 'kernel thread' "$VMASNOOP" census 2
}

# damaged PATTERN TEXT: a maps file that is this.
damaged() {
	printf %b "$2" >"$work/damaged"
	error_case 1 "$1" "$VMASNOOP" census --maps "$work/damaged"
}

census_damaged_case() {
	good='1000-2000 rw-p 00000000 00:00 0 \n'
	damaged 'has no mappings' '' || return
	damaged "line 2 of .* is garbled" "${good}nonsense\n" || return
	damaged "line 1 of .* is garbled" '2000-1000 rw-p 00000000 00:00 0 \n' || return
	damaged "line 2 of .* was cut off" "${good}2000-3000 r--p 00000000 fe:00 12 /usr/li" || return
	damaged 'line 2 .*overlaps' "${good}1000-2000 rw-p 00000000 00:00 0 \n" || return
	damaged 'line 2 .*out of order' "3000-4000 rw-p 00000000 00:00 0 \n$good" || return
	damaged 'line 2 .*give --smaps' "${good}Size: 4 kB\n"
}

# Bytes of strangers: escapes of terminals do not get through, what is no UTF-8 is told, a newline is one again.
census_hostile_case() {
	printf '1000-2000 r--p 00000000 fe:00 12                     /tmp/\033]0;x\007a\\012b\377\n' >"$work/hostile"
	expect_status 0 "$VMASNOOP" census --maps "$work/hostile" || return
	! grep -q "$(printf '\033')" "$work/out" || fail "an escape" || return
	expect_line "$work/out" '/tmp/\\x1b\]0;x\\x07a\\x0ab\\xff' || return
	expect_status 0 "$VMASNOOP" census -j --maps "$work/hostile" || return
	keep_census hostile
	expect_line "$work/out" '"name":"/tmp/\\u001B\]0;x\\u0007a\\nb\\uFFFD","name_b64":"' || return
	expect_line "$work/out" '"vma_limit":null,"headroom":null'
}

# As many lines as the largest of processes have: one pass, little memory. The bound is generous; `make bench` measures.
census_huge_case() {
	awk 'BEGIN { for (i = 0; i < 1200000; i++) printf "7f%06x%s000-7f%06x%s000 rw-p 00000000 00:00 0 \n", i, "0", i, "1" }' >"$work/huge"
	started=$(date +%s)
	expect_status 0 "$VMASNOOP" census -j --maps "$work/huge" --limit 1200000 || return
	[ $(($(date +%s) - started)) -le 5 ] || fail "it took $(($(date +%s) - started)) s" || return
	expect_line "$work/out" '"vma_count":1200000,"vma_limit":1200000,"headroom":0,' || return
	expect_line "$work/out" '"reason":"hole","count":1199999,"alone":1199999,'
}

census_cases() {
	case_run census-limit census_limit_case
	case_run census-reasons census_reasons_case
	case_run census-inside census_inside_case
	case_once census-unprivileged census_unprivileged_case
	case_once census-other-user census_other_user_case
	case_once census-kernel-thread census_kernel_thread_case
	case_once census-gone error_case 1 'no such process' "$VMASNOOP" census "$(gone_pid)"
	case_once census-nothing error_case 2 'needs a PID' "$VMASNOOP" census
	case_once census-two error_case 2 'exclude each other' "$VMASNOOP" census 1 --maps x
	case_once census-damaged census_damaged_case
	case_once census-hostile census_hostile_case
	# Of the speed of a machine, which an emulated one does not have.
	[ -n "${LIMIT_IS_OURS-}" ] || case_once census-huge census_huge_case
}
