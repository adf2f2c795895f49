#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""CUDA tensors are handed to another process, which changes them in place."""
import fw

torch = fw.torch_ready()
import torch.multiprocessing as mp  # noqa: E402  (needs torch)


def child(inbox, outbox):
    while True:
        t = inbox.get()
        if t is None:
            return
        t.mul_(3).add_(1)
        torch.cuda.synchronize()
        result = t.double().sum().item()
        del t
        outbox.put(result)


def main():
    ctx = mp.get_context("spawn")
    inbox, outbox = ctx.Queue(), ctx.Queue()
    worker = ctx.Process(target=child, args=(inbox, outbox))
    worker.start()
    for n in (10, 1000, 3_000_000):
        t = torch.arange(n, dtype=torch.float32, device="cuda") % 100
        want = (t.double() * 3 + 1).sum().item()
        inbox.put(t)
        told = outbox.get(timeout=100)
        seen = t.double().sum().item()
        fw.show("%d elements" % n, [told, seen], 12)
        fw.require(told == want and seen == want,
                   "both should be %r" % want)
    inbox.put(None)
    worker.join(60)
    fw.require(worker.exitcode == 0,
               "the other process ended with %r" % worker.exitcode)


if __name__ == "__main__":
    main()
