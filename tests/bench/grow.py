# SPDX-License-Identifier: BSD-2-Clause
"""grow.py - how it grows with processes and threads, and what idleness costs.
"""
import os
import re
import statistics
import tempfile
import time

from common import (Worker, admin, backend_pid, cpu_exact_s, cpu_s, die,
                    find, host_pids, run, wakeups)
from memory import lines, measure

CUBENCH = "tests/bench/cubench"


# --- scaling ----------------------------------------------------------------

def together(side, processes, threads, seconds):
    """All start when all are ready; the CPU is that of the time between."""
    call = [find(CUBENCH), "--threads", str(threads), "--seconds",
            str(seconds)]
    workers = [Worker(side, call) for _ in range(processes)]
    for w in workers:
        w.ready()
    guests = [w.pid for w in workers]
    hosts = host_pids() if side == "ours" else []
    begin, guest, host = time.monotonic(), cpu_s(guests), cpu_s(hosts)
    for w in workers:
        w.say("go")
    results = [w.answer() for w in workers]
    took = time.monotonic() - begin
    guest, host = cpu_s(guests) - guest, cpu_s(hosts) - host
    for w in workers:
        w.end()
    return {"calls_per_s": sum(r["calls_per_s"] for r in results),
            "p50_us": statistics.median(r["p50_us"] for r in results),
            "p99_us": max(r["p99_us"] for r in results),
            "launches_per_s": sum(r["launches_per_s"] for r in results),
            "guest_cores": guest / took, "host_cores": host / took}


def scaling(sides, quick):
    """p50 is the median process's, p99 the worst process's."""
    seconds = 0.2 if quick else 1.2
    steps = [("processes", n) for n in ((1, 2) if quick else
                                        (1, 2, 4, 8, 16, 32))]
    steps += [("threads", n) for n in ((2,) if quick else (1, 2, 4, 8, 16))]
    result = []
    print("%-13s %-6s %11s %9s %9s %12s %11s %11s"
          % ("", "", "calls/s", "p50 us", "p99 us", "launches/s",
             "guest cores", "host cores"))
    for what, count in steps:
        for side in sides:
            r = together(side, count if what == "processes" else 1,
                         count if what == "threads" else 1, seconds)
            print("%2d %-10s %-6s %11.0f %9.2f %9.2f %12.0f %11.2f %11.2f"
                  % (count, what, side, r["calls_per_s"], r["p50_us"],
                     r["p99_us"], r["launches_per_s"], r["guest_cores"],
                     r["host_cores"]), flush=True)
            result.append({"what": what, "count": count, "side": side, **r})
    return result


# --- cost -------------------------------------------------------------------

IDLE_CORES = 0.0005  # half a millisecond a second is a machine's own noise
SESSION_KIB = 4096


def executor_of(pid):
    for s in admin("show-sessions"):
        if s["pid"] == pid:
            return s["executor"]
    die("no session is that of process %d" % pid)


def idleness(pids, seconds):
    """{who: (cores, wakeups a second)} of processes that do nothing."""
    time.sleep(0.3)  # a bounded spin after the last call is not idleness
    before = {who: (cpu_exact_s(p), wakeups(p)) for who, p in pids.items()}
    time.sleep(seconds)
    return {who: ((cpu_exact_s(p) - before[who][0]) / seconds,
                  (wakeups(p) - before[who][1]) / seconds)
            for who, p in pids.items()}


def totals(path):
    """Numbers of the last lines of a VGPU_TRACE table."""
    with open(path, encoding="ascii") as f:
        text = f.read()
    last = text[text.rindex("vgpu: notifications"):]
    return {k: int(v) for k, v in re.findall(r"([a-z-]+) (\d+)", last)}


def settled():
    """Counters of the VM, once no session is left that may still count."""
    end = time.monotonic() + 20
    while admin("show-sessions") and time.monotonic() < end:
        time.sleep(0.05)
    return admin("show-metrics")[0]["stats"]


def counted(folder, *numbers):
    path = os.path.join(folder, "trace")
    before = settled()
    run("ours", [find("tests/cuda/counted")] + [str(n) for n in numbers],
        env={"VGPU_TRACE": "summary:" + path})
    after = settled()
    t = totals(path)
    os.unlink(path)
    host = {k: after[k] - before[k] for k in ("notifies", "wakeups",
                                              "grant_maps")}
    return {"guest to host": t["notifications"], "guest sleeps": t["sleeps"],
            "host to guest": host["notifies"],
            "host wakeups": host["wakeups"], "grants": host["grant_maps"],
            "XenStore after cuInit": t["xenstore-later"]}


def difference(less, more, scale):
    """What the more of the work asked for, in units of scale of it."""
    return {k: (more[k] - less[k]) * scale for k in more}


def events(quick):
    launches, copies, mib = (1000, 4, 1) if quick else (50000, 64, 4)
    with tempfile.TemporaryDirectory() as folder:
        base = counted(folder, 10, 1, mib << 20)
        many = counted(folder, 10 + launches, 1, mib << 20)
        much = counted(folder, 10, 1 + copies, mib << 20)
    gib = 2 * copies * mib / 1024
    return {"1,000 launches": difference(base, many, 1000 / launches),
            "GiB copied": difference(base, much, 1 / gib)}


def fill_caches():
    """A kernel that one side finds compiled and the other one compiles would
    be measured as 12 MiB: the compiler's, and what it leaves on the heap."""
    for side in ("native", "ours"):
        run(side, [find(CUBENCH), "--gpu"])


def idle_enough(idle):
    """Threads of NVIDIA's driver wake ten times a second, natively and in the
    executor: there only what comes on top is ours."""
    driver = {"executor": idle["native"][0]}
    return all(cores - driver.get(who, 0) <= IDLE_CORES
               for who, (cores, w) in idle.items() if who != "native")


def cost(quick):
    fill_caches()
    call = [find(CUBENCH), "--idle"]
    native, ours = Worker("native", call), Worker("ours", call)
    memory, later = measure(native, ours, executor_of)
    executor = executor_of(ours.pid)
    idle = idleness({"native": native.pid, "guest": ours.pid,
                     "executor": executor, "backend": backend_pid()},
                    1.5 if quick else 6)
    result = {"memory": memory, "memory_later": later()}
    native.end()
    ours.end()
    result["session_kib"] = sum(memory.values())
    result["session_later_kib"] = sum(result["memory_later"].values())
    result["session_reached"] = max(result["session_kib"],
                                    result["session_later_kib"]) < SESSION_KIB
    result["idle"] = {who: {"cores": c, "wakeups_per_s": w}
                      for who, (c, w) in idle.items()}
    result["idle_reached"] = idle_enough(idle)
    result["events"] = events(quick)
    print_cost(result)
    return result


def mark(reached):
    return "ok" if reached else "MISSED"


def print_cost(r):
    print("memory of a session beside a native process, without its window, "
          "KiB:")
    print("\n".join(lines(r["memory"])))
    print("  %6d  in all, %d after some seconds  goal < %d  %s"
          % (r["session_kib"], r["session_later_kib"], SESSION_KIB,
             mark(r["session_reached"])))
    for who, i in r["idle"].items():
        print("idle %-9s %10.6f cores %8.2f wakeups/s"
              % (who, i["cores"], i["wakeups_per_s"]))
    print("an idle session uses no CPU: goal <= %g cores each, beside "
          "the driver's own in the executor  %s"
          % (IDLE_CORES, mark(r["idle_reached"])))
    for unit, e in r["events"].items():
        print("per %s: %s" % (unit, ", ".join("%s %.1f" % kv
                                              for kv in e.items())))
