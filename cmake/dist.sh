#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# dist.sh DIR: makes DIR/wherry-VERSION.tar.xz of what git has committed and prints its path. The
# same commit gives the same bytes: owner, modes and times are fixed, xz runs in one thread.
set -eu
mkdir -p "$1"
dir=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
[ "$(git rev-parse --show-toplevel 2>/dev/null)" = "$(pwd -P)" ] || {
    echo 'dist.sh: not a git work tree; of a tarball, dpkg-buildpackage -us -uc -b builds packages' >&2
    exit 1
}
git diff --quiet HEAD || echo 'dist.sh: changes that are not committed are left out' >&2
version=$(sed -n 's/^project(wherry VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
name=wherry-${version:?no version in CMakeLists.txt}
git -c tar.umask=0022 archive --format=tar --prefix="$name/" HEAD >"$dir/$name.tar"
xz --force --threads=1 "$dir/$name.tar"
echo "$dir/$name.tar.xz"
