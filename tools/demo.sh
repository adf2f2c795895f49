#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# demo.sh PROGRAM... - the whole path at work, on this machine: Xen's
# libraries are those of tools/loopback, the GPU is this machine's own, or
# softgpu where there is none. Takes everything down again.
set -euo pipefail
cd "$(dirname "$0")/.."
B=$(realpath "${B:-build}")
# Short, because sockets lie below it; not /tmp/vgpu-stack-UID, which may be up.
VGPU_RUN=$(mktemp -d "${TMPDIR:-/tmp}/vgpu-demo.XXXXXX")
export VGPU_RUN
PATH=$B:$PATH
SECONDS=0
bg=

die() { echo "demo: $*" >&2; exit 1; }
head1() { printf '\n==== %s\n' "$*"; }
show() { printf '\n$ %s\n' "$*"; "$@"; }
finish() {
	[ -z "$bg" ] || kill -9 "$bg" 2>/dev/null || true
	stack down || echo "demo: the stack does not go down" >&2
	rm -rf "$VGPU_RUN"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP

within() { # within SECONDS COMMAND...: until it succeeds
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}
sessions() { admin show-sessions --json | grep -c '"session"'; }
no_sessions() { [ "$(sessions)" = 0 ]; }

# short FILE: a long output by its beginning and its end.
short() {
	local n
	n=$(wc -l < "$1")
	if [ "$n" -le 30 ]; then
		cat "$1"
	else
		head -n 12 "$1"
		echo "... $((n - 16)) lines more ..."
		tail -n 4 "$1"
	fi
}

# ---- a machine with Xen, a GPU and one guest ----
head1 "Bring up XenStore, vgpu-backend and guest domain 1"
show stack up || die "the stack does not come up: see above"
show admin list

# ---- unmodified programs, as processes of the guest ----
head1 "Programs built by nvcc -O3, unchanged, as processes of the guest"
for p in "$@"; do
	printf '\n$ guest %s\n' "$p"
	rc=0
	timeout -k 5 120 "$B/guest" "$B/tests/cuda/$p" > "$VGPU_RUN/out" 2>&1 ||
		rc=$?
	short "$VGPU_RUN/out"
	case $rc in
	0) ;;
	124 | 137) die "$p did not end within 120 s" ;;
	*) die "$p gave a wrong result or an error (exit code $rc): see above" ;;
	esac
done

# ---- one in the middle of its work ----
head1 "While a program runs"
printf '\n$ guest killme &\n'
"$B/guest" "$B/tests/cuda/killme" > "$VGPU_RUN/killme.out" 2>&1 &
bg=$!
within 60 grep -q running "$VGPU_RUN/killme.out" ||
	die "killme does not run: $(cat "$VGPU_RUN/killme.out")"
show admin show-sessions
show admin tree /local/domain/0/backend/vgpu
show admin tree /local/domain/1/device/vgpu

head1 "Kill it: its executor goes, and nothing is left"
printf '\n$ kill -9 killme\n'
kill -9 "$bg"
wait "$bg" 2>/dev/null || true
bg=
within 15 no_sessions || die "the session of a killed program is still there"
show admin show-sessions

# ---- what was counted ----
head1 "What the backend counted"
show admin show-metrics
show admin show-health
show stack down

printf '\ndemo: %s programs, all results right, in %s s\n' $# "$SECONDS"
