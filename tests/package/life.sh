#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# life.sh: install, upgrade, remove and purge leave what they should. The upgrade is from the same
# packages with a lower version and another conffile, so that dpkg has something to decide.
set -eu
new=$(echo "$WORK"/packages/wherryd_*.deb)
old=$WORK/old
dpkg-deb --raw-extract "$new" "$old"
sed -i 's/^\(Version: .*\)$/\1~older/' "$old/DEBIAN/control"
echo '# a line of the older version' | tee -a "$old/etc/wherry/wherryd.conf" >>"$old/etc/wherry/conf.d/README"
rm "$old/DEBIAN/md5sums"
dpkg-deb --root-owner-group --build "$old" "$WORK/old.deb"
tests/package/in-chroot.sh life.sh "$WORK/old.deb" "$WORK"/packages/wherry_*.deb "$WORK"/packages/wherryd_*.deb
