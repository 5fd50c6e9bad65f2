#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# tcp.sh [ROUNDS]: the file protocol of wherryd beside HTTP of nginx (sendfile, keep-alive, one
# process, access log to a file as ours goes to one) over loopback. One load generator speaks both
# (tcp_load.c); besides, `wherry get` beside curl. Interleaved, each round runs both, fresh. Prints
# medians and ranges, and the median of the pairwise ratios wherryd/nginx of the rounds; then the
# memory of 1,000 idle connections. The result is kept in bench/RESULTS-TCP.md.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-7}
wherryd=build/default/src/server/wherryd
wherry=build/default/src/client/wherry
load=build/default/bench/tcp_load
peers=${PEERS:-build/peers}
libraries=$(echo "$peers"/*/usr/lib/"$(gcc -print-multiarch)" | tr " " :)
result=bench/RESULTS-TCP.md
nopush=on # nginx's best: it gathers head and body; but of pipelined requests it then delays the last
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/root"
chmod 755 "$work" "$work/root"

interop/fetch-peers.sh nginx >&2
head -c $((1 << 30)) /dev/urandom >"$work/root/1G"
for i in $(seq 0 999); do
    head -c 4096 /dev/urandom >"$work/root/$i"
done
cat "$work"/root/* >/dev/null # in memory for both

free_port() {
    local port
    while port=$((20000 + RANDOM % 12000)); do
        if ! ss -Hltn "sport = :$port" | grep -q .; then
            echo "$port"
            return
        fi
    done
}

nginx_settings() {
    cat <<EOF
daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.err;
worker_rlimit_nofile 4096;
events { worker_connections 2048; }
http {
    sendfile on; tcp_nopush $nopush; tcp_nodelay on; keepalive_timeout 120s; keepalive_requests 100000000;
    access_log $work/nginx.log; default_type application/octet-stream;
    client_body_temp_path $work/b; proxy_temp_path $work/p; fastcgi_temp_path $work/f;
    uwsgi_temp_path $work/u; scgi_temp_path $work/s;
    server { listen 127.0.0.1:$port; root $work/root; }
}
EOF
}

start() { # server name; sets server, port
    port=$(free_port)
    case $1 in
    wherryd)
        $wherryd --root "$work/root" --listen "wherry://127.0.0.1:$port" --user "$(id -un)" \
            --connections-max 2048 2>"$work/wherryd.log" &
        ;;
    nginx)
        nginx_settings >"$work/nginx.conf"
        LD_LIBRARY_PATH=$libraries "$peers/nginx/usr/sbin/nginx" -e "$work/nginx.err" \
            -p "$work" -c "$work/nginx.conf" &
        ;;
    esac
    server=$!
    for _ in $(seq 500); do
        ss -Hltn "sport = :$port" | grep -q . && return
        sleep 0.01
    done
    echo "tcp.sh: $1 does not listen" >&2
    exit 1
}

stop() {
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
}

cpu_seconds() { # of the server and its threads
    awk -v hz="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / hz }' \
        "/proc/$server/stat"
}

private_kib() {
    awk '/^Private_(Clean|Dirty)/ { kib += $2 } END { print kib }' "/proc/$server/smaps_rollup"
}

protocol_of() { # server
    [ "$1" = nginx ] && echo http || echo wherry
}

# Each prints "UNITS SECONDS".
raw() { "$load" "$(protocol_of "$1")" "$port" stream 1G; }
program() {
    local begin
    begin=$(date +%s.%N)
    case $1 in
    nginx) curl -s -o /dev/null "http://127.0.0.1:$port/1G" ;;
    wherryd) "$wherry" get -q "wherry://127.0.0.1:$port/1G" /dev/null ;;
    esac
    echo "$((1 << 30)) $(awk -v a="$begin" -v b="$(date +%s.%N)" 'BEGIN { print b - a }')"
}
one_by_one() { "$load" "$(protocol_of "$1")" "$port" many 40000 1 1000; }
pipelined() { "$load" "$(protocol_of "$1")" "$port" many 80000 16 1000; }

once() { # server, what, units that one result unit has, units that the processor time is for
    local answer
    start "$1"
    answer=$($2 "$1")
    awk -v answer="$answer" -v per="$3" -v cpu="$(cpu_seconds)" -v each="$4" 'BEGIN {
        split(answer, a, " "); printf "%.1f %.4f\n", a[1] / a[2] / per, cpu * each / a[1] }' \
        >>"$work/$1.list"
    stop
}

column() { # of the server's list: "median (lowest-highest)"
    awk -v c="$2" '{ print $c }' "$work/$1.list" | sort -n |
        awk '{ a[NR] = $1 } END { printf "%s (%s-%s)", a[int((NR + 1) / 2)], a[1], a[NR] }'
}

ratio() { # of a column, wherryd to nginx, round by round: its median
    paste "$work/wherryd.list" "$work/nginx.list" |
        awk -v c="$1" '{ print ($(c + 2) > 0) ? $c / $(c + 2) : 0 }' | sort -n |
        awk '{ a[NR] = $1 } END { printf "%.2f", a[int((NR + 1) / 2)] }'
}

row() { # title, what, units per result unit, units that the processor time is for
    local i name
    rm -f "$work"/*.list
    for ((i = 0; i < rounds; i++)); do
        for name in wherryd nginx; do
            once "$name" "$2" "$3" "$4"
        done
    done
    for name in wherryd nginx; do
        echo "| $1 | $name | $(column $name 1) | $(column $name 2)" \
            "| $([ $name = nginx ] && ratio 1 || echo -) | $([ $name = nginx ] && ratio 2 || echo -) |"
    done
}

idle() { # server: KiB of its own for each of 1,000 idle connections
    local before
    start "$1"
    "$load" "$(protocol_of "$1")" "$port" many 100 1 10 >/dev/null
    before=$(private_kib)
    mkfifo "$work/hold" "$work/said"
    "$load" "$(protocol_of "$1")" "$port" idle 1000 0 <"$work/hold" >"$work/said" &
    exec 3>"$work/hold"
    read -r _ <"$work/said"
    awk -v a="$before" -v b="$(private_kib)" -v name="$1" \
        'BEGIN { printf "%s: %.2f KiB of private memory for each of 1,000 idle connections\n", name, (b - a) / 1000 }'
    exec 3>&-
    wait %+ 2>/dev/null || true
    rm "$work/hold" "$work/said"
    stop
}

ulimit -n 4096
{
    echo '# Results of bench/tcp.sh'
    echo
    echo "$(uname -sr), $(nproc) processors, $(grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //')."
    echo "Loopback, $rounds rounds, interleaved. Medians with (lowest-highest); ratios are wherryd to"
    echo 'nginx, the median of the rounds. Machines of this kind are noisy.'
    echo
    echo '| work | server | MiB/s or requests/s | CPU s/GiB, or s/100,000 requests, of the server | speed ratio | CPU ratio |'
    echo '|---|---|---|---|---|---|'
    row '1 GiB, raw reader' raw 1048576 1073741824
    row '1 GiB, wherry get and curl, to /dev/null' program 1048576 1073741824
    row '4 KiB files, one by one' one_by_one 1 100000
    nopush=off
    row '4 KiB files, 16 at a time' pipelined 1 100000
    echo
    idle wherryd
    idle nginx
} | tee "$work/result"
cp "$work/result" "$result"
