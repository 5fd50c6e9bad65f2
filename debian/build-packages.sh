#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build-packages.sh DIR: builds the Debian packages from what git has committed, in DIR.
set -eu
out=$1
rm -rf "$out"
mkdir -p "$out/source"
git archive HEAD | tar -x -C "$out/source"
cd "$out/source"
dpkg-buildpackage --no-sign --build=binary
cd ..
ls -l ./*.deb
