#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=120
"""CUDA graphs: inference and a whole training step are captured, replayed
with new input, and equal the plain run."""
import fw

torch = fw.torch_ready()
nn = torch.nn


def network():
    torch.manual_seed(7)
    return nn.Sequential(nn.Linear(128, 256), nn.ReLU(),
                         nn.Linear(256, 10)).cuda()


def inference():
    net = network().eval()
    x = torch.randn(32, 128).cuda()
    with torch.no_grad():
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            net(x)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            y = net(x)
        for seed in range(3):
            torch.manual_seed(seed)
            x.copy_(torch.randn(32, 128))
            graph.replay()
            torch.cuda.synchronize()
            want = net(x)
            fw.require(torch.allclose(y, want, atol=1e-4),
                       "a replay differs from the plain run")
            fw.show("replay %d" % seed, y.abs().sum())


def training():
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
    x, t = torch.randn(32, 128).cuda(), torch.randn(32, 10).cuda()

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.mse_loss(net(x), t)
        loss.backward()
        optimizer.step()
        return loss

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()
    losses = []
    for _ in range(50):
        graph.replay()
        losses.append(loss.item())
    fw.show("losses of replayed steps", losses[::10], 4)
    fw.require(losses[-1] < losses[0], "the loss did not fall")


inference()
training()
