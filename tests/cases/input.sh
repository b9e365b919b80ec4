# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# Bad input and bad surroundings: one clear line with the way out, the documented exit status, no hang. Sourced by run,
# after lib.sh.

# error_case STATUS PATTERN COMMAND...: exactly one line on stderr.
error_case() {
	wanted=$1 pattern=$2
	shift 2
	expect_status "$wanted" "$@" || return
	expect_one_line "$work/err" || return
	expect_line "$work/err" "$pattern"
}

gone_pid() { sh -c 'echo $$'; }

# A thread of a process of ours, which waits for the end of its input and is ended without having done anything.
thread_case() {
	rm -f "$work/go"
	mkfifo "$work/go"
	"$WORKLOADS/unmap_pages" -t 2 -w -o "$work/oracle" <"$work/go" &
	held=$!
	exec 4>"$work/go"
	tid=
	until [ -n "$tid" ]; do
		for task in "/proc/$held/task"/*; do
			[ "${task##*/}" = "$held" ] || tid=${task##*/}
		done
	done
	error_case 2 "is a thread of process $held: use -p $held" "$VMASNOOP" -p "$tid"
	status=$?
	kill -KILL "$held"
	exec 4>&-
	return "$status"
}

# -p of a process that ends when it was already found to be there, and before it can be waited for. The fifo is where the
# tracer stands meanwhile: it opens its output after the first look and before all else.
just_ended_case() {
	rm -f "$work/pipe"
	mkfifo "$work/pipe"
	tail -f /dev/null &
	held=$!
	"$VMASNOOP" -j -o "$work/pipe" -p "$held" >"$work/out" 2>"$work/err" &
	tracer=$!
	until grep -q '(vmasnoop) S ' "/proc/$tracer/stat"; do :; done
	kill -KILL "$held"
	wait "$held"
	cat "$work/pipe" >"$work/piped"
	wait "$tracer"
	status=$?
	[ "$status" -eq 1 ] || fail "status $status, not 1" || return
	expect_one_line "$work/err" || return
	expect_line "$work/err" "cannot trace PID $held: it has just ended" || return
	[ ! -s "$work/piped" ] || fail "it wrote a log"
}

# One that has ended, of which its parent knows nothing yet, is a process still: nothing happens in it, and that is told.
zombie_case() {
	# A plain file: opening a fifo would be interrupted by the end of the child.
	rm -f "$work/zombie"
	# The child ends when its parent is one that waits for no child: a shell may.
	# shellcheck disable=SC2016
	sh -c 'sh -c "until [ \"\$(head -c 4 /proc/\$PPID/cmdline)\" = tail ]; do :; done" & echo $! >"$0"; exec tail -f /dev/null' "$work/zombie" 2>/dev/null &
	held=$!
	until [ -s "$work/zombie" ]; do :; done
	read -r zombie <"$work/zombie"
	until grep -q ') Z ' "/proc/$zombie/stat"; do :; done
	expect_status 0 "$VMASNOOP" -q -p "$zombie"
	status=$?
	kill -KILL "$held"
	[ "$status" -eq 0 ] || return
	expect_line "$work/out" '^summary after .*: 0 failures'
}

# One that is there does not make up for one that is not.
one_gone_pid_case() { error_case 1 "cannot trace PID $1: there is no such process" "$VMASNOOP" -p "$$,$1"; }

unprivileged_case() {
	setpriv --reuid 65534 true 2>/dev/null || { fail "no setpriv of util-linux here"; return 77; }
	# What setpriv starts must be readable for others: a copy.
	cp "$VMASNOOP" "$work/vmasnoop"
	chmod 755 "$work" "$work/vmasnoop"
	error_case 3 'run as root' setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all "$work/vmasnoop"
}

no_btf_case() {
	# shellcheck disable=SC2016
	error_case 3 'CONFIG_DEBUG_INFO_BTF' unshare -m sh -c 'mount -t tmpfs none /sys/kernel/btf && exec "$0"' "$VMASNOOP"
}

pid_namespace_case() { error_case 3 'PID namespace' unshare -p -f "$VMASNOOP" -p 1; }

