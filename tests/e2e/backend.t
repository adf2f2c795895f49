#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# vgpu-backend and vgpu-admin over a loopback machine, with an executor that
# speaks exec.h and maps nothing. Every client is domain 0 here, so whether
# permissions are obeyed is seen on real Xen only; what they are is seen here.
set -u
. "$(dirname "$0")/rig.sh"
LOG=$DIR/log
export FAKE_EXEC_MODE=$DIR/mode VGPU_DOMID=0

gone() { ! kill -0 "$1" 2>/dev/null; }

RUN=("$B/bin/vgpu-backend" --exec="$PWD/tests/e2e/fake-exec.py"
	--state-dir="$DIR/state" --run-dir="$DIR/run" --driver=/opt/driver.so
	--log-level=debug)
daemon() { "${RUN[@]}" "$@"; }
start() { # start OPTION...: until it answers
	"${RUN[@]}" "$@" 2>>"$DIR/log" &
	BE=$!
	within 5 admin version
}
quit() { # quit: by SIGTERM; its exit code
	local rc
	kill -TERM "$BE"
	within 15 gone "$BE" || kill -9 "$BE"
	wait "$BE"
	rc=$?
	BE=
	return $rc
}
executors() { pgrep -P "$BE" | wc -l; }
rd() { xenstore-read "$1" 2>/dev/null; }
have() { xenstore-exists "$1"; }
state_is() { [ "$(rd "$1/state")" = "$2" ]; }
perms() { xenstore-ls -fp / | sed -n "s|^$1 = .*(\(.*\))\$|\1|p"; }
be() { echo "/local/domain/0/backend/vgpu/$1/0"; }
fe() { echo "/local/domain/$1/device/vgpu/0"; }
connect() { # connect DOMID: the frontend's side of the handshake
	xenstore-write "$(fe "$1")/state" 3
	within 5 state_is "$(be "$1")" 4 && xenstore-write "$(fe "$1")/state" 4
}
session() { # session DOMID SID [PROTOCOL [HASH]]
	local d
	d=$(fe "$1")/session/$2
	xenstore-write "$d/protocol-version" "${3:-$PROTO}" \
		"$d/calls-hash" "${4:-$HASH}" "$d/control-ref" 8 \
		"$d/event-channel" 3 "$d/pid" 77 "$d/name" app
	xenstore-write "$d/state" 3
}
answer() { rd "$(be "$1")/session/$2/error"; }
answered() { [ -n "$(answer "$1" "$2")" ]; }
running() { state_is "$(be "$1")/session/$2" 4; }
over() { within 5 answered "$1" "$2"; answer "$1" "$2"; }
# Never 0, which kill takes for the whole process group of this script.
NOBODY=4194305 # above every pid
executor_of() {
	local pid
	pid=$(field show-sessions \
		"[s['executor'] for s in d if s['session']=='$1'][0]")
	[ "${pid:-0}" -gt 1 ] && echo "$pid" || echo $NOBODY
}

# ---- what is wrong is said ----
like "$(XENSTORED_PATH=$DIR/none daemon 2>&1)" 'cannot reach xenstored' \
	'without xenstored, a sentence'
like "$(daemon --warm=99 2>&1)" '--warm=99 is no number from 0 to 16' \
	'an option out of range is named'
like "$(daemon --frobnicate 2>&1)" 'frobnicate' 'an unknown option is named'
admin list >"$DIR/out" 2>&1
is "$?" 3 'vgpu-admin without a backend exits with 3'
like "$(cat "$DIR/out")" 'does not answer at .*control.sock' 'and says where'
admin set-pool --vm-name=a --pool=B >"$DIR/out" 2>&1
is "$?" 2 'a later command is misuse'
like "$(cat "$DIR/out")" 'not offered by this release' 'and is said to be later'
like "$(admin register-vm --vm-name=a --pool=A 2>&1)" \
	'--pool is not offered by this release' 'a later option likewise'
like "$(admin register-vm 2>&1)" 'needs one of --vm-name' 'register-vm needs a VM'
like "$(admin list --max-sessions=3 2>&1)" 'list takes no --max-sessions' \
	'an option without use is refused'

