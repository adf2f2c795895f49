#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# NVIDIA's libraries, unmodified, over the whole path without a GPU: the
# programs of tests/gpu on a stand-in that plays an H200 (tools/softgpu,
# standin.c). The libraries' kernels are machine code, which nothing here can
# run: results are not looked at, but every call must succeed, and what was
# asked for must arrive. nvrtc's kernel is PTX, and its results are real.
set -u
. "$(dirname "$0")/rig.sh"
CUDA=${CUDA:-/usr/local/cuda}
P=$B/tests/gpu

machine
recording_backend
ok $? 'the backend runs with a stand-in for an H200' || exit 1
register

have_libraries() { # have_libraries PROGRAM
	LD_LIBRARY_PATH=$B/guest-lib:$CUDA/lib64 ldd "$1" >"$DIR/ldd"
	! grep 'not found' "$DIR/ldd" >"$DIR/missing"
}

check() { # check LIBRARY
	if [ ! -x "$P/lib_$1" ]; then
		skip 3 "$1: its headers are not installed"
		return
	fi
	if ! have_libraries "$P/lib_$1"; then
		skip 3 "$1: $(awk '{ print $1; exit }' "$DIR/missing") is not installed"
		return
	fi
	recorded_run "$P/lib_$1"
	ok $? "$1: every call succeeds" || tail -n 5 "$DIR/err" | sed 's/^/# /'
	is "$(cat "$DIR/err")" '' "$1: nothing is refused, nothing is complained of"
	same_work "$1"
}
skip() { # skip COUNT REASON
	for ((i = 0; i < $1; i++)); do
		n=$((n + 1))
		echo "ok $n # SKIP $2"
	done
}

for l in cublas cublaslt cufft curand cusolver cusparse cudnn nvrtc; do
	check $l
done
grep -q 'PTX gives 10 962' "$DIR/out"
ok $? "nvrtc: the kernel that it compiled gives the right result"
if ldconfig -p | grep -q libnvidia-ml.so.1; then
	check nccl
else
	skip 3 'nccl: its start needs libnvidia-ml.so.1, which is not installed'
fi

nothing_left 'after all libraries'
is "$(metric memory)" 0 'no device memory is left'
! logged 'crash|killed by signal|over: (10|13) '
ok $? 'no session ended badly'
sanitizers_silent
stop_backend
done_testing
