#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""procaddr.py INCLUDE_DIR OUTPUT - what cuGetProcAddress answers with.

NVIDIA's public headers say it all, in two places. The typedef headers have
one PFN_<name>_v<version>[_ptds|_ptsz] for each ABI of a function and the CUDA
version that brought it; the headers beside them have the #define of the
public name to the newest exported symbol. The newest ABI belongs to that
symbol, and every older one to a symbol whose suffix is one less:
..., _v3, _v2, none.

The output is included with one or both of these macros defined:
  PROCADDR_SYMBOL(symbol)  once for each exported symbol that is named below
  PROCADDR_ROW(name, version, symbol, pt_version, pt_symbol)
      sorted by name (as strcmp does) and then by version; the last two tell
      the per-thread variant of the same ABI, or say 0 and procaddr_none.
"""
import re
import sys
from pathlib import Path

PAIRS = [  # typedefs, and the header that names the symbols
    ("cudaTypedefs.h", "cuda.h"),
    ("cudaProfilerTypedefs.h", "cudaProfiler.h"),
    ("cudaGLTypedefs.h", "cudaGL.h"),
    ("cudaEGLTypedefs.h", "cudaEGL.h"),
    ("cudaVDPAUTypedefs.h", "cudaVDPAU.h"),
]

# ABIs whose public name was left on an older symbol, or on another function.
EXCEPTIONS = {
    ("cuCtxGetDevice", 13000): "cuCtxGetDevice_v2",
    ("cuCtxSynchronize", 13000): "cuCtxSynchronize_v2",
    ("cuGraphInstantiate", 11000): "cuGraphInstantiate_v2",
    ("cuStreamGetCtx", 12050): "cuStreamGetCtx_v2",
}

TYPEDEF = re.compile(r"\bPFN_(cu\w+?)_v(\d+)(_ptds|_ptsz)?\)")
DEFINE = re.compile(
    r"^\s*#\s*define\s+(cu\w+)\s+(?:__CUDA_API_PT[DS][SZ]?\()?(cu\w+?)\)?\s*$",
    re.M)
# In the headers for Windows and Tegra; the driver for Linux PCs has none.
ELSEWHERE = {"cuWGLGetDevice", "cuEventCreateFromEGLSync"}

PER_THREAD = re.compile(r"_pt(ds|sz)$")


def typedefs(text):
    """{(name, variant): {version, ...}}; variant is '', '_ptds' or '_ptsz'."""
    found = {}
    for line in text.splitlines():
        m = TYPEDEF.search(line) if "typedef" in line else None
        if m:
            key = m.group(1), m.group(3) or ""
            found.setdefault(key, set()).add(int(m.group(2)))
    return found


def newest_symbols(text):
    """{public name: symbol}, the highest where a header defines it twice."""
    found = {}
    for name, symbol in DEFINE.findall(text):
        symbol = PER_THREAD.sub("", symbol)
        if re.fullmatch(re.escape(name) + r"(_v\d+)?", symbol):
            found[name] = max(found.get(name, name), symbol)
    return found


def symbols_of(name, versions, newest):
    """{version: symbol} for one function, without its per-thread variant."""
    suffix = int((re.search(r"_v(\d+)$", newest) or [0, 1])[1])
    out = {}
    for version in sorted(versions, reverse=True):
        if (name, version) in EXCEPTIONS:
            out[version] = EXCEPTIONS[name, version]
            continue
        if suffix < 1:
            sys.exit(f"procaddr.py: {name} has more versions in the typedefs "
                     f"than symbols up to {newest}; is the toolkit a new one?")
        out[version] = name + (f"_v{suffix}" if suffix > 1 else "")
        suffix -= 1
    return out


def rows_of(pair, include):
    """[(name, version, symbol, pt_version, pt_symbol), ...] of two headers."""
    found = typedefs((include / pair[0]).read_text(errors="replace"))
    newest = newest_symbols((include / pair[1]).read_text(errors="replace"))
    rows = []
    for name in sorted({n for n, _ in found} - ELSEWHERE):
        symbol = newest.get(name, name)
        plain = symbols_of(name, found.get((name, ""), ()), symbol)
        per_thread = {}
        for variant in ("_ptds", "_ptsz"):
            versions = found.get((name, variant), ())
            for v, s in symbols_of(name, versions, symbol).items():
                per_thread[s] = v, s + variant
        for version, s in plain.items():
            rows.append((name, version, s, *per_thread.pop(s, (0, ""))))
        if per_thread:
            sys.exit(f"procaddr.py: {name} has a per-thread symbol "
                     f"{per_thread} of an ABI without a plain one")
    return rows


def render(rows):
    symbols = sorted({s for r in rows for s in (r[2], r[4]) if s})
    out = ["/* Made by frontend/libcuda/procaddr.py from the toolkit's headers. */",
           "#ifdef PROCADDR_SYMBOL"]
    out += [f"PROCADDR_SYMBOL({s})" for s in symbols]
    out += ["#undef PROCADDR_SYMBOL", "#endif", "#ifdef PROCADDR_ROW"]
    out += [f"PROCADDR_ROW({n}, {v}, {s}, {pv}, {ps or 'procaddr_none'})"
            for n, v, s, pv, ps in rows]
    return "\n".join(out + ["#undef PROCADDR_ROW", "#endif", ""])


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    include = Path(sys.argv[1])
    rows = [r for pair in PAIRS for r in rows_of(pair, include)]
    rows.sort(key=lambda r: (r[0].encode(), r[1]))
    Path(sys.argv[2]).write_text(render(rows))


if __name__ == "__main__":
    main()
