#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# import.sh WHERRYD: the settings of other servers, through the program: what it prints is a
# configuration that it takes, and its exit status tells whether all was carried over.
set -eu
wherryd=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0
mkdir "$work/root"
chmod 755 "$work" "$work/root"

# shellcheck source=tests/cli/expect.sh
. "$(dirname "$0")/expect.sh"

# What the import before printed is valid, and has these lines in force.
expect_valid() {
    cp "$work/out" "$work/new.conf"
    expect 0 -- "$wherryd" --check --config "$work/new.conf"
    for line; do
        grep -qxF -e "$line" "$work/out" || {
            echo "FAIL - not in force: $line"
            failed=1
        }
    done
}

cat >"$work/tftpd-hpa" <<EOF
# /etc/default/tftpd-hpa

TFTP_USERNAME="tftp"
TFTP_DIRECTORY="$work/root"
TFTP_ADDRESS="127.0.0.1:6969"
TFTP_OPTIONS="--secure --create"
EOF
expect 0 -- "$wherryd" --import-tftpd-hpa "$work/tftpd-hpa"
expect_valid "root = \"$work/root\"" 'listen = {"tftp://127.0.0.1:6969"}' 'write = "replace"'
echo 'TFTP_OPTIONS="--secure --map-file /etc/tftpd.map"' >>"$work/tftpd-hpa"
expect 1 "$work/tftpd-hpa:7: TFTP_OPTIONS --map-file \"/etc/tftpd.map\": names are not rewritten" -- \
    "$wherryd" --import-tftpd-hpa "$work/tftpd-hpa"
expect_valid "root = \"$work/root\"" 'write = "none"'
# shellcheck disable=SC2016 # nobody is to expand it
echo 'TFTP_OPTIONS="$MORE"' >>"$work/tftpd-hpa"
expect 1 "$work/tftpd-hpa:8: a value that a shell would have to work out" -- \
    "$wherryd" --import-tftpd-hpa "$work/tftpd-hpa"

printf 'USE_INETD=false\nOPTIONS="--daemon --no-tsize --maxthread 9 %s"\n' "$work/root" \
    >"$work/atftpd"
expect 1 "$work/atftpd:2: OPTIONS --maxthread \"9\": " -- "$wherryd" --import-atftpd "$work/atftpd"
expect_valid "root = \"$work/root\"" 'refuse-options = {"tsize"}'

printf 'dhcp-range=192.0.2.9,192.0.2.99\nenable-tftp\ntftp-root="%s"\ntftp-mtu=1500\n' \
    "$work/root" >"$work/dnsmasq.conf"
expect 0 -- "$wherryd" --import-dnsmasq "$work/dnsmasq.conf"
expect_valid "root = \"$work/root\"" 'blksize-max = 1468'

# Read the whole of it, or not at all.
expect 1 "$work/none: cannot be read: No such file" -- "$wherryd" --import-dnsmasq "$work/none"
expect 1 "$work: cannot be read: Is a directory" -- "$wherryd" --import-atftpd "$work"
expect 1 '/dev/zero: larger than 1 MiB' -- "$wherryd" --import-tftpd-hpa /dev/zero
expect 2 '--import-atftpd needs a value' -- "$wherryd" --import-atftpd

[ "$failed" = 0 ]
