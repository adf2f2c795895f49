#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A life of creating and destroying 100,000 objects (drv_churn) leaves executor
# and program as large as they were after the first third.
set -u
. "$(dirname "$0")/rig.sh"
TIMES=5

own_kib() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }
session_of() { field show-sessions "d[0]['$1']"; } # pid or executor
marked() { [ "$(grep -c "^mark" "$DIR/out")" -ge "$1" ]; }

machine
backend "$B/lib/libsoftgpu.so" --warm=0
ok $? 'the backend runs' || exit 1
register

mkfifo "$DIR/answers"
guest timeout 240 "$B/tests/cuda/drv_churn" marks 1 $TIMES \
	<"$DIR/answers" >"$DIR/out" 2>"$DIR/err" &
pid=$!
exec {to}>"$DIR/answers"
host=() program=()
for third in 1 2 3; do
	within 100 marked $third || break
	sleep 1.5 # then the executor has given free memory back
	host+=("$(own_kib "$(session_of executor)")")
	program+=("$(own_kib "$(session_of pid)")")
	echo go >&$to
done
wait $pid
ok $? 'everything is made and destroyed' ||
	sed 's/^/# /' "$DIR/out" "$DIR/err"
is ${#host[@]} 3 'both were looked at after each third'
echo "# executor ${host[*]} KiB, program ${program[*]} KiB"
flat() { [ $# -eq 3 ] && [ $(($3 - $1)) -lt 256 ]; }
flat "${host[@]}"
ok $? 'the executor is as large as it was'
flat "${program[@]}"
ok $? 'so is the program'
nothing_left
sanitizers_silent
stop_backend
done_testing
