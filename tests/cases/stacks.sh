# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# User stacks: from the failing call to where the program began, by programs that know their own chain of calls and are gone
# within milliseconds. And what goes wrong around them: a symbolizer that dies or hangs, memory that no log may show. Sourced
# by run, after lib.sh and munmap.sh.

chains=$WORKLOADS/chain
munmap_frame='munmap|__munmap|__GI___munmap|__GI_munmap'

# compare_chain LOG ORACLE
compare_chain() {
	[ -z "${KEEP_LOGS-}" ] || cp "$1" "$KEEP_LOGS/$(echo "$name" | tr / -).ndjson"
	"$COMPARE_STACK" "$1" --chain "$2"
}

# chain_case RUNG PROGRAM ARGS...: names need the process to live until its modules are read, and it lives for some
# milliseconds: on a busy machine a second look may be needed, and the log says that it came too late.
chain_case() {
	rung=$1 program=$2
	shift 2
	for _ in 1 2 3; do
		fresh chain
		"$VMASNOOP" -j --hook "$rung" -o "$work/chain.log" -- "$program" -o "$work/chain.oracle" "$@" || fail "status $?" || return
		compare_chain "$work/chain.log" "$work/chain.oracle" && return
		grep -q '"reason":"\(process_gone\|no_module\)"' "$work/chain.log" || return 1
	done
	return 1
}

library_case() {
	chain_case auto "$chains/chain" -l "$chains/late.so" "$1" || return
	expect_line "$work/chain.log" '"module":"[^"]*/late.so"'
}

jit_case() {
	chain_case auto "$chains/chain" jit
	status=$?
	rm -f "/tmp/perf-$(sed -n 's/^stack\t\([0-9]*\).*/\1/p' "$work/chain.oracle").map"
	return "$status"
}

# The program's file is gone, or another program is in its place, long before the failure.
deleted_case() {
	cp "$chains/chain" "$work/deleted"
	chain_case auto "$work/deleted" -u plain
}

replaced_case() {
	cp "$chains/chain" "$work/replaced"
	cp "$chains/chain_static" "$work/replacement"
	chain_case auto "$work/replaced" -r "$work/replacement" plain
}

# A stack of which less was copied than is needed, and in which no frame pointers lead on, says so.
truncated_case() {
	fresh chain
	"$VMASNOOP" -j --stack-bytes 4K -o "$work/chain.log" -- "$chains/deep" -o "$work/chain.oracle" || fail "status $?" || return
	expect_line "$work/chain.log" '"truncated":true,"repeat_of":null,"reason":"truncated"'
	! "$COMPARE_STACK" "$work/chain.log" --chain "$work/chain.oracle" >/dev/null || fail "the whole chain is there"
}

# The process lives on as another program.
exec_case() { chain_case auto "$chains/chain" -x /bin/true plain; }

# What has to be known of each kernel, in one run: the ways of 32-bit programs into it and, once, those of signals and
# threads, and of workloads that do not write their chain: see pages_case and free_case.
# shellcheck disable=SC2016
kernel_chains_script='
	for how in $CHAINS; do
		"$0/chain/chain" -o "$1/$how.oracle" "$how" || exit
	done
	[ "$CHAINS" = plain ] || { "$0/unmap_pages" -o "$1/pages.oracle" && "$0/free_blocks" -o "$1/free.oracle"; } || exit
	if [ -n "$COMPAT" ]; then
		"$0/chain/chain_32" -o "$1/compat.oracle" plain
	fi'

# rung_chains_case RUNG CHAINS: names need the process to live until its modules are read: see chain_case.
rung_chains_case() {
	rung=$1 CHAINS=$2 COMPAT='' fit=''
	# Through the vDSO and by frame pointers only. The tracepoint of the syscall's exit does not see these.
	if [ "$(evidence_of "$rung")" = under_lock ]; then
		"$chains/chain_32" >/dev/null 2>&1
		if [ $? -eq 2 ]; then COMPAT=yes; else part 32-bit no_compat; fi
	fi
	export CHAINS COMPAT
	for _ in 1 2 3; do
		traced_run "$rung" "$work/chains" "$kernel_chains_script" || return
		compare_kernel_chains >"$work/compared" && fit=yes && break
		cat "$work/compared"
		grep -q '"reason":"\(process_gone\|no_module\)"' "$work/chains.log" || return 1
	done
	[ -n "$fit" ] || return
	heads "$work/chains.log" >"$work/heads"
	[ -z "$COMPAT" ] || part 32-bit expect_line "$work/heads" '"compat":true,"process"'
	[ "$CHAINS" != plain ] || return 0
	part advice-glibc advice_glibc_part "$work/chains.log" "$(pid_of "$work/free.oracle")"
	part advice-program advice_program_part "$work/chains.log" "$(pid_of "$work/pages.oracle")"
	compare_munmap "$rung" "$work/free.oracle" "$work/chains.log" --its-processes --verdict max_map_count
}

