# SPDX-License-Identifier: BSD-2-Clause
"""What the framework tests share: seeds, deterministic algorithms, rounded
output, and a skip where a package is not installed."""
import importlib
import os
import sys

SKIP = 77


def need(name):
    """The module, or the end of the test as skipped."""
    try:
        return importlib.import_module(name)
    except ImportError as e:
        skip("%s cannot be imported: %s" % (name, e))


def skip(reason):
    """The end of the test; check-gpu tells the reason."""
    print(reason, file=sys.stderr)
    sys.exit(SKIP)


def torch_ready():
    """torch, seeded and deterministic, with its GPU required."""
    # Read when cuBLAS starts, so it must be there before.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch = need("torch")
    if not torch.cuda.is_available():
        sys.exit("torch sees no CUDA device")
    torch.manual_seed(1234)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    return torch


def show(name, value, digits=5):
    """One line of output; numbers rounded to so many significant digits.
    A value is a number, a list of them, or a tensor or array of either."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        text = " ".join(number(v, digits) for v in value)
    else:
        text = number(value, digits)
    print("%s: %s" % (name, text), flush=True)


def number(value, digits):
    if isinstance(value, (bool, int, str)):
        return str(value)
    text = "%.*g" % (digits, float(value))
    return "0" if text == "-0" else text


def require(true, sentence):
    if not true:
        sys.exit("wrong: " + sentence)
