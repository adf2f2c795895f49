#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""Every backend of scaled-dot-product attention, forward and backward."""
import fw

torch = fw.torch_ready()
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402

q, k, v = (torch.randn(2, 8, 256, 64).cuda().to(torch.float16)
           .requires_grad_() for _ in range(3))
plain = None
for backend in (SDPBackend.MATH, SDPBackend.FLASH_ATTENTION,
                SDPBackend.EFFICIENT_ATTENTION, SDPBackend.CUDNN_ATTENTION):
    name = backend.name.lower()
    try:
        with sdpa_kernel(backend):
            y = torch.nn.functional.scaled_dot_product_attention(
                q, k, v, is_causal=True)
            grad, = torch.autograd.grad(y.float().sum(), v)
    except RuntimeError as e:
        fw.show(name, "not available: " + str(e).splitlines()[0][:60])
        continue
    y = y.float()
    plain = y if plain is None else plain
    fw.require(torch.allclose(y, plain, atol=5e-3), name + " differs")
    # Half precision: the last digits belong to the backend, not to the test.
    fw.show(name, [y.abs().mean(), grad.float().abs().mean()], 3)
