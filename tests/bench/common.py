# SPDX-License-Identifier: BSD-2-Clause
"""common.py - what the parts of bench share: finding and running things,
processes that answer line by line, and what the kernel says of processes.
"""
import json
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.normpath(os.path.join(HERE, "..", ".."))


def die(text):
    sys.exit("bench: " + text)


def find(name):
    """A file of the bundle, or of a build folder, which looks the same."""
    path = os.path.join(TOP, name)
    if not os.path.exists(path):
        die("%s is not here; run this in the bundle" % name)
    return path


def command(side, args):
    return ([find("guest")] if side == "ours" else []) + args


def run(side, args, limit=300, env=None):
    """stdout of the command; ends the benchmark if it fails."""
    try:
        done = subprocess.run(command(side, args), text=True, timeout=limit,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env={**os.environ, **(env or {})})
    except subprocess.TimeoutExpired:
        die("%s (%s) did not end within %d s" % (args[0], side, limit))
    if done.returncode:
        die("%s (%s) ended with %d: %s" % (" ".join(args), side,
                                           done.returncode,
                                           done.stderr.strip()[-2000:]))
    return done.stdout


def admin(*args):
    return json.loads(run("native", [find("admin"), *args, "--json"]))


def stack(what):
    done = subprocess.run([find("stack"), what], stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        die("./stack %s failed: %s" % (what, done.stderr.strip()[-2000:]))


class Worker:
    """A process that says "ready", answers each line by a line of JSON, and
    ends when its input does."""

    def __init__(self, side, args):
        self.side, self.args = side, args
        self.errors = tempfile.TemporaryFile(mode="w+")
        self.process = subprocess.Popen(
            command(side, args), text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.errors)
        self.pid = self.process.pid
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def fail(self, what):
        self.process.kill()
        self.process.wait()
        self.errors.seek(0)
        die("%s (%s) %s: %s" % (" ".join(self.args), self.side, what,
                                self.errors.read().strip()[-2000:]))

    def next(self, begin, limit=180):
        """The next line that begins so; libraries print lines of their own."""
        end = time.monotonic() + limit
        while True:
            try:
                line = self.lines.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                self.fail("did not answer within %d s" % limit)
            if line is None:
                self.fail("ended too early")
            if line.startswith(begin):
                return line

    def ready(self):
        self.next("ready")

    def say(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def answer(self):
        return json.loads(self.next("{"))

    def end(self):
        self.process.stdin.close()
        try:
            code = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.fail("did not end")
        if code:
            self.fail("ended with %d" % code)


# --- processes, by the kernel's account -------------------------------------

def read(path):
    """None: it is gone, or the kernel does not offer it."""
    try:
        with open(path, encoding="ascii", errors="replace") as f:
            return f.read()
    except OSError:
        return None


def stat(pid):
    """Fields of /proc/PID/stat behind the name."""
    text = read("/proc/%d/stat" % pid)
    return text.rpartition(") ")[2].split() if text else None


def cpu_s(pids):
    """Seconds of CPU, ended threads included, in the kernel's ticks."""
    tick = os.sysconf("SC_CLK_TCK")
    fields = [stat(p) for p in pids]
    return sum((int(f[11]) + int(f[12])) / tick for f in fields if f)


def task_files(pid, name):
    try:
        tasks = os.listdir("/proc/%d/task" % pid)
    except OSError:
        return []
    texts = [read("/proc/%d/task/%s/%s" % (pid, t, name)) for t in tasks]
    return [t for t in texts if t]


def cpu_exact_s(pid):
    """Seconds of CPU of the threads that there are, in nanoseconds where the
    kernel counts those, else in ticks."""
    texts = task_files(pid, "schedstat")
    if not texts:
        return cpu_s([pid])
    return sum(int(t.split()[0]) for t in texts) / 1e9


def wakeups(pid):
    """How often its threads have given up the processor by themselves."""
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", t,
                             re.M).group(1))
               for t in task_files(pid, "status") if "voluntary" in t)


def backend_pid():
    place = os.environ.get("VGPU_RUN", "/tmp/vgpu-stack-%d" % os.getuid())
    text = read(os.path.join(place, "run", "vgpu-backend.lock"))
    if not text or not text.split():
        die("the stack's vgpu-backend is not to be found in %s" % place)
    return int(text.split()[0])


def host_pids():
    """vgpu-backend and its executors."""
    backend = backend_pid()
    pids = [backend]
    for name in os.listdir("/proc"):
        fields = stat(int(name)) if name.isdigit() else None
        if fields and int(fields[1]) == backend:
            pids.append(int(name))
    return pids


# --- where this ran ---------------------------------------------------------

def driver_version(softgpu):
    if softgpu:
        return "softgpu"
    found = re.search(r"Kernel Module.*?\s(\d+\.[.\d]+)",
                      read("/proc/driver/nvidia/version") or "")
    return found.group(1) if found else "unknown"


def environment(sides):
    gpu = json.loads(run("native", [find("tests/bench/cubench"), "--gpu"]))
    model = re.search(r"^model name\s*:\s*(.*)", read("/proc/cpuinfo") or "",
                      re.M)
    softgpu = "softgpu" in gpu["gpu"].lower()
    result = {"date": time.strftime("%Y-%m-%d %H:%M:%S %z"), **gpu,
              "softgpu": softgpu, "driver": driver_version(softgpu),
              "cores": len(os.sched_getaffinity(0)),
              "cpu": model.group(1).strip() if model else "unknown",
              "kernel": os.uname().release,
              "commit": (read(os.path.join(TOP, "commit"))
                         or "unknown").strip()}
    if "ours" in sides:
        vm = admin("list")[0]
        result["window_pages"] = vm["max-window-pages"]
    return result


def describe(env):
    text = "# %s, driver %s, CUDA %d.%d, %d cores (%s), commit %s, %s" % (
        env["gpu"], env["driver"], env["cuda"] // 1000,
        env["cuda"] % 1000 // 10, env["cores"], env["cpu"], env["commit"],
        env["date"])
    if "window_pages" in env:
        text += "\n# window: up to %d pages (%d MiB) a guest process" % (
            env["window_pages"], env["window_pages"] // 256)
    return text
