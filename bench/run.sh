#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh [ROUNDS]: wherryd beside in.tftpd and atftpd over loopback, the same client (wherry) for
# all, interleaved: each round runs every server once, fresh. Prints medians and ranges, and the
# median of the pairwise ratios wherryd/peer of each round; then the memory of wherryd while it
# serves 1 GiB. The result is kept in bench/RESULTS.md. Needs root for in.tftpd (chroot).
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
wherryd=build/default/src/server/wherryd
wherry=build/default/src/client/wherry
peers=${PEERS:-build/peers}
libraries=$(echo "$peers"/*/usr/lib/"$(gcc -print-multiarch)" | tr " " :)
result=bench/RESULTS.md
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/root"
chmod 755 "$work" "$work/root"

interop/fetch-peers.sh >&2
head -c $((64 << 20)) /dev/urandom >"$work/root/64M"
head -c $((256 << 20)) /dev/urandom >"$work/root/256M"

free_port() {
    local port
    while port=$((20000 + RANDOM % 20000)); do
        if ! ss -Hlun "sport = :$port" | grep -q .; then
            echo "$port"
            return
        fi
    done
}

start() { # server name; sets server, port
    port=$(free_port)
    case $1 in
    wherryd)
        $wherryd --root "$work/root" --listen "tftp://127.0.0.1:$port" --user root \
            --log-level error &
        ;;
    in.tftpd)
        LD_LIBRARY_PATH=$libraries \
            "$peers/tftpd-hpa/usr/sbin/in.tftpd" -L --address "127.0.0.1:$port" -u root -s "$work/root" &
        ;;
    atftpd)
        LD_LIBRARY_PATH=$libraries \
            "$peers/atftpd/usr/sbin/atftpd" --daemon --no-fork --user root.root --verbose=3 \
            --logfile - --bind-address 127.0.0.1 --port "$port" "$work/root" >/dev/null 2>&1 &
        ;;
    esac
    server=$!
    for _ in $(seq 500); do
        ss -Hlun "sport = :$port" | grep -q . && return
        sleep 0.01
    done
    echo "run.sh: $1 does not listen" >&2
    exit 1
}

cpu_seconds() { # of the server
    awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' \
        "/proc/$server/stat"
}

stop() {
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
}

one() { # server, file, MiB, client options; appends "MiB/s CPU-s/GB" to the server's list
    local name=$1 file=$2 mib=$3 begin end list
    shift 3
    start "$name"
    begin=$(date +%s%N)
    $wherry get -q "$@" "tftp://127.0.0.1:$port/$file" "$work/copy"
    end=$(date +%s%N)
    cmp "$work/root/$file" "$work/copy"
    list=$work/$name.list
    awk -v ns=$((end - begin)) -v mib="$mib" -v cpu="$(cpu_seconds)" \
        'BEGIN { printf "%.1f %.3f\n", mib / (ns / 1e9), cpu / (mib / 1024) }' >>"$list"
    stop
}

median() { # of column $2 in file $1: "median (lowest-highest)"
    awk -v c="$2" '{ print $c }' "$1" | sort -n |
        awk '{ a[NR] = $1 } END { printf "%s (%s-%s)", a[int((NR + 1) / 2)], a[1], a[NR] }'
}

ratio() { # of column $2, wherryd to peer $1, pair by pair: its median
    paste "$work/wherryd.list" "$work/$1.list" |
        awk -v c="$2" '{ print ($(c + 2) > 0) ? $c / $(c + 2) : 0 }' | sort -n |
        awk '{ a[NR] = $1 } END { printf "%.2f", a[int((NR + 1) / 2)] }'
}

row() { # title, servers, file, MiB, client options
    local title=$1 servers=$2 file=$3 mib=$4 name i
    shift 4
    rm -f "$work"/*.list
    for ((i = 0; i < rounds; i++)); do
        for name in $servers; do
            one "$name" "$file" "$mib" "$@"
        done
    done
    for name in $servers; do
        echo "| $title | $name | $(median "$work/$name.list" 1) | $(cpu_of "$name")" \
            "| $([ "$name" = wherryd ] && echo - || ratio "$name" 1)" \
            "| $(case $name in wherryd | in.tftpd) echo - ;; *) ratio "$name" 2 ;; esac) |"
    done
}

# in.tftpd forks for each request and ignores SIGCHLD: the kernel keeps no count of what the
# children used.
cpu_of() {
    [ "$1" = in.tftpd ] && echo 'not counted' || median "$work/$1.list" 2
}

memory() { # one line: 1 GiB intact, and the server's peak of resident memory
    head -c $((1 << 30)) /dev/urandom >"$work/root/1G"
    start wherryd
    $wherry get -q --blksize 1428 --windowsize 16 "tftp://127.0.0.1:$port/1G" "$work/copy"
    cmp "$work/root/1G" "$work/copy"
    awk '$1 == "VmHWM:" { printf "1 GiB at blksize 1428, windowsize 16: intact; peak resident memory of wherryd %.1f MiB\n", $2 / 1024 }' \
        "/proc/$server/status"
    stop
}

{
    echo '# Results of bench/run.sh'
    echo
    echo "$(uname -sr), $(nproc) processors, $(grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //')."
    echo "Loopback, $rounds rounds, interleaved, the client is wherry. Medians with (lowest-highest);"
    echo 'ratios are wherryd to the peer, the median of the rounds. Machines of this kind are noisy.'
    echo
    echo '| work | server | MiB/s | CPU s/GB of the server | speed ratio | CPU ratio |'
    echo '|---|---|---|---|---|---|'
    row '64 MiB, blksize 1428, lock-step' 'wherryd in.tftpd atftpd' 64M 64 --blksize 1428 --windowsize 1
    row '256 MiB, blksize 1428, windowsize 16' 'wherryd atftpd' 256M 256 --blksize 1428 --windowsize 16
    echo
    memory
} | tee "$work/result"
cp "$work/result" "$result"
