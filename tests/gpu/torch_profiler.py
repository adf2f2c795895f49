#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""The profiler must not break the work; whether it sees kernels depends on
the machine and is not compared."""
import sys

import fw

torch = fw.torch_ready()
from torch.profiler import ProfilerActivity, profile  # noqa: E402

x = torch.ones(512, 512, device="cuda")
with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as p:
    for _ in range(5):
        x = (x @ x) / 512
    torch.cuda.synchronize()
events = p.key_averages()
fw.show("result", x.sum().item(), 8)
fw.require(x.sum().item() == 512 * 512, "the result")
fw.show("matmuls on the CPU side",
        sum(e.count for e in events if e.key == "aten::mm"))
kernels = sum(1 for e in p.events()
              if e.device_type == torch.autograd.DeviceType.CUDA)
print("the profiler saw %d events on the GPU" % kernels, file=sys.stderr)
