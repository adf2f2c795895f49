#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make vgpu_paths.h and XENSTORE.md from paths.txt.

A node becomes VGPU_<NAME>, the last component of its path, and directories
with $-variables become format strings VGPU_FMT_<NAME>.
"""
import re
import sys


def read(path):
    nodes = []
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        cols = [c.strip() for c in line.split(" | ")]
        if len(cols) != 8:
            sys.exit(f"{path}:{number}: {len(cols)} columns, 8 are needed")
        nodes.append(cols)
    return nodes


def expand(path, nodes):
    names = {n[0]: n[1] for n in nodes}
    while True:
        m = re.match(r"\$([A-Z_]+)", path)
        if not m:
            return path
        path = names[m.group(1)] + path[m.end():]


def fmt(path):
    path = path.replace("$be", "%u").replace("$fe", "%u")
    return path.replace("$dev", "%u").replace("$sid", "%s")


def header(nodes, out):
    out.write("/* Generated from xenstore-schema/paths.txt. */\n"
              "#ifndef VGPU_PATHS_H\n#define VGPU_PATHS_H\n\n")
    for name, path, kind, default, *_, meaning in nodes:
        full = expand(path, nodes)
        out.write(f"/* {meaning} ({kind}) */\n")
        if kind == "dir":
            out.write(f'#define VGPU_FMT_{name} "{fmt(full)}"\n')
        leaf = full.rsplit("/", 1)[1]
        if "$" not in leaf:
            out.write(f'#define VGPU_NODE_{name} "{leaf}"\n')
        if default.isdigit():
            out.write(f"#define VGPU_DEFAULT_{name} {default}\n")
    out.write("\n#endif\n")


def table(nodes, out):
    out.write("# XenStore nodes of the vgpu device class\n\n"
              "Generated from `paths.txt`.\n\n"
              "| path | type | default | writer | reader | permissions "
              "| meaning |\n|---|---|---|---|---|---|---|\n")
    for _, path, kind, default, writer, reader, perm, meaning in nodes:
        out.write(f"| `{expand(path, nodes)}` | {kind} | {default} | {writer} "
                  f"| {reader} | `{perm}` | {meaning} |\n")


def main():
    nodes = read(sys.argv[1])
    with open(sys.argv[2], "w", encoding="utf-8") as out:
        header(nodes, out)
    with open(sys.argv[3], "w", encoding="utf-8") as out:
        table(nodes, out)


main()
