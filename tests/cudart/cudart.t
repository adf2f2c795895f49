#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Unmodified programs on the runtime libraries of CUDA 11 and 12: other private
# tables, another integrity check, older entry points. Each prints what it
# prints with this toolkit's runtime.
set -u
. "$(dirname "$0")/../e2e/rig.sh"

machine
backend "$B/lib/libsoftgpu.so"
ok $? 'the backend runs with softgpu' || exit 1
register

one() { # one VERSION PROGRAM
	local p=$B/tests/cudart/$1/$2
	guest timeout 60 "$p" >"$DIR/out" 2>"$DIR/err"
	ok $? "$2 on the runtime $1: its results are right" ||
		tail -n 5 "$DIR/err" | sed 's/^/# /'
	[ -s "$DIR/out" ] && [ ! -s "$DIR/err" ]
	ok $? "$2 on the runtime $1: it prints, and complains of nothing" ||
		sed 's/^/# /;5q' "$DIR/err"
	guest timeout 60 "$B/tests/cuda/$2" >"$DIR/want"
	cmp -s <(sort "$DIR/want") <(sort "$DIR/out")
	ok $? "$2 on the runtime $1: it prints what it prints on this toolkit's" ||
		diff "$DIR/want" "$DIR/out" | sed 's/^/# /;6q'
}

found=0
for dir in "$B"/tests/cudart/*/; do
	version=$(basename "$dir")
	if [ -e "$dir/absent" ]; then
		n=$((n + 1))
		echo "ok $n # SKIP runtime $version: $(cat "$dir/absent")"
		continue
	fi
	found=$((found + 1))
	is "$(cd "$dir" && echo libcudart.so.*)" "$(ldd "$dir/vectoradd" |
		awk '/libcudart/ { print $1 }')" "$version: its own library is used"
	for p in vectoradd reduce streams deviceprintf hostcb managed reset; do
		one "$version" $p
	done
	is "$(guest timeout 60 "$dir/parts" 2>&1)" 'parts: 42 and 2' \
		"$version: relocatable device code is loaded"
done
echo "# $found runtimes"
nothing_left 'after all runtimes'
is "$(metric unsupported)" 0 'no call was refused'
sanitizers_silent
stop_backend
done_testing
