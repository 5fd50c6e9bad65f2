#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# storm.sh [CLIENTS]: so many machines (200) ask for the same boot image of 1 MiB in the same moment,
# of wherryd and of in.tftpd; one line each: how long it took, and what it cost. All ask for blksize
# 1428 and windowsize 16 and get what the server has. Exit status 1: wherryd failed somebody.
set -euo pipefail
cd "$(dirname "$0")/.."
clients=${1:-200}
bytes=1048576
wherryd=${WHERRYD:-build/default/src/server/wherryd}
load=${BENCH:-build/default/bench}/tftp_load
peers=${PEERS:-build/peers}
work=$(mktemp -d)
mkdir "$work/root"
chmod 755 "$work" "$work/root"
# shellcheck source=bench/servers.sh
. bench/servers.sh
trap 'servers_end; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
"$load" pattern $bytes 0 >"$work/root/boot-0"

storm() { # server
    local before after line
    server_start "$1" "$work/root"
    before=$(server_cpu "$1")
    line=$("$load" get "$peer_port" boot $bytes -n "$clients" -b 1428 -w 16 -p 20 -d 40) || true
    after=$(server_cpu "$1")
    server_stop
    awk -v name="$1" -v line="$line" -v clients="$clients" -v a="$before" -v b="$after" 'BEGIN {
        n = split(line, f, /[ =]/)
        for (i = 1; i < n; i += 2) { v[f[i]] = f[i + 1] }
        cpu = a == "-" ? "processor time not counted" : sprintf("cost it %.2f s of processor time", b - a)
        printf "%-8s %d of %d, every byte compared, windowsize %d: %.2f s (%.0f MB/s), %s\n", name,
            v["transfers"], clients, v["windowsize"], v["seconds"], v["bytes"] / 1e6 / v["seconds"],
            cpu
        exit v["failures"] != 0 }'
}

storm wherryd
why=$(server_why_not in.tftpd)
if [ -z "$why" ]; then
    storm in.tftpd || true # its failures are in its line
else
    echo "skip - in.tftpd: $why"
fi
