# SPDX-License-Identifier: BSD-2-Clause
"""memory.py - what a session takes of host and guest, by mapping.

README.md has the formula and its reasons.
"""
import os
import re

from common import die, read

GRANTS = "granted pages"
TABLES = "page tables"
HEAD = re.compile(r"^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \S+\s*(.*)$")
NUMBER = re.compile(r"^(Rss|Anonymous):\s+(\d+) kB")


class Memory:
    """KiB of one process now: own[mapping] is what nobody else can use;
    files[path] what it has of files; granted[0] pages shared with the peer."""

    def __init__(self, pid):
        text = read("/proc/%d/smaps" % pid)
        tables = re.search(r"^VmPTE:\s*(\d+) kB",
                           read("/proc/%d/status" % pid) or "", re.M)
        if not text or not tables:
            die("/proc/%d/smaps and status cannot be read" % pid)
        self.own, self.files = {TABLES: int(tables.group(1))}, {}
        self.granted = 0
        name, rss = "", 0
        for line in text.splitlines():
            head = HEAD.match(line)
            if head:
                name = head.group(1).replace(" (deleted)", "") or "anonymous"
                continue
            number = NUMBER.match(line)
            if not number:
                continue
            kib = int(number.group(2))
            if number.group(1) == "Rss":
                rss = kib
            elif number.group(1) == "Anonymous":
                self.add(name, kib, rss - kib)

    def add(self, name, anonymous, rest):
        self.own[name] = self.own.get(name, 0) + anonymous
        if is_granted(name):
            self.granted += rest
        elif name.startswith("/") and not name.startswith("/dev/"):
            self.files[name] = self.files.get(name, 0) + rest


def is_granted(name):
    """A mapping of pages shared with the other side."""
    return name.startswith(("/memfd:vgpu-grant", "/dev/xen/"))


def extra_files(process, native):
    """Files that the native process does not have, with what is resident."""
    return {f: kib for f, kib in process.files.items()
            if f not in native.files}


def row(kib, where, what, amount):
    key = "%s: %s" % (where, what)
    kib[key] = kib.get(key, 0) + amount


def short(name):
    return os.path.basename(name) if name.startswith("/") else name


def host_side(kib, native, executor):
    """Mappings by name, since libraries lie elsewhere in each process."""
    for name in native.own.keys() | executor.own.keys():
        row(kib, "host", short(name),
            executor.own.get(name, 0) - native.own.get(name, 0))
    for name, size in extra_files(executor, native).items():
        row(kib, "host", "file " + short(name), size)


def guest_side(kib, native, before, after):
    """The program is the same before and after; our libraries were loaded
    before, so that all that they have counts."""
    ours = extra_files(after, native)
    for name in before.own.keys() | after.own.keys():
        less = 0 if name in ours else before.own.get(name, 0)
        row(kib, "guest", short(name), after.own.get(name, 0) - less)
    for name, size in ours.items():
        row(kib, "guest", "file " + short(name), size)
    row(kib, "guest", GRANTS, after.granted)


def session(native, executor, before, after):
    """{what: KiB} that a session adds; those that do not matter left out."""
    kib = {}
    host_side(kib, native, executor)
    guest_side(kib, native, before, after)
    return {k: v for k, v in sorted(kib.items(), key=lambda e: -e[1]) if v}


def measure(native, ours, executor_of):
    """Two workers that run `cubench --idle`: what the session of the second
    takes. executor_of(pid) is who serves it. At once and, by the function
    that is returned beside it, later."""
    native.ready()
    ours.ready()
    before = Memory(ours.pid)
    for w in (native, ours):
        w.say("go")
    native.answer()
    ours.answer()
    executor = executor_of(ours.pid)

    def now():
        return session(Memory(native.pid), Memory(executor), before,
                       Memory(ours.pid))
    return now(), now


def lines(kib, least=16):
    """The table; what is small is one line."""
    small = sum(v for v in kib.values() if abs(v) < least)
    yield from ("  %6d  %s" % (v, k) for k, v in kib.items()
                if abs(v) >= least)
    yield "  %6d  mappings of less than %d" % (small, least)
