#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=two limit=240
"""Two GPUs: peer copies in one process, NCCL between two processes."""
import os
import tempfile

import fw

torch = fw.torch_ready()
import torch.distributed as dist  # noqa: E402  (needs torch)
import torch.multiprocessing as mp  # noqa: E402


def peer_copies():
    fw.show("peer access", torch.cuda.can_device_access_peer(0, 1))
    a = torch.arange(3_000_000, device="cuda:0", dtype=torch.float32)
    b = a.to("cuda:1") * 2
    back = b.to("cuda:0")
    fw.require(torch.equal(back, a * 2), "a copy between the GPUs")
    fw.show("peer copies", back.double().sum(), 12)


def rank_main(rank, rendezvous):
    torch.cuda.set_device(rank)
    dist.init_process_group("nccl", init_method="file://" + rendezvous,
                            rank=rank, world_size=2)
    t = torch.full((1000,), float(rank + 1), device="cuda")
    dist.all_reduce(t)
    fw.require(bool((t == 3).all()), "the all-reduce")
    parts = [torch.empty(10, device="cuda") for _ in range(2)]
    dist.all_gather(parts, torch.full((10,), float(rank), device="cuda"))
    fw.require(parts[1][0].item() == 1, "the all-gather")
    model = torch.nn.parallel.DistributedDataParallel(
        torch.nn.Linear(16, 4).cuda(), device_ids=[rank])
    x = torch.full((8, 16), float(rank + 1), device="cuda")
    model(x).sum().backward()
    if rank == 0:
        fw.show("all-reduce", t.sum(), 8)
        fw.show("gradient", model.module.weight.grad[0, 0], 6)
    dist.destroy_process_group()


def main():
    if torch.cuda.device_count() < 2:
        fw.skip("two GPUs needed")
    peer_copies()
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(rank_main, (os.path.join(folder, "meet"),), nprocs=2)


if __name__ == "__main__":
    main()
