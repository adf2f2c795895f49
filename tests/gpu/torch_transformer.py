#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""A transformer is trained with and without gradient checkpointing: the
losses are the same, the memory is less."""
import fw

torch = fw.torch_ready()
from torch.utils.checkpoint import checkpoint  # noqa: E402  (needs torch)

nn = torch.nn


class Model(nn.Module):
    def __init__(self, saving):
        super().__init__()
        self.saving = saving
        self.embed = nn.Embedding(500, 256)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(256, 8, 1024, dropout=0.0,
                                       batch_first=True, norm_first=True)
            for _ in range(6))
        self.head = nn.Linear(256, 500)

    def forward(self, ids):
        x = self.embed(ids)
        for layer in self.layers:
            x = (checkpoint(layer, x, use_reentrant=False) if self.saving
                 else layer(x))
        return self.head(x)


def train(saving):
    torch.manual_seed(6)
    model = Model(saving).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    ids = torch.randint(0, 500, (16, 128)).cuda()
    losses = []
    torch.cuda.reset_peak_memory_stats()
    for _ in range(10):
        with torch.autocast("cuda", torch.bfloat16):
            out = model(ids)
        loss = nn.functional.cross_entropy(out.float().view(-1, 500),
                                           ids.view(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, torch.cuda.max_memory_allocated()


plain, plain_bytes = train(False)
saved, saved_bytes = train(True)
fw.show("losses", plain[::3], 3)
fw.show("with checkpoints", saved[::3], 3)
fw.show("checkpoints save memory", saved_bytes < plain_bytes)
fw.require(plain[-1] < plain[0], "the loss did not fall")