# The first record goes through, then the reader is gone; the tracer ends by itself.
closed_pipe_case() {
	rm -f "$work/pipe" "$work/ready"
	mkfifo "$work/pipe" "$work/ready"
	head -n 1 <"$work/pipe" >"$work/first" &
	reader=$!
	"$VMASNOOP" -j --ready-fd 3 >"$work/pipe" 3>"$work/ready" 2>"$work/err" &
	tracer=$!
	read -r _ <"$work/ready"
	wait "$reader"
	"$WORKLOADS/unmap_pages" -o "$work/oracle" || return
	wait "$tracer"
	status=$?
	[ "$status" -eq 1 ] || fail "status $status" || return
	expect_line "$work/err" 'its reader is gone'
}

full_disk_case() {
	"$VMASNOOP" -j -o /dev/full -d 60 -- "$WORKLOADS/unmap_pages" -o "$work/oracle" 2>"$work/err" || fail "status $?: not the command's" || return
	expect_line "$work/err" 'No space left on device' || return
	tracer_start -j -o /dev/full || return
	"$WORKLOADS/unmap_pages" -o "$work/oracle" || return
	tracer_end
	status=$?
	[ "$status" -eq 4 ] || fail "status $status, not 4: events were lost"
}

# A refused rung is named, with what to do.
refused_rung_case() {
	case " $RUNGS " in *" $1 "*) fail "this kernel takes the rung $1"; return 77 ;; esac
	"$VMASNOOP" --hook "$1" -d 0.01 >"$work/out" 2>"$work/err"
	status=$?
	[ "$status" -ne 0 ] || { fail "this kernel takes the rung $1"; return 77; }
	error_case 3 'try --hook auto' "$VMASNOOP" --hook "$1"
}

# A kernel that refuses every rung: locked down for confidentiality. There is no way back, so it is a guest's last case.
lockdown_case() {
	mkdir -p /tmp/security
	mount -t securityfs securityfs /tmp/security && echo confidentiality >/tmp/security/lockdown || return
	error_case 3 'locked down' "$VMASNOOP" || return
	error_case 3 'locked down' "$VMASNOOP" --hook tracepoint
}

command_status_case() {
	expect_status 7 "$VMASNOOP" -q -- sh -c 'exit 7' || return
	# shellcheck disable=SC2016
	expect_status 137 "$VMASNOOP" -q -- sh -c 'kill -KILL $$' || return
	expect_status 127 "$VMASNOOP" -q -- no-such-command || return
	expect_line "$work/err" "cannot run 'no-such-command'" || return
	expect_one_line "$work/err" || return
	expect_status 127 "$VMASNOOP" -q -j -- no-such-command || return
	expect_line "$work/out" '"event":"run_end"' || return
	expect_status 126 "$VMASNOOP" -q -- /proc/self/status || return
	expect_status 125 "$VMASNOOP" -q -o /no/such/directory/x -- sh -c 'exit 0'
}

help_case() {
	expect_status 0 "$VMASNOOP" --help || return
	for option in --pid --comm --uid --cgroup --errno --all --duration --max-events --json --output --hook --ready-fd; do
		expect_line "$work/out" "$option" || return
	done
	expect_status 0 "$VMASNOOP" -V || return
	expect_line "$work/out" '^vmasnoop [0-9]'
}

input_cases() {
	case_once unknown-option error_case 2 'help' "$VMASNOOP" --no-such-option
	case_once stray-word error_case 2 "'--'" "$VMASNOOP" sleep
	case_once unknown-errno error_case 2 'ENOSUCH' "$VMASNOOP" -e ENOSUCH
	case_once long-comm error_case 2 '15' "$VMASNOOP" -n a-name-that-is-too-long
	case_once gone-pid error_case 1 'no such process' "$VMASNOOP" -p "$(gone_pid)"
	case_once one-gone-pid one_gone_pid_case "$(gone_pid)"
	case_once just-ended just_ended_case
	case_once zombie zombie_case
	case_once thread thread_case
	case_once unwritable error_case 1 'choose another file' "$VMASNOOP" -o /no/such/directory/x
	case_once no-cgroup error_case 1 'no-such-cgroup' "$VMASNOOP" --cgroup /no-such-cgroup
	case_once foreign-capture error_case 1 'will not overwrite' "$VMASNOOP" --capture "$COMPARE"
	case_once unprivileged unprivileged_case
	case_run no-btf no_btf_case
	case_once pid-namespace pid_namespace_case
	case_once closed-pipe closed_pipe_case
	case_once full-disk full_disk_case
	case_run refused-fentry refused_rung_case fentry
	case_run refused-kprobe refused_rung_case kprobe
	case_once command-status command_status_case
	case_once help help_case
	[ -z "${LIMIT_IS_OURS-}" ] || case_run lockdown lockdown_case
}
