#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Unmodified CUDA programs over the whole path: libcuda, ring, backend,
# executor, softgpu. Each checks its results against the CPU itself; the static
# and the shared cudart must print the same, and no program may be silent.
set -u
. "$(dirname "$0")/rig.sh"
CUDA=${CUDA:-/usr/local/cuda}
P=$B/tests/cuda

machine
backend "$B/lib/libsoftgpu.so"
ok $? 'the backend runs with softgpu' || exit 1
register

run() { # run PROGRAM: output in DIR/PROGRAM.out
	VGPU_DOMID=1 LD_LIBRARY_PATH=$B/guest-lib:$B/loopback/lib:$CUDA/lib64 \
		timeout 60 "$P/$1" >"$DIR/$1.out" 2>"$DIR/$1.err"
}
launched() { metric launches; }

# ---- the core programs, static and shared ----
while read -r name group; do
	[ "$group" = core ] || continue
	before=$(launched)
	run "$name"
	rc=$?
	ok $rc "$name: its results are right" ||
		{ echo "# exit $rc"; tail -n 5 "$DIR/$name.out" "$DIR/$name.err" | sed 's/^/# /'; }
	[ -s "$DIR/$name.out" ] && [ ! -s "$DIR/$name.err" ]
	ok $? "$name: it prints, and complains of nothing" || sed 's/^/# /;5q' "$DIR/$name.err"
	within 5 [ "$(launched)" -gt "$before" ]
	ok $? "$name: its kernels were counted"
done <"$P/programs.txt"
while read -r name group; do
	[ "$group" = core ] && [[ $name == *-shared ]] || continue
	diff "$DIR/${name%-shared}.out" "$DIR/$name.out" >"$DIR/diff"
	ok $? "${name%-shared}: static and shared runtime print the same" ||
		sed 's/^/# /;5q' "$DIR/diff"
done <"$P/programs.txt"

# What these print was worked out without any GPU: see the programs.
is "$(grep -c '^line ' "$DIR/deviceprintf.out")" \
	"$(grep '^line ' "$DIR/deviceprintf.out" | sort -u | wc -l)" \
	'deviceprintf: no line is lost or doubled'
[ "$(grep -c '^line ' "$DIR/deviceprintf.out")" -ge 400 ]
ok $? 'deviceprintf: all lines arrived'
like "$(cat "$DIR/reduce.out")" 'n=100003 sum [0-9]+ max [0-9]+' 'reduce prints its sums'

# ---- the same twice, and beside each other ----
run vectoradd && cp "$DIR/vectoradd.out" "$DIR/first" && run vectoradd &&
	cmp -s "$DIR/first" "$DIR/vectoradd.out"
ok $? 'the same program prints the same again'
pids=()
for p in vectoradd reduce histogram transpose softmax matmul; do
	cp "$DIR/$p.out" "$DIR/$p.want"
	run $p &
	pids+=($!)
done
rc=0
for p in "${pids[@]}"; do wait "$p" || rc=1; done
ok $rc 'six programs at the same time'
rc=0
for p in vectoradd reduce histogram transpose softmax matmul; do
	cmp -s "$DIR/$p.want" "$DIR/$p.out" || rc=1
done
ok $rc 'and each prints what it prints alone'

# ---- what the host counted ----
[ "$(metric bytes_to_gpu)" -gt 100000 ] && [ "$(metric bytes_from_gpu)" -gt 100000 ]
ok $? 'bytes were counted both ways'
[ "$(metric calls)" -gt "$(metric sync_calls)" ]
ok $? 'not every call waited'
nothing_left 'after all programs'
is "$(metric memory)" 0 'no device memory is left'
! logged 'crash|killed by signal|over: (10|13) '
ok $? 'no session ended badly' || grep -E 'signal|over: 1[03]' "$LOG" | head -n 5 | sed 's/^/# /'
sanitizers_silent
stop_backend
done_testing
