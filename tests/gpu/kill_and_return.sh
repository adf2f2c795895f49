#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# check: group=script limit=120
# A program is killed in the middle of its kernels; the next one works. Three
# times, then two programs beside each other of which one is killed.
set -eu

start_killme() {
	coproc KILLME { exec "$PROGRAMS/killme"; }
	read -r -t 60 line <&"${KILLME[0]}"
	[ "$line" = running ] || { echo "killme said '$line'" >&2; exit 1; }
}

kill_it() {
	local pid=$KILLME_PID

	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || echo "killed with status $?"
}

for round in 1 2 3; do
	start_killme
	kill_it
	"$PROGRAMS/vectoradd" 1000 | head -n 1
done

start_killme
"$PROGRAMS/killme" 300 &
other=$!
kill_it
wait "$other"
"$PROGRAMS/reduce"
