#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Small blocks that are freed stay with the library until the host is asked for
# anything: allocating them again asks nobody, what the program sees is the same
# as without, and no process keeps more than its share.
set -u
. "$(dirname "$0")/rig.sh"
P=$B/tests/cuda/drv_freed
T=$DIR/trace

machine
VGPU_SOFTGPU_MEMORY_MIB=600 backend "$B/lib/libsoftgpu.so"
ok $? 'the backend runs with softgpu' || exit 1
register

row() { awk -v c="$1" '$1 == c { print $2, $3, $4, $5 }' "$T"; }
traced() { VGPU_TRACE="summary:$T" guest timeout 60 "$P" "$@" >"$DIR/out" 2>&1; }

# ---- what is sent: count, local, not waited for, waited for ----
traced pairs 500
ok $? 'a block is allocated and freed 500 times' || sed 's/^/# /' "$DIR/out"
is "$(row cuMemAlloc_v2)" '500 499 0 1' 'the host was asked for it once'
is "$(row cuMemFree_v2)" '500 500 0 0' 'and told of no free'
is "$(row cuMemGetInfo_v2)" '1 0 1 1' 'but of the one that was held, before what is free was asked'
rm "$T"
VGPU_HELD_BLOCKS=0 traced pairs 500
ok $? 'the same with VGPU_HELD_BLOCKS=0'
is "$(row cuMemAlloc_v2) $(row cuMemFree_v2)" '500 0 0 500 500 0 500 0' \
	'the host is asked for each and told of each'
VGPU_HELD_BLOCKS=9 guest "$P" pairs 1 2>"$DIR/err" >/dev/null
like "$(cat "$DIR/err")" 'VGPU_HELD_BLOCKS=9: use a number up to 8' 'what is too much is said'

# A stream that was waited for has nothing left that a free would wait for.
rm "$T"
traced stream
ok $? 'blocks are allocated, used in a stream, and freed, 20 times' || sed 's/^/# /' "$DIR/out"
is "$(row cuMemAlloc_v2) $(row cuMemFree_v2)" '20 19 0 1 20 20 0 0' \
	'the host is asked for the first one only'

# ---- what the program sees ----
guest timeout 60 "$P" >"$DIR/held" 2>&1
ok $? 'drv_freed: its results are right' || sed 's/^/# /' "$DIR/held"
VGPU_HELD_BLOCKS=0 guest timeout 60 "$P" >"$DIR/none" 2>&1
ok $? 'and without held blocks'
diff "$DIR/none" "$DIR/held" >"$DIR/diff"
ok $? 'it prints the same' || sed 's/^/# /' "$DIR/diff"
like "$(cat "$DIR/held")" 'what is free after freeing: all' 'what it frees is free'
guest timeout 60 "$P" full >"$DIR/out" 2>&1
ok $? 'what is held is given back where memory is short' || sed 's/^/# /' "$DIR/out"

# ---- what an idle process keeps ----
mkfifo "$DIR/in"
guest "$P" idle <"$DIR/in" >"$DIR/out" 2>&1 &
exec 7>"$DIR/in"
within 10 grep -q idle "$DIR/out"
ok $? 'a process has freed all that it had, and idles' || sed 's/^/# /' "$DIR/out"
within 5 [ "$(metric memory)" = $((8 << 20)) ]
ok $? 'it keeps 8 MiB' || echo "# $(metric memory)"
exec 7>&-
wait $!
ok $? 'and ends'
nothing_left 'after all programs'
is "$(metric memory)" 0 'no device memory is left'
sanitizers_silent
stop_backend
done_testing
