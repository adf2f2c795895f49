#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# hvm.t - the whole stack with a HVM guest on a real Xen.
here=$(dirname "$0")
exec "$here/boot" hvm "$here/stack"
