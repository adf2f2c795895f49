#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=240
"""CuPy: arrays, a kernel from source, libraries, streams, memory pool."""
import fw

cp = fw.need("cupy")

x = cp.arange(10_000, dtype=cp.float64).reshape(100, 100) % 13
fw.show("sum", float(x.sum()), 10)
fw.show("product", float((x @ x).trace()), 10)
fw.show("solve", float(cp.linalg.solve(
    x + 500 * cp.eye(100), cp.ones(100)).sum()), 8)
fw.show("fft", float(cp.abs(cp.fft.fft(x[0])).sum()), 8)
fw.show("sort", cp.sort(-x.ravel())[:3].tolist())
cp.random.seed(11)
fw.show("random", float(cp.random.rand(10_000).mean()), 5)

square_add = cp.RawKernel(r"""
extern "C" __global__ void square_add(const double *a, double *b, int n)
{
        int i = blockIdx.x * blockDim.x + threadIdx.x;

        if (i < n)
                b[i] = a[i] * a[i] + 1;
}
""", "square_add")
out = cp.zeros(10_000)
square_add((40,), (256,), (x.ravel(), out, cp.int32(10_000)))
fw.show("raw kernel", float(out.sum()), 10)
fw.require(bool((out == x.ravel() ** 2 + 1).all()), "the raw kernel")

axpy = cp.ElementwiseKernel("float64 a, float64 x, float64 y", "float64 z",
                            "z = a * x + y", "axpy")
fw.show("elementwise", float(axpy(2.0, x, x).sum()), 10)
total = cp.ReductionKernel("float64 x", "float64 y", "x * x", "a + b",
                           "y = sqrt(a)", "0", "norm")
fw.show("reduction", float(total(x)), 8)

stream = cp.cuda.Stream(non_blocking=True)
with stream:
    y = cp.full(1_000_000, 3.0)
    y += 1
stream.synchronize()
fw.show("stream", float(y.sum()), 10)
pool = cp.get_default_memory_pool()
del y, x, out
pool.free_all_blocks()
fw.show("pool is empty", pool.used_bytes() < 1 << 20)
