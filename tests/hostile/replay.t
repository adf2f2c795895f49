#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The executor's replay against records of every kind of nonsense.
# VGPU_SEED=N plays another game; the default is always the same.
set -u
cd "$(dirname "$0")/../.." || exit 1
OUT=$(realpath "${B:-build}")/tests/hostile
# An executor frees nothing by itself: it ends.
export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-}
exec "$OUT/replay_test" "$OUT/libfakecuda.so" ${VGPU_SEED:+"$VGPU_SEED"} \
	2> >(grep -v '^vgpu\|FOREIGN\|^replay_test: ' >&2)
