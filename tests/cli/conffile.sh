#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# conffile.sh WHERRYD FILE: the configuration that the package installs names every key once,
# commented out, with the default that holds without it.
set -eu
wherryd=$1
file=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

fail() {
    echo "FAIL - $1"
    failed=1
}

# The root of the file need not exist here, nor its user.
settings() { # file
    "$wherryd" --check --config "$1" --root "$work" |
        grep -Ev '^(root|user) = |^# user is not set$'
}

: >"$work/empty"
sed 's/^#\([a-z-][a-z-]* = \)/\1/' "$file" >"$work/all"
sed '/^user = /d' "$work/all" >"$work/for-check"
settings "$work/empty" >"$work/defaults" || fail 'wherryd has no defaults to compare with'
settings "$file" >"$work/as-installed" || fail 'not accepted as it is installed'
settings "$work/for-check" >"$work/uncommented" || fail 'not accepted with every key uncommented'
for other in as-installed uncommented; do
    diff -u "$work/defaults" "$work/$other" || fail "other settings than the defaults: $other"
done

grep -v '^#' "$file" | grep -v '^$' && fail 'something is not commented out'
sed -n 's/^\([a-z-]*\) = .*/\1/p' "$work/all" | sort >"$work/keys"
uniq -d "$work/keys" >"$work/twice"
[ ! -s "$work/twice" ] || fail "twice: $(tr '\n' ' ' <"$work/twice")"
"$wherryd" --check --config "$work/empty" --root "$work" |
    sed -n -e 's/^\([a-z-]*\) = .*/\1/p' -e 's/^# \([a-z-]*\) is not set$/\1/p' |
    sort >"$work/all-keys"
diff -u "$work/all-keys" "$work/keys" || fail 'the keys of the file are not those of wherryd'

# These two were left out above: their defaults are told by --help.
"$wherryd" --help | grep -A 1 -e ' --root DIR' | grep -qFx '                          default: /srv/tftp' &&
    grep -q '^root = "/srv/tftp"' "$work/all" || fail 'root is not at its default'
"$wherryd" --help | grep -e ' --user NAME' | grep -qF '(wherry, else nobody)' &&
    grep -q '^user = "wherry"' "$work/all" || fail 'user is not at its default'

# A comment on each key, and lines that a terminal holds.
grep -E '^#[a-z-]+ = ' "$file" | grep -v '  *# [^ ]' && fail 'a key without a comment'
awk 'length > 100 { print; long = 1 } END { exit !long }' "$file" && fail 'lines over 100 characters'

[ "$failed" = 0 ] || exit 1
echo "ok   - $(wc -l <"$work/keys") keys, at their defaults"
