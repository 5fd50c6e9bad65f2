#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# demo.sh: short scenes with wherryd, wherry and tftp-hpa's tftp on unprivileged loopback ports;
# every byte is compared. One result line a scene; exit 1 if one fails. The last is a boot storm
# (bench/storm.sh), with in.tftpd beside wherryd if it was fetched and we are root.
set -u
cd "$(dirname "$0")/.." || exit 1
wherryd=$PWD/${WHERRYD:-build/default/src/server/wherryd}
wherry=$PWD/${WHERRY:-build/default/src/client/wherry}
work=$(mktemp -d)
mkdir "$work/root" "$work/here"
server=
failed=0
passed=0

finish() {
    [ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { # what, ok or not, detail
    if [ "$2" = 0 ]; then
        printf 'ok   - %s\n' "$1"
        passed=$((passed + 1))
    else
        printf 'FAIL - %s\n' "$1"
        failed=$((failed + 1))
    fi
    [ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/         /'
}

# Waits until the log holds a line, at most 10 s; prints it.
log_line() {
    timeout 10 tail -n +1 -f "$work/log" 2>/dev/null | grep -m 1 -e "$1"
}

start_server() {
    user=
    [ "$(id -u)" = 0 ] && user='--user root' # it serves a directory of root's in /tmp
    # shellcheck disable=SC2086 # two words or none
    "$wherryd" --root "$work/root" --listen tftp://127.0.0.1:0 --listen wherry://127.0.0.1:0 \
        --write create $user 2>"$work/log" &
    server=$!
    port=$(log_line 'listening on tftp:' | sed 's/.*127\.0\.0\.1://')
    tcp=wherry://127.0.0.1:$(log_line 'listening on wherry:' | sed 's/.*127\.0\.0\.1://')
}

# SIGTERM; sets $status.
end_server() {
    kill -TERM "$server"
    wait "$server"
    status=$?
    server=
    [ $status = 0 ]
}

hpa() { # tftp-hpa's client, in $work/here; always exits 0, so its files are what counts
    (cd "$work/here" && timeout 60 tftp -m binary 127.0.0.1 "$port" -c "$@" 2>&1)
}

seconds() { date +%s.%N; }

since() { # seconds since $1, with bytes $2 also as a rate
    awk -v a="$1" -v b="$(seconds)" -v n="$2" \
        'BEGIN { printf "%.1f MiB in %.2f s (%.0f MiB/s)", n / 1048576, b - a, n / 1048576 / (b - a) }'
}

echo 'Wherry: one directory, given to machines that can barely speak'
start_server
[ -n "$port" ]
say "wherryd serves a directory on 127.0.0.1, UDP port ${port:-?}" $? "$(grep -m 1 "listening on" "$work/log")"
[ -n "$port" ] || exit 1

size=33554432
head -c $size /dev/urandom >"$work/root/image"
begin=$(seconds)
"$wherry" get -q "tftp://127.0.0.1:$port/image" "$work/here/ours" &&
    cmp "$work/root/image" "$work/here/ours"
say "wherry get: every byte compared" $? "$(since "$begin" $size)"

begin=$(seconds)
hpa get image theirs
cmp "$work/root/image" "$work/here/theirs"
say "tftp-hpa's tftp gets the same file in lock-step, over block 65535" $? "$(since "$begin" $size)"

head -c 5000000 /dev/urandom >"$work/here/config"
"$wherry" put -q "$work/here/config" "tftp://127.0.0.1:$port/config-ours" &&
    cmp "$work/here/config" "$work/root/config-ours"
say 'wherry put: the server has the same bytes' $?

hpa put config config-theirs
cmp "$work/here/config" "$work/root/config-theirs"
say "tftp-hpa's tftp puts: the server has the same bytes" $?

text=$("$wherry" get "tftp://127.0.0.1:$port/missing" "$work/here/missing" 2>&1)
status=$?
[ $status = 8 ] && [ ! -e "$work/here/missing" ]
say "a missing file, seen by wherry: exit status $status and no local file" $? "$text"

say "a missing file, seen by tftp-hpa's tftp" 0 "$(hpa get missing)"
line=$(log_line '^[^ ]*missing op=read')
[ -n "$line" ]
say 'a missing file, seen by the server' $? "$line"

text=$("$wherry" put "$work/here/config" "tftp://127.0.0.1:$port/image" 2>&1)
status=$?
[ $status = 8 ] && cmp -s "$work/here/ours" "$work/root/image"
say "a name that is taken is not replaced (--write create): exit status $status" $? "$text"

# An upload whose client dies: bytes are under way on a pipe that never ends. When a megabyte has
# gone into the pipe, most of it has come out again.
mkfifo "$work/pipe"
"$wherry" put -q --blksize 1428 - "tftp://127.0.0.1:$port/half" <"$work/pipe" 2>/dev/null &
client=$!
exec 3>"$work/pipe"
head -c 1000000 /dev/urandom >&3
kill -TERM "$client"
wait "$client" 2>/dev/null
exec 3>&-
line=$(log_line 'op=write.*name="half"')
[ -n "$line" ] && [ ! -e "$work/root/half" ] && [ -z "$(find "$work/root" -name '.wherry-*')" ]
say 'an upload that breaks off leaves nothing behind' $? "$line"

echo 'The second door, for people and scripts: the same directory over TCP'
"$wherry" put -q --verify "$work/here/config" "$tcp/config-tcp" &&
    cmp "$work/here/config" "$work/root/config-tcp" &&
    [ "$("$wherry" hash "$tcp/config-tcp" | cut -c 1-64)" = "$(sha256sum <"$work/here/config" | cut -c 1-64)" ]
say 'wherry put --verify: the server has the same bytes and the same SHA-256' $?

text=$("$wherry" list "$tcp/") && [ "$("$wherry" list -1 "$tcp/")" = "$(cd "$work/root" && LC_ALL=C ls)" ]
say 'wherry list: just what ls says' $? "$text"

hpa get config-tcp over-tftp
cmp "$work/here/config" "$work/here/over-tftp"
say "what came over TCP, tftp-hpa's tftp gets at once" $?

if command -v python3 >/dev/null; then
    interop/cut.py "${tcp##*:}" 10000000 >"$work/cut" &
    cut=$!
    line=$(timeout 10 tail -n +1 -f "$work/cut" 2>/dev/null | grep -m 1 .)
    broken=wherry://127.0.0.1:$line
    text=$("$wherry" get "$broken/image" "$work/here/resumed" 2>&1)
    status=$?
    [ $status = 4 ] && [ ! -e "$work/here/resumed" ]
    say "a get that is cut off after 10 MB: exit status $status and no file" $? "$text"
    text=$("$wherry" get --resume --verify -v "$broken/image" "$work/here/resumed" 2>&1)
    wait "$cut"
    line=$(log_line 'via=wherry.*name="image" offset=[1-9]')
    [ -n "$line" ] && cmp "$work/root/image" "$work/here/resumed" &&
        [ -z "$(find "$work/here" -name '.wherry-*')" ]
    say 'get --resume goes on from there: every byte compared' $? "$text"
else
    echo 'skip - a get that is cut off and resumed: python3 is missing'
fi

echo 'The transfer log, one line a request:'
grep 'done op=' "$work/log" | sed 's/^/         /'
end_server
say "SIGTERM: the server ends in good order, exit status $status" $?
echo 'A daemon that could hurt nobody: moved from tftpd-hpa, with rules, in its sandbox'
mkdir -p "$work/boot/secret" "$work/etc/conf.d"
cp "$work/root/image" "$work/boot/kernel"
echo 'a key' >"$work/boot/secret/key"
ln -s secret/key "$work/boot/link"
chmod -R go+rX "$work"
cat >"$work/tftpd-hpa" <<END
TFTP_USERNAME="tftp"
TFTP_DIRECTORY="$work/boot"
TFTP_ADDRESS="127.0.0.1:0"
TFTP_OPTIONS="--secure --blocksize 1468"
END
"$wherryd" --import-tftpd-hpa "$work/tftpd-hpa" >"$work/etc/wherryd.conf"
say 'wherryd --import-tftpd-hpa: its settings in the words of wherryd.conf(5)' $? \
    "$(grep -v -e '^#' -e '^$' "$work/etc/wherryd.conf")"

cat >"$work/etc/conf.d/10-secret.conf" <<END
rule { path = "secret" allow = {} }
rule { allow = {"read", "list"} }
END
"$wherryd" --config "$work/etc/wherryd.conf" 2>"$work/log" &
server=$!
port=$(log_line 'listening on tftp:' | sed 's/.*127\.0\.0\.1://')
"$wherry" get -q "tftp://127.0.0.1:$port/kernel" "$work/here/kernel" &&
    cmp "$work/boot/kernel" "$work/here/kernel"
status=$?
text=$("$wherry" get "tftp://127.0.0.1:$port/link" "$work/here/key" 2>&1) && status=1
[ $status = 0 ] && [ ! -e "$work/here/key" ]
say 'conf.d/10-secret.conf shuts one directory, also for a link that leads there' $? "$text"

grep -E '^(Uid|NoNewPrivs|Seccomp|CapEff):' "/proc/$server/status" >"$work/status" &&
    grep -q '^NoNewPrivs:[[:space:]]*1' "$work/status" &&
    grep -q '^Seccomp:[[:space:]]*2' "$work/status" &&
    grep -q '^CapEff:[[:space:]]*0*$' "$work/status"
say 'it serves without a capability, behind a filter of system calls' $? "$(cat "$work/status")"
end_server

text=$("${TEST_SANDBOX:-build/default/tests/test_sandbox}" 2>&1)
status=$?
say 'what such a server tries in vain, and what it may do' $status \
    "$(echo "$text" | sed -n 's/^\[ *\(OK\|SKIPPED\|FAILED\) *\] test_/\1: /p' | tr _ ' ')"

echo 'A boot storm: 200 clients ask for the same image of 1 MiB at once'
text=$(bench/storm.sh 200)
say 'each of them has it, every byte compared' $? "$text"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