no_compat() { fail "this kernel runs no 32-bit programs"; return 77; }

compare_kernel_chains() {
	set -- "$work/chains.log"
	if [ "$CHAINS" != plain ]; then
		pages_frames "$(pid_of "$work/pages.oracle")" >"$work/known"
		free_frames 1 "$(pid_of "$work/free.oracle")" >>"$work/known"
		set -- "$@" --chain "$work/known"
	fi
	for how in $CHAINS ${COMPAT:+compat}; do
		set -- "$@" --chain "$work/$how.oracle"
	done
	"$COMPARE_STACK" "$@"
}

# known_case PROGRAM ARGS...: a workload that does not write its chain, which is in $work/known.
known_case() {
	program=$1
	shift
	fresh chain
	"$VMASNOOP" -j -o "$work/chain.log" -- "$WORKLOADS/$program" -o "$work/chain.oracle" "$@" || fail "status $?" || return
	"$COMPARE" "$work/chain.oracle" "$work/chain.log" --verdict max_map_count || return
	compare_chain "$work/chain.log" "$work/known"
}

# frame_lines SYMBOLS...: a number is that many frames of the runtime at most.
frame_lines() {
	for symbols; do
		case $symbols in
		[0-9]) printf 'some\t%s\n' "$symbols" ;;
		*) printf 'frame\t%s\t-\t-\t-\n' "$symbols" ;;
		esac
	done
}

# pages_frames [PID]
pages_frames() {
	printf 'stack\t%s\t-\t-\n' "${1:--}"
	frame_lines "$munmap_frame" unmap_every_second unmap_pages 2 main 3 _start
}

pages_case() {
	pages_frames >"$work/known"
	known_case unmap_pages
}

# free_frames THREADS [PID]
free_frames() {
	printf 'stack\t%s\t-\t-\n' "${2:--}"
	frame_lines "$munmap_frame" 2 'free|cfree|__libc_free|__GI___libc_free' free_every_second
	if [ "$1" -eq 1 ]; then
		frame_lines 2 main 3 _start
	else
		frame_lines work_in_thread 'start_thread|!stripped' 'clone3|__clone3|__GI___clone3|clone|__clone|!stripped'
	fi
}

free_case() {
	free_frames "$1" >"$work/known"
	known_case free_blocks -t "$1"
}

# ---- a root of its own ----

# with_libraries ROOT PROGRAM PATH: PROGRAM as PATH below ROOT, and what it needs.
with_libraries() {
	mkdir -p "$1${3%/*}" "$1/proc" "$1/old"
	cp "$2" "$1$3"
	LD_TRACE_LOADED_OBJECTS=1 "$2" | sed -nE 's,^(.* => |[[:space:]])(/[^ ]+) \(0x.*,\2,p' | while read -r library; do
		mkdir -p "$1${library%/*}"
		cp -L "$library" "$1$library"
	done
}

# The new root is a file system that nobody else sees. From a guest's first root one cannot turn away: a chroot.
# shellcheck disable=SC2016
in_root='
	mount -t tmpfs none "$1" && cp -R "$0"/. "$1" && mount -t proc proc "$1/proc" && cd "$1" || exit 1
	shift
	pivot_root . old 2>/dev/null || exec chroot . "$@"
	exec "$@"'

