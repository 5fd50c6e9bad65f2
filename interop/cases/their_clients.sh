# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # lib.sh has the rest
# their_clients.sh: programs that others wrote read from wherryd and write to it. Without these, two
# mistakes of ours that cancel each other out would pass every other test.

start_wherryd() {
    local user=()
    if [ "$(id -u)" = 0 ]; then
        user=(--user root) # it serves a directory that is root's
    fi
    mkdir "$work/served"
    # shellcheck disable=SC2086 # words
    "$WHERRYD" ${WHERRYD_OPTIONS:-} --root "$work/served" --listen tftp://127.0.0.1:0 --listen wherry://127.0.0.1:0 \
        --write replace --log-level info "${user[@]}" >"$work/wherryd.log" 2>&1 &
    wherryd_pid=$!
    wait_until wherryd_listens_or_gone
    wherryd_port=$(wherryd_port_of tftp)
    wherryd_tcp_port=$(wherryd_port_of wherry)
    [ -n "$wherryd_port" ] && [ -n "$wherryd_tcp_port" ]
}

wherryd_port_of() { # scheme
    sed -n "s|.*listening on $1://127\.0\.0\.1:\([0-9]*\).*|\1|p" "$work/wherryd.log" | head -n 1
}

wherryd_listens_or_gone() {
    { [ -n "$(wherryd_port_of tftp)" ] && [ -n "$(wherryd_port_of wherry)" ]; } ||
        gone "$wherryd_pid"
}

stop_wherryd() {
    local words='wherryd stops when asked, with status 0'
    if gone "$wherryd_pid" || ! stop_process "$wherryd_pid"; then
        report FAIL "$words" "$work/wherryd.log"
    else
        report ok "$words"
    fi
}

# The log holds the transfer as it was asked: name, mode, and the options that the client set.
logged() { # get or put, mode, options, name
    local op=read blksize windowsize
    [ "$1" = get ] || op="write"
    blksize=$(option_value "$3" blksize)
    windowsize=$(option_value "$3" windowsize)
    grep -q "done op=$op .*name=\"$4\" mode=$2 blksize=${blksize:-512} windowsize=${windowsize:-1} " \
        "$work/wherryd.log"
}

read_from_wherryd() { # mode, options, name, file; what was said goes to $here/said
    ln "$files/$4" "$work/served/$3"
    peer_get "$1" "$2" "$wherryd_port" "$3" "$here/got" >"$here/said" 2>&1 || return
    cmp "$here/got" "$(peer_expected get "$1" "$files/$4")" >>"$here/said" 2>&1
}

write_to_wherryd() {
    peer_put "$1" "$2" "$wherryd_port" "$files/$4" "$3" >"$here/said" 2>&1 || return
    cmp "$work/served/$3" "$(peer_expected put "$1" "$files/$4")" >>"$here/said" 2>&1
}

# client_case PEER DIRECTION MODE SIZE OPTIONS, with the peer's functions loaded
client_case() {
    local words="$*" mode=$3 options=$5 act=read_from_wherryd
    local name=$1-$2-$3-$4-${5//[^a-z0-9]/-} file here
    file=$(file_for "$mode" "$4")
    here=$work/here-$name # two cases may run at once
    mkdir "$here"
    [ "$2" = get ] || act=write_to_wherryd
    if $act "$mode" "$options" "$name" "$file" &&
        wait_until logged "$2" "$mode" "$options" "$name"; then
        report ok "$words"
    else
        echo 'the server said:' >>"$here/said"
        grep -F "\"$name\"" "$work/wherryd.log" >>"$here/said"
        report FAIL "$words" "$here/said"
    fi
    rm -rf "$here" "${work:?}/served/$name"
}

client_matrix() { # peer
    local direction mode options size
    for direction in get put; do
        for mode in $(peer_modes "$direction"); do
            for options in $(peer_options "$direction" "$mode"); do
                for size in $(sizes_for "$options"); do
                    client_case "$1" "$direction" "$mode" "$size" "$options"
                done
            done
        done
    done
}

# The block number wraps to 0 behind 65535.
client_large() { # peer
    client_case "$1" get octet "$large_bytes" none
    client_case "$1" put octet "$large_bytes" none
}
