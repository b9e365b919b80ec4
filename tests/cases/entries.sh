# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154
# The ways into munmap(): a failure is flagged whichever way the call came, as long as the rung's hook sees that way.
# Sourced by run, after lib.sh and munmap.sh.

# sys_exit_munmap, where it is all there is, does not see 32-bit calls: the README says so.
sees_entry() { [ "$2" != compat ] || [ "$(evidence_of "$1")" = under_lock ]; }

# entry_part RUNG ENTRY LOG: both failures of each page or, where the entry is not seen, the usual ones are flagged. Leaves
# what it expected in ENTRY.expected.
entry_part() {
	rung=$1 entry=$2 log=$3
	status=$(cat "$work/$entry.status")
	cat "$work/$entry.err"
	# A call that the kernel does not know: that it is not flagged is seen in the whole log.
	[ "$status" -ne 77 ] || { sed -n '$d; s/^entries: //p' "$work/$entry.err"; return 77; }
	[ "$status" -eq 0 ] || fail "status $status" || return
	flagged=$(grep -c "^failed munmap_$entry " "$work/$entry.oracle")
	[ "$flagged" -gt 0 ] || fail "no call of this entry failed" || return
	if sees_entry "$rung" "$entry"; then
		sed "s/^failed munmap_$entry /failed munmap /" "$work/$entry.oracle" >"$work/$entry.expected"
	else
		flagged=0
		grep -v "^failed munmap_$entry " "$work/$entry.oracle" | sed "s/^total [0-9]*/total $(grep -c '^failed munmap ' "$work/$entry.oracle")/" >"$work/$entry.expected"
	fi
	set -- "$work/$entry.expected" "$log" --its-processes --limit "$limit" --verdict max_map_count
	if may_miss "$rung"; then
		set -- "$@" --allow-unknown --allow-missed
	else
		set -- "$@" --evidence "$(evidence_of "$rung")"
		! may_miss_others "$rung" || set -- "$@" --ignore-missed
	fi
	"$COMPARE" "$@" || return
	[ "$entry" = compat ] || flagged=0
	# Not of the calls before it.
	found=$(heads "$log" | grep -c "\"compat\":true,\"process\":{\"pid\":$(pid_of "$work/$entry.expected"),")
	[ "$found" -eq "$flagged" ] || fail "$found failures and not $flagged are compat"
}
