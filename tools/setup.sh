#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# setup.sh [--ci] - installs what a Debian 12 machine with the CUDA toolkit
# lacks for building and testing. --ci adds what only CI and `make check-clang`
# use. Asks apt-get only when something is missing. The packages of the real
# Xen rig are tests/xen/setup's.
set -euo pipefail

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

# What we compile with, what we link with, and what tests run.
packages=(gcc g++ make libc6-dev python3 perl
	libxen-dev libjansson-dev libsystemd-dev liblz4-dev libzstd-dev
	libcmocka-dev xenstore-utils procps)
case ${1:-} in
'') ;;
--ci) packages+=(clang) ;;
*) echo "usage: setup.sh [--ci]" >&2; exit 2 ;;
esac

CUDA=${CUDA:-/usr/local/cuda}
if ! [ -x "$CUDA/bin/nvcc" ] || ! [ -r "$CUDA/include/cuda.h" ]; then
	die "no CUDA toolkit in $CUDA (bin/nvcc, include/cuda.h): install" \
		"version 13, or say where it is: make CUDA=/path"
fi
version=$(sed -n 's/^#define CUDA_VERSION *//p' "$CUDA/include/cuda.h")
[ "${version:-0}" -ge 13000 ] ||
	die "the CUDA toolkit in $CUDA has version ${version:-0}, whose headers" \
		"lack calls of this release: install 13, or name one: make CUDA=/path"
command -v dpkg-query >/dev/null ||
	die "this is no Debian: install what Debian calls ${packages[*]}," \
		"then touch build/setup.mk"

installed() {
	dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q ' installed$'
}
missing=()
for p in "${packages[@]}"; do
	installed "$p" || missing+=("$p")
done

# xenstored is not installed, since its package would start one at boot:
# tools/loopback downloads and unpacks it, and needs apt's lists for that.
lists_known() {
	installed xen-utils-4.17 ||
		[ -n "$(apt-cache madison xen-utils-4.17 2>/dev/null)" ]
}
if [ ${#missing[@]} = 0 ] && lists_known; then
	exit 0
fi

install="DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends ${missing[*]}"
command="apt-get -qq update"
[ ${#missing[@]} = 0 ] || command+=" && $install"
if [ "$(id -u)" = 0 ]; then
	root=()
elif sudo -n true 2>/dev/null; then
	root=(sudo)
else
	die "not root, and sudo wants a password: run as root: $command"
fi

[ ${#missing[@]} = 0 ] || say "installing ${missing[*]}"
"${root[@]}" sh -c "$command" </dev/null >&2 ||
	die "apt-get failed, see above; the command was: $command"
