#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# check: group=two limit=120
# NCCL over two GPUs of one process.
exec "$(dirname "$0")/lib_nccl" 2
