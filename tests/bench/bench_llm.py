#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""bench_llm.py - what frameworks make of the GPU.

A Llama of 1.1 billion random weights generates and trains, a decode loop
runs from a captured graph, a residual network trains on images, and large
matrix products run back to back. Needs PyTorch and transformers.

`./bench --frameworks` starts it natively and through the stack and asks both
by turns: it says "ready", and answers the line "parts" with the names of its
parts, and the name of a part with one measurement of it, as JSON. A part is
made ready when it is asked for the first time.
"""
import argparse
import json
import sys
import time

import torch
from torch import nn


def seconds_a_step(step, count):
    step()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        step()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / count


# Each part returns (step, steps to time, what one step is worth).

def matmuls(quick):
    n = 2048 if quick else 8192
    a = torch.randn(n, n, device="cuda", dtype=torch.bfloat16)
    b = torch.randn(n, n, device="cuda", dtype=torch.bfloat16)
    out = torch.empty_like(a)
    return lambda: torch.mm(a, b, out=out), 200, 2 * n ** 3 / 1e12


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

    return step, 200 if quick else 3000, 1


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

    return step, 3 if quick else 20, batch


MODEL = []  # generation and training use the same


def llama(quick):
    from transformers import LlamaConfig, LlamaForCausalLM
    if MODEL:
        return MODEL[0]
    config = LlamaConfig(
        vocab_size=32000, hidden_size=2048, intermediate_size=5632,
        num_hidden_layers=4 if quick else 22, num_attention_heads=32,
        num_key_value_heads=4, max_position_embeddings=2048)
    torch.manual_seed(1)
    # Made on the GPU: on the CPU the random weights take half a minute.
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        MODEL.append(LlamaForCausalLM(config))
        torch.set_default_dtype(torch.float32)
    return MODEL[0]


def generation(quick):
    model, tokens = llama(quick), 32 if quick else 96
    prompt = torch.arange(16, device="cuda").view(1, -1)

    def step():
        model.eval()
        with torch.inference_mode():
            out = model.generate(prompt, max_new_tokens=tokens,
                                 min_new_tokens=tokens, do_sample=False,
                                 pad_token_id=0)
        if out.shape[1] != 16 + tokens:
            sys.exit("bench_llm.py: %d tokens, not %d" % (out.shape[1],
                                                          16 + tokens))

    return step, 1, tokens


def training(quick):
    model = llama(quick)
    ids = torch.randint(0, 32000, (1, 256), device="cuda")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5)

    def step():
        model.train()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step, 5 if quick else 40, 1


PARTS = {
    "matmul_tflops": (matmuls, "bf16 matrix products", "TFLOP/s"),
    "graph_decode_steps_per_s": (graph_decode, "captured-graph decode loop",
                                 "steps/s"),
    "resnet_images_per_s": (images, "ResNet-50 training", "images/s"),
    "llm_tokens_per_s": (generation, "1.1 B Llama, generation", "tokens/s"),
    "llm_train_it_per_s": (training, "1.1 B Llama, training", "it/s"),
}


def answer(name, made, quick):
    if name == "parts":
        return {"parts": list(PARTS)}
    if name not in PARTS:
        sys.exit("bench_llm.py: there is no part '%s'" % name)
    make, work, unit = PARTS[name]
    if name not in made:
        made[name] = make(quick)
    step, count, worth = made[name]
    return {"work": work, "unit": unit,
            "value": worth / seconds_a_step(step, count)}


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--quick", action="store_true")
    quick = p.parse_args().quick
    if not torch.cuda.is_available():
        sys.exit("bench_llm.py: PyTorch sees no CUDA device")
    made = {}
    print("ready", flush=True)
    for line in sys.stdin:
        print("\n" + json.dumps(answer(line.strip(), made, quick)),
              flush=True)


if __name__ == "__main__":
    main()
