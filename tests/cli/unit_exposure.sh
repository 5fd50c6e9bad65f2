#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The units are without fault, and leave a service no more than they have to: what systemd-analyze
# calls its exposure, from 10 (everything) to 0, as packaged and with the sockets handed over.
# Usage: unit_exposure.sh WHERRYD DEBIAN_DIR
set -eu

most=1.6
most_with_sockets=1.3

wherryd=$1
debian=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

if ! command -v systemd-analyze >/dev/null; then
    echo "SKIP: systemd-analyze is missing (Debian: systemd)"
    exit 77
fi

# The service with the program that was built, as no other may be installed, and the sockets.
for variant in packaged sockets; do
    mkdir "$dir/$variant"
    sed "s|^ExecStart=/usr/sbin/wherryd|ExecStart=$wherryd|" "$debian/wherryd.service" \
        >"$dir/$variant/wherryd.service"
    grep -q "^ExecStart=$wherryd " "$dir/$variant/wherryd.service"
    cp "$debian/wherryd.socket" "$dir/$variant/"
done
mkdir "$dir/sockets/wherryd.service.d"
cp "$debian/wherryd.service.d/socket.conf" "$dir/sockets/wherryd.service.d/"

failed=0
# Usage: look VARIANT HIGHEST
look() {
    cd "$dir/$1"
    systemd-analyze verify --man=no ./wherryd.service ./wherryd.socket >"$dir/said" 2>&1 || {
        echo "$1: systemd-analyze verify fails"
        failed=1
    }
    # Other units of the machine are looked at too, and may have faults of their own.
    if grep wherryd "$dir/said"; then
        echo "$1: systemd-analyze verify finds faults"
        failed=1
    fi
    systemd-analyze security --offline=true --no-pager ./wherryd.service >"$dir/exposed" || {
        echo "$1: systemd-analyze security fails"
        failed=1
    }
    exposure=$(sed -n 's/^.*Overall exposure level for wherryd.service: \([0-9.]*\) .*$/\1/p' \
        "$dir/exposed")
    echo "$1: exposure $exposure, at most $2"
    if ! awk -v is="$exposure" -v most="$2" 'BEGIN { exit !(is != "" && is + 0 <= most + 0) }'; then
        grep -v '✓' "$dir/exposed"
        failed=1
    fi
}

look packaged "$most"
look sockets "$most_with_sockets"
exit "$failed"
