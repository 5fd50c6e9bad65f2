#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every option of `wherry --help` is in wherry(1), with its letter, and the manual has no other.
# Usage: wherry_options_documented.sh WHERRY MANUAL
set -eu

wherry=$1
manual=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$wherry" --help | sed -nE 's/^  (-([a-zA-Z0-9]),|   ) --([a-z0-9-]+).*/\2 \3/p' | sort >"$work/help"
sed -nE -e 's/^\.It Fl ([a-zA-Z0-9]) , -([a-z0-9-]+)( .*)?$/\1 \2/p' \
    -e 's/^\.It Fl -([a-z0-9-]+)( .*)?$/ \1/p' "$manual" | sort >"$work/manual"

if [ ! -s "$work/help" ]; then
    echo "no options found in the output of $wherry --help"
    exit 1
fi
if ! diff -u "$work/help" "$work/manual"; then
    echo "--help (-) and $manual (+) name different options"
    exit 1
fi
