#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""One recording function for every function that NVIDIA's libcuda exports.

usage: gen.py OUT.c CUDA_INCLUDE CC FILE.api...
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..",
                                "xenstore-schema", "calls"))
import gen  # noqa: E402

# Written by hand in record.c.
BY_HAND = {"cuGetProcAddress", "cuGetProcAddress_v2"}
CALLS_BACK = {"CUhostFn", "CUstreamCallback", "CUoccupancyB2DSize",
              "CUlogsCallback", "CUasyncCallback"}


def before(p):
    """What is told of an argument before the call."""
    t = p.ctype.replace("const ", "").strip()
    if t in CALLS_BACK:
        return f'\trec_word(&c, "{p.name}", "function");\n'
    if p.ctype.replace(" ", "") == "constchar*":
        return f'\trec_text(&c, "{p.name}", {p.name});\n'
    if t.endswith("**") or t == "void *":
        return f'\trec_pointer(&c, "{p.name}", (const void *){p.name});\n'
    if t in ("CUDA_MEMCPY2D *", "CUDA_MEMCPY3D *", "CUlaunchConfig *"):
        return f"\trec_{t[:-2]}(&c, {p.name});\n"
    if t.endswith("*") and p.ctype.startswith("const"):
        return (f'\trec_value(&c, "*{p.name}", {p.name}, '
                f"sizeof(*{p.name}));\n")
    if t.endswith("*"):
        return ""
    return f'\trec_value(&c, "{p.name}", &{p.name}, sizeof({p.name}));\n'


def after(p):
    """And after it: what the driver answered in it."""
    if p.ctype.startswith("const") or not p.ctype.endswith("*") or \
            p.ctype.endswith("**") or p.base in ("void", "char") or \
            p.base in ("CUDA_MEMCPY2D", "CUDA_MEMCPY3D"):
        return ""
    return (f'\trec_answer(&c, r, "{p.name}", {p.name}, '
            f"sizeof(*{p.name}));\n")


def fill(p):
    """A handle for what the driver behind cannot make."""
    if p.ctype.endswith(" *") and p.kind and "const" not in p.ctype:
        return (f"\t\tif ({p.name})\n"
                f"\t\t\t*{p.name} = ({p.base})rec_handle();\n")
    if after(p):
        return (f"\t\tif ({p.name})\n"
                f"\t\t\tmemset({p.name}, 0, sizeof(*{p.name}));\n")
    return ""


def params_text(call):
    names = [p.name for p in call.params]
    if "kernelParams" not in names or "f" not in names:
        return ""
    extra = "extra" if "extra" in names else "NULL"
    return f"\trec_params(&c, f, kernelParams, {extra});\n"


def wrapper(name, call):
    decl = ", ".join(p.ctype + ("" if p.ctype.endswith("*") else " ") + p.name
                     for p in call.params) or "void"
    args = ", ".join(p.name for p in call.params)
    filled = "".join(fill(p) for p in call.params)
    return (
        f'EXPORT CUresult rec_{name}({decl}) __asm__("{name}");\n'
        f"CUresult rec_{name}({decl})\n{{\n"
        f"\tCUresult (*next)({decl}) = __extension__\n"
        f'\t\t(CUresult (*)({decl}))rec_next(REC_{name});\n'
        f'\tstruct rec c = {{ .name = "{name}" }};\n\tCUresult r;\n\n'
        + "".join(before(p) for p in call.params) + params_text(call) +
        f"\tif (next) {{\n\t\tr = next({args});\n\t}} else {{\n"
        f"\t\tr = rec_missing(&c);\n{filled}\t}}\n"
        + "".join(after(p) for p in call.params) +
        "\trec_end(&c, r);\n\treturn r;\n}\n")


def resolve(call, names):
    while call.cls == "like":
        call = names[call.text]
    return call


def main():
    out, include, cc, *files = sys.argv[1:]
    calls, ops = [], []
    protos = gen.prototypes(include, cc)
    for path in files:
        gen.read_api(path, calls, ops)
    names = {c.name: c for c in calls}
    done, text = [], []
    for call in calls:
        source = call.name if call.name in protos else \
            resolve(call, names).name
        if call.name in BY_HAND or source not in protos:
            continue
        call.params = gen.split_params(protos[source])
        done.append(call.name)
        text.append(wrapper(call.name, call))
    with open(out, "w", encoding="utf-8") as f:
        f.write("/* Made from xenstore-schema/calls and cuda.h. */\n"
                "#define __CUDA_API_VERSION_INTERNAL\n#include <cuda.h>\n"
                "#include <cudaProfiler.h>\n#include <string.h>\n"
                '#include "tools/recorder/record.h"\n\n')
        f.write("enum {\n" + "".join(f"\tREC_{n},\n" for n in done) + "};\n")
        f.write("const char *const rec_names[] = {\n" +
                "".join(f'\t"{n}",\n' for n in done) + "\tNULL\n};\n")
        f.write("\n".join(text))
        f.write("void *const rec_own[] = {\n" +
                "".join(f"\t(void *)rec_{n},\n" for n in done) + "};\n")


main()
