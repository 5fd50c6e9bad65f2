#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh BUILD_DIR SECONDS: each fuzz target for that long, from a copy of its corpus; what fails is
# kept beside the copy.
set -eu
build=$1
seconds=$2
here=$(dirname "$0")
for source in "$here"/fuzz_*.c; do
    target=$(basename "$source" .c)
    corpus=$build/corpus/$target
    mkdir -p "$corpus"
    cp "$here/corpus/${target#fuzz_}"/* "$corpus/"
    echo "== $target, $seconds s"
    program=$(find "$build" -type f -name "$target" | head -n 1)
    "$program" -max_total_time="$seconds" -print_final_stats=1 -verbosity=0 \
        -artifact_prefix="$corpus.failed-" "$corpus"
done
