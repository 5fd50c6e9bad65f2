#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# wherry_usage.sh WHERRY WHERRYD: what wrong use and local failures look like from outside: the exit
# status, a message that says what was wrong and what is allowed, an older file that survives, and
# nothing left behind.
set -eu
wherry=$1
wherryd=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/wherry-usage.XXXXXX")
server=
failed=0

cleanup() {
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

same_user=
[ "$(id -u)" != 0 ] || same_user='--user root' # the directory is root's
mkdir "$work/root" "$work/here"
echo 'hello' >"$work/root/hi"
head -c 300000 /dev/zero >"$work/root/large"
mkfifo "$work/log"
# shellcheck disable=SC2086 # two words
"$wherryd" --root "$work/root" --write create --listen tftp://127.0.0.1:0 $same_user 2>"$work/log" &
server=$!
exec 3<"$work/log"
url=
while read -r line <&3; do
    case $line in
    *'listening on tftp://'*)
        url=${line##* }
        break
        ;;
    esac
done
cat <&3 >/dev/null &
cd "$work/here"

# Words: 2, and nothing is asked.
expect 2 'a command is needed: list, stat, get, put or hash' 'wherry --help' -- "$wherry"
expect 2 'unknown command "fetch": list, stat, get, put or hash is needed' -- "$wherry" fetch "$url/hi"
expect 2 'get: too few operands, URL... [LOCAL] is needed' -- "$wherry" get
expect 2 'put: too few operands, LOCAL... URL is needed' -- "$wherry" put hi
expect 2 'list: too few operands, URL... is needed' -- "$wherry" ls
expect 2 'ambiguous option "--no": one of --no-options, --no-clobber, --no-replace' -- "$wherry" get --no "$url/hi"
expect 2 '--no-clobber means nothing to put' -- "$wherry" put --no-clobber hi "$url/x"
expect 2 '-4 and -6 exclude each other' -- "$wherry" get -4 -6 "$url/hi"
expect 2 '--json means nothing to put' -- "$wherry" put --json hi "$url/x"
for option in --resume --verify --recursive; do
    expect 2 "$option means nothing to tftp://, it is for wherry://" -- \
        "$wherry" get "$option" "$url/hi"
done
expect 2 '--no-replace means nothing to tftp://' -- "$wherry" put --no-replace hi "$url/x"
expect 2 '--blksize means nothing to wherry://, it is for tftp://' -- \
    "$wherry" get --blksize 512 wherry://127.0.0.1:1/x

# What TFTP has not: 2.
expect 2 'TFTP has no listings: list needs wherry://' -- "$wherry" list "$url/"
expect 2 'TFTP has no listings: list needs wherry://' -- "$wherry" ls --json "$url/"
expect 2 'TFTP has no listings: list needs wherry://' -- "$wherry" list "$url"
expect 2 'TFTP has no way to ask about files: stat needs wherry://' -- "$wherry" stat "$url/hi"
expect 2 'TFTP has no digests: hash needs wherry://' -- "$wherry" hash "$url/hi"

# URLs: 2.
expect 2 'get hi: a URL of the form tftp://HOST[:PORT]/FILE or wherry://HOST[:PORT]/PATH' -- "$wherry" get hi
expect 2 'put -: a URL of the form tftp://' -- "$wherry" put - -
expect 2 'the URL names no file' -- "$wherry" get tftp://192.0.2.1
expect 2 'the URL has to end in the name of a file' -- "$wherry" get "$url/"
expect 2 'the URL has to end in the name of the file' -- "$wherry" put - "$url/"
expect 2 'port "70000": a number from 1 to 65535' -- "$wherry" get tftp://192.0.2.1:70000/x
expect 2 'stands between brackets: tftp://[ADDRESS]/FILE' -- "$wherry" get tftp://::1/x
expect 2 'an IPv6 address is needed between [ and ]' -- "$wherry" get 'tftp://[zz::1]/x'
expect 2 'path "a//b": between single slashes' -- "$wherry" list wherry://192.0.2.1/a//b
expect 2 'wherry://HOST/PATH is needed' -- "$wherry" list wherry://
expect 2 'get \x1b[31m: a URL' -- "$wherry" get "$(printf '\033[31m')"

# Files of this side: 3, but a name that is none: 2.
expect 2 'LOCAL is empty: a file, a directory or - is needed' -- "$wherry" get "$url/hi" ''
expect 2 'LOCAL is empty: a file or - is needed' -- "$wherry" put '' "$url/x"
expect 3 'put none: No such file or directory' -- "$wherry" put none "$url/x"
expect 3 ': .: is a directory' -- "$wherry" put . "$url/x"
expect 3 ': none/x: no such directory' -- "$wherry" get "$url/hi" none/x
expect 3 ': /dev/full: no space left' -- "$wherry" get "$url/large" /dev/full
echo 'older' >older
expect 3 'get older: it exists, and --no-clobber was given' -- \
    "$wherry" get --no-clobber "$url/hi" older
if [ "$(id -u)" != 0 ]; then
    chmod 444 older
    expect 3 ': older: permission denied' -- "$wherry" get "$url/hi" older
fi
expect 8 'no such file or directory (server says: ' -- "$wherry" get "$url/none" older

# Standard input and output that are closed, or the other way round: never a socket of our own.
expect 3 'get standard output: it is not open for writing' -- \
    sh -c 'exec "$0" get "$1" - >&-' "$wherry" "$url/hi"
expect 3 'put standard input: it is not open for reading' -- \
    sh -c 'exec "$0" put - "$1" <&-' "$wherry" "$url/x"
expect 3 'put standard input: it is not open for reading' -- \
    sh -c 'exec "$0" put - "$1" 0>"$2"' "$wherry" "$url/x" "$work/written"
expect 3 'standard output: no space left' -- \
    sh -c 'exec "$0" get "$1" - >/dev/full' "$wherry" "$url/hi"
expect 3 'standard output: ' -- sh -c 'exec "$0" --help >/dev/full' "$wherry"
expect 0 -- sh -c 'exec "$0" get "$1" got <&- >&- 2>&-' "$wherry" "$url/hi"
cmp "$work/root/hi" got || failed=1
expect 0 -- sh -c 'exec "$0" put got "$1" <&- >&- 2>&-' "$wherry" "$url/sent"
cmp "$work/root/hi" "$work/root/sent" || failed=1

# Nothing but what was asked for: here, and at the server.
if [ "$(cat older)" != older ] || [ "$(ls -A)" != "$(printf 'got\nolder')" ] ||
    [ "$(ls -A "$work/root")" != "$(printf 'hi\nlarge\nsent')" ]; then
    echo 'FAIL - something was left behind, or the older file is gone:'
    ls -lA . "$work/root"
    failed=1
else
    echo 'ok   - nothing was left behind'
fi
exit "$failed"
