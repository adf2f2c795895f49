#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""Numba: kernels, shared memory, atomics, streams, device functions."""
import fw

np = fw.need("numpy")
# Names that NumPy 2.5 has dropped and Numba 0.68 still registers functions for.
for old, new in (("row_stack", "vstack"), ("in1d", "isin"),
                 ("trapz", "trapezoid")):
    if not hasattr(np, old):
        setattr(np, old, getattr(np, new))
cuda = fw.need("numba.cuda")
numba = fw.need("numba")


@cuda.jit(device=True)
def twice(v):
    return v * 2


@cuda.jit
def scale(a):
    i = cuda.grid(1)
    if i < a.size:
        a[i] = twice(a[i]) + 1


@cuda.jit
def histogram(a, bins):
    i = cuda.grid(1)
    if i < a.size:
        cuda.atomic.add(bins, a[i] % bins.size, 1)


@cuda.jit
def block_sums(a, sums):
    tmp = cuda.shared.array(128, numba.int64)
    t = cuda.threadIdx.x
    i = cuda.grid(1)
    tmp[t] = a[i] if i < a.size else 0
    cuda.syncthreads()
    d = 64
    while d:
        if t < d:
            tmp[t] += tmp[t + d]
        cuda.syncthreads()
        d //= 2
    if t == 0:
        sums[cuda.blockIdx.x] = tmp[0]


n = 100_000
values = np.arange(n, dtype=np.int64)
device = cuda.to_device(values)
blocks = (n + 127) // 128
try:
    scale[blocks, 128](device)  # the first one loads Numba's compiler
except AttributeError as e:
    # Numba names something that NumPy has dropped; no driver does this.
    if "module 'numpy'" not in str(e):
        raise
    fw.skip("Numba %s does not work with NumPy %s: %s"
            % (numba.__version__, np.__version__, e))
fw.show("scale", int(device.copy_to_host().sum()))
fw.require(int(device.copy_to_host().sum()) == int((values * 2 + 1).sum()),
           "scale")
bins = cuda.to_device(np.zeros(16, dtype=np.int64))
histogram[blocks, 128](cuda.to_device(values), bins)
fw.show("histogram", bins.copy_to_host().tolist())
sums = cuda.device_array(blocks, dtype=np.int64)
stream = cuda.stream()
block_sums[blocks, 128, stream](cuda.to_device(values, stream=stream), sums)
stream.synchronize()
fw.show("block sums", int(sums.copy_to_host().sum()))
fw.require(int(sums.copy_to_host().sum()) == n * (n - 1) // 2, "block sums")
