#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""Linear algebra (cuSOLVER, cuBLAS, MAGMA), fft, sparse, random, sort."""
import fw

torch = fw.torch_ready()


def near(a, b, what, limit=1e-8):
    far = (a - b).abs().max().item()
    fw.require(far < limit, "%s is off by %g" % (what, far))


def linalg():
    torch.manual_seed(8)
    a = torch.randn(60, 60, dtype=torch.float64).cuda()
    spd = a @ a.T + 60 * torch.eye(60, dtype=torch.float64, device="cuda")
    b = torch.randn(60, 5, dtype=torch.float64).cuda()
    near(a @ torch.linalg.solve(a, b), b, "solve")
    low = torch.linalg.cholesky(spd)
    near(low @ low.T, spd, "cholesky")
    u, s, vh = torch.linalg.svd(a)
    near(u @ torch.diag(s) @ vh, a, "svd")
    q, r = torch.linalg.qr(a)
    near(q @ r, a, "qr")
    w, v = torch.linalg.eigh(spd)
    near(v @ torch.diag(w) @ v.T, spd, "eigh")
    fw.show("svd", s[:4].tolist(), 8)
    fw.show("eigh", w[:4].tolist(), 8)
    fw.show("det", torch.linalg.slogdet(a)[1], 8)


def fft():
    x = torch.arange(3 * 500, dtype=torch.float64).view(3, 500).cuda() % 17
    f = torch.fft.rfft(x)
    near(torch.fft.irfft(f, n=500), x, "fft")
    fw.show("fft", [f[0, 0].real, f[1, 3].abs(), f[2, 250].abs()], 8)
    y = torch.fft.fft2(x.view(3, 20, 25))
    fw.show("fft2", y.abs().sum(), 8)


def sparse():
    i = torch.arange(900).view(2, -1) % 97
    m = torch.sparse_coo_tensor(i, torch.arange(450.) % 7, (97, 97)).cuda()
    x = (torch.arange(97 * 3).view(97, 3) % 5).float().cuda()
    dense = m.to_dense() @ x
    near(torch.sparse.mm(m, x), dense, "coo", 1e-3)
    near(m.coalesce().to_sparse_csr() @ x, dense, "csr", 1e-3)
    fw.show("sparse", dense.sum(), 8)


def others():
    g = torch.Generator("cuda").manual_seed(3)
    r = torch.rand(100_000, generator=g, device="cuda")
    fw.show("random", [r[0], r[-1], r.mean()], 6)
    s, order = torch.sort(r)
    fw.show("sort", [s[0], s[-1], int(order[0])], 6)
    fw.show("unique", len(torch.unique((r * 1000).int())))
    fw.show("topk", torch.topk(r, 3).indices.tolist())
    fw.show("cumsum", torch.cumsum(torch.arange(100_000, device="cuda"),
                                   0)[-1].item())
    fw.show("multinomial", torch.multinomial(r[:50], 5,
                                             generator=g).tolist())


linalg()
fft()
sparse()
others()
