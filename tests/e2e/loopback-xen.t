#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# A whole loopback machine: Debian's xenstored and clients on libraries of
# ours, two domains, programs in them, and nothing left at the end.
set -u
. "$(dirname "$0")/rig.sh"
PAIR=$B/tests/unit/loopback_pair

held() { "$VL" show | sed -n "s/^domain $1 //p"; }

finish() {
	jobs -p | xargs -r kill 2>/dev/null
	[ -S "$DIR/broker" ] && "$VL" stop --dir "$DIR"
	rm -rf "$DIR"
}
trap finish EXIT

# ---- what is wrong is said ----
like "$("$VL" show 2>&1)" 'VGPU_LOOPBACK_DIR is not set' \
	'without a machine, a sentence says how to start one'
like "$(VGPU_XENSTORED=/bin/false "$VL" start --dir "$DIR" 2>&1)" \
	'xenstored ended' 'an xenstored that does not start is reported'
like "$(VGPU_XENSTORED=/no/such "$VL" start --dir "$DIR" 2>&1)" \
	'cannot be executed' 'an xenstored that is not there is reported'
like "$(VGPU_LOOPBACK_MAX_GRANTS=many "$VL" start --dir "$DIR" 2>&1)" \
	'a number from' 'a limit that is no number is refused'
[ ! -S "$DIR/broker" ]
ok $? 'and none of these leaves a machine behind'

# ---- start ----
exports=$(VGPU_LOOPBACK_MAX_GRANTS=1000 "$VL" start --dir "$DIR")
ok $? 'start'
eval "$exports"
pids=$(pgrep -s "$(pgrep -f "^$VL start --dir $DIR" | head -1)" -d ' ')
is "$(wc -w <<<"$pids")" 2 'two processes run: the broker and xenstored'
like "$("$VL" start --dir "$DIR" 2>&1)" 'runs in .* already' \
	'a second start in the same directory is refused'
is "$("$VL" env)" "$exports" 'env prints the same exports'
is "$(xenstore-read /local/domain/0/name)" Domain-0 'xenstore-read'
xenstore-write /tool/test/a 1 /tool/test/b 'two words'
is "$(xenstore-ls /tool/test)" $'a = "1"\nb = "two words"' \
	'xenstore-write, xenstore-ls'
xenstore-rm /tool/test && ! xenstore-exists /tool/test
ok $? 'xenstore-rm, xenstore-exists'
before=$(held 0)

# ---- domains ----
timeout 20 xenstore-watch -n 3 @introduceDomain >"$DIR/introduced" &
watch=$!
within 10 grep -q . "$DIR/introduced" # a watch fires once when it is set
"$VL" introduce 1 guest1 &&
	"$VL" introduce 2 guest2 01234567-89ab-cdef-0123-456789abcdef
ok $? 'introduce two domains'
wait "$watch"
is "$(grep -c introduceDomain "$DIR/introduced")" 3 \
	'@introduceDomain fires for each'
is "$(xenstore-read /local/domain/1/name)" guest1 'a domain has its name'
is "$(xenstore-read "$(xenstore-read /local/domain/2/vm)/uuid")" \
	01234567-89ab-cdef-0123-456789abcdef 'and its UUID'
perms=$(xenstore-ls -p /local/domain/1)
like "$perms" 'name = "guest1" [. ]*\(n0,r1\)' 'the guest reads its name'
like "$perms" 'device = "" [. ]*\(n1\)' 'the guest owns device'
like "$perms" 'data = "" [. ]*\(n1\)' 'the guest owns data'
like "$("$VL" introduce 1 2>&1)" 'cannot make domain 1: File exists' \
	'a domain is made only once'
like "$("$VL" run 9 "$PAIR" front 9 2>&1)" 'that domain does not exist' \
	'nothing runs in a domain that is not there'

# ---- programs that are linked with Debian's libraries ----
"$VL" run 1 -- "$PAIR" front 1 >"$DIR/front" 2>&1 &
disown # its death by SIGKILL is no news
within 10 xenstore-exists /local/domain/1/data/ref
"$PAIR" back 1 >"$DIR/back" 2>&1 &
back=$!
within 10 grep -q . "$DIR/front"
is "$(cat "$DIR/front")" 'front: hello from the backend' \
	'a page and an event cross from domain 0 to domain 1'
is "$(held 1)" 'running handles 2 grants 1 of 1000 maps 0 ports 1' \
	'show says what domain 1 holds'
VGPU_DOMID=2 "$PAIR" back 1 >"$DIR/thief" 2>&1
like "$(cat "$DIR/thief")" 'cannot map reference' \
	'another domain cannot map the page'

# ---- the end of a domain ----
timeout 20 xenstore-watch -n 2 @releaseDomain >"$DIR/released" &
watch=$!
within 10 grep -q . "$DIR/released"
"$VL" release 1
ok $? 'release'
wait $back
is "$? $(tail -1 "$DIR/back")" '0 back: the frontend ended' \
	'its processes are killed, and the backend learns of it'
wait $watch
is "$(grep -c releaseDomain "$DIR/released")" 2 '@releaseDomain fires'
! xenstore-exists /local/domain/1
ok $? 'its nodes are gone'
like "$("$VL" release 1 2>&1)" 'it does not exist' \
	'a domain is released only once'
"$VL" introduce 1 again && [ "$(xenstore-read /local/domain/1/name)" = again ]
ok $? 'its number can be used again'
"$VL" release 1 && "$VL" release 2
is "$(held 0)" "$before" 'domain 0 holds what it held before'

# ---- stop ----
"$VL" stop
ok $? 'stop'
# Whoever adopted them may not have reaped them yet.
left=$(for p in $pids; do ps -o pid=,stat=,comm= -p "$p"; done |
	awk '$2 !~ /^Z/')
is "$left" '' 'no process is left'
is "$(ls "$DIR")" $'back\nfront\nintroduced\nlog\nreleased\nthief' \
	'and no file but the log'
like "$("$VL" stop 2>&1)" 'cannot stop' 'there is nothing more to stop'

# ---- as anybody, in a directory of its own ----
as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
if [ "$(id -u)" -eq 0 ] && as_nobody unshare -Ur true 2>/dev/null &&
	as_nobody test -x "$VL"; then
	# shellcheck disable=SC2016 # the inner shell is to expand it
	out=$(unset VGPU_LOOPBACK_DIR XDG_RUNTIME_DIR; TMPDIR=/tmp as_nobody \
		bash -c 'eval "$("$0" start)" && "$0" introduce 1 &&
		xenstore-read /local/domain/1/domid && "$0" stop &&
		! test -e "$VGPU_LOOPBACK_DIR"' "$VL" 2>&1)
	is "$? $out" '0 1' 'a user without rights starts one of its own'
else
	n=$((n + 1))
	echo "ok $n - a user without rights # SKIP needs root and user namespaces"
fi
echo "1..$n"
