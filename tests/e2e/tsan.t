#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Threads under ThreadSanitizer, over the whole path: the library in programs
# with up to 32 threads, and vgpu-exec with its waiter, as make B=...
# SANITIZE=thread builds them. Without that build there is nothing to see.
set -u
. "$(dirname "$0")/rig.sh"
export TSAN_OPTIONS="log_path=$DIR/tsan history_size=4 suppressions=$PWD/tests/tsan.supp"

if ! nm -D "$B/bin/vgpu-exec" | grep -q __tsan_init; then
	echo '1..0 # SKIP this tree is not built with SANITIZE=thread'
	exit 0
fi
machine
backend "$B/lib/libsoftgpu.so"
ok $? 'the backend runs with softgpu' || exit 1
register

# What was said since the last look, by what was reported.
silent() { # silent NAME
	sed -n 's/^SUMMARY: ThreadSanitizer: //p' "$DIR"/tsan.* 2>/dev/null |
		sort | uniq -c >"$DIR/said"
	[ ! -s "$DIR/said" ]
	ok $? "$1" || { sed 's/^/# /' "$DIR/said"
		grep -hE '^ +#[0-9]|WARNING|^  [A-Z]' "$DIR"/tsan.* | head -n 40 | sed 's/^/# /'; }
	rm -f "$DIR"/tsan.*
}

check() { # check PROGRAM [ARGUMENT...]
	guest timeout 300 "$B/tests/cuda/$1" "${@:2}" >"$DIR/out" 2>"$DIR/err"
	ok $? "$1: runs to its end" || tail -n 5 "$DIR/err" | sed 's/^/# /'
	nothing_left "$1"
	silent "$1: no race in the program's library, none in its executor"
}

check drvapi
check drv_events
check drv_freed
check drv_stress 16

# The other way of waiting, as in cores.t: the ring thread looks, and the
# waiter's thread takes over; or it does not.
stop_backend
[ "$(getconf _NPROCESSORS_ONLN)" -lt 4 ] && cores=8 || cores=1
export VGPU_TEST_CORES=$cores
backend "$B/lib/libsoftgpu.so"
ok $? "the backend runs as on $cores cores"
check drv_events
check drv_stress 16
check drv_races

# Two threads that race are seen through the same options.
cat >"$DIR/race.c" <<'E'
#include <pthread.h>
static int n;
static void *add(void *p) { n++; return p; }
int main(void)
{
	pthread_t t;
	pthread_create(&t, 0, add, 0);
	add(0);
	return pthread_join(t, 0);
}
E
gcc -fsanitize=thread -g -o "$DIR/race" "$DIR/race.c" -lpthread && "$DIR/race"
grep -q 'data race' "$DIR"/tsan.*
ok $? 'ThreadSanitizer works here: two threads that race are reported'
stop_backend
done_testing
