#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# reproducible.sh: a second build gives the same bytes: of the tarball instead of a clone, in another
# directory, in another year and time zone, language, umask and order of jobs, without tests.
set -eu
other=$WORK/another/and/longer/path
locales=$WORK/locales
mkdir -p "$other" "$locales"
localedef -i tr_TR -f UTF-8 "$locales/tr_TR.UTF-8"
tarball=$(cmake/dist.sh "$other")
again=$(cmake/dist.sh "$WORK/again")
cmp "$tarball" "$again"
cd "$other"
umask 077
tar -x --no-same-permissions -f "$tarball"
cd wherry-*/
faketime -f +400d env TZ=Pacific/Chatham LOCPATH="$locales" LC_ALL=tr_TR.UTF-8 \
    DEB_BUILD_OPTIONS='nocheck parallel=1' dpkg-buildpackage -us -uc -b

different=0
for first in "$WORK"/packages/*.deb; do
    second=$other/$(basename "$first")
    if cmp "$first" "$second"; then
        sha256sum "$first"
    else
        different=$((different + 1))
        echo "--- $(basename "$first")"
        diff -r "$WORK/packages/wherry/debian" "$PWD/debian" | head -n 20 || true
    fi
done
[ "$different" = 0 ] || {
    echo "words: $different packages differ"
    exit 1
}
echo "words: $(find "$WORK/packages" -name '*.deb' | wc -l) packages, clone and tarball, the same bytes"
