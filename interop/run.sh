#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh: wherryd and wherry against programs that others wrote; every byte is compared.
set -u
cd "$(dirname "$0")/.." || exit 1

usage() {
    cat <<'END'
Usage: interop/run.sh [--no-large] [PEER]...
PEER is a file of interop/peers without .sh: tftp-hpa, curl, atftp, busybox (clients),
in.tftpd, atftpd, dnsmasq (servers, brought by interop/fetch-peers.sh); or wherry.py, the example
in interop/clients. Default: all of them.
Environment: WHERRYD, WHERRY (programs to test), WHERRYD_OPTIONS (more words for every start of
wherryd, such as "--workers 4 --segments off"), PEERS (where the servers are), CI=true (what cannot
be run is a failure).
Exit status: 0 all passed, 1 something failed, 2 wrong use, 77 nothing could be run.
END
}

absolute() {
    case $1 in
    /*) echo "$1" ;;
    *) echo "$PWD/$1" ;;
    esac
}

clients='tftp-hpa curl atftp busybox'
servers='in.tftpd atftpd dnsmasq'
examples='wherry.py'
large=yes
wanted=
for word in "$@"; do
    case $word in
    --no-large) large=no ;;
    --help)
        usage
        exit 0
        ;;
    *)
        case " $clients $servers $examples " in
        *" $word "*) wanted="$wanted $word" ;;
        *)
            echo "run.sh: '$word' is neither --no-large nor a peer: $clients $servers $examples" >&2
            exit 2
            ;;
        esac
        ;;
    esac
done
wanted=${wanted:-$clients $servers $examples}
WHERRYD=$(absolute "${WHERRYD:-build/default/src/server/wherryd}")
WHERRY=$(absolute "${WHERRY:-build/default/src/client/wherry}")
peers=$(absolute "${PEERS:-build/peers}")

# shellcheck source=interop/lib.sh
. interop/lib.sh
# shellcheck source=interop/cases/their_clients.sh
. interop/cases/their_clients.sh
# shellcheck source=interop/cases/their_servers.sh
. interop/cases/their_servers.sh
# shellcheck source=interop/cases/examples.sh
. interop/cases/examples.sh

# tftp-hpa's programs look names up with AI_ADDRCONFIG, and fail while only loopback has an address.
# Root can give them a network namespace where it has one more.
if ! has_address && [ "$(id -u)" = 0 ] && unshare -n true 2>/dev/null; then
    # shellcheck disable=SC2016 # the inner shell expands it
    exec unshare -n sh -c \
        'ip link set lo up && ip addr add 192.0.2.1/32 dev lo && exec "$@"' - interop/run.sh "$@"
fi

work=$(mktemp -d)
files=$work/files
wherryd_pid=
wherryd_port=
wherryd_tcp_port=
peer_pid=
peer_port=
peer_enter=()

finish() {
    [ -z "$peer_pid" ] || stop_process "$peer_pid"
    [ -z "$wherryd_pid" ] || stop_process "$wherryd_pid"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# with_peer PEER FUNCTION: in a subshell, so that the next peer finds none of its functions
with_peer() {
    (
        trap - EXIT
        # shellcheck source=/dev/null
        . "interop/peers/$1.sh"
        why=$(peer_why_not)
        if [ -n "$why" ]; then
            report skip "$1: $why"
        else
            "$2" "$1"
        fi
    )
}

with_server() { # peer: starts it, our client's cases, stops it
    mkdir "$work/theirs"
    chmod 777 "$work/theirs" # some servers write as a user of their own
    trap 'stop_process "$peer_pid"' EXIT
    trap 'exit 130' INT TERM
    if peer_start "$work/theirs"; then
        server_matrix "$1"
        if [ "$large" = yes ]; then
            server_large "$1"
        fi
    else
        report FAIL "$1: it does not start" "$work/peer.log"
    fi
    rm -rf "$work/theirs"
}

chosen() { # peers: those of them that were asked for
    local peer
    for peer in $1; do
        case " $wanted " in
        *" $peer "*) echo "$peer" ;;
        esac
    done
}

run_clients() { # of others, and the examples
    local peer pid
    [ -n "$(chosen "$clients $examples")" ] || return
    if [ ! -x "$WHERRYD" ]; then
        report skip "their clients: no server at $WHERRYD"
        return
    fi
    if ! start_wherryd; then
        report FAIL 'wherryd: it does not start' "$work/wherryd.log"
        return
    fi
    for peer in $(chosen "$clients"); do
        with_peer "$peer" client_matrix
    done
    if [ "$large" = yes ]; then
        for peer in $(chosen "$clients"); do
            [ "$(jobs -pr | wc -l)" -lt 3 ] || wait -n # two of them, and the server
            with_peer "$peer" client_large &
        done
        for pid in $(jobs -p); do
            [ "$pid" = "$wherryd_pid" ] || wait "$pid"
        done
    fi
    for peer in $(chosen "$examples"); do
        example_cases "$peer"
    done
    stop_wherryd
    wherryd_pid=
}

run_servers() {
    local peer
    [ -n "$(chosen "$servers")" ] || return
    if [ ! -x "$WHERRY" ]; then
        report skip "their servers: no client at $WHERRY"
        return
    fi
    for peer in $(chosen "$servers"); do
        with_peer "$peer" with_server
    done
}

mkdir "$files"
: >"$work/results"
make_files "$files"
run_clients
run_servers
passed=$(count ok)
failed=$(count FAIL)
skipped=$(count skip)
echo "$passed passed, $failed failed, $skipped skipped"
if [ "$failed" != 0 ] || { [ "${CI:-}" = true ] && [ "$skipped" != 0 ]; }; then
    exit 1
fi
if [ "$passed" = 0 ]; then
    exit 77
fi
