#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# gen.py and paths.py refuse bad descriptions with file:line, and make the same
# from the same; what they make names every export once.
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build} CUDA=${CUDA:-/usr/local/cuda} CC=${CC:-gcc}
PYTHON=${PYTHON:-/usr/bin/python3}
S=xenstore-schema
DIR=$(mktemp -d "${TMPDIR:-/tmp}/vgpu-gen.XXXXXX")
trap 'rm -rf "$DIR"' EXIT
n=0

ok() { # ok RC NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}
gen() { # gen FILE...: into DIR/out
	mkdir -p "$DIR/out"
	$PYTHON -B $S/calls/gen.py "$DIR/out" "$CUDA/include" "$CC" "$@"
}
cp $S/calls/manual.h "$DIR"
refused() { # refused NAME LINE SENTENCE <<< description
	local out
	cat >"$DIR/bad.api"
	out=$(gen "$DIR/bad.api" 2>&1)
	[ $? -ne 0 ] && [[ $out == *"bad.api:$2: "*"$3"* ]] &&
		[[ $out != *Traceback* ]]
	ok $? "$1" || return
	[[ $out == *"bad.api:$2: "*"$3"* ]] || echo "# ${out##*$'\n'}"
}

refused 'a name that cuda.h lacks' 2 'cuNonsense has no prototype' <<'X'
# nothing like it
call cuNonsense sync
X
refused 'a parameter that the call lacks' 2 'cuMemFree_v2 has no parameter nothing' <<'X'
call cuMemFree_v2 sync
  in nothing
X
refused 'a mode that there is not' 2 'unknown mode inn' <<'X'
call cuCtxGetId sync
  inn ctxId
X
refused 'a pointer without a mode' 1 'parameter ctxId (unsigned long long *) needs a mode' <<'X'
call cuCtxGetId sync
X
refused 'an array without a count' 3 'needs a count' <<'X'
call cuStreamBatchMemOp_v2 async

  ins paramArray
X
refused 'a call described twice' 2 'cuMemFree_v2 is described twice' <<'X'
call cuMemFree_v2 sync
call cuMemFree_v2 sync
X
refused 'a line outside a call' 1 "'in' outside a call" <<'X'
in x
X
refused 'a model that is nowhere' 1 'cuMemFree_v2 is like cuNowhere' <<'X'
call cuMemFree_v2 like cuNowhere
X
refused 'a class that there is not' 1 'class' <<'X'
call cuMemFree_v2 snyc
X
refused 'a call without a class' 1 'class' <<'X'
call cuMemFree_v2
X
refused 'a mode without a parameter' 2 'in' <<'X'
call cuCtxGetId sync
  in
X

# ---- what is good ----
gen $S/calls/*.api
ok $? 'the real description is accepted'
cp -r "$DIR/out" "$DIR/first"
gen $S/calls/*.api && diff -r "$DIR/first" "$DIR/out" >/dev/null
ok $? 'and makes the same the second time'
diff -q "$DIR/out/vgpu_ops.h" "$B/gen/vgpu_ops.h" >/dev/null
ok $? 'the tree was built from it'
hash_of() { sed -n 's/.*VGPU_CALLS_HASH_TEXT "\(.*\)"/\1/p' "$DIR/out/vgpu_ops.h"; }
before=$(hash_of)
[[ $before =~ ^[0-9a-f]{16}$ ]]
ok $? 'the hash has 16 digits'
mkdir "$DIR/changed"
cp $S/calls/*.api $S/calls/manual.h "$DIR/changed"
sed -i '0,/^call cuMemFree_v2 /s//# one more line\n&/' "$DIR"/changed/memory.api
gen "$DIR"/changed/*.api && [ "$(hash_of)" != "$before" ]
ok $? 'another description has another hash'
cp $S/calls/*.api "$DIR/changed"
echo '/* changed */' >>"$DIR/changed/manual.h"
gen "$DIR"/changed/*.api && [ "$(hash_of)" != "$before" ]
ok $? 'and so has another manual.h'
names=$(cut -f 1 "$B/gen/coverage.tsv" | sort)
[ -z "$(uniq -d <<<"$names")" ] && [ "$(wc -l <<<"$names")" -ge 674 ]
ok $? 'the coverage table names at least 674 functions, each once'
exported=$(nm -D --defined-only "$B/lib/libcuda.so.1" |
	awk '$2 ~ /[TtWi]/ && $3 ~ /^cu/ { sub(/@.*/, "", $3); print $3 }' | sort)
diff <(echo "$names") <(echo "$exported") >"$DIR/diff"
ok $? 'libcuda.so.1 exports exactly these' || head -n 5 "$DIR/diff"
called=$(grep -v '^#' tests/unit/called-functions.txt | cut -f 1 | sort)
[ "$(wc -l <<<"$called")" -ge 97 ] && [ -z "$(comm -23 <(echo "$called") <(echo "$names"))" ]
ok $? 'what real programs were seen to call are names of the table' ||
	comm -23 <(echo "$called") <(echo "$names") | sed 's/^/# /'
refused=$(awk -F'\t' '$2 == "not supported" { print $1 }' "$B/gen/coverage.tsv" | sort)
[ -z "$(comm -12 <(echo "$called") <(echo "$refused"))" ]
ok $? 'and none of them is refused' ||
	comm -12 <(echo "$called") <(echo "$refused") | sed 's/^/# /'
[ -n "$refused" ] && ! grep -P '\tnot supported\t.{0,15}$' "$B/gen/coverage.tsv"
ok $? 'what is refused has a reason of some words'

# ---- paths.py ----
paths() { $PYTHON -B $S/paths.py "$1" "$DIR/p.h" "$DIR/p.md"; }
head -n 30 $S/paths.txt >"$DIR/bad.txt"
lines=$(wc -l <"$DIR/bad.txt")
echo 'BE_BROKEN | $BE_DIR/x | u32 | - | backend' >>"$DIR/bad.txt"
out=$(paths "$DIR/bad.txt" 2>&1)
[ $? -ne 0 ] && [[ $out == *"bad.txt:$((lines + 1)): 5 columns, 8 are needed"* ]]
ok $? 'a line of paths.txt with too few columns is refused with its number'
paths $S/paths.txt && diff -q "$DIR/p.h" "$B/gen/vgpu_paths.h" >/dev/null
ok $? 'the tree was built from paths.txt'
[ "$(grep -vc '^#\|^$' $S/paths.txt)" -eq "$(grep -c '^| `/' "$DIR/p.md")" ]
ok $? 'the table has a row for each node'
! grep -q '\$[A-Z]' "$DIR/p.h" "$DIR/p.md"
ok $? 'no name is left unexpanded'
grep -q '"/local/domain/%u/backend/vgpu/%u/%u"' "$DIR/p.h"
ok $? 'directories are format strings'
[ -z "$(grep -o '^#define [A-Z_]*' "$DIR/p.h" | sort | uniq -d)" ]
ok $? 'no name is defined twice'
echo "1..$n"
