#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A life of creating and destroying (drv_churn) leaves the executor as large as
# it was after the first third; the program itself looks at its own memory.
set -u
. "$(dirname "$0")/rig.sh"

resident() { # KiB of the largest executor of this backend: the one at work
	local pid
	for pid in $(pgrep -P "$BE" -x vgpu-exec); do
		awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status" 2>/dev/null
	done | sort -n | tail -n 1
}

marked() { [ "$(grep -c "^mark" "$DIR/out")" -ge "$1" ]; }

machine
backend "$B/lib/libsoftgpu.so"
ok $? 'the backend runs' || exit 1
register

mkfifo "$DIR/answers"
guest timeout 120 "$B/tests/cuda/drv_churn" marks 3 \
	<"$DIR/answers" >"$DIR/out" 2>"$DIR/err" &
pid=$!
exec {to}>"$DIR/answers"
sizes=()
for third in 1 2 3; do
	within 100 marked $third || break
	sizes+=("$(resident)")
	echo go >&$to
done
wait $pid
ok $? 'everything is made and destroyed, and the program is flat' ||
	sed 's/^/# /' "$DIR/out" "$DIR/err"
is ${#sizes[@]} 3 'the executor was looked at after each third'
[ "${sizes[2]:-999999}" -lt $((${sizes[0]:-0} + 6144)) ]
ok $? 'and is as large as it was' || echo "# ${sizes[*]} KiB"
nothing_left
sanitizers_silent
stop_backend
done_testing
