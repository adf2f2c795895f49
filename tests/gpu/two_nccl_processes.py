#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=two limit=180
"""NCCL between two processes, one GPU each, by its C interface alone."""
import ctypes
import glob
import os
import subprocess
import sys
import sysconfig
import tempfile
import time

import fw

COUNT = 100_000
FLOAT, SUM, MAX = 7, 0, 2  # ncclFloat32, ncclSum, ncclMax


def library():
    """The machine's NCCL, or the one that a Python package brought."""
    found = glob.glob(sysconfig.get_paths()["purelib"] +
                      "/nvidia/*/lib/libnccl.so.2")
    for name in ["libnccl.so.2"] + found:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    fw.skip("libnccl.so.2 is not installed")


class Id(ctypes.Structure):
    _fields_ = [("bytes", ctypes.c_char * 128)]


def good(result, what):
    if result:
        sys.exit("%s gave %d" % (what, result))


class Rank:
    def __init__(self, rank):
        self.rank, self.cuda = rank, ctypes.CDLL("libcuda.so.1")
        self.nccl, context = library(), ctypes.c_void_p()
        good(self.cuda.cuInit(0), "cuInit")
        good(self.cuda.cuDevicePrimaryCtxRetain(ctypes.byref(context), rank),
             "cuDevicePrimaryCtxRetain")
        good(self.cuda.cuCtxSetCurrent(context), "cuCtxSetCurrent")
        self.stream = ctypes.c_void_p()
        good(self.cuda.cuStreamCreate(ctypes.byref(self.stream), 1),
             "cuStreamCreate")

    def buffer(self, count, values=None):
        p = ctypes.c_uint64()
        good(self.cuda.cuMemAlloc_v2(ctypes.byref(p),
                                     ctypes.c_size_t(count * 4)), "cuMemAlloc")
        if values is not None:
            host = (ctypes.c_float * count)(*values)
            good(self.cuda.cuMemcpyHtoD_v2(p, host,
                                           ctypes.c_size_t(count * 4)),
                 "cuMemcpyHtoD")
            good(self.cuda.cuCtxSynchronize(), "cuCtxSynchronize")
        return p

    def values(self, p, count):
        host = (ctypes.c_float * count)()
        good(self.cuda.cuStreamSynchronize(self.stream),
             "cuStreamSynchronize")
        good(self.cuda.cuMemcpyDtoH_v2(host, p, ctypes.c_size_t(count * 4)),
             "cuMemcpyDtoH")
        return host

    def join(self, folder):
        ident, path = Id(), os.path.join(folder, "id")
        if self.rank == 0:
            good(self.nccl.ncclGetUniqueId(ctypes.byref(ident)),
                 "ncclGetUniqueId")
            with open(path + ".new", "wb") as f:
                f.write(ctypes.string_at(ctypes.addressof(ident), 128))
            os.rename(path + ".new", path)
        end = time.monotonic() + 60
        while not os.path.exists(path):
            if time.monotonic() > end:
                sys.exit("rank 0 gives no id")
            time.sleep(0.05)
        with open(path, "rb") as f:
            ctypes.memmove(ctypes.addressof(ident), f.read(), 128)
        self.comm = ctypes.c_void_p()
        self.nccl.ncclCommInitRank.argtypes = [
            ctypes.c_void_p, ctypes.c_int, Id, ctypes.c_int]
        good(self.nccl.ncclCommInitRank(ctypes.byref(self.comm), 2, ident,
                                        self.rank), "ncclCommInitRank")

    def call(self, name, *args):
        good(getattr(self.nccl, name)(*args, self.comm, self.stream), name)


def collective(r):
    mine = [float(i % 1000 + r.rank) for i in range(COUNT)]
    src, dst = r.buffer(COUNT, mine), r.buffer(2 * COUNT)
    n = ctypes.c_size_t(COUNT)
    for op in (SUM, MAX):
        r.call("ncclAllReduce", src, dst, n, FLOAT, op)
        got = r.values(dst, COUNT)
        want = [2 * (i % 1000) + 1 if op == SUM else i % 1000 + 1
                for i in range(COUNT)]
        fw.require(list(got) == want, "all-reduce %d" % op)
    r.call("ncclAllGather", src, dst, n, FLOAT)
    got = r.values(dst, 2 * COUNT)
    fw.require(list(got[:COUNT]) == [float(i % 1000) for i in range(COUNT)]
               and got[COUNT] == 1, "all-gather")
    r.call("ncclBroadcast", src, dst, n, FLOAT, 1)
    fw.require(r.values(dst, COUNT)[5] == 6, "broadcast")
    return src, dst


def point_to_point(r, src, dst):
    """Both send and receive at once, many times."""
    n, other = ctypes.c_size_t(COUNT), 1 - r.rank
    for _ in range(20):
        good(r.nccl.ncclGroupStart(), "ncclGroupStart")
        r.call("ncclSend", src, n, FLOAT, other)
        r.call("ncclRecv", dst, n, FLOAT, other)
        good(r.nccl.ncclGroupEnd(), "ncclGroupEnd")
    got = r.values(dst, COUNT)
    fw.require(got[0] == other and got[999] == 999 + other, "send, receive")


def rank_main(rank, folder):
    r = Rank(rank)
    r.join(folder)
    src, dst = collective(r)
    point_to_point(r, src, dst)
    good(r.nccl.ncclCommDestroy(r.comm), "ncclCommDestroy")
    print("rank %d is right" % rank)


def gpus():
    count = ctypes.c_int()
    cuda = ctypes.CDLL("libcuda.so.1")
    good(cuda.cuInit(0), "cuInit")
    good(cuda.cuDeviceGetCount(ctypes.byref(count)), "cuDeviceGetCount")
    return count.value


def main():
    if len(sys.argv) == 3:
        rank_main(int(sys.argv[1]), sys.argv[2])
        return
    if gpus() < 2:
        fw.skip("two GPUs needed")
    library()
    with tempfile.TemporaryDirectory() as folder:
        ranks = [subprocess.Popen([sys.executable, __file__, str(r), folder],
                                  stdout=subprocess.PIPE, text=True)
                 for r in range(2)]
        for r in ranks:
            print(r.communicate()[0], end="")
        sys.exit(max(r.returncode != 0 for r in ranks))


if __name__ == "__main__":
    main()
