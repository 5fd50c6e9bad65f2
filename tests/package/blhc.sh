#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# blhc.sh: every compiler command of the build has Debian's hardening flags.
set -eu
blhc --debian --color "$WORK/build.log"
echo "words: $(grep -c 'CMakeFiles/.*\.o -c ' "$WORK/build.log") compiler commands with all hardening flags"
