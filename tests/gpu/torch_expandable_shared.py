#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
# check: group=framework limit=180
"""torch_shared on expandable segments: their memory goes to the other process
as file descriptors, which it takes out of this one by pidfd_getfd."""
import ctypes
import os

os.environ["PYTORCH_CUDA_ALLOC_CONF"] = "expandable_segments:True"
os.environ["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"

import torch_shared  # noqa: E402  (reads the environment)

PR_SET_PTRACER, ANYBODY = 0x59616D61, ctypes.c_ulong(-1)

if __name__ == "__main__":
    # pidfd_getfd needs what a debugger needs. Without Yama there is no such
    # option, and no need for it.
    ctypes.CDLL(None).prctl(PR_SET_PTRACER, ANYBODY, 0, 0, 0)
    torch_shared.main()
