#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# packages.sh: the short form of package-check.sh: the Debian packages build, lintian accepts them,
# they hold what they should, and their programs run and serve as they are installed.
set -eu
cd "$(dirname "$0")/.."
WORK=$(mktemp -d)
export WORK
trap 'rm -rf "$WORK"' EXIT

DEB_BUILD_OPTIONS=nocheck debian/build-packages.sh "$WORK/packages" >"$WORK/build.log" 2>&1 || {
    tail -n 100 "$WORK/build.log"
    exit 1
}
echo 'ok   - packages build'
tests/package/lintian.sh
echo 'ok   - lintian: no error, no warning'

# Each package: what it must have, and nothing in a directory that is another's.
root=$WORK/root
has() { # package, files
    package=$1
    shift
    dpkg-deb --extract "$WORK/packages/${package}_"*.deb "$WORK/$package"
    dpkg-deb --extract "$WORK/packages/${package}_"*.deb "$root"
    for file in "$@"; do
        [ -n "$(find "$WORK/$package" -path "$WORK/$package/$file" -type f -size +0)" ] || {
            echo "FAIL - $package has no $file"
            exit 1
        }
    done
}
has wherryd usr/sbin/wherryd etc/wherry/wherryd.conf etc/wherry/conf.d/README \
    lib/systemd/system/wherryd.service lib/systemd/system/wherryd.socket \
    usr/lib/sysusers.d/wherryd.conf etc/ufw/applications.d/wherryd \
    'usr/share/man/man8/wherryd.8.gz' usr/share/man/man5/wherryd.conf.5.gz
has wherry usr/bin/wherry usr/share/man/man1/wherry.1.gz usr/share/man/man7/wherry-protocol.7.gz
has libwherry-dev 'usr/lib/*/libwherry.a' usr/include/wherry/packet.h \
    'usr/lib/*/pkgconfig/libwherry.pc'
[ ! -e "$root/srv" ] # the administrator's
echo 'ok   - files'

tests/cli/conffile.sh "$root/usr/sbin/wherryd" "$root/etc/wherry/wherryd.conf"
mkdir "$WORK/served"
PATH=$root/usr/bin:$PATH WHERRYD=$root/usr/sbin/wherryd AUTOPKGTEST_TMP=$WORK/served \
    debian/tests/own-root
