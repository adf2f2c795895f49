#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# check: group=script limit=240
# What the environment says about devices, launches and modules. UUIDs differ
# from machine to machine and are not printed.
set -u
D=$PROGRAMS/drv_devices

try() { # try NAME ASSIGNMENT... [-- ARGUMENT]
	local name=$1 set=()
	shift
	while [ $# -gt 0 ] && [ "$1" != -- ]; do
		set+=("$1")
		shift
	done
	[ $# -eq 0 ] || shift
	echo "-- $name"
	env "${set[@]}" "$D" "$@" 2>&1
	echo "exit $?"
}

uuid=$(env -u CUDA_VISIBLE_DEVICES "$D" uuid | head -n 1)
[ -n "$uuid" ] || { echo 'no device has a UUID'; exit 1; }
for list in 0 '' ' ' -1 0,-1 -1,0 99 0,99 0,0 x 0x 0,x ' 0' '0 ' 00 +0 \
	NoDevFiles GPU- GPU-zzz MIG-x; do
	try "visible: '$list'" CUDA_VISIBLE_DEVICES="$list"
done
try 'visible: the UUID' CUDA_VISIBLE_DEVICES="$uuid"
try 'visible: its first 12 letters' CUDA_VISIBLE_DEVICES="${uuid:0:12}"
try 'visible: the UUID twice' CUDA_VISIBLE_DEVICES="$uuid,$uuid"
try 'visible: the UUID and 0' CUDA_VISIBLE_DEVICES="$uuid,0"
try 'visible: the UUID and one more letter' CUDA_VISIBLE_DEVICES="${uuid}0"
try 'visible: the UUID in capitals' CUDA_VISIBLE_DEVICES="${uuid^^}"
for order in PCI_BUS_ID FASTEST_FIRST nonsense; do
	try "order $order" CUDA_DEVICE_ORDER=$order CUDA_VISIBLE_DEVICES=0
done
for b in 0 1 ''; do
	try "blocking '$b'" CUDA_LAUNCH_BLOCKING="$b" -- blocking
done
for mode in LAZY EAGER DEFAULT nonsense; do
	try "loading $mode" CUDA_MODULE_LOADING=$mode -- loading
done
try 'loading not said' CUDA_VISIBLE_DEVICES=0 -- loading