# ---- a machine with one guest ----
eval "$("$VL" start --dir "$DIR/lb")" || exit 1
"$VL" introduce 1 user1 11111111-2222-3333-4444-555555555555
echo ok >"$DIR/mode"
like "$(unset VGPU_DOMID; daemon --domid=0x5 2>&1)" 'no number' \
	'a domid that is none is refused'
start
ok $? 'the backend starts and answers'
like "$(daemon 2>&1)" "another vgpu-backend runs already: pid $BE" \
	'a second one is refused with the pid of the first'
like "$("$B/bin/vgpu-backend" --run-dir="$DIR/run2" --state-dir="$DIR/state" 2>&1)" \
	"another vgpu-backend serves domain 0 already: pid $BE" \
	'in another run directory too'
is "$(stat -c %a "$DIR/run/control.sock")" 600 'the control socket is for its owner'
within 5 logged 'executors run: driver 13.0, 1 device'
ok $? 'an executor is warm'
admin show-health >"$DIR/out"
is "$?" 0 'show-health exits with 0'
like "$(cat "$DIR/out")" '^well: 0 VMs registered' 'and all is well'
within 5 not have "$(be 1)"
ok $? 'no nodes for a VM that is not registered'
like "$(admin list)" 'no VM is registered' 'list says that there is none'
like "$(admin unregister-vm --vm-name=user1 2>&1)" 'no VM is registered by vm-name user1' \
	'a VM that is not registered cannot be unregistered'

# ---- device nodes ----
like "$(admin register-vm --vm-name=user1 --max-sessions=2 --max-window-pages=512)" \
	'user1 is registered and has its virtual GPU' 'register-vm reaches a running VM'
like "$(admin register-vm --vm-name=user1 2>&1)" 'registered already' 'only once'
is "$(rd "$(be 1)/state")" 2 'the device waits for its frontend'
is "$(perms "$(be 1)")" n0,r1 'backend directory: n<be> r<fe>'
is "$(perms "$(be 1)/calls-hash")" n0,r1 'and what is in it'
is "$(perms "$(fe 1)")" n1,r0 'frontend directory: n<fe> r<be>'
is "$(perms "$(fe 1)/state")" n1,r0 'and what is in it'
is "$(perms "$(fe 1)/session")" n1,b0 'session directory: n<fe> b<be>'
is "$(rd "$(fe 1)/backend")" "$(be 1)" 'the frontend finds the backend'
is "$(rd "$(be 1)/frontend")" "$(fe 1)" 'and the other way round'
is "$(rd "$(be 1)/max-sessions") $(rd "$(be 1)/max-window-pages")" '2 512' \
	'limits are published'
PROTO=$(rd "$(be 1)/protocol-version")
HASH=$(rd "$(be 1)/calls-hash")
like "$HASH" '^[0-9a-f]{16}$' 'and the hash'
grep -q '"vm-name": "user1"' "$DIR/state/name-user1.json"
ok $? 'the registration is a file'
connect 1
ok $? 'the handshake reaches connected'

# ---- a session ----
session 1 p1
within 5 running 1 p1
ok $? 'a guest process gets an executor'
within 5 logged 'domain 1 \(user1\) session p1: executor [0-9]+ connected'
ok $? 'with one log line'
like "$(admin show-sessions)" 'user1 +1 +p1 +running +77 +app' 'show-sessions has it'
is "$(field show-metrics "d[0]['stats']['calls'],d[0]['stats']['memory']")" \
	'7 4096' 'its counters are read while it runs'
kill -USR1 "$(executor_of p1)"
within 5 not have "$(fe 1)/session/p1"
ok $? 'the guest process died: its nodes are removed'
within 5 not have "$(be 1)/session/p1"
ok $? 'and the answer'
is "$(field show-metrics "d[0]['stats']['calls'],d[0]['stats']['memory'],d[0]['ended']")" \
	'7 0 1' 'counters stay, memory is gone'
session 1 p2
within 5 running 1 p2
pid=$(executor_of p2)
xenstore-write "$(fe 1)/session/p2/state" 5
within 5 not have "$(fe 1)/session/p2"
ok $? 'a process that leaves (state 5) is cleared away'
within 5 gone "$pid"
ok $? 'and its executor has ended'
session 1 p3
within 5 running 1 p3
xenstore-rm "$(fe 1)/session/p3"
within 5 not have "$(be 1)/session/p3"
ok $? 'so is one whose nodes vanish'

