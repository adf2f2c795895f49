#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# counts.t - what launches and copies of a PV guest ask of Xen.
here=$(dirname "$0")
exec "$here/boot" pv "$here/counts"