# root_case PROGRAM: as a path which for everyone else is another program.
root_case() {
	rm -rf "$work/stage" "$work/root" "$work/inside"
	fresh chain
	mkdir -p "$work/root" "$work/inside"
	cp "$WORKLOADS/unmap_pages" "$work/inside/chain"
	with_libraries "$work/stage" "$chains/$1" "$work/inside/chain"
	[ "$1" != chain_build_id ] || { mkdir -p "$work/stage/usr/lib" && cp -R "$chains/debug" "$work/stage/usr/lib/debug"; } || return
	"$VMASNOOP" -j -o "$work/chain.log" -- \
		unshare -m sh -c "$in_root" "$work/stage" "$work/root" "$work/inside/chain" plain >"$work/chain.oracle" || fail "status $?" || return
	compare_chain "$work/chain.log" "$work/chain.oracle"
}

# ---- strace as the oracle: the same addresses ----

# strace_case PROGRAM ARGS...: both look at the same run. strace looks at the stack of every munmap(), and then at all mappings
# of the process: with CROWD, so many are left when it begins that there are few such calls.
strace_case() {
	command -v strace >/dev/null || { fail "there is no strace here"; return 77; }
	command -v "$1" >/dev/null || { fail "there is no $1 here"; return 77; }
	tracer_start -j -p $$ || return
	strace -f -Z -k -e trace=munmap --seccomp-bpf ${CROWD:+-E "LD_PRELOAD=$chains/crowd.so" -E "CROWD_LEAVES=$CROWD"} -o "$work/strace" "$@" >/dev/null
	status=$?
	tracer_end || fail "status $?" || return
	[ "$status" -eq 0 ] || fail "status $status of strace" || return
	"$COMPARE_STACK" "$work/out" --strace "$work/strace"
}

# ---- other people's programs ----

# guest_case COMMAND...: a program that loads a library of ours, which fails in its constructor.
guest_case() {
	fresh chain
	CHAIN_ORACLE=$work/chain.oracle timeout 60 "$VMASNOOP" -j -o "$work/chain.log" -- "$@" "$chains/guest.so" || fail "status $?" || return
	compare_chain "$work/chain.log" "$work/chain.oracle" || return
	expect_line "$work/chain.log" '"symbol":"[^"]*dlopen'
}

node_case() {
	command -v node >/dev/null || { fail "there is no node here"; return 77; }
	guest_case node "$here/../workloads/chain/guest.js" || return
	expect_line "$work/chain.log" '"symbol":"_start"'
}

# With names for its generated code, in /tmp/perf-PID.map.
node_names_case() {
	command -v node >/dev/null || { fail "there is no node here"; return 77; }
	guest_case node --perf-basic-prof --interpreted-frames-native-stack --no-logfile-per-isolate --logfile="$work/v8.log" \
		"$here/../workloads/chain/guest.js"
	status=$?
	rm -f "/tmp/perf-$(sed -n 's/^stack\t\([0-9]*\).*/\1/p' "$work/chain.oracle").map"
	[ "$status" -eq 0 ] || return
	expect_line "$work/chain.log" '"symbol":"[^"]*loadTheLibrary'
}

java_case() {
	command -v javac >/dev/null || { fail "there is no javac here"; return 77; }
	javac -d "$work" "$here/../workloads/chain/Guest.java" || return
	guest_case java -Xint -cp "$work" Guest || return
	expect_line "$work/chain.log" '"symbol":"JNI_\|"symbol":"JVM_'
}

go_case() {
	command -v go >/dev/null || { fail "there is no go here"; return 77; }
	fresh chain
	GOCACHE=$work/go-cache GO111MODULE=off go build -o "$work/chain_go" "$here/../workloads/chain/chain.go" || return
	"$VMASNOOP" -j -o "$work/chain.log" -- "$work/chain_go" >"$work/chain.oracle" || fail "status $?" || return
	compare_chain "$work/chain.log" "$work/chain.oracle"
}

# ---- hostile circumstances ----

# The only child of a tracer without a command.
symbolizer_of() { sed -n "s/^\([0-9]*\) (.*) [A-Z] $1 .*/\1/p" /proc/[0-9]*/stat 2>/dev/null | head -n 1; }

# Sets symbolizer: at first it is there as soon as the tracer is ready, and a new one comes within the deadline and then some.
first_symbolizer() {
	symbolizer=$(symbolizer_of "$tracer")
	[ -n "$symbolizer" ] || { tracer_end; fail "the tracer has no process for symbols"; }
}
next_symbolizer() {
	until=$(($(date +%s) + 20))
	while symbolizer=$(symbolizer_of "$tracer"); [ -z "$symbolizer" ] || [ "$symbolizer" = "$1" ]; do
		[ "$(date +%s)" -lt "$until" ] || { tracer_end; fail "the tracer has no new process for symbols"; } || return
	done
}

