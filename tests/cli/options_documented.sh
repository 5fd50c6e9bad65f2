#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# options_documented.sh WHERRYD MAN: every option is in wherryd(8), every key in wherryd.conf(5),
# with the default that --help tells; and neither page has one that does not exist.
set -eu
wherryd=$1
man=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAIL - $1"
    failed=1
}

# One line an option: name, value's name or -, default or -.
"$wherryd" --help | awk '
    function flush() { if (name != "") print name, value, preset }
    /^  .*--[a-z]/ && /^  (-|    )/ {
        flush(); name = ""; value = "-"; preset = "-"
        for (i = 1; i <= NF; i++) {
            if ($i ~ /^--[a-z]/) {
                name = substr($i, 3)
                if ($(i + 1) ~ /^([A-Z]+|N\|(mtu|auto))$/) value = $(i + 1)
                break
            }
        }
    }
    /^ +default: / { preset = $2 }
    END { flush() }
' >"$work/options"

# The text of one item of a page, up to the next one.
item() { # page, pattern of its .It line
    awk -v start="$2" '
        /^\.It / { inside = ($0 ~ start) }
        /^\.(El|Sh)/ { inside = 0 }
        inside { print }
    ' "$1"
}

expect_default() { # page, name, text of the item, default
    [ "$4" = - ] && return
    printf '%s\n' "$3" | sed -n '/^Default:/,$p' | tr '\n' ' ' | grep -qF -e " $4" ||
        fail "$1 does not tell the default $4 of $2"
}

count=0
while read -r name value preset; do
    count=$((count + 1))
    text=$(item "$man/wherryd.8" "Fl -$name( |\$)")
    [ -n "$text" ] || fail "--$name is not in wherryd(8)"
    expect_default 'wherryd(8)' "$name" "$text" "$preset"
    case $name/$value in
    */- | config/* | import-*) continue ;; # no keys of the file
    esac
    text=$(item "$man/wherryd.conf.5" "^[.]It Cm $name No =")
    [ -n "$text" ] || fail "$name is not in wherryd.conf(5)"
    expect_default 'wherryd.conf(5)' "$name" "$text" "$preset"
done <"$work/options"

# At least the ones that everybody uses: else the summary was not understood.
for name in root listen write user config check version help; do
    grep -q "^$name " "$work/options" || fail "--help does not show --$name"
done

sed -n 's/^\.It Cm \([a-z-]*\) No =.*/\1/p' "$man/wherryd.conf.5" >"$work/keys"
sed -n '/^\.It/s/.*Fl -\([a-z][a-z-]*\).*/\1/p' "$man/wherryd.8" >>"$work/keys"
while read -r name; do
    grep -q "^$name " "$work/options" || fail "$name is documented and does not exist"
done <"$work/keys"

[ "$failed" = 0 ] || exit 1
echo "ok   - $count options, documented and nothing else"
