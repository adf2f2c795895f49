#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""A small convolutional network is trained in f32 and under autocast."""
import fw

torch = fw.torch_ready()
nn = torch.nn


def train(precision):
    torch.manual_seed(5)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
        nn.AvgPool2d(4), nn.Flatten(), nn.Dropout(0.1),
        nn.Linear(1024, 10)).cuda()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cuda", enabled=precision is torch.float16)
    x = torch.randn(64, 3, 32, 32).cuda()
    labels = torch.randint(0, 10, (64,)).cuda()
    losses = []
    for _ in range(20):
        with torch.autocast("cuda", precision or torch.float32,
                            enabled=precision is not None):
            loss = nn.functional.cross_entropy(net(x), labels)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    fw.require(losses[-1] < losses[0], "the loss did not fall")
    return losses


for name, precision in (("f32", None), ("bf16", torch.bfloat16),
                        ("f16", torch.float16)):
    fw.show(name + " losses", train(precision)[::5], 4)