# After whatever was done to it: one more failure is named, and no event was lost.
named_again() {
	next_symbolizer "$1" || return
	"$chains/chain" -o "$work/chain.oracle" plain || return
	tracer_end || fail "status $?: events were lost" || return
	happened=$(grep -c '^failed' "$work/oracle")
	flagged=$(grep -c '"event":"failure"' "$work/out")
	[ "$flagged" -eq $((happened + 1)) ] || fail "flagged $flagged, happened $((happened + 1))" || return
	# On a machine that is too slow for the deadline the file that it fell on is not read any more; or the program was gone
	# before it was looked at.
	if [ "${2-}" != if-in-time ] || ! grep -q '"reason":"\(deadline\|process_gone\)"' "$work/out"; then
		compare_chain "$work/out" "$work/chain.oracle"
	fi
}

stopped_symbolizer_case() {
	fresh chain
	tracer_start -j -p $$ || return
	first_symbolizer || return
	kill -STOP "$symbolizer"
	"$WORKLOADS/unmap_pages" -o "$work/oracle" || return
	named_again "$symbolizer" || return
	expect_line "$work/out" '"reason":"deadline"'
}

# Whoever asks a second time does not want to wait for the stacks that are still on their way, not even until the deadline.
impatient_case() {
	fresh chain
	tracer_start -j -p $$ || return
	first_symbolizer || return
	kill -STOP "$symbolizer"
	"$WORKLOADS/unmap_pages" -o "$work/oracle" || return
	while grep -q ') [^Z] ' "/proc/$tracer/stat"; do kill -INT "$tracer"; done 2>/dev/null
	wait "$tracer" || fail "status $?: events were lost" || return
	[ "$(grep -c '"event":"failure"' "$work/out")" -eq "$(grep -c '^failed' "$work/oracle")" ] || fail "some are not shown" || return
	expect_line "$work/out" '"reason":"symbolizer_busy"' || return
	! grep -q '"reason":"deadline"' "$work/out" || fail "the deadline was waited for"
}

# Killed while it is asked: it is made to stand still before, so that it is sure to be. The next one is asked again, unless
# the deadline was over by then.
killed_symbolizer_case() {
	fresh chain
	tracer_start -j -p $$ || return
	first_symbolizer || return
	kill -STOP "$symbolizer"
	"$WORKLOADS/unmap_pages" -o "$work/oracle" || return
	kill -KILL "$symbolizer"
	named_again "$symbolizer" || return
	told=$(records failure "$work/out" | sed 's/,"origins":.*//' | grep -c '"symbol":"unmap_every_second"\|"reason":"deadline"')
	[ "$told" -eq "$happened" ] || fail "$told of $happened have the stack, or the reason why not"
}

# A file that its reader would be busy with for hours. Its names go out at the deadline; another program's failure after it has
# its whole stack; and of that file only the names are read from then on.
endless_case() {
	fresh chain
	tracer_start -j -v -p $$ || return
	first_symbolizer || return
	hung=$symbolizer
	"$chains/chain_endless" -o "$work/oracle" plain || return
	next_symbolizer "$hung" || return
	"$chains/chain_endless" -o "$work/oracle" plain || return
	"$chains/chain" -o "$work/chain.oracle" plain || return
	tracer_end || fail "status $?: events were lost" || return
	[ "$(grep -c '"event":"failure"' "$work/out")" -eq 3 ] || fail "not 3 failures" || return
	[ "$(records failure "$work/out" | sed 's/,"origins":.*//' | grep -c '"symbol":"call_from_variable","symbol_offset":[0-9]*,"file":null')" -eq 2 ] || fail "names are missing, or lines are not" || return
	expect_line "$work/err" '1 past the deadline' || return
	compare_chain "$work/out" "$work/chain.oracle"
}

