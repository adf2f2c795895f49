#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Guests that write what they like, against a real vgpu-backend and vgpu-exec:
# each session ends with a logged reason, the backend and the neighbours go on,
# and nothing is left over. VGPU_SEED=N plays another game.
set -u
. "$(dirname "$0")/../e2e/rig.sh"
H=$B/tests/hostile/hostile

machine
backend "$B/tests/hostile/libfakecuda.so"
ok $? 'the backend runs' || exit 1
register
first=$BE

warm_one() { [ "$(executors)" -ge 1 ]; }
within 10 warm_one
executor=$(pgrep -P "$BE" -x vgpu-exec | head -n 1)
is "$(cat "/proc/$executor/oom_score_adj")" 800 \
	'an executor ends before what all VMs need, should memory run out'
is "$(awk '/^Max core/ { print $5, $6 }' "/proc/$executor/limits")" '0 0' \
	'an executor that crashes leaves no core on the disk'

# This driver says that it does.
within 10 logged 'GPUs reach all memory of this process'
ok $? 'a GPU that reaches the memory of executors is told of'

guest "$H" good 50
ok $? 'a good session gets right results'

# A neighbour works all the time.
guest "$H" good 15000 &
neighbour=$!

guest "$H" attack "${VGPU_SEED:-1}" >"$DIR/attack"
rc=$?
while read -r line; do # its lines with our numbers
	case $line in
	"ok "*) ok 0 "${line#* - }" ;;
	"not ok "*) ok 1 "${line#* - }" ;;
	*) echo "$line" ;;
	esac
done <"$DIR/attack"
ok $rc 'all attacks came to their end'
logged 'over: 10 '
ok $? 'liars are in the log with error 10'
! logged 'killed by signal|signal (6|7|8|11)|over: 13'
ok $? 'no executor crashed' || grep -E 'signal|over: 13' "$LOG" | head | sed 's/^/# /'
lines=$(grep -c 'cannot map' "$LOG")
[ "$lines" -ge 10 ] && [ "$lines" -lt 300 ]
ok $? 'a guest does not fill the log' || echo "# $lines lines"
logged 'lines were left out'
ok $? 'what is not in the log is counted there'
! logged 'FOREIGN'
ok $? 'no memory of an executor was reached' || grep FOREIGN "$LOG" | head -n 3 | sed 's/^/# /'

# ---- death at every step of the handshake ----
for step in 1 2 3 4 5 6 7 8; do
	guest "$H" die $step
	is $? 137 "killed at step $step"
done 2>/dev/null
wait $neighbour
ok $? 'the neighbour got right results all the time'
nothing_left 'after the deaths'
is "$(field show-sessions "len([s for s in d if s['executor']])")" 0 \
	'no session has an executor'

guest "$H" loop 100
ok $? '100 sessions in a loop'
nothing_left 'after 100 sessions'
kill -0 "$first" && is "$BE" "$first" 'the backend is the same process'
# Nodes that were never complete are the guest's own; an answer that nobody
# takes stays for a minute.
[ "$(xenstore-list /local/domain/1/device/vgpu/0/session | wc -l)" -le 3 ]
ok $? 'no session node is left but what the dead did not finish'

# ---- a frontend that goes up and down ----
turns() { grep -c ', frontend ' "$LOG"; }
before=$(turns)
end=$((SECONDS + 5))
while [ $SECONDS -lt $end ]; do
	xenstore-write /local/domain/1/device/vgpu/0/state 1
	xenstore-write /local/domain/1/device/vgpu/0/state 3
done
lines=$(($(turns) - before))
[ $lines -ge 30 ] && [ $lines -le 115 ]
ok $? 'a frontend that goes up and down does not fill the log' ||
	echo "# $lines lines"
sanitizers_silent
stop_backend
done_testing
