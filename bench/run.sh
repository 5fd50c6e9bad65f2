#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
# run.sh [--quick] [ROUNDS] [ROW...]: wherryd beside in.tftpd, atftpd and dnsmasq over loopback, and
# beside what the kernel alone can do, with one load generator for all (tftp_load.c). Interleaved:
# each round runs every server once, fresh, in another order. All runs are kept in
# build/bench/runs.tsv; report.sh makes bench/RESULTS.md and bench/results.svg of them, unless rows
# are named or it is --quick, where it only prints. WHERRYD, BENCH and PEERS name other places.
set -euo pipefail
cd "$(dirname "$0")/.."
quick=no
if [ "${1:-}" = --quick ]; then
    quick=yes
    shift
fi
rounds=$([ $quick = yes ] && echo 3 || echo 5)
case ${1:-} in
[0-9]*)
    rounds=$1
    shift
    ;;
esac
only=" $* "
wherryd=${WHERRYD:-build/default/src/server/wherryd}
bench=${BENCH:-build/default/bench}
load=$bench/tftp_load
peers=${PEERS:-build/peers}
out=${OUT:-build/bench}
work=$(mktemp -d)
root=$work/root
mkdir -p "$root" "$out"
chmod 755 "$work" "$root"

interop/fetch-peers.sh >&2
peers=$(cd "$peers" && pwd)
# shellcheck source=bench/servers.sh
. bench/servers.sh
trap 'servers_end; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
runs=$out/runs.tsv
rows=$out/rows.tsv
: >"$runs"
: >"$rows"
rm -f "$out/skipped" "$out/memory.tsv"
ulimit -n "$(ulimit -Hn)"

# --- files ---

mib=1048576
small=4096
boot=$mib         # what each of many clients reads
large=$((64 * mib))
transfers=10000
if [ $quick = yes ]; then
    large=$((16 * mib))
    boot=$((mib / 4))
    transfers=2000
fi
"$load" pattern $large 0 >"$root/large-0"
"$load" pattern $((4 * large)) 0 >"$root/huge-0"
"$load" pattern $((large / 4)) 0 >"$root/part-0"
"$load" pattern $boot 0 >"$root/boot-0"
"$load" pattern $((mib / 4)) 0 >"$root/lossy-0"
"$load" pattern $((mib / 8)) 0 >"$root/few-0"
for ((k = 0; k < 64; k++)); do
    "$load" pattern $small "$k" >"$root/small-$k"
done
cat "$root"/* >/dev/null # in memory for all

# --- servers ---

# Workers are a choice only where there are some.
ours=wherryd
if "$wherryd" --help | grep -q -e '--workers'; then
    ours='wherryd-1 wherryd'
fi
present=
for name in $ours dnsmasq atftpd in.tftpd; do
    why=$(server_why_not "$name")
    if [ -z "$why" ]; then
        present="$present $name"
    else
        echo "skip - $name: $why" | tee -a "$out/skipped" >&2
    fi
done
[ -n "$group" ] || echo 'run.sh: no control group: in.tftpd is not counted' >&2

# --- one run ---

# One client in lock-step: only one side has work at a time. Left to itself, the scheduler puts both
# on one processor or on two, and in a virtual machine that alone makes a factor of four. One client
# with windows is run both ways: on two processors it is wake-ups that are measured.
pinned='lockstep-512 lockstep-1428 lockstep-65464 upload-1 window-8-one window-64-one'

value() { # NAME of a line of NAME=VALUE
    sed -n "s/.*\b$1=\([0-9.]*\).*/\1/p" <<<"$line"
}

keep() { # row, server, round, unit, cpu seconds of the server
    awk -v row="$1" -v server="$2" -v round="$3" -v unit="$4" -v cpu="$5" \
        -v bytes="$(value bytes)" -v seconds="$(value seconds)" -v done="$(value transfers)" \
        -v load="$(value cpu)" -v p50="$(value p50)" -v p99="$(value p99)" \
        -v failures="$(value failures)" -v again="$(value requests_again)" 'BEGIN {
        if (seconds == 0) { seconds = 1e-9 }
        speed = unit == "MB/s" ? bytes / 1e6 / seconds : unit == "/s" ? done / seconds : p50
        work = unit == "/s" ? done / 1e6 : bytes / 1e9 # CPU: us for each transfer, s for each GB
        each = cpu == "-" || work == 0 ? "-" : sprintf("%.4f", cpu / work)
        printf "%s\t%s\t%s\t%.3f\t%s\t%.0f\t%.3f\t%.3f\t%d\t%d\n", row, server, round, speed, each,
            100 * load / seconds, 1000 * p50, 1000 * p99, failures, again }' >>"$runs"
}

