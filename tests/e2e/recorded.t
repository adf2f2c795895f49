#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# What programs ask of libcuda.so.1, and what vgpu-exec asks of the driver: the
# same launches with the same parameters, copies, fills, allocations, graphs.
# Among them are driver-API programs that need a GPU for their results: here
# the driver's stand-in takes all they do, and the results are not looked at.
set -u
. "$(dirname "$0")/rig.sh"
CUDA=${CUDA:-/usr/local/cuda}
P=$B/tests/cuda

machine
recording_backend
ok $? 'the backend runs with a recorder before its driver' || exit 1
register

check() { # check PROGRAM [OPTION...]
	local name=$1
	shift
	recorded_run "$P/$name"
	ok $? "$name: runs to its end" || tail -n 5 "$DIR/err" | sed 's/^/# /'
	same_work "$name" "$@"
}

for p in vectoradd matmul reduce histogram transpose softmax deviceprintf \
	streams streams-ptds hostcb attrs errors; do
	check $p
	check $p-shared
done
check threads --any-order
check managed --managed
for p in drvapi drv_events drv_graphs drv_launch drv_streams drv_memory \
	drv_contexts drv_copies drv_hostfn drv_loads drv_params drv_printf \
	drv_tensormap drv_values drv_vmm; do
	check $p
done

# The comparison finds what is not there: one launch less, one byte changed.
recorded_run "$P/vectoradd"
guest=$(ls "$DIR"/rec/guest.*)
host=$DIR/rec/host.$(executor_of "${guest##*.}")
differs() { # differs NAME SED
	sed -E "$2" "$host" >"$DIR/changed"
	! cmp -s "$host" "$DIR/changed" &&
		! /usr/bin/python3 tests/e2e/recorded.py "$guest" "$DIR/changed" >"$DIR/work"
	ok $? "the comparison fails for $1" || sed 's/^/# /' "$DIR/work"
}
within 10 not kill -0 "${host##*.}"
differs 'a launch that is lost' '0,/^cuLaunchKernel/{/^cuLaunchKernel/d}'
differs 'a parameter that changed' 's/ params=.(.)/ params=f\1/'
differs 'a copy that is short' '0,/^cuMemcpyHtoD.*ByteCount=0x/s/(HtoD.*ByteCount=0x)./\11/'
differs 'a free that is lost' '0,/^cuMemFree/{/^cuMemFree/d}'

is "$(metric unsupported)" 0 'no call was refused'
nothing_left 'after all programs'
stop_backend
done_testing
