#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=300
"""transformers: a small Llama of random weights generates token by token,
greedily and sampled, and is fine-tuned."""
import fw

torch = fw.torch_ready()
transformers = fw.need("transformers")
transformers.logging.set_verbosity_error()

config = transformers.LlamaConfig(
    vocab_size=1000, hidden_size=256, intermediate_size=688,
    num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=4,
    max_position_embeddings=512)
torch.manual_seed(9)
model = transformers.LlamaForCausalLM(config).cuda()


def generate(prompt, **options):
    torch.manual_seed(10)
    ids = torch.tensor([prompt], device="cuda")
    out = model.generate(ids, attention_mask=torch.ones_like(ids),
                         max_new_tokens=60, min_new_tokens=60,
                         pad_token_id=0, **options)
    return out[0, len(prompt):].tolist()


def finetune():
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    ids = (torch.arange(8 * 64).view(8, 64) * 37 % 1000).cuda()
    losses = []
    model.train()
    for _ in range(30):
        with torch.autocast("cuda", torch.bfloat16):
            loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


model.eval()
with torch.inference_mode():
    fw.show("greedy", generate([1, 2, 3], do_sample=False))
    fw.show("sampled", generate([4, 5], do_sample=True, top_k=50,
                                temperature=0.8))
losses = finetune()
fw.show("losses", losses[::6], 4)
fw.require(losses[-1] < losses[0], "the loss did not fall")
model.eval()
with torch.inference_mode():
    fw.show("greedy afterwards", generate([0, 37, 74], do_sample=False))
