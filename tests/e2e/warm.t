#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What waits for a guest process: an executor that holds a context, as long as
# a VM runs that may ask for it; and the cache of what the driver compiled,
# which stays on the host, apart for each VM.
set -u
. "$(dirname "$0")/rig.sh"
export VGPU_WATCH=$DIR/watch HOME=$DIR/home
P=$B/tests/cuda
DRIVER=$B/tests/e2e/libwatchdrv.so
mkdir "$HOME"

saw() { grep -qE -- "$1" "$VGPU_WATCH"; }
saw_times() { # saw_times N PATTERN
	[ "$(grep -cE -- "$2" "$VGPU_WATCH")" -eq "$1" ]
}
held() { within 5 saw '^[0-9]+ retain 0$'; }
forget() { : >"$VGPU_WATCH"; }
run() { guest timeout 60 "$P/primary" "$@"; }
one_executor() { [ "$(executors)" -eq 1 ]; }
holds_one() { one_executor && saw "^$(pid_of) retain 0\$"; }
ready() { # the one executor, which may follow one that ends, holds a context
	within 20 holds_one
}
no_links() { [ -z "$(find "$DIR/run/jit" -type l)" ]; }
pid_of() { pgrep -P "$BE" -x vgpu-exec; }

machine
forget
backend "$DRIVER"
ok $? 'the backend runs' || exit 1
within 10 admin show-health
sleep 0.3
not saw retain
ok $? 'no VM runs: no context is held'
register
held
ok $? 'a VM runs: a context is held for it'

run >"$DIR/held"
ok $? 'a program finds its primary context as it should' || cat "$DIR/held"
within 5 saw_times 3 'release 0 active 0' && saw_times 1 'release 0 active 1'
ok $? 'the one held is given to it, and its last release ends it' ||
	sed 's/^/# /' "$VGPU_WATCH"
ready
ok $? 'the next executor holds one again'

run flags >"$DIR/held-flags"
ok $? 'flags that a living context cannot take' || cat "$DIR/held-flags"
ready
forget
run create >"$DIR/held-create"
ok $? 'a program that makes a context of its own'
within 5 saw '^[0-9]+ release 0 active 0'
ok $? 'keeps none beside it'
ready

warm=$(pid_of)
forget
run sleep 8000 &
within 7 saw "^$warm release 0 active 0"
ok $? 'a session that uses no context keeps none'
wait $!

ready
forget
admin unregister-vm --vm-name=guest1 >/dev/null
within 5 saw 'release 0 active 0'
ok $? 'the last VM is gone: the context is let go'
register
held
ok $? 'it is back: so is the context'
stop_backend

forget
backend "$DRIVER" --warm-contexts=0
within 10 one_executor
sleep 0.3
not saw retain
ok $? '--warm-contexts=0: no context is held'
run >"$DIR/cold" && cmp -s "$DIR/cold" "$DIR/held"
ok $? 'a program prints the same with and without' || diff "$DIR/cold" "$DIR/held"
run flags >"$DIR/cold" && cmp -s "$DIR/cold" "$DIR/held-flags"
ok $? 'flags too' || diff "$DIR/cold" "$DIR/held-flags"
run create >"$DIR/cold" && cmp -s "$DIR/cold" "$DIR/held-create"
ok $? 'and a made one'

# ---- the cache of compiled code ----
J=$DIR/state/jit
[ -s "$J/name-guest1/index" ]
ok $? 'what was compiled lies in the state directory'
is "$(stat -c %a "$J/name-guest1") $(stat -c %a "$J")" '700 700' 'for the backend only'
lines=$(wc -l <"$J/name-guest1/index")
"$VL" introduce 2 guest2
admin register-vm --vm-name=guest2 >/dev/null
for _ in 1 2; do
	VGPU_DOMID=2 LD_LIBRARY_PATH=$B/guest-lib:$B/loopback/lib \
		timeout 60 "$P/primary" create >/dev/null
	ok $? 'a program in another VM'
done
is "$(wc -l <"$J/name-guest2/index")" 2 'has a cache of its own, which stays'
is "$(wc -l <"$J/name-guest1/index")" "$lines" "and leaves the other's alone"
[ -z "$(find "$HOME" -mindepth 1)" ]
ok $? 'nothing lies in the home directory'
within 5 no_links
ok $? 'links go with their executors' || find "$DIR/run/jit"
admin unregister-vm --vm-name=guest2 >/dev/null
[ ! -e "$J/name-guest2" ] && [ -e "$J/name-guest1/index" ]
ok $? 'a VM that is unregistered takes its cache with it'
stop_backend
mkdir "$DIR/run/jit/99"
ln -s "$J/name-guest1" "$DIR/run/jit/7"
backend "$DRIVER"
[ ! -e "$DIR/run/jit/99" ] && [ ! -e "$DIR/run/jit/7" ] && [ -s "$J/name-guest1/index" ]
ok $? 'links of an earlier backend are cleared away, the caches are not'
like "$("$B/bin/vgpu-backend" --warm-contexts=17 2>&1)" 'is no number from 0 to 16' \
	'--warm-contexts has a limit'
nothing_left
sanitizers_silent
stop_backend
done_testing
