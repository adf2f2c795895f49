# SPDX-License-Identifier: BSD-2-Clause
# Sourced by TAP scripts: a loopback machine with vgpu-backend and one guest,
# and the words to test with. The script is at the tree's top afterwards.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
B=$(realpath "${B:-build}")
VL=$B/bin/vgpu-loopback
unset VGPU_LOOPBACK_DIR VGPU_DOMID XENSTORED_PATH LD_LIBRARY_PATH VGPU_LOG
unset NOTIFY_SOCKET JOURNAL_STREAM CUDA_VISIBLE_DEVICES VGPU_TRACE
unset VGPU_HELD_BLOCKS
unset VGPU_RECORD VGPU_RECORD_DRIVER VGPU_RECORD_FILL VGPU_SOFTGPU_STANDIN
DIR=$(mktemp -d "${TMPDIR:-/tmp}/vgpu-t.XXXXXX")
LOG=$DIR/backend.log
n=0 BE=

# A program's or an executor's leak at exit is not what is tested here.
export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}

ok() { # ok RC NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
	return "$1"
}
is() { # is GOT WANTED NAME
	[ "$1" = "$2" ]
	ok $? "$3" || printf '# got    %s\n# wanted %s\n' "$1" "$2"
}
like() { # like TEXT PATTERN NAME
	[[ $1 =~ $2 ]]
	ok $? "$3" || printf '# got %s\n# which is not like %s\n' "${1//$'\n'/$'\n# '}" "$2"
}
within() { # within SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1 + 1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.05
	done
}
not() { ! "$@"; }

finish() {
	[ -z "$BE" ] || kill -9 "$BE" 2>/dev/null
	[ -S "$DIR/lb/broker" ] && "$VL" stop --dir "$DIR/lb" >/dev/null 2>&1
	rm -rf "$DIR"
}
trap finish EXIT

machine() { # machine: loopback, XenStore, domain 1
	eval "$("$VL" start --dir "$DIR/lb")" || { echo "Bail out! no loopback"; exit 1; }
	"$VL" introduce 1 guest1
}
admin() { "$B/bin/vgpu-admin" --run-dir="$DIR/run" "$@"; }
field() { # field COMMAND PYTHON: of its JSON data d
	admin "$1" --json | /usr/bin/python3 -c "import json,sys; d=json.load(sys.stdin); print($2)"
}
backend() { # backend DRIVER [OPTION...]: until it answers
	local driver=$1
	shift
	VGPU_DOMID=0 VGPU_SOFTGPU=1 "$B/bin/vgpu-backend" --driver="$driver" \
		--exec="$B/bin/vgpu-exec" --state-dir="$DIR/state" \
		--run-dir="$DIR/run" "$@" 2>>"$LOG" &
	BE=$!
	within 10 admin version
}
stop_backend() { # stop_backend [SIGNAL]
	kill -"${1:-TERM}" "$BE"
	wait "$BE" 2>/dev/null
	BE=
}
register() { admin register-vm --vm-name=guest1 >/dev/null; }
guest() { # guest PROGRAM...: as a process of domain 1
	VGPU_DOMID=1 LD_LIBRARY_PATH=$B/guest-lib:$B/loopback/lib "$@"
}
executors() { pgrep -P "$BE" -x vgpu-exec | wc -l; }
sessions() { field show-sessions 'len(d)'; }
metric() { field show-metrics "d[0]['stats']['$1']"; }
logged() { grep -qE -- "$1" "$LOG"; }
guest_clean() { "$VL" show | grep -qE '^domain 1 .* grants 0 of [0-9]+ maps 0 ports 0$'; }
nothing_left() { # no session, no page, no port; one warm executor at most
	within 10 guest_clean
	ok $? "${1:-afterwards}: the guest's domain holds no page and no port" ||
		"$VL" show | sed 's/^/# /'
	[ -z "$BE" ] || { within 10 few_executors
		ok $? "${1:-afterwards}: no executor is left but the warm one"; }
}
few_executors() { [ "$(executors)" -le 1 ]; }
sanitizers_silent() {
	! grep -qE 'runtime error:|ERROR: AddressSanitizer' "$LOG"
	ok $? 'no sanitizer spoke' || grep -E -A4 'runtime error:|ERROR: Addr' "$LOG" | head -n 30 | sed 's/^/# /'
}
# What a program asks for, and what arrives at the driver, both written down by
# tools/recorder; softgpu plays an H200 and takes every kernel.
recording_backend() {
	mkdir -p "$DIR/front" "$DIR/rec"
	ln -sf "$B/lib/librecorder.so" "$DIR/front/libcuda.so.1"
	VGPU_RECORD=$DIR/rec/host VGPU_RECORD_DRIVER=$B/lib/libsoftgpu.so \
		VGPU_RECORD_FILL=1 VGPU_SOFTGPU_STANDIN=1 \
		backend "$B/lib/librecorder.so"
}
recorded_run() { # recorded_run PROGRAM...: output in DIR/out, DIR/err
	rm -f "$DIR"/rec/guest.*
	VGPU_DOMID=1 VGPU_TEST_STANDIN=1 VGPU_RECORD=$DIR/rec/guest \
		VGPU_HELD_BLOCKS=0 \
		VGPU_RECORD_DRIVER=$B/guest-lib/libcuda.so.1 \
		LD_LIBRARY_PATH=$DIR/front:$B/loopback/lib:$CUDA/lib64 \
		timeout 100 "$@" >"$DIR/out" 2>"$DIR/err"
}
# The executor of the last program, from the backend's log.
executor_of() { # executor_of GUEST_PID
	sed -nE "s/.*session p$1-.*executor ([0-9]+) connected.*/\1/p" "$LOG" | tail -n 1
}
same_work() { # same_work NAME [OPTION...]: of the last recorded_run
	local name=$1 guest pid
	shift
	guest=$(ls "$DIR"/rec/guest.* 2>/dev/null | head -n 1)
	pid=$(executor_of "${guest##*.}")
	within 10 not kill -0 "${pid:-0}"
	/usr/bin/python3 tests/e2e/recorded.py "$@" "$guest" \
		"$DIR/rec/host.$pid" >"$DIR/work" 2>&1
	ok $? "$name: its work arrives at the driver as it was asked for"
	sed 's/^/# /' "$DIR/work"
}
done_testing() { echo "1..$n"; }
