#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Every test that the list of rules names is a function in the tests, and every rule names one.
# Usage: rules_have_tests.sh RULES TESTS
set -eu
LC_ALL=C
export LC_ALL

rules=$1
tests=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

grep -oE '`test_[a-z0-9_]+`' "$rules" | tr -d '`' | sort -u >"$work/named"
find "$tests" -name 'test_*.c' -exec \
    sed -nE 's/^(static void )?(test_[a-z0-9_]+)\(void \*\*state\)$/\2/p' {} + | sort -u >"$work/there"

if [ ! -s "$work/named" ] || [ ! -s "$work/there" ]; then
    echo "no tests named in $rules, or none found in $tests"
    exit 1
fi
comm -23 "$work/named" "$work/there" >"$work/missing"
if [ -s "$work/missing" ]; then
    echo "$rules names tests that $tests does not have:"
    cat "$work/missing"
    exit 1
fi
# Rows of tables, but for their heads.
grep -E '^\|' "$rules" | grep -vE '^\|(---\|)+$|^\| rule \| tests \|$|`test_[a-z0-9_]+`' \
    >"$work/bare" || true
if [ -s "$work/bare" ]; then
    echo "rules without a test in $rules:"
    cat "$work/bare"
    exit 1
fi