# ---- refusals ----
session 1 v1 $((PROTO + 1))
like "$(over 1 v1)" '^4 .*upgrade the host' 'a newer guest: error 4, upgrade the host'
is "$(rd "$(be 1)/session/v1/state")" 6 'with state 6'
session 1 v2 0
like "$(over 1 v2)" '^4 .*upgrade the guest' 'an older one: upgrade the guest'
session 1 h1 "$PROTO" 00000000deadbeef
like "$(over 1 h1)" '^5 .*00000000deadbeef' 'another hash: error 5'
session 1 h2 "$PROTO" nonsense
like "$(over 1 h2)" '^10 .*calls-hash is not 16 hex' 'no hash: error 10'
xenstore-write "$(fe 1)/session/n1/protocol-version" "$PROTO"
xenstore-write "$(fe 1)/session/n1/calls-hash" "$HASH"
xenstore-write "$(fe 1)/session/n1/control-ref" 99999999999
xenstore-write "$(fe 1)/session/n1/state" 3
like "$(over 1 n1)" '^10 .*control-ref is no number' 'a reference out of range: error 10'
session 1 a1 && session 1 a2 && within 5 running 1 a2 && session 1 a3
like "$(over 1 a3)" '^7 .*max-sessions is 2' 'more than max-sessions: error 7'
xenstore-write "$(be 1)/max-sessions" 3
session 1 a4
within 5 running 1 a4
ok $? 'max-sessions raised in XenStore counts at once'
for s in v1 v2 h1 h2 n1 a3; do xenstore-rm "$(fe 1)/session/$s"; done
within 5 not have "$(be 1)/session/v1"
ok $? 'an answer goes when the guest removes its node'
xenstore-write "$(fe 1)/session/BADname/state" 3
within 5 logged 'name is not \[a-z0-9-\]'
ok $? 'a name that is none is passed over and logged'

# ---- executors that go wrong ----
kill -SEGV "$(executor_of a1)"
like "$(over 1 a1)" '^13 .*signal 11' 'a crash: error 13 with the signal'
running 1 a2 && running 1 a4
ok $? 'the others go on'
kill -USR2 "$(executor_of a2)"
like "$(over 1 a2)" '^10 .*record 5' 'what the executor says is passed on'
xenstore-rm "$(fe 1)/session/a4"
echo fail-map >"$DIR/mode"
session 1 e1
like "$(over 1 e1)" '^9 .*grant reference 8' 'pages that cannot be mapped: error 9'
echo crash-map >"$DIR/mode"
session 1 e2
like "$(over 1 e2)" '^13 ' 'a crash while mapping: error 13'
echo garbage >"$DIR/mode"
session 1 e3
like "$(over 1 e3)" '^13 .*another size' 'an executor of another release: error 13'
echo hang-map >"$DIR/mode"
session 1 e4
within 12 answered 1 e4
like "$(answer 1 e4)" '^16 .*did not map' 'one that hangs is ended in 10 s: error 16'
is "$(field show-metrics "d[0]['crashed'] >= 3")" True 'crashes are counted'
like "$(admin show-metrics)" 'last error: session e4: 16' 'the last error is told'
echo no-driver >"$DIR/mode"
# The warm one was started before; use it up.
session 1 d0
within 5 running 1 d0
within 5 logged 'no executor can be started: 11'
session 1 d1
like "$(over 1 d1)" '^11 .*/opt/driver.so: no such file' 'no driver: error 11 at once'
admin show-health >"$DIR/out"
is "$?" 1 'show-health exits with 1'
like "$(cat "$DIR/out")" 'not well: no executor can be started: .*driver' 'and says why'
echo ok >"$DIR/mode"
within 20 admin show-health
ok $? 'it heals by itself'
session 1 d2
within 5 running 1 d2
ok $? 'and serves again'
echo deaf >"$DIR/mode"
pid=$(executor_of d2)
xenstore-rm "$(fe 1)/session/d2"
within 8 gone "$pid"
ok $? 'an executor that does not hear STOP is killed in 5 s'
echo ok >"$DIR/mode"

