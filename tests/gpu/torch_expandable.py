#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=120
"""Expandable segments: PyTorch's allocator on virtual memory management."""
import os

import fw

os.environ["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"
os.environ["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"
torch = fw.torch_ready()

kept = []
total = 0.0
for i in range(60):
    size = (i * 7919 % 50 + 1) * 100_000
    kept.append(torch.full((size,), float(i), device="cuda"))
    if i % 3 == 2:
        kept.pop(i % len(kept))  # holes
total = sum(t.double().sum().item() for t in kept)
fw.show("sum over %d tensors" % len(kept), total, 12)
want = sum(float(t[0]) * t.numel() for t in kept)
fw.require(total == want, "the tensors should sum to %r" % want)
kept.clear()
torch.cuda.empty_cache()
fw.show("reserved afterwards", torch.cuda.memory_reserved())
big = torch.ones(300_000_000, device="cuda")
fw.show("a large tensor", big.sum().item(), 10)
