# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=sh disable=SC2154,SC2034 # $work and $failed: of the script that reads this
# expect.sh: what a program says and how it ends, for the scripts beside it. They have a directory
# $work and end with $failed.

# expect STATUS PART... -- COMMAND: runs it; all parts are in what it says on standard error.
expect() {
    wanted=$1
    shift
    : >"$work/parts"
    while [ "$1" != -- ]; do
        printf '%s\n' "$1" >>"$work/parts"
        shift
    done
    shift
    status=0
    "$@" >"$work/out" 2>"$work/err" || status=$?
    verdict=ok
    [ "$status" = "$wanted" ] || verdict="exit $status, not $wanted"
    while read -r part; do
        grep -qF -e "$part" "$work/err" || verdict="does not say '$part'"
    done <"$work/parts"
    if [ "$verdict" = ok ]; then
        echo "ok   - exit $wanted: $(head -n 1 "$work/err" | cut -c 1-100)"
    else
        echo "FAIL - $*: $verdict"
        sed 's/^/       /' "$work/err"
        failed=1
    fi
}
