# SPDX-License-Identifier: BSD-2-Clause
# Sourced by stack, guest and admin: where things are.
HERE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[1]}")")" && pwd)
RUN=${VGPU_RUN:-/tmp/vgpu-stack-$(id -u)}
XEN=$RUN/xen
export VGPU_LOOPBACK_LIB=$HERE/loopback/lib
[ -x "$HERE/loopback/bin/xenstored" ] &&
	export VGPU_XENSTORED=${VGPU_XENSTORED:-$HERE/loopback/bin/xenstored}