one() { # row, server, round, unit, get|put, name, bytes, switches of the load generator
    local row=$1 server=$2 round=$3 unit=$4 direction=$5 name=$6 bytes=$7 before after
    shift 7
    server_start "$server" "$root"
    together=()
    if [[ " $pinned " == *" $row "* ]]; then
        together=(taskset -c 0)
        server_pin 0
    fi
    before=$(server_cpu "$server")
    line=$("${enter[@]}" "${together[@]}" "$load" "$direction" "$peer_port" "$name" "$bytes" -p 10 -d 60 \
        -r "$round" "$@" 2>/dev/null) || true
    after=$(server_cpu "$server")
    server_stop
    if [ "$direction" = put ] && ! cmp -s "$root/large-0" "$root/$name-0"; then
        line=${line/failures=0/failures=1}
    fi
    rm -f "$root"/up-*
    keep "$row" "$server" "$round" "$unit" \
        "$([ "$before" = - ] && echo - || awk -v a="$before" -v b="$after" 'BEGIN { print b - a }')"
}

# The kernel alone; its "server" is the process that sends.
raw_one() { # row, kind, round, arguments
    local row=$1 kind=$2 round=$3
    shift 3
    together=()
    [[ " $pinned " != *" $row "* ]] || together=(taskset -c 0)
    line=$("${together[@]}" "$bench/raw" "$kind" "$@")
    local cpu
    cpu=$(value cpu)
    line="$(sed 's/ cpu=[0-9.]*//; s/peer_cpu/cpu/' <<<"$line") transfers=0 p50=0 p99=0 failures=0 requests_again=0"
    keep "$row" "raw:$kind" "$round" MB/s "$cpu"
}

wanted() { # row
    [ "$only" = '  ' ] || [[ $only == *" $1 "* ]]
}

