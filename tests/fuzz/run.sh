#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh BUILD_DIR SECONDS: each fuzz target for that long, from a copy of its corpus. What fails is
# kept beside the copy, and the run goes on with the next target; exit 1 in the end.
set -eu
build=$1
seconds=$2
here=$(dirname "$0")
failed=0

for source in "$here"/fuzz_*.c; do
    target=$(basename "$source" .c)
    corpus=$build/corpus/$target
    mkdir -p "$corpus"
    cp "$here/corpus/${target#fuzz_}"/* "$corpus/"
    program=$(find "$build" -type f -name "$target" | head -n 1)
    if "$program" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="$corpus.failed-" "$corpus" >"$corpus.log" 2>&1; then
        echo "ok   - $target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$corpus.log")" \
            "inputs in $seconds s"
    else
        echo "FAIL - $target"
        tail -n 60 "$corpus.log"
        failed=1
    fi
done
exit $failed
