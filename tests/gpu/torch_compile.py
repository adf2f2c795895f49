#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=420
"""torch.compile makes Triton kernels; also in its mode with CUDA graphs."""
import os
import tempfile

import fw

# A cache of its own, so that every run compiles.
_cache = tempfile.TemporaryDirectory()
os.environ["TORCHINDUCTOR_CACHE_DIR"] = os.path.join(_cache.name, "inductor")
os.environ["TRITON_CACHE_DIR"] = os.path.join(_cache.name, "triton")
torch = fw.torch_ready()


def work(x, w):
    y = torch.nn.functional.gelu(x @ w)
    return torch.softmax(y, -1) * torch.sigmoid(y).sum(-1, keepdim=True)


x = torch.randn(256, 128, device="cuda")
w = torch.randn(128, 192, device="cuda", requires_grad=True)
plain = work(x, w)
for mode in ("default", "reduce-overhead"):
    torch._dynamo.reset()
    fast = torch.compile(work, mode=mode)
    for _ in range(3):
        torch.compiler.cudagraph_mark_step_begin()
        y = fast(x, w).clone()
    grad, = torch.autograd.grad(y.sum(), w)
    fw.show(mode, [y.sum(), y.max(), grad.abs().mean()], 4)
    fw.require(torch.allclose(y, plain, atol=1e-3, rtol=1e-3),
               mode + " differs from the plain run")
