#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# check.sh WHERRYD TFTP_LOAD: figures are worth something only if the load generator notices what goes
# wrong. Reads and uploads of many clients go well, also with loss; a wrong byte, a wrong length and a
# missing file are failures. No time is looked at.
set -euo pipefail
wherryd=$1
load=$2
server=
work=$(mktemp -d)
trap 'kill "$server" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
mkdir "$work/root"
user=()
[ "$(id -u)" != 0 ] || user=(--user root)

for k in 0 1 2; do
    "$load" pattern 100000 $k >"$work/root/right-$k"
done
cp "$work/root/right-0" "$work/root/wrong-0"
printf X | dd of="$work/root/wrong-0" bs=1 seek=70000 conv=notrunc status=none

mkfifo "$work/log"
"$wherryd" --root "$work/root" --listen tftp://127.0.0.1:0 --write replace "${user[@]}" \
    2>"$work/log" &
server=$!
exec 3<"$work/log"
port=
while read -r -t 20 line <&3; do
    if [[ $line == *'listening on tftp:'*:* ]]; then
        port=${line##*:}
        break
    fi
done
cat <&3 >/dev/null &

expect() { # status, words that its line has, arguments of the load generator
    local status=$1 words=$2 line got=0
    shift 2
    line=$("$load" "$@" -p 30 2>/dev/null) || got=$?
    if [ $got != "$status" ] || [[ $line != *"$words"* ]]; then
        echo "FAIL - tftp_load $*: status $got, not $status; '$words' expected in: $line"
        exit 1
    fi
    echo "ok   - tftp_load $*"
}

expect 0 'transfers=60 failures=0 wrong=0 bytes=6000000' \
    get "$port" right 100000 -n 20 -t 60 -f 3 -b 1428
expect 0 'transfers=8 failures=0 wrong=0 bytes=800000' \
    get "$port" right 100000 -n 8 -f 3 -b 1428 -w 8 -g
expect 0 'transfers=2 failures=0 wrong=0' get "$port" right 100000 -n 2 -b 4096 -w 4 -l 3 -r 1
expect 0 'transfers=4 failures=0 wrong=0 bytes=400000' put "$port" up 100000 -n 4 -b 1428 -w 16
expect 0 'transfers=1 failures=0' put "$port" joined 100000 -b 1428 -w 16 -s
cmp "$work/root/up-2" "$work/root/right-2"
cmp "$work/root/joined-0" "$work/root/right-0"
expect 1 'transfers=0 failures=1 wrong=1' get "$port" wrong 100000 -b 1428
expect 1 'transfers=0 failures=1 wrong=1' get "$port" right 99999 -b 1428
expect 1 'transfers=0 failures=1 wrong=0' get "$port" right 100001 -b 1428
expect 1 'transfers=0 failures=3 wrong=0 bytes=0' get "$port" missing 100000 -n 3
