#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench_llm.py - what frameworks make of the GPU, as one JSON object.

A Llama of 1.1 billion random weights generates and trains, a decode loop
runs from a captured graph, a residual network trains on images, and large
matrix products run back to back. Needs PyTorch and transformers; run by
`./bench --frameworks`.
"""
import argparse
import json
import statistics
import sys
import time

import torch
from torch import nn


def timed(step, count, repeats=3):
    """Median seconds for one step, over batches of count steps."""
    step()
    torch.cuda.synchronize()
    took = []
    for _ in range(repeats):
        start = time.perf_counter()
        for _ in range(count):
            step()
        torch.cuda.synchronize()
        took.append((time.perf_counter() - start) / count)
    return statistics.median(took)


def llama(quick):
    from transformers import LlamaConfig, LlamaForCausalLM
    config = LlamaConfig(
        vocab_size=32000, hidden_size=2048, intermediate_size=5632,
        num_hidden_layers=4 if quick else 22, num_attention_heads=32,
        num_key_value_heads=4, max_position_embeddings=2048)
    torch.manual_seed(1)
    # Made on the GPU: on the CPU the random weights take half a minute.
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        model = LlamaForCausalLM(config)
        torch.set_default_dtype(torch.float32)
    return model


def generation(model, quick):
    tokens = 32 if quick else 128
    prompt = torch.arange(16, device="cuda").view(1, -1)

    def step():
        out = model.generate(prompt, max_new_tokens=tokens,
                             min_new_tokens=tokens, do_sample=False,
                             pad_token_id=0)
        assert out.shape[1] == 16 + tokens

    model.eval()
    with torch.inference_mode():
        return tokens / timed(step, 1)


def training(model, quick):
    ids = torch.randint(0, 32000, (1, 256), device="cuda")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)
    model.train()

    def step():
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    step()
    return 1 / timed(step, 5 if quick else 20)


class Block(nn.Module):
    """A bottleneck of a residual network."""

    def __init__(self, c_in, width, stride):
        super().__init__()
        c_out = width * 4
        self.body = nn.Sequential(
            nn.Conv2d(c_in, width, 1, bias=False), nn.BatchNorm2d(width),
            nn.ReLU(True),
            nn.Conv2d(width, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width), nn.ReLU(True),
            nn.Conv2d(width, c_out, 1, bias=False), nn.BatchNorm2d(c_out))
        self.side = nn.Identity()
        if stride != 1 or c_in != c_out:
            self.side = nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride, bias=False),
                nn.BatchNorm2d(c_out))

    def forward(self, x):
        return torch.relu(self.body(x) + self.side(x))


def resnet50():
    layers = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64),
              nn.ReLU(True), nn.MaxPool2d(3, 2, 1)]
    c = 64
    for width, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2),
                                 (512, 3, 2)):
        for i in range(count):
            layers.append(Block(c, width, stride if i == 0 else 1))
            c = width * 4
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 1000)]
    return nn.Sequential(*layers)


def images(quick):
    batch = 16 if quick else 128
    torch.manual_seed(2)
    model = resnet50().cuda().to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    # From the host each time, as a loader does: copies are part of it.
    host = torch.randn(batch, 3, 224, 224).pin_memory()
    labels = torch.randint(0, 1000, (batch,), device="cuda")

    def step():
        x = host.cuda(non_blocking=True).to(
            memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16):
            loss = nn.functional.cross_entropy(model(x), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    step()
    return batch / timed(step, 3 if quick else 15)


def graph_decode(quick):
    """A small decoder step, captured once and replayed for each token."""
    torch.manual_seed(3)
    width, layers = 1024, 8
    body = nn.Sequential(*[
        nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width),
                      nn.GELU(), nn.Linear(4 * width, width))
        for _ in range(layers)]).cuda().bfloat16().eval()
    x = torch.randn(1, width, device="cuda", dtype=torch.bfloat16)

    with torch.inference_mode():
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                body(x)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            y = body(x)
            token = y.argmax()

        def step():
            graph.replay()
            token.item()  # a decode loop needs each token on the host

        return 1 / timed(step, 100 if quick else 2000)


def matmuls(quick):
    n = 2048 if quick else 8192
    a = torch.randn(n, n, device="cuda", dtype=torch.bfloat16)
    b = torch.randn(n, n, device="cuda", dtype=torch.bfloat16)
    out = torch.empty_like(a)
    return 2 * n ** 3 / timed(lambda: torch.mm(a, b, out=out), 100) / 1e12


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--quick", action="store_true")
    quick = p.parse_args().quick
    if not torch.cuda.is_available():
        sys.exit("bench_llm.py: PyTorch sees no CUDA device")
    rows = {}

    def row(key, work, value, unit):
        rows[key] = {"work": work, "value": value, "unit": unit}

    row("matmul_tflops", "bf16 matrix products", matmuls(quick), "TFLOP/s")
    row("graph_decode_steps_per_s", "captured-graph decode loop",
        graph_decode(quick), "steps/s")
    row("resnet_images_per_s", "ResNet-50 training", images(quick),
        "images/s")
    torch.cuda.empty_cache()
    model = llama(quick)
    row("llm_tokens_per_s", "1.1 B Llama, generation",
        generation(model, quick), "tokens/s")
    row("llm_train_it_per_s", "1.1 B Llama, training",
        training(model, quick), "it/s")
    print("\n" + json.dumps(rows))


if __name__ == "__main__":
    main()
