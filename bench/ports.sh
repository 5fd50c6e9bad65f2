#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# ports.sh [ROUNDS]: reads of few and of many clients at ports of their own and at shared ones, one
# worker, interleaved: where the border between the two belongs (doc/architecture.md). Prints a table
# of medians: processor seconds of the server for each GB, and MB/s.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
# shellcheck disable=SC2034 # servers.sh's
wherryd=${WHERRYD:-build/default/src/server/wherryd}
load=${BENCH:-build/default/bench}/tftp_load
# shellcheck disable=SC2034
peers=
work=$(mktemp -d)
root=$work/root
mkdir "$root"
chmod 755 "$work" "$root"
# shellcheck source=bench/servers.sh
. bench/servers.sh
trap 'servers_end; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
ulimit -n "$(ulimit -Hn)"
mib=1048576

# About as many bytes in all for every number of clients, of 256 MiB at most and 1 MiB for each at most.
sizes='1:64 2:32 4:16 8:8 16:4 200:1 1000:1 10000:0'

one() { # kind, clients, window, name, bytes
    local line before after together=()
    server_start "wherryd-1-$1" "$root"
    if [ "$2" = 1 ]; then # as in run.sh
        together=(taskset -c 0)
        server_pin 0
    fi
    before=$(server_cpu wherryd)
    line=$("${together[@]}" "$load" get "$peer_port" "$4" "$5" -n "$2" -b 1428 -w "$3" -p 10 -d 60 2>/dev/null) || true
    after=$(server_cpu wherryd)
    server_stop
    awk -v a="$before" -v b="$after" -v line="$line" 'BEGIN {
        n = split(line, words, " ")
        for (i = 1; i <= n; i++) { split(words[i], w, "="); v[w[1]] = w[2] }
        printf "%.3f %.0f %d\n", (b - a) / (v["bytes"] / 1e9), v["bytes"] / 1e6 / v["seconds"], v["failures"] }'
}

median() { # column
    awk -v c="$1" '{ print $c }' | sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

echo '| clients | windowsize | own: CPU s/GB | own: MB/s | shared: CPU s/GB | shared: MB/s | CPU, shared to own |'
echo '|---|---|---|---|---|---|---|'
for size in $sizes; do
    clients=${size%:*}
    bytes=$((${size#*:} * mib))
    [ $bytes != 0 ] || bytes=$((mib / 8))
    "$load" pattern $bytes 0 >"$root/file-0"
    for window in 1 16; do
        : >"$work/own"
        : >"$work/shared"
        for ((round = 0; round < rounds; round++)); do
            for kind in $([ $((round % 2)) = 0 ] && echo own shared || echo shared own); do
                one "$kind" "$clients" "$window" file $bytes >>"$work/$kind"
            done
        done
        failures=$(cat "$work/own" "$work/shared" | awk '{ n += $3 } END { print n }')
        [ "$failures" = 0 ] || echo "ports.sh: $clients clients, windowsize $window: $failures failed" >&2
        ratio=$(paste "$work/own" "$work/shared" | awk '{ printf "%.2f\n", $4 / $1 }' | median 1)
        echo "| $clients | $window | $(median 1 <"$work/own") | $(median 2 <"$work/own") |" \
            "$(median 1 <"$work/shared") | $(median 2 <"$work/shared") | $ratio |"
    done
done
