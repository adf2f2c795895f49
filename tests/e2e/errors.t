#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What wrong calls give, over the whole path on a stand-in for an H200: what
# NVIDIA's driver 580.159 gave on one, natively. answers/ has those lines of it
# that softgpu can give; the rest needs a GPU, and check-gpu compares it.
set -u
. "$(dirname "$0")/rig.sh"
# In a guest with the sanitizers a crash must stay a crash.
export ASAN_OPTIONS=$ASAN_OPTIONS:handle_segv=0:allocator_may_return_null=1

machine
VGPU_SOFTGPU_STANDIN=1 backend "$B/lib/libsoftgpu.so"
ok $? 'the backend runs with a stand-in for an H200' || exit 1
register

for program in "$B"/tests/cuda/drv_errors*; do
	name=${program##*/}
	guest timeout 60 "$program" >"$DIR/out" 2>"$DIR/err"
	ok $? "$name: it gets through" || sed 's/^/# /;5q' "$DIR/err"
	is "$(grep -cE '(crashes|hangs) instead' "$DIR/out")" 0 \
		"$name: we survive each of them"
	is "$(grep '^afterwards a copy' "$DIR/out" | grep -v ' CUDA_SUCCESS$')" \
		'' "$name: no error is left for a call that is right"
	[ -e "tests/e2e/answers/$name" ] || continue
	is "$(diff "tests/e2e/answers/$name" "$DIR/out" | sed -n 's/^< //p')" '' \
		"$name: wrong calls give what they give natively"
done

nothing_left
! logged 'crash|killed by signal'
ok $? 'no executor crashed' || grep -E 'signal|crash' "$LOG" | head -n 5 | sed 's/^/# /'
sanitizers_silent
stop_backend
done_testing
