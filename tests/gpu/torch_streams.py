#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=120
"""Several streams, events between them, and several threads."""
import threading

import fw

torch = fw.torch_ready()


def chain(streams):
    """One tensor goes from stream to stream, an event after each step."""
    t = torch.zeros(100_000, device="cuda")
    torch.cuda.synchronize()
    event = None
    for i in range(100):
        stream = streams[i % len(streams)]
        with torch.cuda.stream(stream):
            if event:
                stream.wait_event(event)
            t.mul_(1.0).add_(i)
            event = torch.cuda.Event()
            event.record(stream)
    event.synchronize()
    return t.max().item(), t.min().item()


def in_thread(index, results):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        a = torch.full((64, 64), float(index + 1), device="cuda")
        for _ in range(50):
            a = (a @ torch.eye(64, device="cuda")) + 1
        results[index] = a.double().sum().item()


fw.show("chain", chain([torch.cuda.Stream() for _ in range(4)]))
results = [None] * 8
threads = [threading.Thread(target=in_thread, args=(i, results))
           for i in range(8)]
for t in threads:
    t.start()
for t in threads:
    t.join()
fw.show("threads", results, 10)
fw.require(results == [4096.0 * (i + 51) for i in range(8)],
           "the threads' results")
start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
start.record()
torch.cuda._sleep(10_000_000)
stop.record()
stop.synchronize()
fw.show("time passes", start.elapsed_time(stop) > 1)
