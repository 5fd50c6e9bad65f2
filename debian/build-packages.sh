#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build-packages.sh DIR: builds the Debian packages from what git has committed, in DIR. The build
# itself runs where no path has a space: one would get into the packages.
set -eu
out=$1
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tarball=$(cmake/dist.sh "$work")
tar -x -C "$work" -f "$tarball"
cd "$work"/wherry-*/
dpkg-buildpackage --no-sign --build=binary
cd "$OLDPWD"
rm -rf "$out"
mkdir -p "$out"
cp "$work"/*.deb "$work"/*.changes "$work"/*.buildinfo "$out"
ls -l "$out"/*.deb