# ---- a guest that writes without end does not keep others out ----
"$VL" introduce 2 user2
admin register-vm --vm-name=user2 >/dev/null
connect 2
(while :; do xenstore-write "$(fe 1)/state" 4 "$(fe 1)/session/flood/state" 1; done) &
flood=$!
sleep 0.5
t0=$(date +%s%N)
session 2 q1
within 5 running 2 q1
rc=$?
ms=$((($(date +%s%N) - t0) / 1000000))
ok $rc 'beside a flood of writes, another VM is served'
echo "# in $ms ms"
kill $flood
wait $flood 2>/dev/null
xenstore-rm "$(fe 1)/session/flood"

# 200 processes that come at once and never get in: answers stay bounded.
for i in $(seq 200); do
	xenstore-write "$(fe 1)/session/z$i/protocol-version" 99 "$(fe 1)/session/z$i/state" 3
done
z200() { grep -q 'session z200: over' "$DIR/log"; }
within 12 z200
ok $? 'a flood of sessions is answered, slowly'
answers() { [ "$(xenstore-list "$(be 1)/session" | wc -l)" -le 70 ]; }
within 5 answers
ok $? 'and leaves few answers'
for i in $(seq 200); do xenstore-rm "$(fe 1)/session/z$i" 2>/dev/null; done
within 5 not have "$(be 1)/session/z200"
ok $? 'which go with its nodes'

# ---- reboot, destroy, unregister ----
session 1 r1
within 5 running 1 r1
pid=$(executor_of r1)
xenstore-write "$(fe 1)/state" 1
within 5 state_is "$(be 1)" 2
ok $? 'a frontend that is back at 1 has restarted: state 2'
within 5 gone "$pid"
ok $? 'its session is over'
within 5 not have "$(fe 1)/session/r1"
ok $? 'and its nodes are gone'
connect 1 && session 1 r2 && within 5 running 1 r2
ok $? 'it can connect again'
pid=$(executor_of r2)
"$VL" release 1
within 5 not have "$(be 1)"
ok $? 'a domain that goes takes its backend directory along'
within 8 gone "$pid"
ok $? 'and its executor'
"$VL" introduce 5 user1
within 5 have "$(fe 5)/state"
ok $? 'the same VM as another domain gets a virtual GPU again'
like "$(admin list --vm-name=user1)" 'user1 +vm-name +5 +init-wait' 'list tells which domain it is'
"$VL" introduce 6 user1
within 5 logged 'domains 5 and 6 both have this identity; 5 keeps'
ok $? 'two domains of one name: a sentence'
like "$(admin show-health)" 'not well: VM user1: .*both have this identity' 'in show-health too'
xenstore-write /local/domain/6/name other
within 5 admin show-health
ok $? 'and it heals when one is renamed'
admin register-vm --domid=6 >/dev/null
within 5 have "$(fe 6)/state"
ok $? 'a VM may be registered by number'
"$VL" release 6
within 5 not test -e "$DIR/state/domid-6.json"
ok $? 'which ends with the domain'
connect 5
session 5 u1
within 5 running 5 u1
admin unregister-vm --vm-name=user1 >/dev/null
ok $? 'unregister-vm'
like "$(over 5 u1)" '^14 ' 'its sessions are told: error 14'
xenstore-write "$(fe 5)/state" 6
within 5 not have "$(be 5)"
ok $? 'its nodes go'
within 5 not have "$(fe 5)"
ok $? 'on both sides'
xenstore-write "$(be 2)/online" 0
within 5 state_is "$(be 2)" 5
ok $? 'online 0: the device closes'
like "$(rd "$(be 2)/error")" '^14 ' 'and says why'
xenstore-write "$(fe 2)/state" 6
within 1 state_is "$(be 2)" 6
ok $? 'it is closed when the frontend is'
xenstore-write "$(be 2)/online" 1
xenstore-write "$(fe 2)/state" 1
within 5 state_is "$(be 2)" 2 && connect 2
ok $? 'online 1: it opens again'
xenstore-write "$(be 2)/online" 0
within 5 state_is "$(be 2)" 6
ok $? 'a frontend that does not answer is not waited for'
xenstore-write "$(be 2)/online" 1
within 5 state_is "$(be 2)" 4
ok $? 'and is connected again by itself'
within 5 not have "$(be 2)/error"
ok $? 'without an error left behind'
xenstore-rm "$(fe 2)"
within 5 state_is "$(be 2)" 6
ok $? 'a guest that removes its own directory is disconnected'
within 12 have "$(fe 2)/session"
ok $? 'and gets a new one'
connect 2
ok $? 'which works'
/usr/bin/python3 - "$DIR/run/control.sock" <<'END'
import socket, sys, time
def connect():
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.settimeout(8)
    return s
