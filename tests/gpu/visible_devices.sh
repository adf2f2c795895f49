#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# check: group=script limit=120
# What CUDA_VISIBLE_DEVICES and its friends make of the device list.
set -u

try() {
	echo "with $1:"
	env "$1" "$PROGRAMS/vectoradd" 1000 2>&1
	echo "exit $?"
}

try CUDA_VISIBLE_DEVICES=0
try CUDA_VISIBLE_DEVICES=
try CUDA_VISIBLE_DEVICES=-1
try CUDA_VISIBLE_DEVICES=99
try CUDA_VISIBLE_DEVICES=0,99
try CUDA_VISIBLE_DEVICES=GPU-00000000
try CUDA_DEVICE_ORDER=PCI_BUS_ID
try CUDA_LAUNCH_BLOCKING=1
try CUDA_MODULE_LOADING=EAGER
