#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What a session takes of host and guest beside a native process; that the
# executor gives back what something large took; and that neither side grows
# while 100,000 objects are made and destroyed.
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

# ---- 100,000 objects ----
coproc CHURN { guest timeout 300 "$P/drv_churn" marks 1 5 2>"$DIR/err"; }
churn=$CHURN_PID
exec {from}<&"${CHURN[0]}" {to}>&"${CHURN[1]}"
host=() guest=()
while read -r -t 250 line <&"$from"; do
	[ "$line" = mark ] || continue
	# After a second of silence, free memory is given back.
	sleep 1.5
	host+=("$(own_kib "$(session_of executor)")")
	guest+=("$(own_kib "$(session_of pid)")")
	echo go >&"$to"
done
wait "$churn"
ok $? '100,000 objects are made and destroyed' || cat "$DIR/err"
echo "# executor ${host[*]} KiB, program ${guest[*]} KiB, after each third"
flat() { # flat KIB KIB KIB: after each third
	[ $# -eq 3 ] && [ $(($3 - $1)) -lt 256 ]
}
flat "${host[@]}"
ok $? 'the executor is as large as before'
flat "${guest[@]}"
ok $? 'so is the program'

nothing_left
sanitizers_silent
stop_backend
done_testing
