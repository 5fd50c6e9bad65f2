#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# fetch-peers.sh [PACKAGE...]: brings the TFTP servers that interop/run.sh tests our client against,
# and the servers named, into build/peers (or $PEERS). Installed, their packages would start daemons; so they are only
# downloaded and unpacked, together with the libraries that this machine lacks. Needs no root.
# What is there already is not fetched again.
set -eu
cd "$(dirname "$0")/.."
peers=${PEERS:-build/peers}
servers="tftpd-hpa atftpd dnsmasq-base $*"

mkdir -p "$peers/debs"
peers=$(cd "$peers" && pwd)
all_there() {
    for package in $servers; do
        grep -qx "$package" "$peers/complete" 2>/dev/null || return 1
    done
}
if all_there; then
    echo "peers: already in $peers"
    exit 0
fi

known() {
    [ -n "$(apt-cache policy "$1" 2>/dev/null)" ]
}

# Libraries that a package needs and this machine has not.
missing_libraries() { # .deb
    dpkg-deb -f "$1" Depends Pre-Depends | sed 's/^[A-Za-z-]*: //' | tr '|' ',' | tr ',' '\n' |
        sed 's/(.*//; s/:.*//; s/[[:space:]]//g' | grep '^lib' | sort -u |
        while read -r library; do
            if [ "$(dpkg-query -W -f '${db:Status-Status}' "$library" 2>/dev/null)" != installed ]; then
                echo "$library"
            fi
        done
}

fetch() { # package
    [ ! -e "$peers/debs/$1" ] || return 0
    mkdir -p "$peers/debs/$1.part"
    # apt warns when its own user cannot write there; it then downloads as the caller.
    (cd "$peers/debs/$1.part" && apt-get -qq -o Dpkg::Use-Pty=0 download "$1" 2>apt.log) || {
        cat "$peers/debs/$1.part/apt.log" >&2
        echo "peers: cannot download $1; are the package lists there (apt-get update)?" >&2
        exit 1
    }
    for deb in "$peers/debs/$1.part"/*.deb; do
        dpkg -x "$deb" "$peers/$1" # one each: two of them bring an in.tftpd
        missing_libraries "$deb" >"$peers/debs/$1.part/needs"
    done
    mv "$peers/debs/$1.part" "$peers/debs/$1"
    echo "peers: $1"
    while read -r library; do
        fetch "$library"
    done <"$peers/debs/$1/needs"
}

if ! known tftpd-hpa && [ "$(id -u)" = 0 ]; then
    apt-get -qq update
fi
rm -rf "$peers"/debs/*.part
for package in $servers; do
    fetch "$package"
    echo "$package" >>"$peers/complete"
done
