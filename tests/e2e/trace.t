#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# VGPU_TRACE=summary: the table at a process's end has the calls that it made,
# exactly, and what they sent.
set -u
. "$(dirname "$0")/rig.sh"
P=$B/tests/cuda
T=$DIR/trace

machine
backend "$B/lib/libsoftgpu.so"
ok $? 'the backend runs with softgpu' || exit 1
register

# cell CALL COLUMN: count 2, local 3, async 4, sync 5, bytes 6 7, us 8 9
cell() { awk -v c="$1" -v n="$2" '$1 == c { print $n }' "$T"; }
row() { awk -v c="$1" '$1 == c { print $2, $3, $4, $5, $6, $7 }' "$T"; }
sums() { sed -n "s/^vgpu: \(.* \)\?$1 \([0-9]*\).*/\2/p" "$T"; }
more() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a > b) }'; }

VGPU_TRACE=summary guest "$P/counted" 300 5 200000 >"$DIR/out" 2>"$T"
ok $? 'a program runs with VGPU_TRACE=summary' || sed 's/^/# /' "$T"
like "$(cat "$DIR/out")" 'counted: 300 launches, 5 copies' 'and prints what it prints'
like "$(head -n 1 "$T")" '^vgpu: calls of counted \(process [0-9]+\)$' 'the table is on stderr'
is "$(row cuLaunchKernel)" '300 0 299 1 0 0' 'every launch is counted, the first waited for'
is "$(row cuCtxGetCurrent)" '7 7 0 0 0 0' 'calls that sent nothing are local'
is "$(cell cuMemcpyHtoD_v2 2) $(cell cuMemcpyHtoD_v2 6) $(cell cuMemcpyHtoD_v2 7)" \
	'5 1000000 0' 'bytes to the GPU'
is "$(cell cuMemcpyDtoH_v2 2) $(cell cuMemcpyDtoH_v2 6) $(cell cuMemcpyDtoH_v2 7)" \
	'5 0 1000000' 'bytes from the GPU'
is "$(row cuMemAlloc_v2)" '1 0 0 1 0 0' 'an allocation waits once'
is "$(row cuStreamSynchronize)" '1 0 0 1 0 0' 'so does a stream with work'
more "$(cell cuStreamSynchronize 9)" 0 &&
	! more "$(cell cuStreamSynchronize 9)" "$(cell cuStreamSynchronize 8)"
ok $? 'the host had a part of that time' || grep cuStreamSync "$T" | sed 's/^/# /'
is "$(cell total 2)" $((300 + 10 + 7 + 12)) 'no call is missing or counted twice' ||
	sed 's/^/# /' "$T"
[ "$(sums notifications)" -ge 1 ] && [ "$(sums notifications)" -lt 400 ] &&
	[ "$(sums xenstore)" -ge 10 ] && [ "$(sums grants)" -ge 64 ]
ok $? 'notifications, XenStore, grants' || tail -n 1 "$T" | sed 's/^/# /'
is "$(sums ring-full) $(sums xenstore-later)" '0 0' 'the ring was never full, XenStore not asked after cuInit'

# What the host is asked for is what it counted.
before=$(metric sync_calls)
VGPU_TRACE=summary guest "$P/counted" 10 3 100 >/dev/null 2>"$T"
within 5 [ "$(sessions)" = 0 ]
is $(($(metric sync_calls) - before)) "$(cell total 5)" 'the host counts as many waits'

# The log of failing calls, which has the same way in.
CUDA_LOG_FILE=$DIR/failed VGPU_TRACE=summary:$T.2 guest "$P/drv_logs" >"$DIR/out" 2>"$DIR/err"
ok $? 'a program whose calls fail, with CUDA_LOG_FILE' || sed 's/^/# /' "$DIR/err"
line='^\[[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}\]\[[0-9]+\]\[CUDA\]\[E\] '
is "$(grep -cE "${line}Returning 1 \(CUDA_ERROR_INVALID_VALUE\) from cuLaunchKernel\$" "$DIR/failed")" \
	5 'each launch that failed has its line'
! grep -vqE "$line" "$DIR/failed"
ok $? 'all lines have one form'
grep -qE "${line}PTX line 4: " "$DIR/failed"
ok $? "the host's driver says what is wrong with an image"
guest "$P/drv_logs" | cmp -s - "$DIR/out"
ok $? 'without it the program prints the same'
CUDA_LOG_FILE=stderr guest "$P/counted" 10 3 100 >"$DIR/out" 2>"$DIR/err" &&
	[ ! -s "$DIR/err" ]
ok $? 'calls that do not fail have no line'

# Through cudart, which takes its entry points from cuGetProcAddress.
VGPU_TRACE="summary:$DIR/file" guest "$P/vectoradd" >"$DIR/out" 2>"$DIR/err"
ok $? 'a runtime program, table in a file'
mv "$DIR/file" "$T"
is "$(cat "$DIR/err")" '' 'nothing is on stderr then'
is "$(row cuLaunchKernel)" '3 0 0 3 0 0' 'its launches, of one kernel each'
guest "$P/vectoradd" | cmp -s - "$DIR/out"
ok $? 'it prints the same without VGPU_TRACE'

# What libraries ask about a kernel again and again is asked of the host once.
VGPU_TRACE="summary:$DIR/file" guest "$P/drv_kernels" >"$DIR/out" 2>"$DIR/err"
ok $? 'a program asks the same about its kernels again' || sed 's/^/# /' "$DIR/err"
mv "$DIR/file" "$T"
is "$(row cuKernelGetFunction)" '141 133 0 8 0 0' 'a kernel'\''s function is asked for once a context'
is "$(row cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags)" '280 268 0 12 0 0' \
	'how many blocks fit, once until something is set'

# A fork has no table of its own; a program that it starts has.
VGPU_TRACE="summary:$T" guest /usr/bin/python3 - <<-'PYTHON'
	import ctypes, os, sys
	cuda = ctypes.CDLL("libcuda.so.1")
	assert cuda.cuInit(0) == 0
	child = os.fork()
	if child == 0:
	    cuda.cuDeviceGetCount(ctypes.byref(ctypes.c_int()))
	    sys.exit(0)
	sys.exit(os.waitpid(child, 0)[1])
PYTHON
ok $? 'a process forks and both end'
is "$(grep -c '^vgpu: calls of' "$T")" 2 'one table more, and that is the parent'\''s'

guest "$P/counted" 1 0 2>"$DIR/err" >/dev/null
is "$(cat "$DIR/err")" '' 'without VGPU_TRACE nothing is printed'
VGPU_TRACE=all guest "$P/counted" 1 0 2>"$DIR/err" >/dev/null
like "$(cat "$DIR/err")" 'VGPU_TRACE=all: use summary' 'what is not known is said'
VGPU_TRACE=summary:/nowhere/x guest "$P/counted" 1 0 2>"$DIR/err" >/dev/null
like "$(cat "$DIR/err")" 'VGPU_TRACE: /nowhere/x: No such file' 'so is a file that cannot be written'
sanitizers_silent
stop_backend
done_testing
