# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # lib.sh has the rest
# their_servers.sh: wherry reads from servers that others wrote and writes to them. They grant less
# than ours, answer in another order, and ignore what they do not know.

wherry_flags() { # options
    local blksize windowsize
    blksize=$(option_value "$1" blksize)
    windowsize=$(option_value "$1" windowsize)
    case $1 in
    none) echo --no-options ;;
    *) echo "${blksize:+--blksize $blksize} ${windowsize:+--windowsize $windowsize}" ;;
    esac
}

wherry() { # get or put, options, its other words
    local verb=$1 options=$2
    shift 2
    # shellcheck disable=SC2046 # flags are words
    limited "${peer_enter[@]}" "$WHERRY" "$verb" $(wherry_flags "$options") "$@"
}

read_with_wherry() { # options, URL, file, name; what was said goes to $here/said
    ln "$files/$3" "$work/theirs/$4"
    wherry get "$1" "$2" "$here/got" >"$here/said" 2>&1 || return
    cmp "$here/got" "$files/$3" >>"$here/said" 2>&1
}

write_with_wherry() {
    wherry put "$1" "$files/$3" "$2" >"$here/said" 2>&1 || return
    # A server may still be writing what it acknowledged.
    wait_until cmp -s "$work/theirs/$4" "$files/$3" ||
        cmp "$work/theirs/$4" "$files/$3" >>"$here/said" 2>&1
}

# server_case PEER DIRECTION MODE SIZE OPTIONS, with the peer running
server_case() {
    local words="$*" act=read_with_wherry name=$1-$2-$3-$4-${5//[^a-z0-9]/-} url here
    here=$work/here-$name # two cases may run at once
    mkdir "$here"
    [ "$2" = get ] || act=write_with_wherry
    url="tftp://127.0.0.1:$peer_port/$name;mode=$3"
    if $act "$5" "$url" "$(file_for "$3" "$4")" "$name"; then
        report ok "$words"
    else
        report FAIL "$words" "$here/said"
    fi
    rm -rf "$here" "${work:?}/theirs/$name"
}

server_matrix() { # peer
    local direction mode options size
    for direction in $(peer_directions); do
        for mode in $(peer_modes "$direction"); do
            for options in none default blksize=1428,windowsize=4; do
                for size in $(sizes_for "$options"); do
                    server_case "$1" "$direction" "$mode" "$size" "$options"
                done
            done
        done
    done
}

# The block number wraps to 0 behind 65535.
server_large() { # peer
    local direction pid pids=()
    for direction in $(peer_directions); do
        server_case "$1" "$direction" octet "$large_bytes" blksize=512,windowsize=8 &
        pids+=($!)
    done
    for pid in "${pids[@]}"; do
        wait "$pid"
    done
}
