#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What is missing, wrong or dies: each time one sentence that says what and
# where, CUDA's error in the program, no hang, and nothing left over.
set -u
. "$(dirname "$0")/rig.sh"
P=$B/tests/cuda
H=$B/tests/hostile/hostile
DRV=$B/lib/libsoftgpu.so

prog() { # prog SECONDS PROGRAM...: output in DIR/out, time in took (ms)
	local t0 limit=$1
	t0=$(date +%s%N)
	shift
	VGPU_DOMID=${DOM:-1} LD_LIBRARY_PATH=$B/guest-lib:$B/loopback/lib \
		timeout "$limit" "$@" >"$DIR/out" 2>&1
	rc=$?
	took=$((($(date +%s%N) - t0) / 1000000))
}
fails() { # fails NAME PATTERN: the program ended by itself, with one sentence
	[ $rc -ne 0 ] && [ $rc -lt 124 ]
	ok $? "$1: the program ends with an error" || echo "# rc $rc after $took ms"
	like "$(cat "$DIR/out")" "$2" "$1: a sentence says why"
	is "$(grep -c '^vgpu' "$DIR/out")" 1 "$1: once"
}
works() { # works NAME
	prog 30 "$P/vectoradd"
	ok $rc "$1" || sed 's/^/# /;5q' "$DIR/out"
}

# ---- nothing there ----
XENSTORED_PATH=$DIR/none prog 20 "$P/vectoradd"
fails 'no XenStore' 'XenStore'
machine
prog 20 "$P/vectoradd"
fails 'no backend and no registration' 'register'

# ---- a backend, but not for us ----
backend "$DRV"
prog 20 "$P/vectoradd"
fails 'a VM that is not registered' 'vgpu-admin register-vm'
DOM=7 prog 20 "$P/vectoradd"
fails 'a domain that there is not' 'register'
register
works 'registered: it works'

# ---- other releases ----
like "$(guest "$H" lie 99 0123456789abcdef)" \
	'^4 .*different protocol versions: install the same release' \
	'another protocol version is refused with a sentence'
protocol=$(awk '/define VGPU_PROTOCOL/ { print $3 }' xenstore-schema/session.h)
like "$(guest "$H" lie "$protocol" 0123456789abcdef)" \
	'^5 .*different call descriptions: install the same release' \
	'another call description is refused with a sentence'
nothing_left 'after refusals'

# ---- devices hidden from the program ----
count() { # count VALUE [ORDER]: cuInit's and cuDeviceGetCount's answer to it
	VGPU_DOMID=1 LD_LIBRARY_PATH=$B/guest-lib:$B/loopback/lib \
	CUDA_VISIBLE_DEVICES=$1 CUDA_DEVICE_ORDER=${2:-} /usr/bin/python3 -c '
import ctypes
cu = ctypes.CDLL("libcuda.so.1")
n = ctypes.c_int(-1)
print(cu.cuInit(0), cu.cuDeviceGetCount(ctypes.byref(n)), n.value)'
}
is "$(count 0)" '0 0 1' 'CUDA_VISIBLE_DEVICES=0 shows the device'
is "$(count 1,0 | cut -d' ' -f 1)" 100 'CUDA_VISIBLE_DEVICES=1,0 stops at what there is not'
is "$(count 0,9)" '0 0 1' 'CUDA_VISIBLE_DEVICES=0,9 shows the first'
is "$(count -1 | cut -d' ' -f 1)" 100 'CUDA_VISIBLE_DEVICES=-1 hides all: no device'
is "$(count '' | cut -d' ' -f 1)" 100 'CUDA_VISIBLE_DEVICES= hides all: no device'
is "$(count GPU-ffffffff | cut -d' ' -f 1)" 100 'an unknown UUID hides all'
is "$(count GPU- | cut -d' ' -f 1)" 100 'the start of every UUID hides all'
is "$(count 0x)" '0 0 1' 'what stands behind a number does not count'
is "$(count 0,0 | cut -d' ' -f 1)" 101 'a device named twice is refused'
is "$(count 0 PCI_BUS_ID)" '0 0 1' 'CUDA_DEVICE_ORDER=PCI_BUS_ID is taken'
is "$(count 0 nonsense | cut -d' ' -f 1)" 101 'CUDA_DEVICE_ORDER=nonsense is refused'

# ---- calls that are not supported, and calls in the child of a fork ----
cat >"$DIR/calls.py" <<'X'
import ctypes, os, sys
cu = ctypes.CDLL("libcuda.so.1")
if sys.argv[1] == "none":
    cu.cuInit(0)
    print(cu.cuGLInit(), cu.cuGLInit(), cu.cuGLInit())
elif sys.argv[1] == "fork":
    n = ctypes.c_int()
    a = [cu.cuInit(0)]
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        free, total = ctypes.c_size_t(), ctypes.c_size_t()
        p = ctypes.c_uint64()
        print("child", cu.cuInit(0), cu.cuMemAlloc_v2(ctypes.byref(p), 64),
              cu.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)))
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(pid, 0)
    print("parent", a[0], cu.cuDeviceGetCount(ctypes.byref(n)), n.value)
