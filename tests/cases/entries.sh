# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# The ways into munmap(): a failure is flagged whichever way the call came, as long as the rung's hook sees that way.
# Sourced by run, after lib.sh and munmap.sh.

# sys_exit_munmap, where it is all there is, does not see 32-bit calls: the README says so.
sees_entry() { [ "$2" != compat ] || [ "$(evidence_of "$1")" = under_lock ]; }

# entry_case RUNG ENTRY [OPTIONS]: each page is tried by that entry and then as usual: both or, where the entry is not seen,
# the usual ones are flagged. Two failures of one thread with the same arguments, so that none may be taken for the other.
entry_case() {
	rung=$1 entry=$2
	shift 2
	fresh entry
	"$VMASNOOP" -j --hook "$rung" "$@" -o "$work/entry.log" -- "$WORKLOADS/entries" -o "$work/entry.oracle" "$entry" 2>"$work/err"
	status=$?
	cat "$work/err"
	if [ "$status" -eq 77 ]; then
		! grep -q '"event":"failure"' "$work/entry.log" || fail "a call that the kernel does not know was flagged" || return
		sed -n '$d; s/^entries: //p' "$work/err"
		return 77
	fi
	[ "$status" -eq 0 ] || fail "status $status" || return
	flagged=$(grep -c "^failed munmap_$entry " "$work/entry.oracle")
	[ "$flagged" -gt 0 ] || fail "no call of this entry failed" || return
	if sees_entry "$rung" "$entry"; then
		sed "s/^failed munmap_$entry /failed munmap /" "$work/entry.oracle" >"$work/expected.oracle"
	else
		flagged=0
		grep -v "^failed munmap_$entry " "$work/entry.oracle" | sed "s/^total [0-9]*/total $(grep -c '^failed munmap ' "$work/entry.oracle")/" >"$work/expected.oracle"
	fi
	set -- "$work/expected.oracle" "$work/entry.log" --limit "$limit" --verdict max_map_count
	if may_miss "$rung"; then
		set -- "$@" --allow-unknown
	else
		set -- "$@" --evidence "$(evidence_of "$rung")"
	fi
	"$COMPARE" "$@" || return
	[ "$entry" = compat ] || flagged=0
	[ "$(grep -c '"compat":true' "$work/entry.log")" -eq "$flagged" ] || fail "not $flagged failures are compat"
}

entry_cases() {
	for rung in $RUNGS; do
		case_run "$rung/compat" entry_case "$rung" compat
		# With the hook on the return beside the core's: neither flags what the other did.
		case_run "$rung/compat-all" entry_case "$rung" compat -a
		case_run "$rung/high" entry_case "$rung" high
	done
}
