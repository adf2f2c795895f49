#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""memory.py CUBENCH NATIVE_LIBS GUEST_LIBS ADMIN RUN_DIR - what a session
takes beside a native process, as tests/bench/memory.py counts it: the larger
of at once and after a while, since the executor gives memory back.
"""
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "bench"))
from common import Worker, run  # noqa: E402
from memory import lines, measure  # noqa: E402


def program(cubench, libs, *more):
    return ["env", "LD_LIBRARY_PATH=" + libs, *more, cubench, "--idle"]


def main(cubench, native_libs, guest_libs, admin, run_dir):
    def executor_of(pid):
        told = json.loads(run("native", [admin, "--run-dir=" + run_dir,
                                         "show-sessions", "--json"]))
        return next(s["executor"] for s in told if s["pid"] == pid)

    native = Worker("native", program(cubench, native_libs, "VGPU_SOFTGPU=1"))
    ours = Worker("native", program(cubench, guest_libs, "VGPU_DOMID=1"))
    kib, later = measure(native, ours, executor_of)
    time.sleep(1.5)
    kib = max(kib, later(), key=lambda k: sum(k.values()))
    print("\n".join(lines(kib)))
    print("  %6d  in all" % sum(kib.values()))
    native.end()
    ours.end()


main(*sys.argv[1:])
