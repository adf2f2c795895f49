#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make sweep_FAMILY.c: every call of a family with one wrong argument.

usage: sweep.py CUDA_INCLUDE CC FILE.api > sweep_FAMILY.c

For each call that works: all arguments 0; then each pointer and each handle
0 while the others are good; then each number out of range. What is right is
what the native driver gives: sweep.h has the rest of the program. With any
argument the program also tries handles of another kind, freed and made up,
which NVIDIA's driver takes for addresses: most of those it does not survive.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../../xenstore-schema/calls"))
import gen

# They end what the next calls need: only with all arguments 0.
ENDS = re.compile("Destroy|Unload|Free|Release|Reset|Detach|Close|Pop|"
                  "SetCurrent|Reload")
# Not at all: a capture or a wait that nothing ends, files of the user's.
NEVER = re.compile("BeginCapture|BeginRecap|WaitValue|Coredump|Checkpoint|"
                   "cuInit$|cuLaunch$|cuLaunchGrid|Logs|cuProfiler|"
                   # NVIDIA's driver writes 2^32 bytes of zeros.
                   "cuDeviceGetName|cuDeviceGetPCIBusId")
# Single probes whose answer nobody should have to give, and why.
OVERFLOW = "NVIDIA's driver takes 2^67 bytes for none, by overflow"
LEFT_OUT = {
    ("cuMemsetD2D8Async", "Height 2^63"): OVERFLOW,
    ("cuMemsetD2D8_v2", "Height 2^63"): OVERFLOW,
}
FUNCTIONS = {"CUhostFn": "no_host", "CUoccupancyB2DSize": "no_shared",
             "CUstreamCallback": "no_callback", "CUasyncCallback": "no_async"}
FLOATS = {"float", "double"}


def is_struct(p):
    return p.ctype in ("CUmemLocation", "CUipcMemHandle", "CUipcEventHandle",
                       "CUmemPoolProps")


def zero(p):
    return f"({p.ctype}){{ 0 }}" if is_struct(p) else f"({p.ctype})0"


def good(i, p):
    if p.ctype in gen.KINDS:
        return "good." + gen.KINDS[p.ctype]
    if p.ctype in FUNCTIONS:
        return FUNCTIONS[p.ctype]
    if re.fullmatch(r"const char \*", p.ctype):
        return '"/nonexistent/name"'
    if "*" in p.ctype:
        return f"(void *)scratch[{i}]"
    if p.ctype.startswith("CUdeviceptr"):
        return "good.ptr"
    if p.ctype == "size_t":
        return "16"
    return zero(p)


def wrongs(p):
    """(what, expression) of values that cannot be right."""
    if "*" in p.ctype or p.ctype in gen.KINDS or p.ctype in FUNCTIONS:
        return [("NULL", zero(p))]
    if is_struct(p) or p.ctype in FLOATS:
        return []
    if p.ctype.startswith("CUdeviceptr"):
        return [("0", "0"), ("1", "1")]
    if p.ctype == "size_t":
        return [("0", "0"), ("2^63", "(size_t)1 << 63")]
    if p.ctype == "CUdevice":
        return [("99", "99"), ("-1", "-1")]
    if "64" in p.ctype or "long" in p.ctype:
        return []
    return [("0x7ffffff0", f"({p.ctype})0x7ffffff0")]


def wrong_handles(call):
    for i, p in enumerate(call.params):
        kind = gen.KINDS.get(p.ctype)
        if not kind:
            continue
        other = "event" if kind == "stream" else "stream"
        for what, value in (("other kind", f"({p.ctype})good.{other}"),
                            ("freed", f"freed.{kind}"),
                            ("garbage", f"({p.ctype})garbage")):
            args = [good(j, q) for j, q in enumerate(call.params)]
            args[i] = value
            yield f"{p.name} {what}", args


def probes(call):
    yield "all 0", [zero(p) for p in call.params]
    if ENDS.search(call.name) or len(call.params) == 1 and \
       not is_struct(call.params[0]) and len(wrongs(call.params[0])) == 1:
        return
    for i, p in enumerate(call.params):
        for what, value in wrongs(p):
            args = [good(j, q) for j, q in enumerate(call.params)]
            args[i] = value
            yield f"{p.name} {what}", args


def short(name, what):
    """At most 36 characters, by which check-gpu tells lines apart."""
    text = f"{name[2:]} {what}"
    if len(text) <= 36:
        return text
    keep = 36 - len(what) - 2
    return f"{name[2:][:keep - 6]}..{name[-4:]} {what}"[:36]


def write(call, tries, seen):
    for what, args in tries:
        why = LEFT_OUT.get((call.name, what))
        if why:
            print(f"\t/* Left out: {what}. {why}. */")
            continue
        text = short(call.name, what)
        while text in seen:
            text = text[:34] + "%02d" % (len(seen) % 100)
        seen.add(text)
        print(f'\tTRY("{text}", {call.name}, {", ".join(args)});')


def main():
    include, cc, path = sys.argv[1:]
    calls, seen = [], set()
    gen.read_api(path, calls, [])
    protos = gen.prototypes(include, cc)
    print(f"/* Made from {os.path.basename(path)} by sweep.py. */\n"
          '#include "tests/cuda/sweep.h"\n')
    tried = []
    for call in calls:
        if call.cls in ("none", "like") or NEVER.search(call.name) or \
           call.name not in protos:
            continue
        call.params = gen.split_params(protos[call.name])
        # cuda.h renames some to their newest version.
        print(f"#undef {call.name}\n"
              f"CUresult CUDAAPI {call.name}({protos[call.name]});\n"
              f"static void try_{call.name}(void)\n{{")
        write(call, probes(call), seen)
        handles = list(wrong_handles(call))
        if handles:
            print("\tif (!with_handles)\n\t\treturn;")
            write(call, handles, seen)
        print("}\n")
        tried.append(call.name)
    print("static void (*const sweep[])(void) = {")
    for name in tried:
        print(f"\ttry_{name},")
    print('};\n\nint main(int argc, char **argv)\n{\n\t(void)argv;\n'
          "\twith_handles = argc > 1;\n"
          f"\treturn sweep_all(sweep, {len(tried)});\n}}")


main()
