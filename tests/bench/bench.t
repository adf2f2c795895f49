#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# bench itself, in a few seconds: every part on softgpu, natively and through
# the stack. What it measures there means nothing; that it measures, does.
set -u
. "$(dirname "$0")/../e2e/rig.sh"
TREE=$DIR/tree # looks like a bundle
export VGPU_RUN=$DIR/stack VGPU_SOFTGPU=1 VGPU_DRIVER=$B/lib/libsoftgpu.so

mkdir -p "$TREE/tests/bench" "$TREE/native"
for f in stack guest admin tests/cuda tests/bench/cubench; do
	ln -s "$B/$f" "$TREE/$f"
done
cp "$B"/tests/bench/*.py "$TREE/tests/bench"
cp "$B/tests/bench/bench" "$TREE"
ln -s "$VGPU_DRIVER" "$TREE/native/libcuda.so.1"
echo 1234567 >"$TREE/commit"
# No framework runs on softgpu: what is tried is the way that they are asked.
cat >"$TREE/tests/bench/bench_llm.py" <<-'PYTHON'
	import sys
	print("ready", flush=True)
	for n, line in enumerate(sys.stdin):
	    if line.strip() == "parts":
	        print('{"parts": ["matmul_tflops", "other"]}', flush=True)
	    else:
	        print('a line of a library\n{"work": "%s", "unit": "it/s", "value": %d}'
	              % (line.strip(), 100 + n), flush=True)
PYTHON

bench() { LD_LIBRARY_PATH=$TREE/native timeout 200 "$TREE/bench" "$@"; }
data() { # data PYTHON: of the JSON data d
	/usr/bin/python3 -c "import json; d = json.load(open('$DIR/json')); print($1)"
}

bench --quick --rounds 2 --all --json "$DIR/json" --plot "$DIR/plots" >"$DIR/out" 2>"$DIR/err"
ok $? 'all parts run' || tail -n 20 "$DIR/out" "$DIR/err" | sed 's/^/# /'
like "$(head -n 2 "$DIR/out")" '^# softgpu, driver softgpu.*1234567.*window: up to [0-9]+ pages' \
	'it says where it ran'
is "$(data 'sorted(d["seconds"])')" "['cost', 'frameworks', 'scaling', 'table']" \
	'it says how long each part took'
[ "$(data 'len(d["rows"])')" -gt 40 ]
ok $? 'the table has its rows'
is "$(data 'all(r[s + "_median"] > 0 and len(r[s]) == 2 and s + "_spread" in r
	for r in d["rows"].values() for s in ("native", "ours"))')" True \
	'each has two rounds of both sides, median and spread'
is "$(data '"ctx_get_current" in d["rows"] and d["rows"]["mem_get_info"]["goal"]')" \
	'native + 1 us' 'goals are beside it'
# The stub numbers its answers; 0 are the parts, 1 to 3 matmul_tflops, 4 warms up.
is "$(data 'd["rows"]["other"]["native"]')" '[105, 106]' 'frameworks are asked by turns'
is "$(data '[(r["what"], r["count"], r["side"]) for r in d["scaling"]][2:]')" \
	"[('processes', 2, 'native'), ('processes', 2, 'ours'), ('threads', 2, 'native'), ('threads', 2, 'ours')]" \
	'processes and threads'
is "$(data 'all(r[k] > 0 for r in d["scaling"] for k in ("calls_per_s", "p50_us", "p99_us", "launches_per_s"))')" \
	True 'they call and launch'
is "$(data 'sorted(d["cost"]["idle"])')" "['backend', 'executor', 'guest', 'native']" \
	'idleness of all who take part'
# A busy machine may wake somebody: ten times the goal, not the goal.
is "$(data 'max(i["cores"] for i in d["cost"]["idle"].values()) < 0.005')" True \
	'an idle session uses no CPU' || data 'd["cost"]["idle"]' | sed 's/^/# /'
is "$(data 'd["cost"]["session_kib"] < 4096')" True 'a session is smaller than 4 MiB'
is "$(data '[(e["grants"], e["XenStore after cuInit"]) for e in d["cost"]["events"].values()]')" \
	'[(0.0, 0.0), (0.0, 0.0)]' 'launches and copies map nothing and ask XenStore nothing'
for f in copy-bandwidth copy-time; do
	/usr/bin/python3 - "$DIR/plots/$f.svg" <<-'PYTHON'
		import sys, xml.etree.ElementTree as tree
		root = tree.parse(sys.argv[1]).getroot()
		lines = root.findall("{http://www.w3.org/2000/svg}polyline")
		assert len(lines) == 8, len(lines)
		assert all(len(l.get("points").split()) >= 6 for l in lines)
	PYTHON
	ok $? "$f.svg has its eight lines"
done

cp "$DIR/json" "$DIR/old"
bench --from "$DIR/old" --plot "$DIR/again" >"$DIR/out2" 2>&1 &&
	cmp -s "$DIR/plots/copy-time.svg" "$DIR/again/copy-time.svg"
ok $? 'an earlier run can be drawn again' || sed 's/^/# /' "$DIR/out2"

ln -sf /bin/false "$TREE/tests/bench/cubench"
bench --quick >"$DIR/out" 2>&1
rc=$?
[ $rc = 1 ] && grep -q '^bench: .*cubench.* ended with 1' "$DIR/out"
ok $? 'what fails is said, and ends it' || sed 's/^/# /' "$DIR/out"
[ ! -e "$VGPU_RUN/env" ]
ok $? 'and no stack is left'
done_testing
