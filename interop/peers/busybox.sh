# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# BusyBox: octet only. With another block size it asks for tsize too.

peer_why_not() {
    if ! busybox --list 2>/dev/null | grep -qx tftp; then
        echo 'no busybox with tftp here'
    fi
}
peer_modes() { echo octet; }
peer_options() { echo none blksize=1428,tsize; }
busybox_flags() { # options
    case $1 in
    blksize=*) echo "-b $(option_value "$1" blksize)" ;;
    esac
}
# shellcheck disable=SC2046 # flags are words
peer_get() { limited busybox tftp -g $(busybox_flags "$2") -r "$4" -l "$5" 127.0.0.1 "$3"; }
# shellcheck disable=SC2046
peer_put() { limited busybox tftp -p $(busybox_flags "$2") -l "$4" -r "$5" 127.0.0.1 "$3"; }
