#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=240
"""Triton kernels of our own: a sum, a fused softmax, a matrix product."""
import os
import tempfile

import fw

_cache = tempfile.TemporaryDirectory()  # so that every run compiles
os.environ["TRITON_CACHE_DIR"] = _cache.name
torch = fw.torch_ready()
triton = fw.need("triton")
tl = fw.need("triton.language")


@triton.jit
def add(x, y, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = i < n
    tl.store(out + i, tl.load(x + i, mask) + tl.load(y + i, mask), mask)


@triton.jit
def softmax(x, out, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + row * cols + i, i < cols, -float("inf"))
    e = tl.exp(v - tl.max(v, 0))
    tl.store(out + row * cols + i, e / tl.sum(e, 0), i < cols)


@triton.jit
def matmul(a, b, c, K, N, BM: tl.constexpr, BN: tl.constexpr,
           BK: tl.constexpr):
    rows = tl.program_id(0) * BM + tl.arange(0, BM)
    cols = tl.program_id(1) * BN + tl.arange(0, BN)
    total = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        ks = k + tl.arange(0, BK)
        total += tl.dot(tl.load(a + rows[:, None] * K + ks[None, :]),
                        tl.load(b + ks[:, None] * N + cols[None, :]))
    tl.store(c + rows[:, None] * N + cols[None, :], total)


def run_add():
    n = 100_001
    x = torch.arange(n, device="cuda").float()
    out = torch.empty_like(x)
    add[(triton.cdiv(n, 1024),)](x, x, out, n, BLOCK=1024)
    fw.require(torch.equal(out, 2 * x), "add")
    fw.show("add", out.double().sum(), 10)


def run_softmax():
    x = torch.randn(200, 777).cuda()
    out = torch.empty_like(x)
    softmax[(200,)](x, out, 777, BLOCK=1024)
    fw.require(torch.allclose(out, torch.softmax(x, 1), atol=1e-6),
               "softmax")
    fw.show("softmax", [out.sum(), out.max()], 5)


def run_matmul():
    a = torch.randint(-3, 4, (256, 128)).cuda().half()
    b = torch.randint(-3, 4, (128, 192)).cuda().half()
    c = torch.empty(256, 192, device="cuda")
    matmul[(256 // 64, 192 // 64)](a, b, c, 128, 192, BM=64, BN=64, BK=32)
    fw.require(torch.equal(c, a.float() @ b.float()), "matmul")
    fw.show("matmul", [c.sum(), c.max()], 8)


run_add()
run_softmax()
run_matmul()
