#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=300
"""JAX: jit, grad, vmap, scan and pmap over one device, without and (in a
second process) with preallocation of the device's memory."""
import os
import subprocess
import sys

import fw

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
jax = fw.need("jax")
jnp = jax.numpy


def loss(w, x, y):
    h = jnp.tanh(x @ w["a"])
    return jnp.mean((h @ w["b"] - y) ** 2)


def train():
    key = jax.random.PRNGKey(0)
    ka, kb, kx = jax.random.split(key, 3)
    w = {"a": jax.random.normal(ka, (32, 64)) * 0.1,
         "b": jax.random.normal(kb, (64, 1)) * 0.1}
    x = jax.random.normal(kx, (256, 32))
    y = jnp.sin(x.sum(1, keepdims=True))
    step = jax.jit(jax.value_and_grad(loss))
    losses = []
    for _ in range(50):
        value, grads = step(w, x, y)
        w = jax.tree.map(lambda p, g: p - 0.1 * g, w, grads)
        losses.append(float(value))
    fw.show("losses", losses[::10], 4)
    fw.require(losses[-1] < losses[0], "the loss did not fall")


def transformations():
    m = jnp.arange(64.0).reshape(8, 8)
    fw.show("jit", jax.jit(lambda a: (a @ a).sum())(m), 9)
    fw.show("vmap", jax.vmap(lambda r: r.sum() ** 2)(m).sum(), 9)
    fw.show("scan", jax.lax.scan(lambda c, v: (c * 0.5 + v, c), 0.0,
                                 m[0])[0], 7)
    n = jax.local_device_count()
    fw.show("pmap", jax.pmap(lambda r: r * 2)(
        jnp.ones((n, 16)))[0].sum(), 7)
    fw.show("cholesky", jnp.linalg.cholesky(
        m @ m.T + 1000 * jnp.eye(8))[7, 7], 4)
    fw.show("fft", jnp.abs(jnp.fft.fft(m[1])).sum(), 5)
    fw.show("sort", jnp.sort(-m.ravel())[:3].tolist())


def main():
    devices = jax.devices()
    fw.require(devices[0].platform == "gpu",
               "JAX runs on %s" % devices[0].platform)
    train()
    transformations()
    if os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false":
        env = dict(os.environ, XLA_PYTHON_CLIENT_PREALLOCATE="true",
                   XLA_PYTHON_CLIENT_MEM_FRACTION="0.3")
        print("with preallocation", flush=True)
        sys.exit(subprocess.call([sys.executable, __file__], env=env))


main()
