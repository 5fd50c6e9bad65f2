#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# autopkgtest.sh: debian/tests with the packages that were built, in a Debian of its own.
set -eu
tarball=$(cmake/dist.sh "$WORK/tarball")
tests/package/in-chroot.sh autopkgtest.sh "$tarball" "$WORK"/packages/*.deb