# row ID TITLE UNIT GOALS RAW PEERS -- get|put NAME BYTES SWITCHES
# GOALS: SPEED:CPU, as ratios to the best peer, - for none; RAW: "KIND GOAL BLKSIZE [WINDOW] BYTES" or
# nothing; PEERS: those that can do this work; NAME/1: in the first round only.
row() {
    local id=$1 title=$2 unit=$3 goals=$4 raw=$5 which=$6 round i k names name
    shift 7
    wanted "$id" || return 0
    printf '%s\t%s\t%s\t%s\t%s\n' "$id" "$title" "$unit" "$goals" "$(cut -d' ' -f1,2 <<<"$raw")" \
        >>"$rows"
    read -ra names <<<"$ours $which"
    for ((round = 1; round <= rounds; round++)); do
        for ((i = 0; i < ${#names[@]}; i++)); do
            k=$(((i + round) % ${#names[@]}))
            name=${names[$k]}
            [[ $name != */1 ]] || [ "$round" = 1 ] || continue
            name=${name%/1}
            [[ " $present " == *" $name "* ]] || continue
            one "$id" "$name" "$round" "$unit" "$@"
        done
        if [ -n "$raw" ]; then
            # shellcheck disable=SC2046 # words
            raw_one "$id" "${raw%% *}" "$round" $(cut -d' ' -f3- <<<"$raw")
        fi
    done
    echo "$(date +%T) $title" >&2
}

# --- memory ---

held() { # server, clients: KiB of PSS and how many transfers are in flight
    local word count pss hold
    server_start "$1" "$root"
    coproc HOLD { "${enter[@]}" "$load" get "$peer_port" boot $boot -n "$2" -h -p 20 2>/dev/null; }
    # shellcheck disable=SC2034 # the word is "held"
    read -r -t 40 -u "${HOLD[0]}" word count || count=0
    pss=$(server_pss)
    hold=${HOLD[1]}
    exec {hold}>&-
    wait "$HOLD_PID" 2>/dev/null || true
    server_stop
    echo "$pss $count"
}

memory() { # one line a server
    local name many
    wanted memory || return 0
    for name in $present; do
        many=1000
        [[ $name != *tftpd ]] || many=200 # atftpd aborts at a thousand, in.tftpd is slow to get there
        awk -v few="$(held "$name" 10)" -v many="$(held "$name" $many)" -v name="$name" 'BEGIN {
            split(few, a, " "); split(many, b, " ")
            if (b[2] <= a[2]) { exit }
            printf "%s\t%d\t%d\t%.2f\n", name, b[2], b[1], (b[1] - a[1]) / (b[2] - a[2]) }' \
            >>"$out/memory.tsv"
    done
    echo "$(date +%T) memory" >&2
}

# --- the rows ---


all='dnsmasq atftpd in.tftpd'
raw_bytes=$((4 * large))
row lockstep-1428 '1 client, lock-step, blksize 1428' MB/s 1.0:0.85 \
    "pingpong 0.7 1428 $large" "$all" -- get large $large -b 1428
row window-64 '1 client, blksize 1428, windowsize 64' MB/s 4.0:0.25 \
    "gso - 1428 45 $raw_bytes" "$all" -- get large $large -b 1428 -w 64
row many-1 '200 clients, lock-step, blksize 1428' MB/s 1.5:0.6 '' "$all" -- \
    get boot $boot -n 200 -b 1428
row many-16 '200 clients, blksize 1428, windowsize 16' MB/s 2.0:0.3 \
    "gso 0.5 1428 16 $raw_bytes" "$all" -- get boot $boot -n 200 -b 1428 -w 16
row many-16-gro '200 clients, blksize 1428, windowsize 16, clients with GRO' MB/s 2.0:0.18 \
    "gso+gro 0.5 1428 16 $raw_bytes" "$all" -- get boot $boot -n 200 -b 1428 -w 16 -g
row small "$small byte files, 64 clients" /s 1.5:0.6 '' "$all" -- \
    get small $small -n 64 -f 64 -t $transfers -b 1428
if [ $quick = no ]; then
    row lockstep-512 '1 client, lock-step, blksize 512' MB/s 1.0:0.85 \
        "pingpong 0.7 512 $((large / 4))" "$all" -- get part $((large / 4))
    row lockstep-65464 '1 client, lock-step, blksize 65464' MB/s 1.0:1.0 \
        "pingpong 0.7 65464 $raw_bytes" "$all" -- get huge $raw_bytes -b 65464
    row window-8 '1 client, blksize 1428, windowsize 8' MB/s 2.0:0.4 \
        "sendmmsg - 1428 8 $raw_bytes" "$all" -- get large $large -b 1428 -w 8
    row window-8-one '1 client, blksize 1428, windowsize 8, on one processor' MB/s 2.0:0.4 \
        "sendmmsg - 1428 8 $raw_bytes" "$all" -- get large $large -b 1428 -w 8
    row window-64-one '1 client, blksize 1428, windowsize 64, on one processor' MB/s 4.0:0.25 \
        "gso - 1428 45 $raw_bytes" "$all" -- get large $large -b 1428 -w 64
    row thousand-1 '1,000 clients, lock-step, blksize 1428' MB/s 1.5:0.6 '' \
        'dnsmasq atftpd/1 in.tftpd/1' -- get boot $boot -n 1000 -b 1428
    row thousand-16 '1,000 clients, blksize 1428, windowsize 16' MB/s 1.5:0.6 '' \
        'dnsmasq atftpd in.tftpd/1' -- get boot $boot -n 1000 -b 1428 -w 16
    row upload-1 'upload, lock-step, blksize 1428' MB/s 1.0:0.85 '' 'atftpd in.tftpd' -- \
        put up $large -b 1428
    row upload-16 'upload, blksize 1428, windowsize 16' MB/s 1.2:0.6 '' 'atftpd in.tftpd' -- \
        put up $large -b 1428 -w 16
    row upload-large 'upload, blksize 65464, windowsize 16' MB/s -:- '' 'atftpd/1 in.tftpd' -- \
        put up $large -b 65464 -w 16
    row loss '256 KiB, lock-step, 1 % loss, 16 clients' s 0.25:- '' 'dnsmasq in.tftpd atftpd/1' \
        -- get lossy $((mib / 4)) -n 16 -l 1 -q
    row ten-thousand '10,000 clients, 128 KiB, lock-step, blksize 1428' MB/s -:- '' 'dnsmasq/1' -- \
        get few $((mib / 8)) -n 10000 -b 1428
    memory
fi

if [ $quick = no ] && [ "$only" = '  ' ]; then
    bench/report.sh "$out" "$rounds" bench/RESULTS.md bench/results.svg
else
    bench/report.sh "$out" "$rounds"
fi
