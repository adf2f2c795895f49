#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=120 alone=1
"""Out of memory is an exception that can be caught, and work goes on."""
import fw

torch = fw.torch_ready()

for size in (1 << 45, 1 << 39):
    try:
        torch.empty(size, dtype=torch.uint8, device="cuda")
        fw.show("allocation of 2^%d" % (size.bit_length() - 1), "succeeded")
    except torch.cuda.OutOfMemoryError:
        fw.show("allocation of 2^%d" % (size.bit_length() - 1),
                "OutOfMemoryError")
# Fill in pieces of an eighth until there is no more, then use it again.
free, total = torch.cuda.mem_get_info()
kept = []
try:
    for _ in range(20):
        kept.append(torch.empty(total // 8, dtype=torch.uint8,
                                device="cuda"))
except torch.cuda.OutOfMemoryError:
    pass
fw.show("ran out after some pieces", 1 <= len(kept) <= 8)
kept.clear()
torch.cuda.empty_cache()
again, _ = torch.cuda.mem_get_info()
fw.show("most memory came back", again > free * 0.9)
x = torch.full((1000, 1000), 2.0, device="cuda")
fw.show("afterwards", (x @ x).sum().item(), 10)
fw.require((x @ x).sum().item() == 4e9, "a product after running out")
