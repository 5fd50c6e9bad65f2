#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# exposure.sh: systemd-analyze on the units as they are installed.
set -eu
installed=$WORK/installed
dpkg-deb --extract "$WORK"/packages/wherryd_*.deb "$installed"
mkdir "$WORK/units"
cp -r "$installed"/lib/systemd/system/wherryd.* \
    "$installed/usr/share/doc/wherryd/examples/wherryd.service.d" "$WORK/units"
code=0
tests/cli/unit_exposure.sh "$installed/usr/sbin/wherryd" "$WORK/units" >"$WORK/exposure" || code=$?
cat "$WORK/exposure"
echo "words: $(sed -n 's/^\([a-z]*: \)exposure /\1/p' "$WORK/exposure" | paste -s -d ';' | sed 's/;/; /')"
exit "$code"