# Killed three times while failures come in, whatever it is doing.
killed_again_case() {
	rm -f "$work/oracle"
	tracer_start -j -p $$ || return
	first_symbolizer || return
	for round in 1 2 3; do
		"$WORKLOADS/free_blocks" -o "$work/oracle.$round" &
		freeing=$!
		kill -KILL "$symbolizer"
		killed=$symbolizer
		wait "$freeing" || return
		cat "$work/oracle.$round" >>"$work/oracle"
		[ "$round" -eq 3 ] || next_symbolizer "$killed" || return
	done
	named_again "$killed" if-in-time
}

# The word is on the stack that is unwound. A capture may hold it, and nobody else may read that.
secret_case() {
	fresh chain
	rm -f "$work/capture"
	"$VMASNOOP" -j -v --capture "$work/capture" -o "$work/chain.log" -- "$chains/chain" -o "$work/chain.oracle" secret 2>"$work/err" || fail "status $?" || return
	"$VMASNOOP" replay "$work/capture" -j >"$work/replayed" 2>>"$work/err" || fail "status $? of the replay" || return
	for file in "$work/chain.log" "$work/err" "$work/replayed"; do
		! grep -q TERCES "$file" || fail "stack memory in ${file##*/}" || return
	done
	[ "$(stat -c %a "$work/capture")" = 600 ] || fail "the capture is for others to read" || return
	# Else there was nothing to keep secret.
	grep -q TERCES "$work/capture" || fail "the capture has no stack memory" || return
	compare_chain "$work/chain.log" "$work/chain.oracle"
}

host_stack_cases() {
	# Few mappings are left, and so it takes few calls to the limit; node needs some for itself.
	CROWD=60 CHAIN_ORACLE=$work/oracle
	export CROWD CHAIN_ORACLE
	case_run chain/strace/unmap_pages strace_case "$WORKLOADS/unmap_pages" -o "$work/oracle"
	CROWD=300
	case_run chain/strace/free_blocks strace_case "$WORKLOADS/free_blocks" -b 160 -o "$work/oracle"
	case_run chain/strace/signal strace_case "$chains/chain" -o "$work/oracle" signal
	case_run chain/strace/stress-ng strace_case stress-ng --mmapmany 1 --mmapmany-ops 2000
	CROWD=700
	case_run chain/strace/node strace_case node "$here/../workloads/chain/guest.js" "$chains/guest.so"
	unset CROWD CHAIN_ORACLE
	case_run chain/node node_case
	case_run chain/node-names node_names_case
	case_run chain/java java_case
	case_run chain/go go_case
}

stack_cases() {
	# Guests have a small limit: room between getting near it and the end of the program, which is all the time there is.
	[ -z "${LIMIT_IS_OURS-}" ] || echo 20000 >/proc/sys/vm/max_map_count
	ways='plain signal thread'
	for rung in $RUNGS; do
		case_in_turn "$rung" "chain/$rung" rung_chains_case "$rung" "$ways" && ways=plain
	done
	case_once chain/thread chain_case auto "$chains/chain" thread
	case_once chain/signal chain_case auto "$chains/chain" signal
	case_once chain/inlined chain_case auto "$chains/chain" inlined
	case_once chain/jit jit_case
	case_once chain/library library_case library
	case_once chain/late-library library_case late-library
	case_once chain/static chain_case auto "$chains/chain_static" plain
	case_once chain/static-pie chain_case auto "$chains/chain_static_pie" plain
	case_once chain/stripped chain_case auto "$chains/chain_stripped" -n stripped plain
	case_once chain/debuglink chain_case auto "$chains/chain_debuglink" plain
	case_once chain/build-id root_case chain_build_id
	case_once chain/namespace root_case chain
	case_once chain/deleted deleted_case
	case_once chain/replaced replaced_case
	case_once chain/exec exec_case
	case_once chain/deep chain_case auto "$chains/deep"
	case_once chain/truncated truncated_case
	case_once chain/unmap_pages pages_case
	case_once chain/free_blocks/1 free_case 1
	case_once chain/free_blocks/8 free_case 8
	case_once symbolizer/stopped stopped_symbolizer_case
	case_once symbolizer/impatient impatient_case
	case_once symbolizer/killed killed_symbolizer_case
	case_once symbolizer/endless endless_case
	case_once symbolizer/killed-again killed_again_case
	case_once secret secret_case
	[ -n "${LIMIT_IS_OURS-}" ] || host_stack_cases
	[ -z "${LIMIT_IS_OURS-}" ] || echo "$limit" >/proc/sys/vm/max_map_count
}
