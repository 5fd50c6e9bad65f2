# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # $work, $peers: run.sh's
# lib.sh: what run.sh, the peers and the cases share: results, files to move, processes, waiting.
#
# A peer is a file of peers/ that is sourced in a subshell of its own and defines
#   peer_why_not                        prints why it cannot run here, or nothing
#   peer_modes DIRECTION                the modes it has: octet, netascii
#   peer_options DIRECTION MODE         the sets of options to try, one word each; none: no option
# and, a client (their program, our server):
#   peer_get MODE OPTIONS PORT REMOTE LOCAL
#   peer_put MODE OPTIONS PORT LOCAL REMOTE
#   peer_expected DIRECTION MODE FILE   the file that must arrive (default: FILE itself)
# or, a server (our program, theirs):
#   peer_directions                     get, put
#   peer_start ROOT                     starts it; sets peer_pid and peer_port, and peer_enter if
#                                       our client must be run through other words

sizes='0 1 511 512 513 1048576'
large_bytes=33554432 # 65,536 blocks of 512 bytes and an empty one: the block number wraps to 0

# --- results ---

# report ok|FAIL|skip WORDS [FILE]: one line, and what the programs said about a failure
report() {
    printf '%s - %s\n' "$1" "$2" >>"$work/results"
    printf '%-4s - %s\n' "$1" "$2"
    if [ "$1" = FAIL ] && [ -s "${3:-/dev/null}" ]; then
        tail -n 12 "$3" | tr '\r' '\n' | sed 's/^/         /'
    fi
}

count() { # ok, FAIL or skip
    grep -c "^$1 - " "$work/results"
}

# --- files ---

make_files() { # directory: octet-SIZE and text-SIZE
    local size
    for size in $sizes 1428; do
        head -c "$size" /dev/urandom >"$1/octet-$size"
        # lines of many lengths, and carriage returns that stand alone, before LF, and last
        yes "$(printf 'a line\n\na longer line with a return \r in it\nDOS line\r\n\rx\r\r')" |
            head -c "$size" >"$1/text-$size"
    done
    head -c "$large_bytes" /dev/urandom >"$1/octet-$large_bytes"
}

file_for() { # mode, size: its name in $files
    case $1 in
    netascii) echo "text-$2" ;;
    *) echo "octet-$2" ;;
    esac
}

# netascii as RFC 1350 section 1 has it from RFC 764: LF is CR LF, CR is CR NUL.
netascii_encode() {
    perl -0777 -pe 's/\r/\r\0/g; s/\n/\r\n/g'
}
netascii_decode() {
    perl -0777 -pe 's/\r([\n\0])/$1 eq "\n" ? "\n" : "\r"/ge'
}

sizes_for() { # options: those of every case, and what fills one larger block exactly
    case $1 in
    *blksize=1428*) echo "$sizes 1428" ;;
    *) echo "$sizes" ;;
    esac
}

option_value() { # OPTIONS NAME: 1428 of blksize=1428,tsize; nothing if it is not there
    printf '%s\n' "$1" | tr ',' '\n' | sed -n "s/^$2=//p"
}

# --- processes and waiting ---

# Until the command succeeds, at most 10 s. Looks again every 20 ms: programs of others tell nobody
# when they listen or have written their file.
wait_until() {
    local tries
    for ((tries = 0; tries < 500; tries++)); do
        if "$@"; then
            return 0
        fi
        sleep 0.02
    done
    return 1
}

# A UDP port is open in the network namespace of a process.
udp_open() { # pid, port
    grep -q "^ *[0-9]*: [0-9A-F]*:$(printf '%04X' "$2") " "/proc/$1/net/udp" "/proc/$1/net/udp6" \
        2>/dev/null
}

free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000)) # below the ports that the kernel hands out
        udp_open self "$port" || break
    done
    echo "$port"
}

# start_server COMMAND…: a program, in the background; sets peer_pid, and peer_port for commands that hold the
# word PORT. Somebody may take the port first: then once more with another.
start_server() {
    local tries word command
    for ((tries = 0; tries < 5; tries++)); do
        peer_port=${peer_fixed_port:-$(free_port)}
        command=()
        for word in "$@"; do
            command+=("${word//PORT/$peer_port}")
        done
        "${command[@]}" >"$work/peer.log" 2>&1 &
        peer_pid=$!
        if wait_until started_or_gone "$peer_pid" "$peer_port" && ! gone "$peer_pid"; then
            return 0
        fi
        stop_process "$peer_pid"
    done
    return 1
}

started_or_gone() { # pid, port
    gone "$1" || udp_open "$1" "$2"
}

# Every program of a case runs under it.
limited() {
    timeout 120 "$@"
}

# SIGTERM, and after 20 s SIGKILL; returns its exit status.
stop_process() { # pid
    kill "$1" 2>/dev/null
    if ! wait_until gone "$1"; then
        wait_until gone "$1" || kill -9 "$1" 2>/dev/null
    fi
    wait "$1" 2>/dev/null
}

gone() { # pid: it ended, though perhaps nobody has asked for its status yet
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# Something but loopback's own addresses.
has_address() {
    ip -4 -o addr show scope global 2>/dev/null | grep -q .
}

# Downloaded server of a peer: its path, or nothing.
peer_path() { # package, program
    if [ -x "$peers/$1/usr/sbin/$2" ]; then
        echo "$peers/$1/usr/sbin/$2"
    fi
}

# Their servers need libraries that were downloaded with them; nothing else may get those.
peer_libraries() {
    printf '%s:' "$peers"/*/usr/lib/*-linux-* "$peers"/*/lib/*-linux-*
}

# What a peer may leave out.
peer_why_not() { :; }
peer_expected() { echo "$3"; }
