#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""Does what a program asked for arrive at the driver?

usage: recorded.py [--any-order] [--managed] GUEST HOST

Both files are tools/recorder's: GUEST was written between a program and our
libcuda.so.1, HOST between vgpu-exec and the driver. Compared is the work:
launches (kernel, shape, stream, bytes of the parameters), copies, fills,
allocations, each with its device addresses, which pass unchanged. Prints what
was compared; exit code 1 and the differences when they differ.

--any-order is for programs with threads. --managed is for programs with managed
memory, which is mirrored in the guest: such copies are the library's own.

Not compared, because they may differ: how a copy is cut into pieces, and with
which function it is made; waits, queries, and words that the GPU writes into
the window, which are the executor's own; questions that the guest answers.
"""
import collections
import re
import sys

ALLOC = re.compile(r"cuMemAlloc(Async|FromPoolAsync|Pitch)?$")
FREE = re.compile(r"cuMemFree(Async)?$")
LAUNCH = re.compile(r"cuLaunch(Kernel|KernelEx|CooperativeKernel)$")
COPY = re.compile(r"cuMemcpy(HtoD|DtoH|DtoD|)(Async)?$")
SHAPED = re.compile(r"cuMemcpy(2D|2DUnaligned|3D)(Async)?$")
FILL = re.compile(r"cuMemset(D2)?D(8|16|32)(Async)?$")
VALUE = re.compile(r"cuStream(Write|Wait)Value(32|64)$")
GRAPH = re.compile(r"cuGraph(Launch|Create|Clone|Add\w+|Instantiate\w*|"
                   r"Exec\w+|\w+SetParams|Upload|Destroy)$|"
                   r"cuStream(Begin|End)Capture\w*$")
SHAPE = ["gridDimX", "gridDimY", "gridDimZ", "blockDimX", "blockDimY",
         "blockDimZ", "sharedMemBytes"]


def number(text):
    try:
        return int(text, 16)
    except (TypeError, ValueError):
        return 0


class Call:
    def __init__(self, line):
        asked, _, told = line.rstrip("\n").rpartition(" -> ")
        words = asked.split(" ")
        self.full = words[0]
        self.name = re.sub(r"_pt[sd][sz]$", "", words[0])
        self.name = re.sub(r"_v\d$", "", self.name)
        self.args = dict(w.split("=", 1) for w in words[1:] if "=" in w)
        result, *answers = told.split(" ")
        self.result = int(result)
        self.told = dict(w.split("=", 1) for w in answers if "=" in w)

    def num(self, *names):
        for n in names:
            if n in self.args:
                return number(self.args[n])
        return 0


class Record:
    """The work of one side, in the order in which the calls returned."""

    def __init__(self, path, merge):
        self.merge = merge
        self.work, self.device, self.streams = [], {}, {}
        self.managed = {}
        self.calls = self.nstreams = 0
        with open(path, encoding="utf-8", errors="replace") as f:
            for line in f:
                if " -> " in line:
                    self.take(Call(line))

    def on_device(self, p):
        return any(a <= p < a + n for a, n in self.device.items())

    def stream(self, c):
        """Streams have other handles on the host: numbered by first use."""
        h = number(c.args.get("hStream", "0"))
        if h < 2 and not c.full.endswith(("_ptsz", "_ptds")):
            return "default"
        return self.streams.setdefault(h, f"stream {self.seen_stream()}")

    def seen_stream(self):
        self.nstreams += 1
        return self.nstreams

    def copy(self, c):
        n = c.num("ByteCount")
        dst, src = c.num("dstDevice", "dst"), c.num("srcDevice", "src")
        kind = COPY.match(c.name).group(1)
        if not kind:
            to, of = self.on_device(dst), self.on_device(src)
            kind = ("DtoD" if to and of else "HtoD" if to else
                    "DtoH" if of else "HtoH")
        at = {"HtoD": (dst,), "DtoH": (src,), "DtoD": (dst, src),
              "HtoH": ()}[kind]
        last = self.work[-1] if self.work else None
        if (self.merge and kind != "HtoH" and last and last[0] == kind and
                all(a == b + last[2] for a, b in zip(at, last[1]))):
            self.work[-1] = (kind, last[1], last[2] + n)
        elif n:
            self.work.append((kind, at, n))

    def without_mirrors(self):
        """Leave out the copies of managed memory."""
        self.work = [w for w in self.work if w[0] not in ("HtoD", "DtoH") or
                     not any(a <= w[1][0] < a + n
                             for a, n in self.managed.items())]

    def shaped(self, c):
        """2D and 3D: the host makes 3D copies, slice by slice."""
        size = (c.num("width") * max(c.num("height"), 1) *
                max(c.num("depth"), 1))
        last = self.work[-1] if self.work else None
        if self.merge and last and last[:2] == ("shaped copy", c.num("width")):
            size += self.work.pop()[2]
        self.work.append(("shaped copy", c.num("width"), size))

    def take(self, c):
        self.calls += 1
        if c.result:
            return
        if c.name == "cuStreamDestroy":
            self.streams.pop(c.num("hStream"), None)
        elif ALLOC.match(c.name):
            at = number(c.told.get("dptr"))
            self.device[at] = c.num("bytesize") or 1 << 20
            self.work.append(("alloc", at, c.num("bytesize")))
        elif c.name == "cuMemAddressReserve":
            self.device[number(c.told.get("ptr"))] = c.num("size")
        elif c.name == "cuMemAllocManaged":
            self.managed[number(c.told.get("dptr"))] = c.num("bytesize")
        elif c.name == "cuLibraryGetManaged":
            # Its size may be asked for by another call.
            self.managed[number(c.told.get("dptr"))] = \
                number(c.told.get("bytes")) or 1
        elif FREE.match(c.name) and c.num("dptr", "dptrAsync"):
            self.work.append(("free", c.num("dptr")))
        elif c.name in ("cuLibraryGetGlobal", "cuModuleGetGlobal"):
            self.device[number(c.told.get("dptr"))] = \
                number(c.told.get("bytes")) or 1 << 20
        elif LAUNCH.match(c.name):
            self.work.append(("launch", c.args.get("kernel"),
                              tuple(c.num(s) for s in SHAPE),
                              self.stream(c), c.args.get("params", "")))
        elif COPY.match(c.name):
            self.copy(c)
        elif SHAPED.match(c.name):
            self.shaped(c)
        elif FILL.match(c.name):
            self.work.append(("fill", c.num("dstDevice"),
                              c.num("uc", "us", "ui"),
                              c.num("N", "Width"), c.num("Height")))
        elif VALUE.match(c.name) and self.on_device(c.num("addr")):
            self.work.append(("value", c.num("addr"), c.num("value")))
        elif GRAPH.match(c.name):
            self.work.append(("graph", c.name))


def differences(guest, host, any_order):
    if not any_order and guest == host:
        return []
    if any_order:
        guest, host = ([w[:3] + w[4:] if w[0] == "launch" else w
                        for w in side] for side in (guest, host))
    a, b = collections.Counter(guest), collections.Counter(host)
    lines = [f"only asked for ({n} times): {w}"
             for w, n in (a - b).items()]
    lines += [f"only at the driver ({n} times): {w}"
              for w, n in (b - a).items()]
    if lines or any_order:
        return lines
    at = next(i for i, (x, y) in enumerate(zip(guest, host)) if x != y)
    return [f"the same work in another order, from number {at} on: "
            f"{guest[at]} and {host[at]}"]


def main():
    any_order = "--any-order" in sys.argv
    paths = [a for a in sys.argv[1:] if not a.startswith("--")]
    guest, host = (Record(p, not any_order) for p in paths)
    if "--managed" in sys.argv:
        host.without_mirrors()
    kinds = collections.Counter(w[0] for w in guest.work)
    print(", ".join(f"{n} {k}" for k, n in sorted(kinds.items())) or
          "no work", f"of {guest.calls} calls, {host.calls} at the driver")
    lines = differences(guest.work, host.work, any_order)
    for line in lines[:12]:
        print(line[:400])
    sys.exit(bool(lines) or not guest.work)


if __name__ == "__main__":
    main()
