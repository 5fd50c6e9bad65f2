#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# package-check.sh: builds the Debian packages and asks of them what Debian's own checks ask. Each
# part is a script in tests/package/, which says what it does; its output goes to
# build/package-check/, its last line "words: ..." into the table at the end. Exit 1 if one failed.
# A part that cannot run here ends with 77 and says why.
set -eu
cd "$(dirname "$0")/.."
out=build/package-check
rm -rf "$out"
mkdir -p "$out"
# A path without spaces: dpkg cannot hide others from the compiler.
WORK=$(mktemp -d)
export WORK
trap 'rm -rf "$WORK"' EXIT
failed=0

part() { # name, script
    printf '%s ...\n' "$1"
    begin=$(date +%s)
    code=0
    "tests/package/$2" >"$out/$1.log" 2>&1 || code=$?
    words=$(sed -n 's/^words: //p' "$out/$1.log" | tail -n 1)
    case $code in
    0) result=ok ;;
    77) result=skip ;;
    *)
        result=FAIL
        failed=1
        tail -n 60 "$out/$1.log"
        words=${words:-see $out/$1.log}
        ;;
    esac
    printf '%-13s %-5s %5s  %s\n' "$1" "$result" "$(($(date +%s) - begin)) s" "$words" >>"$out/table"
}

part build build.sh
[ "$failed" = 0 ] || exit 1
part lintian lintian.sh
part blhc blhc.sh
part reproducible reproducible.sh
part chroot base.sh
part life life.sh
part 'port-taken' port-taken.sh
part systemd boot.sh
part piuparts piuparts.sh
part autopkgtest autopkgtest.sh
part exposure exposure.sh
echo
cat "$out/table"
exit "$failed"
