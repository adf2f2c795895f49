#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# check: group=script limit=300 alone=1
# A long life of creating and destroying leaves the executor on the host as
# large as it was: it is looked at after each third. Natively there is none.
set -eu

largest() { # KiB of the largest executor; 0: none
	local pid kib most=0
	for pid in $(pgrep -x vgpu-exec || true); do
		kib=$(awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status" 2>/dev/null)
		[ "${kib:-0}" -le "$most" ] || most=$kib
	done
	echo "$most"
}

coproc CHURN { exec "$PROGRAMS/drv_churn" marks ${1:-}; }
pid=$CHURN_PID
exec {from}<&"${CHURN[0]}" {to}>&"${CHURN[1]}"
sizes=()
while read -r -t 250 line <&"$from"; do
	if [ "$line" = mark ]; then
		sizes+=("$(largest)")
		echo go >&"$to"
	else
		echo "$line"
	fi
done
rc=0
wait "$pid" || rc=$?
[ $rc -eq 0 ] && [ ${#sizes[@]} -eq 3 ] || { echo "drv_churn ended with $rc"; exit 1; }
if [ $((sizes[2] - sizes[0])) -lt 24576 ]; then
	echo "the executor is flat"
else
	echo "the executor grows: ${sizes[*]} KiB"
	exit 1
fi
