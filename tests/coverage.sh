#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# coverage.sh: line coverage of the cores by their own tests; fails below 95 %.
set -eu
cd "$(dirname "$0")/.."
cmake --preset coverage >/dev/null
cmake --build --preset coverage --parallel "$(nproc)" >/dev/null
find build/coverage -name '*.gcda' -delete
ctest --preset coverage --parallel "$(nproc)" -L core --output-on-failure >build/coverage/ctest.log ||
    { cat build/coverage/ctest.log; exit 1; }
gcovr --root . --object-directory build/coverage --filter 'src/proto/' --fail-under-line 95
