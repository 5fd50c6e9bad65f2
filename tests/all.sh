#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# all.sh: everything CI runs. One line a part with its time; the output of a part that fails, and
# of those that count tests, is shown. Goes on after a failure, and ends with 1 if there was one.
set -u
cd "$(dirname "$0")/.." || exit 1
jobs=$(nproc)
logs=build/logs
mkdir -p $logs
passed=0
failed=0

part() { # name, command
    name=$1
    shift
    log=$logs/$(echo "$name" | tr -c 'a-z0-9\n' '-').log
    begin=$(date +%s)
    if "$@" >"$log" 2>&1; then
        echo "ok   - $name ($(($(date +%s) - begin)) s)"
        grep -E '^([0-9]+% tests passed|[0-9]+ passed, |lines: |TOTAL)' "$log" | sed 's/^/         /'
        passed=$((passed + 1))
    else
        echo "FAIL - $name ($(($(date +%s) - begin)) s)"
        tail -n 150 "$log"
        failed=$((failed + 1))
    fi
}

build() { # preset
    cmake --preset "$1" && cmake --build --preset "$1" --parallel "$jobs"
}

unit() { # preset
    ctest --preset "$1" --parallel "$jobs"
}

interop() { # preset, words for run.sh
    preset=$1
    shift
    WHERRYD=build/$preset/src/server/wherryd WHERRY=build/$preset/src/client/wherry \
        interop/run.sh "$@"
}

# Their clients and ours, and hostile input, with every switch of wherryd the other way round.
switched() { # preset, words for wherryd
    WHERRYD_OPTIONS=$2 ctest --preset "$1" --parallel "$jobs" -R '^(bad_wire|hostile|signals|tcp_.*)$' &&
        WHERRYD_OPTIONS=$2 interop "$1" --no-large tftp-hpa curl atftp busybox wherry.py
}

part 'build' build default
part 'unit tests, simulation, programs' unit default
part 'lint' tests/lint.sh
part 'build with sanitizers' build sanitize
part 'unit tests, simulation, programs (sanitizers)' unit sanitize
part 'peers for interop' interop/fetch-peers.sh
part 'interop' interop default
part 'interop (sanitizers)' interop sanitize --no-large
part 'many workers, shared ports, no segments (sanitizers)' switched sanitize \
    '--workers 4 --transfer-ports shared --segments off'
part 'one worker, own ports (sanitizers)' switched sanitize '--workers 1 --transfer-ports own'
part 'coverage of the cores' tests/coverage.sh
part 'install' tests/install.sh
part 'packages' tests/packages.sh
part 'scenes' interop/demo.sh
echo "$passed passed, $failed failed"
[ $failed = 0 ]
