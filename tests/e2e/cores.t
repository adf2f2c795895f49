#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# The other way of waiting. With 4 cores and more an executor's ring thread looks
# at waits itself before its waiter's thread gets them, and both spin; with fewer
# it does not. This machine went one way with the other tests: here programs,
# events and wrong guests go the other one.
set -u
cd "$(dirname "$0")/../.." || exit 1
[ "$(getconf _NPROCESSORS_ONLN)" -lt 4 ] && cores=8 || cores=1
n=0

again() { # again TEST: its points with our numbers
	local t=$1 line rc points=0 out
	out=$(mktemp) || exit 1
	VGPU_TEST_CORES=$cores "$t" >"$out"
	rc=$?
	while read -r line; do
		case $line in
		'ok '* | 'not ok '*) n=$((n + 1)) points=$((points + 1))
			echo "${line%%ok *}ok $n - ${line#* - } ($cores cores)" ;;
		'#'*) echo "$line" ;;
		esac
	done <"$out"
	rm -f "$out"
	n=$((n + 1))
	[ $rc = 0 ] && [ $points -gt 10 ] && echo "ok $n - $t ends well" ||
		echo "not ok $n - $t: exit code $rc after $points points"
}

again tests/e2e/programs.t
again tests/hostile/hostile.t
echo "1..$n"