silent = [connect() for _ in range(10)]
t = time.time()
s = connect()
s.sendall(b'{"op": "list"}\n')
assert s.recv(100000).startswith(b'{"ok":true'), "no answer"
assert time.time() - t < 1, "ten silent clients delayed it"
for text in (b"nonsense\n", b"[]\n", b'{"op": 3}\n', b'{"op":"x"}\n',
             b"x" * 5000):
    s = connect()
    s.sendall(text)
    assert s.recv(100000).startswith(b'{"ok":false'), text
assert silent[0].recv(1) == b"", "a silent client is not dropped"
END
ok $? 'the control socket: silent clients delay nobody, nonsense is refused'
echo '{"vm-name": "user3"}' >"$DIR/state/name-user3.json"
echo '{"vm-name": ' >"$DIR/state/name-broken.json"
kill -HUP "$BE"
within 5 admin list --vm-name=user3
ok $? 'SIGHUP reads the state directory again'
like "$(admin show-health)" 'name-broken.json: line' 'a file that is no JSON is named'
rm "$DIR/state/name-broken.json" "$DIR/state/name-user3.json"
kill -HUP "$BE"
within 5 admin show-health
ok $? 'and forgotten when it is gone'

# ---- end and restart ----
session 2 s1
within 5 running 2 s1
pids=$(pgrep -P "$BE")
quit
is "$?" 0 'SIGTERM: exit code 0'
for p in $pids; do within 1 gone "$p" || break; done
ok $? 'no executor is left'
is "$(xenstore-ls -f | grep -c vgpu)" 0 'no node is left'
[ ! -e "$DIR/run/control.sock" ]
ok $? 'no socket is left'
start
ok $? 'the backend starts again'
within 5 have "$(fe 2)/state"
ok $? 'and knows its VMs'
connect 2
session 2 k1
within 5 running 2 k1
pids=$(pgrep -P "$BE")
kill -9 "$BE"
wait "$BE" 2>/dev/null
for p in $pids; do within 5 gone "$p" || break; done
ok $? 'killed hard, its executors end with it'
ok "$(have "$(be 2)/session/k1"; echo $?)" 'though its nodes stay'
start
within 5 state_is "$(be 2)" 2 && [ "$(rd "$(fe 2)/state")" = 1 ]
ok $? 'until the next one makes them anew'
within 5 not have "$(fe 2)/session/k1"
ok $? 'without the old session'
quit

# ---- in a driver domain ----
"$VL" introduce 3 driverdomain
VGPU_DOMID=3 start
admin register-vm --domid=3 >/dev/null
like "$(rd "$(fe 2)/backend") $(rd "$(fe 2)/backend-id")" \
	'^/local/domain/3/backend/vgpu/2/0 3$' 'the backend may be another domain than 0'
be() { echo "/local/domain/3/backend/vgpu/$1/0"; }
is "$(perms "$(be 2)") $(perms "$(fe 2)/session")" 'n3,r2 n2,b3' 'which owns its nodes'
connect 2 && session 2 dd && within 5 running 2 dd
ok $? 'and serves sessions'
within 5 not have "$(fe 3)"
ok $? 'but never itself'
quit
is "$(xenstore-ls -f | grep -c vgpu)" 0 'and leaves no node'

# ---- xenstored ends ----
daemon --daemon --warm=2
ok $? '--daemon returns once ready'
within 10 admin show-health
ok $? 'and serves'
like "$(cat "$DIR/run/vgpu-backend.log")" 'serves as domain 0' 'with its log in a file'
BE=$(cat "$DIR/run/vgpu-backend.lock")
pids=$(pgrep -P "$BE")
"$VL" stop --dir "$DIR/lb"
within 10 gone "$BE"
ok $? 'xenstored gone: the backend ends'
like "$(cat "$DIR/run/vgpu-backend.log")" 'connection to xenstored is lost' 'and says so'
for p in $pids; do within 5 gone "$p" || break; done
ok $? 'and so do its executors'
BE=
echo "1..$n"
