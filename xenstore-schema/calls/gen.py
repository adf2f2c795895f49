#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make stubs, handlers, wire structs and tables from calls/*.api.

usage: gen.py OUTDIR CUDA_INCLUDE CC FILE.api...
The emitters are in emit.py; this file reads and checks the description.
"""
import hashlib
import os
import re
import subprocess
import sys

import emit

KINDS = {
    "CUcontext": "ctx", "CUmodule": "module", "CUfunction": "function",
    "CUlibrary": "library", "CUkernel": "kernel", "CUstream": "stream",
    "CUevent": "event", "CUgraph": "graph", "CUgraphNode": "gnode",
    "CUgraphExec": "gexec", "CUarray": "array",
    "CUmipmappedArray": "mipmap", "CUtexref": "texref",
    "CUsurfref": "surfref", "CUmemoryPool": "mempool",
    "CUlinkState": "link", "CUexternalMemory": "extmem",
    "CUexternalSemaphore": "extsem", "CUuserObject": "userobj",
    "CUgreenCtx": "greenctx", "CUgraphicsResource": "gres",
    "CUmemGenericAllocationHandle": "vmm", "CUdevResourceDesc": "devdesc",
}
CLASSES = {"sync", "async", "manual", "local", "like", "none"}
ARRAY_MODES = {"ins", "outs", "refs", "objs"}
POINTER_MODES = {"in", "out", "inout", "ref", "new", "raw"} | ARRAY_MODES


class Param:
    def __init__(self, ctype, name):
        self.ctype, self.name = ctype, name
        self.mode, self.count, self.fix = None, None, False
        self.must = None  # what a NULL handle gives
        self.own = False  # opaque: only what the driver gave goes back to it
        self.elsewhere = False  # an event that the host records by itself

    @property
    def base(self):
        """The pointed-to type, without const."""
        t = self.ctype.strip()
        if not t.endswith("*"):
            return t.replace("const ", "").strip()
        return t[:-1].replace("const ", "").strip()

    @property
    def kind(self):
        return KINDS.get(self.base)


class Call:
    def __init__(self, name, cls, where):
        self.name, self.cls, self.where = name, cls, where
        self.params, self.text, self.touch = [], "", None
        self.known = []  # (address, bytes): post only what cannot be wrong
        self.needs = []  # (expression, result): what must be true, or else
        self.anywhere = False  # asks for no context
        self.sure = []  # the same: expressions that must be true
        self.then = []  # expressions for the guest, after success


def die(where, text):
    sys.exit(f"{where}: {text}")


def prototypes(include, cc):
    src = "#include <cuda.h>\n#include <cudaProfiler.h>\n"
    protos = {}
    for flags in (["-D__CUDA_API_VERSION_INTERNAL"], []):
        out = subprocess.run(
            [cc, "-E", "-P", "-I", include, *flags, "-xc", "-"], input=src,
            capture_output=True, text=True, check=True).stdout
        for m in re.finditer(r"CUresult\s+(cu\w+)\s*\(([^;{]*)\)\s*;", out):
            protos.setdefault(m.group(1), " ".join(m.group(2).split()))
    return protos


def split_params(text):
    params = []
    if text in ("", "void"):
        return params
    for part in text.split(","):
        m = re.match(r"(.*?)(\w+)$", part.strip())
        ctype = re.sub(r"\s*\*\s*", " *", m.group(1)).strip()
        ctype = re.sub(r"\*\s+\*", "**", ctype)
        params.append(Param(ctype, m.group(2)))
    return params


def read_api(path, calls, ops):
    cur = None
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        where = f"{path}:{number}"
        text = line.split("#")[0].rstrip()
        if not text:
            continue
        words = text.split()
        if words[0] in ("call", "op") and len(words) < 3:
            die(where, f"'{words[0]}' needs a name and a class")
        if words[0] == "call" and words[2] not in CLASSES:
            die(where, f"{words[1]}: unknown class {words[2]}")
        if words[0] == "call":
            cur = Call(words[1], words[2], where)
            rest = words[3:]
            if cur.cls in ("like", "none"):
                cur.text = " ".join(rest)
            elif rest:
                cur.touch = rest[0]
            calls.append(cur)
        elif words[0] == "op":
            ops.append((words[1], words[2]))
            cur = None
        elif cur is None:
            die(where, f"'{words[0]}' outside a call")
        elif len(words) < 2 and words[0] != "anywhere":
            die(where, f"mode '{words[0]}' needs a parameter")
        else:
            cur.params.append((where, words))


def bind(call, protos):
    """Give the call's parameters their types and modes."""
    if call.name not in protos:
        if call.cls in ("none", "manual", "local"):
            call.params = None
            return
        die(call.where, f"{call.name} has no prototype in cuda.h")
    notes, call.params = call.params, split_params(protos[call.name])
    by_name = {p.name: p for p in call.params}
    for where, words in notes:
        if words[0] == "known":
            call.known.append((words[1], " ".join(words[2:])))
            continue
        if words[0] == "needs":
            expr, _, result = " ".join(words[1:]).partition(" else ")
            call.needs.append((expr, result or "INVALID_VALUE"))
            continue
        if words[0] == "anywhere":
            call.anywhere = True
            continue
        if words[0] == "sure":
            call.sure.append(" ".join(words[1:]))
            continue
        if words[0] == "then":
            call.then.append(" ".join(words[1:]))
            continue
        if words[1] not in by_name:
            die(where, f"{call.name} has no parameter {words[1]}")
        p, rest = by_name[words[1]], words[2:]
        if words[0] not in POINTER_MODES | {"del", "val", "must",
                                             "elsewhere"}:
            die(where, f"unknown mode {words[0]}")
        p.mode = words[0]
        if p.mode == "must":
            p.mode, p.must = "obj", rest[0] if rest else "INVALID_HANDLE"
        if p.mode == "elsewhere":
            p.mode, p.elsewhere = "obj", True
        if rest and rest[-1] == "fix":
            p.fix, rest = True, rest[:-1]
        if rest and rest[-1] == "own":
            p.own, rest = True, rest[:-1]
        if p.mode in ARRAY_MODES:
            if not rest:
                die(where, f"{words[0]} {p.name} needs a count")
            p.count = " ".join(rest)
    if call.cls in ("sync", "async"):
        for p in call.params:
            default_mode(call, p)


def default_mode(call, p):
    if p.mode:
        return
    if p.ctype in KINDS:
        p.mode = "obj"
    elif p.ctype.replace(" ", "") == "constchar*":
        p.mode = "str"
    elif "*" in p.ctype:
        die(call.where, f"{call.name}: parameter {p.name} ({p.ctype}) needs "
            "a mode")
    else:
        p.mode = "val"


def main():
    outdir, include, cc, *files = sys.argv[1:]
    calls, ops = [], []
    protos = prototypes(include, cc)
    for path in files:
        read_api(path, calls, ops)
    seen = set()
    for call in calls:
        if call.name in seen:
            die(call.where, f"{call.name} is described twice")
        seen.add(call.name)
        bind(call, protos)
    names = {c.name: c for c in calls}
    for call in calls:
        if call.cls == "like" and call.text not in names:
            die(call.where, f"{call.name} is like {call.text}, which is "
                "nowhere described")
    digest = hashlib.sha256()
    manual = os.path.join(os.path.dirname(files[0]), "manual.h")
    for path in [*files, manual]:
        digest.update(open(path, "rb").read())
    digest.update(repr(sorted(protos.items())).encode())
    emit.Emitter(outdir, calls, ops, digest.hexdigest()[:16],
                 sorted(set(KINDS.values()))).run()


if __name__ == "__main__":
    main()