X
prog 20 /usr/bin/python3 "$DIR/calls.py" none
like "$(cat "$DIR/out")" '801 801 801' 'a refused call answers NOT_SUPPORTED'
is "$(grep -c 'cuGLInit is not supported' "$DIR/out")" 1 'and says so once'
prog 20 /usr/bin/python3 "$DIR/calls.py" fork
like "$(cat "$DIR/out")" 'child 3 3 3' 'after fork the child gets NOT_INITIALIZED'
like "$(cat "$DIR/out")" 'parent 0 0 1' 'and the parent goes on'
nothing_left 'after these'

# ---- death in the middle ----
busy() { # busy: killme runs; its pid in prog_pid, its session's executor in ex
	rm -f "$DIR/killme"
	VGPU_DOMID=1 LD_LIBRARY_PATH=$B/guest-lib:$B/loopback/lib \
		"$P/killme" >"$DIR/killme" 2>&1 &
	prog_pid=$!
	within 15 grep -q running "$DIR/killme" || return 1
	ex=$(field show-sessions "[s['executor'] for s in d if s['pid'] == $prog_pid][0]")
}
gone() { ! kill -0 "$1" 2>/dev/null; }
hangs() { within 4 gone "$prog_pid" || { kill -9 "$prog_pid"; return 1; }; }

busy && kill -9 "$ex"
ok $? 'an executor is killed in the middle'
hangs
ok $? 'its program does not hang'
wait $prog_pid
[ $? -ne 0 ]
ok $? 'it ends with an error'
like "$(cat "$DIR/killme")" 'executor of this process died' 'and a sentence'
works 'the next program works'
nothing_left 'after an executor was killed'

busy && kill -9 $prog_pid
ok $? 'a program is killed in the middle'
wait $prog_pid 2>/dev/null
within 3 gone "$ex"
ok $? 'its executor goes at once'
nothing_left 'after a program was killed'
works 'the next program works'

busy && kill -STOP "$ex" && kill -9 $prog_pid
ok $? 'a program is killed while its executor stands still'
wait $prog_pid 2>/dev/null
kill -CONT "$ex"
nothing_left 'after that'

# ---- the backend goes, and comes back ----
busy
ok $? 'a program runs'
stop_backend TERM
hangs
ok $? 'the backend is stopped: its program does not hang'
wait $prog_pid
[ $? -ne 0 ]
ok $? 'it ends with an error'
nothing_left 'after a stop'
prog 40 "$P/vectoradd"
[ $rc -ne 0 ] && [ $rc -lt 124 ]
ok $? 'without a backend a program gets an error'
backend "$DRV"
works 'with the backend back it works'
busy
ok $? 'a program runs'
all=$(pgrep -P "$BE" -x vgpu-exec)
stop_backend KILL
hangs
ok $? 'the backend is killed: its program does not hang'
wait $prog_pid 2>/dev/null
rc=0
for p in $all; do within 5 gone "$p" || rc=1; done
ok $rc 'no executor outlives it'
backend "$DRV"
works 'a new backend takes over'
nothing_left 'after a new backend'

# ---- limits ----
admin set-limits --vm-name=guest1 --max-sessions=1 >/dev/null 2>&1 ||
	{ admin unregister-vm --vm-name=guest1 && sleep 0.5 &&
	  admin register-vm --vm-name=guest1 --max-sessions=1; } >/dev/null
busy
ok $? 'one session of one runs'
prog 20 "$P/vectoradd"
fails 'one session too many' 'as many GPU processes as it may have'
kill -9 $prog_pid
wait $prog_pid 2>/dev/null
within 10 guest_clean
works 'when the first is gone there is room'
stop_backend

# ---- no driver ----
backend "$DIR/no-such-driver.so"
prog 40 "$P/vectoradd"
fails 'no driver library' 'could not load the host.s CUDA driver|no-such-driver'
logged "cannot load the CUDA driver $DIR/no-such-driver.so"
ok $? 'no driver library: the log names it'
stop_backend
"$VL" stop --dir "$DIR/lb" >/dev/null

# ---- few pages to share ----
rm -rf "$DIR/lb" "$DIR/state"
export VGPU_LOOPBACK_GNTALLOC_LIMIT=40
machine
backend "$DRV"
register
prog 20 "$P/vectoradd"
fails 'too few pages for a ring' 'not enough grant references'
stop_backend
"$VL" stop --dir "$DIR/lb" >/dev/null
rm -rf "$DIR/lb" "$DIR/state"
export VGPU_LOOPBACK_GNTALLOC_LIMIT=200
machine
backend "$DRV"
register
works 'a ring but a small window: slower, and right'
nothing_left 'after that'
sanitizers_silent
stop_backend

# ---- no Xen at all: Debian's own libraries, and nothing behind them ----
bare() {
	env -u VGPU_LOOPBACK_DIR -u VGPU_DOMID XENSTORED_PATH="$DIR/no-xen" \
		LD_LIBRARY_PATH="$B/guest-lib" timeout 20 "$P/vectoradd" \
		>"$DIR/bare" 2>&1
}
bare
[ $? -eq 1 ]
ok $? 'without Xen the program ends by itself'
grep -q 'this machine offers no Xen interfaces to this process' "$DIR/bare"
ok $? 'and a sentence says which are missing'
grep -q 'cudaErrorNoDevice' "$DIR/bare"
ok $? 'the program hears that there is no device'
done_testing
