#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# pv.t - the whole stack with a PV guest on a real Xen.
here=$(dirname "$0")
exec "$here/boot" pv "$here/stack"
