#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""A DataLoader with worker processes, pinned memory and asynchronous copies;
and pinned tensors written by hand."""
import fw

torch = fw.torch_ready()


class Squares(torch.utils.data.Dataset):
    def __len__(self):
        return 640

    def __getitem__(self, i):
        return torch.full((3, 32, 32), float(i)), i * i % 97


def main():
    loader = torch.utils.data.DataLoader(
        Squares(), batch_size=64, num_workers=2, pin_memory=True,
        persistent_workers=True)
    stream = torch.cuda.Stream()
    for epoch in range(2):
        sums, labels = 0.0, 0
        for x, y in loader:
            fw.require(x.is_pinned(), "a batch is not pinned")
            with torch.cuda.stream(stream):
                x = x.cuda(non_blocking=True)
                y = y.cuda(non_blocking=True)
                part = x.double().mean() * 64
            torch.cuda.current_stream().wait_stream(stream)
            sums += part.item()
            labels += y.sum().item()
        fw.show("epoch %d" % epoch, [sums, labels], 10)
        fw.require(round(sums) == 640 * 639 // 2, "batches were lost")
    host = torch.empty(1 << 20, pin_memory=True)
    for i in range(5):
        host.fill_(i)
        device = host.cuda(non_blocking=True)
        back = torch.empty(1 << 20, pin_memory=True)
        back.copy_(device * 2, non_blocking=True)
        torch.cuda.synchronize()
        fw.require(bool((back == 2 * i).all()), "a pinned copy is wrong")
    fw.show("pinned copies", "right")


if __name__ == "__main__":
    main()
