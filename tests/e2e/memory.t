#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a session takes of host and guest beside a native process, and that the
# executor gives back what something large took.
set -u
. "$(dirname "$0")/rig.sh"
P=$B/tests/cuda
MAX_KIB=4096

session_of() { field show-sessions "d[0]['$1']"; } # pid or executor
own_kib() { awk '/^RssAnon/ { print $2 }' "/proc/$1/status"; }

machine
backend "$B/lib/libsoftgpu.so" --warm=0
ok $? 'the backend runs' || exit 1
register

# ---- one session ----
mkdir "$DIR/native"
ln -s "$B/lib/libsoftgpu.so" "$DIR/native/libcuda.so.1"
/usr/bin/python3 tests/e2e/memory.py "$B/tests/bench/cubench" "$DIR/native" \
	"$B/guest-lib:$B/loopback/lib" "$B/bin/vgpu-admin" "$DIR/run" \
	>"$DIR/out" 2>"$DIR/err"
ok $? 'a session is measured beside a native process' || cat "$DIR/err"
sed 's/^/# /' "$DIR/out"
kib=$(sed -nE 's/^ *([0-9]+)  in all$/\1/p' "$DIR/out")
[ "${kib:-$MAX_KIB}" -lt $MAX_KIB ]
ok $? "it takes ${kib:-?} KiB, less than $MAX_KIB"
for what in 'guest: granted pages' 'guest: file libcuda.so.1' 'host: file vgpu-exec'; do
	grep -qE "^ *[0-9]+  $what\$" "$DIR/out"
	ok $? "of that are $what"
done

# ---- 64 MiB of images, then silence ----
guest timeout 100 "$P/drv_loads" 1 6000 >"$DIR/out" &
program=$!
within 60 grep -q rounds "$DIR/out"
exec=$(session_of executor)
loaded=$(own_kib "$exec")
small() { [ "$(own_kib "$exec")" -lt 2048 ]; }
within 4 small
ok $? "the executor gives back what they took" ||
	echo "# $loaded KiB became $(own_kib "$exec") KiB"
echo "# $loaded KiB when they were unloaded, $(own_kib "$exec") KiB after a second"
[ "$loaded" -gt 4096 ]
ok $? 'it had some' || echo "# $loaded KiB"
wait "$program"
ok $? 'and the program ends well'

nothing_left
sanitizers_silent
stop_backend
done_testing
