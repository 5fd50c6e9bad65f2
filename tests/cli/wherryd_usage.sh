#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# wherryd_usage.sh WHERRYD: what wrong use, and a start that fails, look like from outside: the exit
# status, and a message that says what was wrong and what to do.
set -eu
wherryd=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/wherryd-usage.XXXXXX")
server=
failed=0

cleanup() {
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT
mkdir "$work/root"
chmod 755 "$work" "$work/root" # also for the user that a server of root's becomes

# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

# Wrong use: 2, what is allowed, and where to read on.
expect 2 'unknown option "--rooot"' "Try 'wherryd --help'" -- "$wherryd" --rooot /srv
expect 2 'unknown option -z' -- "$wherryd" -z
expect 2 'ambiguous option "--u"' '--user, --umask, --upload-mode' -- "$wherryd" --u x
expect 2 '--write: "all" is not one of none, create, replace' -- "$wherryd" --write all
expect 2 '--windowsize-max: "0" is not a number from 1 to 32767' -- "$wherryd" --windowsize-max 0
expect 2 '--patience needs a value: a time from 1s to 1h' -- "$wherryd" --patience
expect 2 '--listen: ' 'tftp://ADDR:PORT or wherry://ADDR:PORT' -- "$wherryd" --listen 127.0.0.1:69
expect 2 '--connections-max: "0" is not a number from 1 to 1000000' -- \
    "$wherryd" --connections-max 0
expect 2 'unexpected argument "/srv"' -- "$wherryd" /srv

# The configuration file: 2, with its line.
expect 2 "$work/none.conf: cannot be read: No such file" -- "$wherryd" --config "$work/none.conf"
printf '# comment\nroot = "%s"\nwrite = all\n' "$work/root" >"$work/bad.conf"
expect 2 "$work/bad.conf:3: write: \"all\" is not one of none, create, replace" -- \
    "$wherryd" --config "$work/bad.conf" --check
printf '# comment\n\nwriet = none\n' >"$work/bad.conf"
expect 2 "$work/bad.conf:3: no such option 'wriet'" 'allowed: root, listen, write, user' -- \
    "$wherryd" --config "$work/bad.conf"

# What cannot start: 1, and the remedy.
expect 1 "root \"$work/none\": no such directory" '--root DIR' -- \
    "$wherryd" --listen tftp://127.0.0.1:0 --root "$work/none"
expect 1 "root \"$work/bad.conf\": not a directory: name one with --root DIR" -- \
    "$wherryd" --check --root "$work/bad.conf"
expect 1 "root \"$work/none\": no such directory" -- "$wherryd" --check --root "$work/none"
expect 1 'user "no-such-user-here" does not exist' -- \
    "$wherryd" --listen tftp://127.0.0.1:0 --root "$work/root" --user no-such-user-here
expect 1 'this machine has no such address' -- \
    "$wherryd" --listen tftp://192.0.2.1:6969 --root "$work/root"

# What is right: 0.
expect 0 -- "$wherryd" --version
expect 0 -- "$wherryd" --help
printf 'root = "%s"\nwrite = create # comment\n' "$work/root" >"$work/good.conf"
expect 0 -- "$wherryd" --check --config "$work/good.conf" --write replace
for line in '# configuration is valid' 'write = "replace"' "root = \"$work/root\""; do
    grep -qxF -e "$line" "$work/out" || {
        echo "FAIL - --check does not print: $line"
        failed=1
    }
done

# A port in use by a second wherryd.
mkfifo "$work/log"
"$wherryd" --config "$work/good.conf" --listen tftp://127.0.0.1:0 2>"$work/log" &
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
if [ -z "$url" ]; then
    echo 'FAIL - the first server does not listen'
    exit 1
fi
port=${url##*:}
expect 1 "cannot listen on $url: port $port is in use by another program" \
    "ss -lunp 'sport = :$port'" '--listen tftp://ADDR:PORT' -- \
    "$wherryd" --listen "$url" --root "$work/root"

# The first one goes on, reports a bad file and keeps serving, and ends with 0.
printf 'write = all\n' >"$work/good.conf"
chmod 644 "$work/good.conf"
kill -HUP "$server"
while read -r line <&3; do
    case $line in
    *'not reloaded, the old settings stay: '*) break ;;
    esac
done
case $line in
*"$work/good.conf:1: write: "*) echo "ok   - a bad file at SIGHUP is reported" ;;
*)
    echo "FAIL - a bad file at SIGHUP: $line"
    failed=1
    ;;
esac
kill -TERM "$server"
cat <&3 >"$work/rest" # to its end, so that it never blocks
status=0
wait "$server" || status=$?
server=
if [ "$status" = 0 ]; then
    echo 'ok   - exit 0 after SIGTERM'
else
    echo "FAIL - exit $status after SIGTERM"
    failed=1
fi

# A forbidden port, where the kernel forbids any and the program can be run as somebody else.
lowest=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
as_nobody=
if [ "$(id -u)" = 0 ]; then
    as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs'
fi
# shellcheck disable=SC2086 # words of a command
if [ "$lowest" -le 1 ]; then
    echo 'skip - every port is allowed here'
elif ! $as_nobody "$wherryd" --version >"$work/out" 2>&1; then
    echo 'skip - an ordinary user cannot run the program where it was built'
else
    expect 1 'cannot listen on tftp://127.0.0.1:1: port 1 needs root or CAP_NET_BIND_SERVICE' \
        '--listen tftp://ADDR:PORT' -- \
        $as_nobody "$wherryd" --listen tftp://127.0.0.1:1 --root "$work/root"
    expect 1 '--user root: only root can become another user' -- \
        $as_nobody "$wherryd" --listen tftp://127.0.0.1:0 --root "$work/root" --user root
fi

# Namespaces: one that knows no user but root, and one whose /dev is empty.
if unshare --user --map-root-user --mount true 2>"$work/err"; then
    expect 1 'cannot become user nobody: ' 'a user namespace without that user; --user root' -- \
        unshare --user --map-root-user "$wherryd" --listen tftp://127.0.0.1:0 --root "$work/root" \
        --user nobody
    # shellcheck disable=SC2016 # $1 is the inner shell's
    expect 1 '/dev/null: No such file or directory: it must be there' -- \
        unshare --user --map-root-user --mount sh -c \
        'mount -t tmpfs none /dev && exec "$1" --check' sh "$wherryd"

    # Without /proc it serves, and says what will be missed. How it ends is looked at above, and a
    # leak checker cannot work here.
    printf 'rule { path = "a" allow = {read} }\n' >"$work/rules.conf"
    # shellcheck disable=SC2016 # $1 is the inner shell's
    unshare --user --map-root-user --mount sh -c 'mount -t tmpfs none /proc && exec "$@"' sh \
        "$wherryd" --listen tftp://127.0.0.1:0 --root "$work/root" --user root \
        --config "$work/rules.conf" 2>"$work/log" &
    server=$!
    exec 3<"$work/log"
    said=
    while read -r line <&3; do
        case $line in
        *'rules with a path need /proc'*) said=$line ;;
        *' serves '*) break ;;
        esac
    done
    kill "$server"
    cat <&3 >"$work/rest"
    wait "$server" || true
    server=
    if [ -n "$said" ]; then
        echo "ok   - $said"
    else
        echo 'FAIL - no word of /proc'
        failed=1
    fi
else
    echo "skip - no user namespaces here: $(cat "$work/err")"
fi
[ "$failed" = 0 ]
