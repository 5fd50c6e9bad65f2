#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# install.sh: the plain way works (configure, build, install with a prefix, no test library), and a
# program outside the tree builds against libwherry through pkg-config.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake -S . -B "$work/build" -DBUILD_TESTING=OFF >"$work/log" 2>&1 &&
    cmake --build "$work/build" --parallel "$(nproc)" >>"$work/log" 2>&1 &&
    cmake --install "$work/build" --prefix "$work/prefix" >>"$work/log" 2>&1 || {
    cat "$work/log"
    exit 1
}
for file in sbin/wherryd bin/wherry include/wherry/sender.h share/man/man1/wherry.1 \
    share/man/man5/wherryd.conf.5 share/man/man7/wherry-protocol.7 share/man/man8/wherryd.8; do
    [ -s "$work/prefix/$file" ] || {
        echo "FAIL - not installed: $file"
        exit 1
    }
done

cat >"$work/use.c" <<'END'
#include <stdio.h>
#include <wherry/packet.h>

int main(void)
{
    const uint8_t ack[] = {0, 4, 0, 7};
    struct wherry_packet p;

    if (wherry_packet_decode(&p, ack, sizeof(ack)) != RES_OK || p.block != 7) {
        return 1;
    }
    puts("linked");
    return 0;
}
END
archive=$(find "$work/prefix" -name libwherry.a)
PKG_CONFIG_PATH=$(dirname "$archive")/pkgconfig
export PKG_CONFIG_PATH
# shellcheck disable=SC2046 # flags are words
cc -std=c11 -o "$work/use" "$work/use.c" $(pkg-config --cflags --libs libwherry)
[ "$("$work/use")" = linked ]

if nm --defined-only --extern-only "$archive" | grep ' [A-Z] ' | grep -v ' wherry_'; then
    echo 'FAIL - libwherry.a shows names that are not wherry_*'
    exit 1
fi
echo 'ok   - plain build, install and a program on libwherry'
