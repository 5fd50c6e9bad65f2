#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build.sh: dpkg-buildpackage in a clean clone, with the tests. The versions must agree.
set -eu
upstream=$(sed -n 's/^project(wherry VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
packaged=$(dpkg-parsechangelog --show-field Version)
[ "${packaged%-*}" = "$upstream" ] || {
    echo "debian/changelog says $packaged, CMakeLists.txt $upstream"
    exit 1
}
git clone --quiet --no-hardlinks . "$WORK/packages/wherry"
cd "$WORK/packages/wherry"
dpkg-buildpackage -us -uc -b 2>&1 | tee "$WORK/build.log"
tests=$(sed -n 's/^100% tests passed, .* out of \([0-9]*\)$/\1/p' "$WORK/build.log")
[ -n "$tests" ] # a pipe hides how dpkg-buildpackage ended
ls "$WORK"/packages/wherryd_*.deb "$WORK"/packages/*.changes
echo "words: from a clean clone, $tests tests passed"
