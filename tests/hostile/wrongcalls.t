#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Programs that call the driver with wrong arguments: every call, each argument
# in turn NULL, out of range, of another kind, freed and made up. The results
# are compared on a real GPU (check-gpu); here, over softgpu and over a driver
# that takes nearly everything, nobody may crash or hang, and no session may
# end by what its library sent.
set -u
. "$(dirname "$0")/../e2e/rig.sh"
P=$B/tests/cuda
# In a guest with the sanitizers a crash must stay a crash.
export ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0:allocator_may_return_null=1

wrong_calls() { # wrong_calls DRIVER PROGRAM [ARGUMENT]
	local name="${2##*/} on ${1##*/}"
	guest timeout 120 "$2" ${3:-} >"$DIR/out" 2>"$DIR/err"
	ok $? "$name: gets through" || tail -n 5 "$DIR/err" | sed 's/^/# /'
	! grep 'instead of an answer' "$DIR/out" >"$DIR/bad"
	ok $? "$name: no call kills it" || sed 's/^/# /;9q' "$DIR/bad"
	! grep -qE 'runtime error:|ERROR: Addr' "$DIR/err"
	ok $? "$name: no sanitizer spoke" || grep -A4 -E 'runtime error:|ERROR: Addr' "$DIR/err" | head -n 20 | sed 's/^/# /'
}

machine
for driver in "$B/lib/libsoftgpu.so" "$B/tests/hostile/libfakecuda.so"; do
	backend "$driver"
	ok $? "the backend runs with ${driver##*/}" || exit 1
	[ -e "$DIR/state/name-guest1.json" ] || register
	for p in "$P"/sweep_*; do
		wrong_calls "$driver" "$p" handles
	done
	for p in "$P"/drv_errors*; do
		wrong_calls "$driver" "$p"
	done
	! logged 'over: (10|13) |killed by signal|signal (6|7|8|11)'
	ok $? 'every session ends because its program does' ||
		grep -E 'over: (10|13) |signal' "$LOG" | head | sed 's/^/# /'
	nothing_left 'after all wrong calls'
	stop_backend
done
sanitizers_silent
done_testing
