#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# report.sh DIRECTORY ROUNDS [RESULTS.md results.svg]: the tables of a run of run.sh, to standard
# output or into the files; the picture needs gnuplot.
set -eu
cd "$(dirname "$0")/.."
out=$1
rounds=$2
results=${3:-}
picture=${4:-}

report() {
    cat <<EOF
# Results of bench/run.sh

$(uname -sr), $(nproc) processors, $(grep -m 1 'model name' /proc/cpuinfo | sed 's/.*: //'),
$(date +%Y-%m-%d). Loopback, $rounds rounds, interleaved, every server fresh for each run, one load
generator for all. Medians with (lowest-highest). Ratios are wherryd to the peer, round by round: the
median. A peer that failed a transfer is no measure. \`wherryd-1\` has one worker, \`wherryd\` as many as
it wants. Machines of this kind are noisy.

EOF
    [ ! -s "$out/skipped" ] || sed 's/^skip - /Not run: /; s/$/./' "$out/skipped"
    set -- "$out/rows.tsv" "$out/runs.tsv"
    [ ! -s "$out/memory.tsv" ] || set -- "$@" "$out/memory.tsv"
    awk -v rounds="$rounds" -v plot="$out/plot.tsv" -f bench/report.awk "$@"
}

if [ -z "$results" ]; then
    report
    exit 0
fi
report >"$out/results.md"
cp "$out/results.md" "$results"
if command -v gnuplot >/dev/null; then
    grep -E '^(lockstep-1428|window-64|many-1|many-16|thousand-1|thousand-16)	' "$out/plot.tsv" \
        >"$out/drawn.tsv"
    gnuplot -e "data='$out/drawn.tsv'; picture='$picture'" bench/results.gp
else
    echo 'report.sh: no picture: gnuplot is missing' >&2
fi
