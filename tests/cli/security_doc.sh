#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# security_doc.sh [--write] SANDBOX_LIST FILE: the list of system calls in FILE, between its two
# marks, is the one that the program prints. With --write it is put there.
set -eu
write=no
if [ "$1" = --write ]; then
    write=yes
    shift
fi
list=$1
file=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$list" >"$work/real"
[ "$(grep -c '^<!-- \(begin\|end\) of the list -->$' "$file")" = 2 ] || {
    echo "FAIL - $file lacks a mark of the list"
    exit 1
}
sed -n '/^<!-- begin of the list -->$/,/^<!-- end of the list -->$/p' "$file" | sed '1d;$d' \
    >"$work/told"
if [ "$write" = yes ]; then
    sed -e "/^<!-- begin of the list -->\$/r $work/real" \
        -e '/^<!-- begin of the list -->$/,/^<!-- end of the list -->$/{/^<!--/!d}' \
        "$file" >"$work/new"
    cat "$work/new" >"$file"
    exit
fi
diff -u "$work/told" "$work/real" || {
    echo "FAIL - $file tells another list: tests/cli/security_doc.sh --write $list $file"
    exit 1
}
echo "ok   - the list in $file is that of the program"
