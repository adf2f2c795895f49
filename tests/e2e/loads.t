#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Module images of 64 MiB in all, loaded and unloaded again and again: the
# executor does not grow (the program looks at itself).
set -u
. "$(dirname "$0")/rig.sh"

machine
backend "$B/lib/libsoftgpu.so" --warm=0
ok $? 'the backend runs' || exit 1
register

executor_kib() { # of the only one
	awk '/^VmRSS/ { print $2 }' "/proc/$(pgrep -P "$BE" -x vgpu-exec)/status"
}
loads() { # loads ROUNDS: the executor's memory after them
	: >"$DIR/out"
	guest timeout 120 "$B/tests/cuda/drv_loads" "$1" 2000 >"$DIR/out" &
	within 100 grep -q rounds "$DIR/out" && executor_kib >"$DIR/kib"
	wait $!
}

loads 1
ok $? 'a round of 64 MiB' || cat "$DIR/out"
once=$(cat "$DIR/kib")
loads 8
ok $? 'eight rounds' || cat "$DIR/out"
often=$(cat "$DIR/kib")
[ "$often" -lt $((once + 16384)) ]
ok $? 'the executor has not grown' || echo "# $once KiB became $often KiB"

# ---- with no page for bulk bytes: through the ring ----
admin unregister-vm --vm-name=guest1 >/dev/null
sleep 0.5
admin register-vm --vm-name=guest1 --max-window-pages=0 >/dev/null
guest timeout 120 "$B/tests/cuda/drv_loads" 1 >"$DIR/out" 2>"$DIR/err" &&
	[ -s "$DIR/out" ] && [ ! -s "$DIR/err" ]
ok $? 'a VM without a window loads them as well, and hears of nothing' ||
	cat "$DIR/out" "$DIR/err"
nothing_left
sanitizers_silent
stop_backend
done_testing
