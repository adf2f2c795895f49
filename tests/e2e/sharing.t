#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# Memory shared by file descriptor: it works between processes of one VM, it is
# refused to those of another that know all that the first one knows, and it
# ends with its exporter; nothing is left on the host.
set -u
. "$(dirname "$0")/rig.sh"
P=$B/tests/cuda/sharing
REFUSED='memory: CUDA_ERROR_INVALID_VALUE
pool: CUDA_ERROR_INVALID_VALUE'
FOUND='memory: CUDA_SUCCESS
memory holds 4711
pool: CUDA_SUCCESS
pool holds 1234'

run() { # run DOMAIN PROGRAM...
	local dom=$1
	shift
	VGPU_DOMID=$dom LD_LIBRARY_PATH=$B/guest-lib:$B/loopback/lib "$@"
}
take() { run "$1" timeout 30 "$P" take "$2" 2>&1; }
said() { grep -q "^$1" "$DIR/out"; }
start() { # start DOMAIN COMMAND ARG: in the background, its stdin is open
	rm -f "$DIR/in"
	mkfifo "$DIR/in"
	run "$1" "$P" "$2" "$3" <"$DIR/in" >"$DIR/out" 2>&1 &
	PROGRAM=$!
	exec 7>"$DIR/in"
}
end() {
	exec 7>&-
	wait "$PROGRAM"
}
one_session() { [ "$(sessions)" = 1 ]; }
executor() { # of the one session there is once those that took are over
	within 10 one_session
	field show-sessions "[s['executor'] for s in d if s['program'] == 'sharing'][0]"
}
files() { ls "/proc/$1/fd" | wc -l; }

machine
"$VL" introduce 2 guest2
backend "$B/lib/libsoftgpu.so"
ok $? 'the backend runs with softgpu' || exit 1
register
admin register-vm --vm-name=guest2 >/dev/null

# ---- one VM, and another ----
start 1 offer "$DIR/note1"
within 10 said offered
ok $? 'a process of VM 1 exports memory and a pool' || sed 's/^/# /' "$DIR/out"
is "$(take 1 "$DIR/note1")" "$FOUND" 'another process of VM 1 finds both'
is "$(take 2 "$DIR/note1")" "$REFUSED" 'VM 2 is refused both'
is "$(take 1 "$DIR/note1")" "$FOUND" 'the refusal changed nothing for VM 1'
cp "$DIR/note1" "$DIR/forged"
printf '\377' | dd of="$DIR/forged" bs=1 seek=80 conv=notrunc 2>/dev/null
like "$(take 1 "$DIR/forged")" '^memory: CUDA_ERROR_INVALID_VALUE' \
	'a token that is wrong in one byte is refused'

# ---- closed: gone at the next look ----
echo close >&7
within 10 said closed
is "$(take 1 "$DIR/note1")" "$REFUSED" 'what its exporter has closed is gone'
end
ok $? 'the exporter ends well'

# ---- the other way round, so that VM 2 was not refused for another reason ----
start 2 offer "$DIR/note2"
within 10 said offered
is "$(take 2 "$DIR/note2")" "$FOUND" 'VM 2 finds its own'
is "$(take 1 "$DIR/note2")" "$REFUSED" 'VM 1 is refused it'

# ---- an executor that does not answer, and one that is dead ----
exporter=$(executor)
kill -STOP "$exporter"
t0=$SECONDS
is "$(take 2 "$DIR/note2")" "$REFUSED" 'a silent exporter: the import ends'
[ $((SECONDS - t0)) -le 15 ]
ok $? 'after some seconds' || echo "# $((SECONDS - t0)) s"
start_other=$(run 1 timeout 20 "$B/tests/cuda/counted" 2>&1)
ok $? 'others worked meanwhile' || echo "# $start_other"
kill -CONT "$exporter"
is "$(take 2 "$DIR/note2")" "$FOUND" 'it answers again, and is found again'
{ kill -KILL "$PROGRAM"; end; } 2>/dev/null
within 10 not kill -0 "$exporter"
is "$(take 2 "$DIR/note2")" "$REFUSED" 'what a dead process exported is gone'

# ---- many ----
start 1 churn 10000
within 30 said churned
ok $? '10000 exports, each closed' || sed 's/^/# /' "$DIR/out"
now=$(files "$(executor)")
[ "$now" -lt 64 ]
ok $? 'their executor has few files open' || echo "# $now"
now=$(files "$BE")
[ "$now" -lt 64 ]
ok $? 'and so has the backend' || echo "# $now"
end
ok $? 'the program ends well'

nothing_left 'after all'
is "$(metric memory)" 0 'no device memory is left'
! logged 'crash|killed by signal|over: (10|13) '
ok $? 'no session ended badly' || grep -E 'signal|over: 1[03]' "$LOG" | head -n 5 | sed 's/^/# /'
sanitizers_silent
stop_backend
done_testing
