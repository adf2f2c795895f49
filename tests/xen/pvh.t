#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# pvh.t - the whole stack with a PVH guest on a real Xen.
here=$(dirname "$0")
exec "$here/boot" pvh "$here/stack"
