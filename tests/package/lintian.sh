#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# lintian.sh: of the binary packages, and of the source package.
set -eu
upstream=$(dpkg-parsechangelog --show-field Version | sed 's/-[^-]*$//')
source=$WORK/source/wherry-$upstream
mkdir -p "$source"
git archive --prefix="wherry-$upstream/" HEAD -- . ':(exclude)debian' |
    xz >"$WORK/source/wherry_$upstream.orig.tar.xz"
git archive HEAD | tar -x -C "$source"
(cd "$WORK/source" && dpkg-source --build "$source")

code=0
for file in "$WORK"/packages/*.changes "$WORK"/source/*.dsc; do
    lintian --allow-root -EvIL +pedantic --fail-on error,warning "$file" 2>&1 || code=1
done >"$WORK/lintian.log"
cat "$WORK/lintian.log"
count() { # letter
    grep -c "^$1: " "$WORK/lintian.log" || true
}
echo "words: $(count E) errors, $(count W) warnings; $(count I) info, $(count P) pedantic, $(count O) overridden"
exit "$code"
